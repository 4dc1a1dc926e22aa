/** Random numbers: those of a seed are Kiln's own, and ONNX's operators have others. */

import { NoSpelling, type Spelling } from "../spelling.ts";

const random: Spelling = () => {
  throw new NoSpelling("random numbers, which Kiln draws by a generator of its own");
};

export const RANDOM = { bernoulli: random, randint: random } as const satisfies Readonly<
  Record<string, Spelling>
>;
