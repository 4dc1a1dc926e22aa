/** A net whose training graph has more than 300 nodes, for what has to stay fluent on large graphs. */

import { nn } from "kiln-js";

const WIDTH = 64;
const LAYERS = 21;

export default (): nn.Module =>
  new nn.Sequential(
    ...Array.from({ length: LAYERS }, () => [new nn.Linear(WIDTH, WIDTH), new nn.ReLU()]).flat(),
    new nn.Linear(WIDTH, 10),
  );

export const inputs = [[32, WIDTH]];
