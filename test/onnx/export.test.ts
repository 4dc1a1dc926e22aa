/** Models and programs as ONNX files: what is in them, what cannot be, and that onnxruntime computes the same. */

import { fromBinary } from "@bufbuild/protobuf";
import { compile, KilnError, manualSeed, nn, randn, type Tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import LeNet from "../../examples/lenet.ts";
import { exportOnnx, importOnnx } from "../../src/onnx/index.ts";
import { type GraphProto, ModelProtoSchema } from "../../src/onnx/proto/onnx_pb.ts";

const graphOf = (bytes: Uint8Array): GraphProto => fromBinary(ModelProtoSchema, bytes).graph!;
const namesOf = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);

class TwoHeads extends nn.Module {
  first = new nn.Linear(4, 3);
  second = new nn.Linear(4, 2);
  norm = new nn.BatchNorm1d(3);

  override forward(left: Tensor, right: Tensor) {
    const sum = left.add(right);
    return [this.norm.forward(this.first.forward(sum)), sum, this.second.forward(sum)];
  }
}

describe("a file", () => {
  const inputs = [
    [2, 4],
    [2, 4],
  ];

  test("has the weights under their names, nodes with the paths of modules", async () => {
    const graph = graphOf(await exportOnnx(new TwoHeads(), { inputs }));
    expect(namesOf(graph.input)).toEqual(["x0", "x1"]);
    expect(namesOf(graph.output)).toEqual(["output", "output1", "output2"]);
    expect(namesOf(graph.initializer)).toEqual(
      expect.arrayContaining(["first.weight", "first.bias", "norm.running_mean", "second.bias"]),
    );
    expect(namesOf(graph.node)).toEqual(
      expect.arrayContaining(["/first/Gemm", "/norm/BatchNormalization", "/Add"]),
    );
  });

  test("has the names that are wished for", async () => {
    const names = { inputNames: ["a", "b"], outputNames: ["y", "sum", "z"] };
    const graph = graphOf(await exportOnnx(new TwoHeads(), { inputs, ...names }));
    expect([...namesOf(graph.input), ...namesOf(graph.output)]).toEqual(["a", "b", "y", "sum", "z"]);
  });

  test("is of the numbers as they are now, and the same for the program", async () => {
    manualSeed(1);
    const net = new TwoHeads();
    const before = await exportOnnx(net, { inputs });
    const program = await compile(net, { inputs, backend: "js" });
    expect(await exportOnnx(program)).toEqual(before);
    await net.loadStateDict(new TwoHeads().stateDict());
    const after = await exportOnnx(net, { inputs });
    expect(after).not.toEqual(before);
    expect(await exportOnnx(program)).toEqual(after);
    await program.dispose();
  });

  test("that was imported is written under its own names", async () => {
    const names = { inputNames: ["pixels"], outputNames: ["scores"] };
    const net = new nn.Sequential({ fc: new nn.Linear(4, 3), act: new nn.ReLU() });
    const again = await importOnnx(await exportOnnx(net, { inputs: [[2, 4]], ...names }));
    expect(Object.keys(again.stateDict())).toEqual(["fc.weight", "fc.bias"]);
    const graph = graphOf(await exportOnnx(again, { inputs: [[2, 4]] }));
    expect([...namesOf(graph.input), ...namesOf(graph.output)]).toEqual(["pixels", "scores"]);
    expect(namesOf(graph.initializer)).toEqual(["fc.weight", "fc.bias"]);
  });

  test("has a batch normalisation as one operator, which learns when it comes in again", async () => {
    manualSeed(2);
    const net = new nn.Sequential({
      conv: new nn.Conv2d(2, 3, 3),
      norm: new nn.BatchNorm2d(3, { eps: 0.01 }),
    });
    for (let k = 0; k < 3; k++) net.forward(randn(4, 2, 5, 5));
    const bytes = await exportOnnx(net, { inputs: [[4, 2, 5, 5]] });
    expect(graphOf(bytes).node.map(({ opType }) => opType)).toEqual(["Conv", "BatchNormalization"]);
    const again = await importOnnx(bytes, { trainBatchNorm: true });
    expect(Object.keys(again.stateDict())).toEqual([
      ...["conv.weight", "conv.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"],
    ]);
    const x = randn(4, 2, 5, 5);
    for (const way of ["train", "eval"] as const) {
      const [own, other] = [net, again].map((module) => module[way]().forward(x));
      expect(await other.sub(own).abs().max().item()).toBeLessThan(1e-5);
    }
  });

  test("of one value that is given twice, or of an input, names each result", async () => {
    class Same extends nn.Module {
      override forward(x: Tensor) {
        const y = x.relu();
        return [y, y, x];
      }
    }
    const graph = graphOf(await exportOnnx(new Same(), { inputs: [[2]] }));
    expect(namesOf(graph.output)).toEqual(["output", "output1", "output2"]);
    expect(graph.node.map(({ opType, output }) => [opType, ...output])).toEqual([
      ["Relu", "output"],
      ["Identity", "output1"],
      ["Identity", "output2"],
    ]);
  });
});

class Noisy extends nn.Module {
  override forward(x: Tensor) {
    return x.add(randn(x.shape));
  }
}

test.each<[string, () => Promise<unknown>, string]>([
  ["no shapes", () => exportOnnx(new LeNet()), "exportOnnx needs the shapes of the inputs"],
  ["no model", () => exportOnnx(LeNet as never), "exportOnnx takes a model first"],
  [
    "random numbers",
    () => exportOnnx(new Noisy(), { inputs: [[2]] }),
    "ONNX has no operators for what noisy computes with randint (random numbers, which Kiln draws by a generator of its own)",
  ],
  [
    "too few names",
    () =>
      exportOnnx(new TwoHeads(), {
        inputs: [
          [2, 4],
          [2, 4],
        ],
        inputNames: ["x"],
      }),
    "inputNames must be 2 different names, not [x]",
  ],
  [
    "names that are none",
    () => exportOnnx(new LeNet(), { inputs: [[1, 1, 32, 32]], outputNames: "y" as never }),
    'outputNames is a list of names, not the string "y"',
  ],
])("%s is an error", async (_, run, message) => {
  const error = await run().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KilnError);
  expect((error as KilnError).message).toContain(message);
});
