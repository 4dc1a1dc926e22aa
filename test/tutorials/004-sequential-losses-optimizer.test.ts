/** Tutorial 004: Sequential, the CIFAR-10 network in both forms, the losses, the DataLoader and the optimizer's loop. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { data, nn, ones, optim, randn, SummaryWriter, type Tensor, tensor } from "kiln-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import SequentialBS from "../../examples/cifar10.ts";
import BS from "../../examples/cifar10-class.ts";
import { labels } from "../support/fixtures.ts";
import { filled, form, tutorials } from "../support/tutorials.ts";

const { cifar10 } = tutorials();
const SAMPLES = cifar10.losses.length;
let root: string;

/** The fixture's images in the exact format of CIFAR-10. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "kiln-tutorial-"));
  const classes = labels(`${cifar10.prefix}/labels`, SAMPLES);
  const records = Array.from({ length: SAMPLES }, (_, k) => [
    classes[k],
    ...labels(`${cifar10.prefix}/image/${k}`, 3072, 256),
  ]);
  await mkdir(join(root, "cifar-10-batches-bin"));
  await writeFile(join(root, "cifar-10-batches-bin", "test_batch.bin"), Uint8Array.from(records.flat()));
});
afterAll(() => rm(root, { recursive: true }));

describe("nn.Sequential", () => {
  const CONVS = ["Conv2d(1, 20, kernel_size=(5, 5), stride=(1, 1))", "ReLU()"];
  const MORE = ["Conv2d(20, 64, kernel_size=(5, 5), stride=(1, 1))", "ReLU()"];

  test("in order, and with names", () => {
    const layers = (): [nn.Module, nn.Module, nn.Module, nn.Module] => [
      new nn.Conv2d(1, 20, 5),
      new nn.ReLU(),
      new nn.Conv2d(20, 64, 5),
      new nn.ReLU(),
    ];
    const lines = (names: readonly string[]): string =>
      ["Sequential(", ...[...CONVS, ...MORE].map((text, k) => `  (${names[k]}): ${text}`), ")"].join("\n");
    expect(String(new nn.Sequential(...layers()))).toBe(lines(["0", "1", "2", "3"]));
    const [conv1, relu1, conv2, relu2] = layers();
    const named = lines(["conv1", "relu1", "conv2", "relu2"]);
    expect(String(new nn.Sequential({ conv1, relu1, conv2, relu2 }))).toBe(named);
    expect(
      String(
        new nn.Sequential([
          ["conv1", conv1],
          ["relu1", relu1],
          ["conv2", conv2],
          ["relu2", relu2],
        ]),
      ),
    ).toBe(named);
  });
});

const LAYERS = [
  "Conv2d(3, 32, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))",
  "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
  "Conv2d(32, 32, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))",
  "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
  "Conv2d(32, 64, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))",
  "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
  "Flatten(start_dim=1, end_dim=-1)",
  "Linear(in_features=1024, out_features=64, bias=True)",
  "Linear(in_features=64, out_features=10, bias=True)",
];

describe("build a small practice", () => {
  test("the class form", () => {
    const names = "conv1 maxpool1 conv2 maxpool2 conv3 maxpool3 flatten linear1 linear2".split(" ");
    expect(String(new BS())).toBe(
      ["BS(", ...LAYERS.map((text, k) => `  (${names[k]}): ${text}`), ")"].join("\n"),
    );
  });

  class Bs extends SequentialBS {}

  test("the Sequential form", () => {
    expect(String(new Bs())).toBe(
      ["Bs(", "  (model): Sequential(", ...LAYERS.map((text, k) => `    (${k}): ${text}`), "  )", ")"].join(
        "\n",
      ),
    );
  });

  test("its graph for TensorBoard", async () => {
    const folder = join(root, ".logs");
    const writer = new SummaryWriter(folder);
    await writer.addGraph(new Bs(), ones(64, 3, 32, 32));
    await writer.close();
    expect((await readdir(folder)).filter((name) => name.startsWith("events.out.tfevents."))).toHaveLength(1);
  });
});

describe("losses", () => {
  const output = tensor([1.0, 2.0, 3.0]);

  test("MAE", async () => {
    const target = tensor([2.0, 2.0, 2.0]);
    expect(await new nn.L1Loss({ reduction: "mean" }).forward(output, target).format()).toBe(
      "tensor(0.6667)",
    );
    expect(await new nn.L1Loss({ reduction: "sum" }).forward(output, target).format()).toBe("tensor(2.)");
    const input = randn(3, 5).requiresGrad_();
    const loss = new nn.L1Loss().forward(input, randn(3, 5));
    loss.backward();
    expect(form(await loss.format())).toBe("tensor(#, grad_fn=<MeanBackward>)");
    expect(new Set(await input.grad!.abs().mul(15).data())).toEqual(new Set([1]));
  });

  test("MSE", async () => {
    const target = tensor([1, 2, 5]);
    expect(await new nn.MSELoss({ reduction: "mean" }).forward(output, target).format()).toBe(
      "tensor(1.3333)",
    );
    expect(await new nn.MSELoss({ reduction: "sum" }).forward(output, target).format()).toBe("tensor(4.)");
  });

  test("cross entropy", async () => {
    let x = tensor([0.1, 0.2, 0.3]);
    expect(await x.format()).toBe("tensor([0.1000, 0.2000, 0.3000])");
    const y = tensor([1], { dtype: "int32" });
    x = x.reshape(1, 3);
    expect(await x.format()).toBe("tensor([[0.1000, 0.2000, 0.3000]])");
    // The tutorial's integers are of 64 bits and print without their type; Kiln's are PyTorch's int32.
    expect(await y.format()).toBe("tensor([1], dtype=torch.int32)");
    expect(await new nn.CrossEntropyLoss().forward(x, y).format()).toBe("tensor(1.1019)");
  });
});

describe("the dataset, the losses of its images, and the optimizer", () => {
  const criterion = new nn.CrossEntropyLoss();
  const loader = async (): Promise<data.DataLoader> =>
    new data.DataLoader(await data.CIFAR10(root, { train: false, transform: data.toTensor() }), {
      batchSize: 1,
    });

  test("the loss of each image is PyTorch's", async () => {
    const bs = await filled(new SequentialBS(), cifar10.prefix);
    const printed: string[] = [];
    for await (const [inputs, targets] of await loader()) {
      printed.push(await criterion.forward(bs.forward(inputs), targets).format());
    }
    expect(printed).toEqual(cifar10.losses);
  });

  test("the running loss of each round is PyTorch's", async () => {
    const model = await filled(new SequentialBS(), cifar10.prefix);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
    const dataloader = await loader();
    const printed: string[] = [];
    for (let epoch = 0; epoch < cifar10.runningLosses.length; epoch++) {
      let runningLoss: Tensor = tensor(0);
      for await (const [inputs, targets] of dataloader) {
        const outputs = model.forward(inputs);
        const loss = criterion.forward(outputs, targets);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        runningLoss = runningLoss.add(loss);
      }
      printed.push(await runningLoss.format());
    }
    expect(printed).toEqual(cifar10.runningLosses);
  });
});
