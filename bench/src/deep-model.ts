/** A net whose training graph has more than 300 nodes, for tools that have to stay responsive on large graphs. */

import { nn } from "kiln-js";

const WIDTH = 64;
const LAYERS = 21;

export default (): nn.Module =>
  new nn.Sequential(
    ...Array.from({ length: LAYERS }, () => [new nn.Linear(WIDTH, WIDTH), new nn.ReLU()]).flat(),
    new nn.Linear(WIDTH, 10),
  );

export const inputs = [[32, WIDTH]];
