/** What of Kiln a page can use, and what it is told about the rest. */

import * as kiln from "kiln-js";
import { compile, compileTraining, data, nn, optim, SummaryWriter } from "kiln-js";
import LeNet from "../../../examples/lenet.ts";

/** Exported classes whose name is not the one they are exported under. */
export function misnamedClasses(): string[] {
  return [kiln.nn, kiln.optim, { Tensor: kiln.Tensor, SummaryWriter }].flatMap((exported) =>
    Object.entries(exported).flatMap(([name, value]) =>
      typeof value === "function" && /^[A-Z]/.test(name) && value.name !== name ? [name] : [],
    ),
  );
}

export const backendNames = async (): Promise<string[]> =>
  (await kiln.backends()).filter(({ available }) => available).map(({ name }) => name);

export const whyNot = async (backend: string): Promise<string | undefined> =>
  (await kiln.backends()).find(({ name }) => name === backend)?.reason;

/** The names of the stages and the text of some of them. */
export async function dump(stage: string): Promise<{ readonly names: string[]; readonly text: string }> {
  const net = new LeNet();
  const trainer = await compileTraining(net, {
    inputs: [[4, 1, 32, 32]],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
  });
  const { stages } = trainer;
  await trainer.dispose();
  return {
    names: stages.map(({ name }) => name),
    text: stages.find(({ name }) => name === stage)?.text ?? "",
  };
}

/** Scores of a compiled model and of the same model step by step. */
export async function infer(): Promise<{ readonly compiled: number[]; readonly interactive: number[] }> {
  const net = new LeNet();
  const program = await compile(net, { inputs: [[2, 1, 32, 32]] });
  const x = kiln.randn([2, 1, 32, 32]);
  const compiled = Array.from(await (await program.run(x)).data());
  const interactive = Array.from(await net.forward(x).data());
  await program.dispose();
  return { compiled, interactive };
}

/** What runs a program when nobody says. */
export async function defaultBackend(): Promise<string> {
  const program = await compile(new nn.Linear(2, 3), { inputs: [[1, 2]] });
  await program.dispose();
  return program.backend;
}

/** What is said of a batch of 4 GiB, and of a small one of the same model after it. */
export async function tooLarge(): Promise<readonly [string, string]> {
  const net = new nn.Linear(4, 4);
  const compiled = (batch: number) => answerTo(() => compile(net, { inputs: [[batch, 4]], backend: "wasm" }));
  return [await compiled(2 ** 28), await compiled(2)];
}

/** What is said where Node is needed; each is asked twice, for a second time may differ. */
export async function needsOfNode(): Promise<Record<string, string>> {
  const asked: Record<string, () => unknown> = {
    load: () => kiln.load("model.safetensors"),
    save: () => kiln.save({ weight: kiln.ones([2]) }, "model.safetensors"),
    MNIST: () => data.MNIST("dataset", { download: true }),
    CIFAR10: () => data.CIFAR10("dataset"),
    loadMnist: () => data.loadMnist("dataset"),
    readCsv: () => data.readCsv("table.csv"),
    ImageFolder: () => data.ImageFolder("images"),
    SummaryWriter: () => new SummaryWriter("runs"),
  };
  const answers: Record<string, string> = {};
  for (const [name, ask] of Object.entries(asked)) {
    const said = [await answerTo(ask), await answerTo(ask)];
    answers[name] = said[0] === said[1] ? said[0] : said.join(", then ");
  }
  return answers;
}

async function answerTo(ask: () => unknown): Promise<string> {
  try {
    await ask();
    return "nothing";
  } catch (error) {
    return String(error);
  }
}
