/** What users meet of a stand-alone module: types with exact shapes, refusals, and names that try to break out. */

import { manualSeed, nn, type Tensor, tensor } from "kiln-js";
import { Project, ts } from "ts-morph";
import { describe, expect, test } from "vitest";
import { commentText, literal } from "../../src/aot/quote.ts";
import { encodeSafetensors } from "../../src/runtime/files/safetensors.ts";
import { TinyNet } from "../support/nets.ts";
import { buildAlone, labels, modelFile, textOf, wave } from "./stand-alone.ts";

/** The faults of a program that uses the module whose types are `declarations`. */
function faultsOf(declarations: string, use: string): string[] {
  const project = new Project({
    useInMemoryFileSystem: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, lib: ["lib.es2022.d.ts"], types: [], strict: true },
  });
  project.createSourceFile("model.d.ts", declarations);
  const file = project.createSourceFile(
    "use.ts",
    `import { create, type Tensor } from "./model.js";\nconst model = await create(new ArrayBuffer(8));\n${use}\nexport {};`,
  );
  return file.getPreEmitDiagnostics().map((fault) => {
    const message = fault.getMessageText();
    return typeof message === "string" ? message : message.getMessageText();
  });
}

test("types tell shapes, and refuse others", async () => {
  const { files } = await buildAlone(modelFile(new TinyNet(), [[2, 1, 8, 8]]), {});
  const types = String(files["model.d.ts"]);
  const use = (line: string): string[] => faultsOf(types, line);
  expect(use("const y: Tensor<Float32Array, readonly [2, 4]> = model.run(new Float32Array(128));")).toEqual(
    [],
  );
  expect(use("const all: number = model.parameters['conv.weight'].length;")).toEqual([]);
  expect(use("model.run(model.run(new Float32Array(128)));")).toHaveLength(1);
  expect(use("model.run(new Int32Array(128));")).toHaveLength(1);
  expect(use("model.parameters['conv.nothing'];")).toHaveLength(1);
});

class Nested extends nn.Module {
  linear = new nn.Linear(3, 2);

  forward(x: Tensor) {
    const y = this.linear.forward(x);
    return { y, parts: [y.mul(2), [y.sum(), null]], ["__proto__"]: y.neg(), 'a"b': [x.add(1)] };
  }
}

test("results stand in the lists and records that forward returns, typed", async () => {
  const net = new Nested();
  const { files, create } = await buildAlone(modelFile(net, [[1, 3]]), {});
  const types = String(files["model.d.ts"]);
  const use = (line: string): string[] =>
    faultsOf(types, `const r = model.run(new Float32Array(3));\n${line}`);
  expect(use("const sum: Tensor<Float32Array, readonly []> = r.parts[1][0];")).toEqual([]);
  expect(use("r.y = r.y;")).toHaveLength(1);
  expect(use("r.z;")).toHaveLength(1);
  expect(use("const y: Tensor<Float32Array, readonly [2, 1]> = r.y;")).toHaveLength(1);
  const x = [0.5, -1, 2];
  const wanted = await net.forward(tensor([x])).y.data();
  const given: unknown = (await create()).run(Float32Array.from(x));
  const found = given as {
    y: Float32Array;
    parts: [Float32Array, [Float32Array, null]];
    'a"b': [Float32Array];
  };
  expect(Object.keys(found)).toEqual(["y", "parts", "__proto__", 'a"b']);
  for (const [k, value] of found.y.entries()) expect(value).toBeCloseTo(wanted[k], 6);
  expect([...found.parts[0]]).toEqual([...found.y].map((value) => 2 * value));
  expect(found.parts[1][1]).toBeNull();
  expect([...found['a"b'][0]]).toEqual([1.5, 0, 3]);
});

