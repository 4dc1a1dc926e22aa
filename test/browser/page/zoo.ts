/** Programs of the zoo, as a page and Node run them. */

import { compile, nn } from "kiln-js";
import { main as charGpt } from "../../../examples/zoo/char-gpt.ts";
import { main as lstmClassifier } from "../../../examples/zoo/lstm-classifier.ts";
import { main as resnet } from "../../../examples/zoo/resnet.ts";

const STEPS = 2;

const PROGRAMS = {
  "char-gpt": () => charGpt(STEPS, 3),
  "lstm-classifier": () => lstmClassifier(STEPS),
  // One block to a stage, which is quicker to compile.
  resnet: () => resnet(STEPS, 32, [1, 1, 1, 1]),
};

export type ZooProgram = keyof typeof PROGRAMS;

/** What a program prints in its first steps, the losses among it, and the figure that it comes to, from given random numbers. */
export async function firstSteps(name: ZooProgram): Promise<{ printed: string[]; figure: number }> {
  // A page's worker is started with the first program, under a name that is drawn with Math.random.
  await (await compile(new nn.Linear(1, 1), { inputs: [[1, 1]] })).dispose();
  const { random } = Math;
  const { log } = console;
  const printed: string[] = [];
  let state = 1;
  // The multiplicative generator of Park and Miller, whose products are exact in double precision.
  Math.random = () => {
    state = (state * 48271) % (2 ** 31 - 1);
    return state / 2 ** 31;
  };
  console.log = (line: string) => void printed.push(line);
  try {
    return { figure: await PROGRAMS[name](), printed };
  } finally {
    Math.random = random;
    console.log = log;
  }
}
