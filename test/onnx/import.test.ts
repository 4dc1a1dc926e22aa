/** Models of ONNX's files as modules: they run, learn, are named as the file names them, and say what is wrong with it. */

import { describe, expect, test } from "vitest";
import { compile, compileTraining, nn, optim, tensor } from "../../src/index.ts";
import { importOnnx } from "../../src/onnx/index.ts";
import { floats, modelBytes, node, port } from "./models.ts";

/** y = relu(x·W1ᵀ + b1)·W2ᵀ + b2 */
const mlp = modelBytes({
  input: [port("x", ["batch", 2])],
  output: [port("y", ["batch", 2])],
  initializer: [
    floats("fc1.weight", [3, 2], [1, 2, -3, 4, 5, -6]),
    floats("fc1.bias", [3], [1, 0, -1]),
    floats("fc2.weight", [2, 3], [1, -1, 1, 0, 1, 2]),
    floats("fc2.bias", [2], [0.5, -0.5]),
  ],
  node: [
    node("Gemm", ["x", "fc1.weight", "fc1.bias"], ["h"], { transB: 1n }, "/fc1/Gemm"),
    node("Relu", ["h"], ["r"], {}, "/Relu"),
    node("Gemm", ["r", "fc2.weight", "fc2.bias"], ["y"], { transB: 1n }, "/fc2/Gemm"),
  ],
});

describe("a small net", () => {
  test("runs as its file says, for any batch", async () => {
    const net = await importOnnx(mlp);
    expect(net.inputs).toEqual([{ name: "x", type: "float", shape: ["batch", 2] }]);
    const program = await compile(net, { inputs: [[2, 2]] });
    const x = [
      [1, 2],
      [3, -1],
    ];
    const y = x.map(([a, b]) => {
      const h = [a + 2 * b + 1, -3 * a + 4 * b, 5 * a - 6 * b - 1].map((v) => Math.max(v, 0));
      return [h[0] - h[1] + h[2] + 0.5, h[1] + 2 * h[2] - 0.5];
    });
    expect(await (await program.run(tensor(x))).array()).toEqual(y);
    expect(await net.forward(tensor(x.slice(0, 1))).array()).toEqual(y.slice(0, 1));
    await program.dispose();
  });

  test("has parameters under the file's names, which it learns", async () => {
    const net = await importOnnx(mlp, { freeze: ["fc1.*"] });
    expect(Object.keys(net.stateDict())).toEqual(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
    expect(net.namedParameters().map(([name, p]) => [name, p.requiresGrad])).toEqual([
      ["fc1.weight", false],
      ["fc1.bias", false],
      ["fc2.weight", true],
      ["fc2.bias", true],
    ]);
    const frozen = await net.stateDict()["fc1.weight"].data();
    const optimizer = new optim.SGD(
      net.parameters().filter((p) => p.requiresGrad),
      { lr: 0.0005 },
    );
    const trainer = await compileTraining(net, { inputs: [[2, 2]], loss: new nn.MSELoss(), optimizer });
    const [x, y] = [
      tensor([
        [1, 2],
        [3, -1],
      ]),
      tensor([
        [1, 0],
        [0, 1],
      ]),
    ];
    const losses = [];
    for (let k = 0; k < 20; k++) losses.push(await trainer.step(x, y));
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
    expect(await net.stateDict()["fc1.weight"].data()).toEqual(frozen);
    await trainer.dispose();
  });

  test("shows in dumps which node and which module what belongs to", async () => {
    const program = await compile(await importOnnx(mlp), { inputs: [[2, 2]], backend: "interpret" });
    const { text } = program.stages.find(({ name }) => name === "trace")!;
    expect(text).toMatch(/%h: .* = linear\(.*model\.onnx:1 fc1/);
    expect(text).toMatch(/%y: .*model\.onnx:3 fc2/);
    await program.dispose();
  });
});