describe("refusals", () => {
  test("inputs and labels", async () => {
    const built = await buildAlone(modelFile(new TinyNet(), [[2, 1, 8, 8]]), { mode: "training" });
    const model = await built.create();
    expect(() => model.step(wave(5), labels(2, 4))).toThrow(
      "x must hold 128 numbers of the shape [2,1,8,8], not 5",
    );
    expect(() => model.step(wave(128))).toThrow("target must hold 2 numbers of the shape [2], not undefined");
    expect(() => model.step(wave(128), Int32Array.of(0, 4))).toThrow(
      "target holds 4, which is not one of 0..3",
    );
    model.lr = Number.NaN;
    expect(() => model.step(wave(128), labels(2, 4))).toThrow("the learning rate must be a finite number");
    expect(model.stepCount).toBe(0);
  });

  test("weights that do not fit, of which nothing is taken over", async () => {
    const built = await buildAlone(modelFile(new TinyNet(), [[2, 1, 8, 8]]), { mode: "training" });
    const model = await built.create();
    const before = model.save();
    const tensor = (shape: readonly number[]) => {
      const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1)).fill(7);
      return { dtype: "float32" as const, shape, data };
    };
    const good = { "conv.weight": tensor([3, 1, 3, 3]), "conv.bias": tensor([3]), "fc.bias": tensor([4]) };
    const file = (tensors: object, metadata = {}): Uint8Array =>
      encodeSafetensors(Object.entries(tensors), metadata);
    const refusals: [Uint8Array, string][] = [
      [new Uint8Array(3), "they are not a safetensors file"],
      [new Uint8Array(100).fill(255), "they are not a safetensors file"],
      [Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 65, 66), "their header is not JSON"],
      [file(good), 'there is no tensor "fc.weight"'],
      [file({ ...good, "fc.weight": tensor([27, 4]) }), '"fc.weight" is F32[27,4], not F32[4,27]'],
      [file({ ...good, "fc.weight": tensor([4, 27]) }).slice(0, -60), "is not within the file"],
      [
        file({ ...good, "fc.weight": tensor([4, 27]) }, { "kiln.step": "x" }),
        "their kiln.step is not an integer",
      ],
    ];
    for (const [bytes, fault] of refusals) {
      expect(() => model.load(bytes)).toThrow(fault);
      expect(model.save()).toEqual(before);
    }
    // What another tool has written: parameters alone, more than is needed; learning begins anew.
    model.step(wave(128), labels(2, 4));
    model.load(file({ ...good, "fc.weight": tensor([4, 27]), extra: tensor([1]) }));
    expect(model.parameters["fc.weight"]).toEqual(new Float32Array(108).fill(7));
    expect(model.stepCount).toBe(0);
  });
});

describe("names are text", () => {
  const HOSTILE = [
    'a"b',
    "`$" + "{hit = 1}`",
    "</script><script>",
    "line\nbreak\u2028",
    "*/ hit = 1; /*",
    "__proto__x",
  ];

  test.each(["js", "wasm"] as const)("fields with hostile names (%s)", async (target) => {
    manualSeed(1);
    class Hostile extends nn.Module {
      constructor() {
        super();
        for (const name of HOSTILE) Object.assign(this, { [name]: new nn.Linear(3, 3) });
      }
      forward(x: Tensor): Tensor {
        return HOSTILE.reduce(
          (y, name) => (this as unknown as Record<string, nn.Linear>)[name].forward(y),
          x,
        );
      }
    }
    const net = new Hostile();
    const built = await buildAlone(modelFile(net, [[2, 3]], new nn.CrossEntropyLoss()), {
      target,
      mode: "training",
    });
    for (const name of ["model.js", "model.d.ts"])
      expect(textOf(built, name)).not.toMatch(/<\/?script|<!--/i);
    const model = await built.create();
    expect(model.step(wave(6), labels(2, 3))).toBeGreaterThan(0);
    expect(Object.keys(model.parameters)).toEqual([...net.namedParameters()].map(([name]) => name));
    expect("hit" in globalThis).toBe(false);
    model.load(model.save());
  });

  test("literals and comments", () => {
    for (const name of HOSTILE) {
      expect(JSON.parse(literal(name))).toBe(name);
      expect(literal(name)).not.toMatch(/[<>\n\u2028]/);
      expect(commentText(`// ${name}`)).not.toMatch(/[<>]|\*\//);
    }
  });
});
