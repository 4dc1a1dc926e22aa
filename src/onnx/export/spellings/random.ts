/** Random numbers: for a given seed, ONNX's operators generate others than Kiln. */

import { NoSpelling, type Spelling } from "../spelling.ts";

const random: Spelling = () => {
  throw new NoSpelling("random numbers, which Kiln draws by a generator of its own");
};

export const RANDOM = { bernoulli: random, randint: random } as const satisfies Readonly<
  Record<string, Spelling>
>;
