/** What the type checker says to those who write models: names that are offered, and results that need no cast. */

import {
  type BackendName,
  type CompareOptions,
  compile,
  type compileTraining,
  nn,
  optim,
  type SummaryOptions,
  type Tensor,
} from "kiln-js";
import { describe, expect, expectTypeOf, test } from "vitest";
import { BACKEND_NAMES, backendNamed } from "../../backends/registry.ts";

describe("the backend", () => {
  test("is one of the registry's names wherever it is asked for", async () => {
    type Names = "wasm" | "c" | "js" | "interpret" | "gpujs" | `gpujs:${string}`;
    expectTypeOf<BackendName>().toExtend<Names>();
    expectTypeOf<string>().not.toExtend<BackendName>();
    expectTypeOf<"wasm" | "c" | "js" | "interpret" | "gpujs" | "gpujs:webgl2">().toExtend<BackendName>();
    expectTypeOf<"cuda">().not.toExtend<BackendName>();
    type Of<Options> = Options extends { backend?: infer Backend } ? Extract<Backend, string> : never;
    expectTypeOf<Of<Parameters<typeof compile>[1]>>().toEqualTypeOf<BackendName>();
    expectTypeOf<Of<Parameters<typeof compileTraining>[1]>>().toEqualTypeOf<BackendName>();
    expectTypeOf<Of<SummaryOptions>>().toEqualTypeOf<BackendName>();
    expectTypeOf<NonNullable<CompareOptions["backends"]>[number]>().toEqualTypeOf<BackendName>();
    for (const name of BACKEND_NAMES) expect((await backendNamed(name)).name).toBe(name);
  });

  test("is an error of the run for those who do not check types", async () => {
    const layer = new nn.Linear(2, 2);
    // @ts-expect-error there is none of this name
    const compiling = compile(layer, { inputs: [[1, 2]], backend: "wsam" });
    await expect(compiling).rejects.toThrow('there is no backend "wsam"; the backends are wasm, c, js');
  });
});

describe("a module in a field", () => {
  test("says with its type parameter what its forward returns", () => {
    class Block extends nn.Module {
      readonly layers = new nn.ModuleList([new nn.Linear(2, 2), new nn.Linear(2, 2)]);
      readonly shortcut: nn.Module<Tensor>;
      constructor(isPlain: boolean) {
        super();
        this.shortcut = isPlain ? new nn.Identity() : new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU());
      }
      override forward(x: Tensor, mask?: Tensor): Tensor {
        const out = this.layers[0].forward(this.shortcut.forward(x));
        expectTypeOf(this.layers.at(-1).weight).toExtend<Tensor>();
        return mask === undefined ? out : out.mul(mask);
      }
    }
    const block: nn.Module = new Block(true);
    expectTypeOf(block).not.toExtend<nn.Module<Tensor>>();
    expectTypeOf<Block>().toExtend<nn.Module<Tensor>>();
    expectTypeOf<nn.LSTM>().not.toExtend<nn.Module<Tensor>>();
    expectTypeOf<nn.LSTM>().toExtend<nn.Module>();
  });

  test("may take several tensors and give lists and records", () => {
    class Net extends nn.Module {
      readonly encoder: nn.Module<{ mean: Tensor; deviation: Tensor }>;
      constructor(encoder: nn.Module<{ mean: Tensor; deviation: Tensor }>) {
        super();
        this.encoder = encoder;
      }
      override forward(x: Tensor, noise: Tensor): [Tensor, Tensor] {
        const { mean, deviation } = this.encoder.forward(x);
        return [mean, deviation.mul(noise)];
      }
    }
    expectTypeOf<Net>().toExtend<nn.Module<[Tensor, Tensor]>>();
    const averaged = new optim.swaUtils.AveragedModel(new nn.Linear(2, 3));
    expectTypeOf(averaged.forward).returns.toEqualTypeOf<Tensor>();
  });

  test("is the layer at its position where a Sequential is given layers one by one", () => {
    const net = new nn.Sequential(new nn.Linear(4, 2), new nn.ReLU());
    expectTypeOf(net[0]).toEqualTypeOf<nn.Linear>();
    expectTypeOf(net[1]).toEqualTypeOf<nn.ReLU>();
    expectTypeOf(net[2]).toEqualTypeOf<nn.Module>();
    expect(net[0].weight.shape).toEqual([2, 4]);
    net[0] = new nn.Linear(4, 2);
    net.append(new nn.Sigmoid());
    expectTypeOf(net).toExtend<nn.Sequential>();
    expectTypeOf(net).toExtend<nn.Module<Tensor>>();
    expectTypeOf<nn.Sequential>().not.toExtend<typeof net>();
    const block = (): nn.Module[] => [new nn.Linear(2, 2), new nn.ReLU()];
    expectTypeOf(new nn.Sequential(new nn.Linear(4, 2), ...block())[0]).toEqualTypeOf<nn.Linear>();
    expectTypeOf(new nn.Sequential(...block())).toEqualTypeOf<nn.Sequential>();
    expectTypeOf(new nn.Sequential({ hidden: new nn.Linear(4, 2) })).toEqualTypeOf<nn.Sequential>();
    class Head extends nn.Sequential {
      constructor() {
        super(new nn.Linear(4, 2), new nn.ReLU());
      }
    }
    expectTypeOf(new Head()[0]).toEqualTypeOf<nn.Module>();
    class Typed extends nn.Sequential<[nn.Linear, nn.ReLU]> {}
    expectTypeOf(new Typed(new nn.Linear(4, 2), new nn.ReLU())[0]).toEqualTypeOf<nn.Linear>();
    const some: unknown = net;
    if (some instanceof nn.Sequential) expectTypeOf(some).toEqualTypeOf<nn.Sequential>();
  });

  test("is told from others by instanceof, with its own fields", () => {
    const net = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU());
    const [first] = net;
    if (first instanceof nn.Linear) expectTypeOf(first.weight).toExtend<Tensor>();
    expect(first instanceof nn.Linear && first.weight.shape).toEqual([3, 2]);
  });
});
