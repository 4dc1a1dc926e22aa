/** C libraries compile without a warning and give the very bits of the program that they were made from. */

import { writeFileSync } from "node:fs";
import { compile, compileTraining, F, manualSeed, nn, type Tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { defaultsOf, OPTIMIZERS } from "../../src/cli/train/optimizers.ts";
import { decodeSafetensors } from "../../src/runtime/files/safetensors.ts";
import { isHere, title } from "../backends/c/toolchain.ts";
import { relativeError } from "../support/run-graph.ts";
import {
  buildLibraryFiles,
  type LoadedLibrary,
  likeLibrary,
  loadBuilt,
  runCompiler,
  strictFlags,
} from "./c-library.ts";
import { floats, integers, labels, modelFile, wave } from "./stand-alone.ts";

/** A convolution whose weights the compiler lays out anew, and statistics that training changes. */
class Pictures extends nn.Module {
  conv = new nn.Conv2d(2, 5, 3);
  norm = new nn.BatchNorm2d(5);
  drop = new nn.Dropout(0.25);
  fc = new nn.Linear(45, 4);

  forward(x: Tensor): Tensor {
    const y = F.maxPool2d(F.gelu(this.norm.forward(this.conv.forward(x))), 2);
    return this.fc.forward(this.drop.forward(y.flatten(1)));
  }
}

/** Rows of a table, through a loop. */
class Words extends nn.Module {
  table = new nn.Embedding(11, 6);
  lstm = new nn.LSTM(6, 5, { batchFirst: true });
  fc = new nn.Linear(5, 4);

  forward(words: Tensor): { readonly scores: Tensor; readonly best: Tensor } {
    const [all] = this.lstm.forward(this.table.forward(words));
    const scores = this.fc.forward(all.select(1, -1));
    return { scores, best: scores.argmax(1) };
  }
}

/** The same safetensors file with its tensors named in reverse order, letters as escapes, and blanks between. */
function rewritten(file: Uint8Array): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header: object = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const escaped = (name: string): string => JSON.stringify(name).replaceAll("c", "\\u0063");
  const entries = Object.entries(header)
    .reverse()
    .map(([name, entry]) => ` ${escaped(name)}\n: ${JSON.stringify(entry, undefined, 1)}`);
  const text = new TextEncoder().encode(`{ "more": {"a": [1, {"b": "}"}]}, ${entries.join(",")} }`);
  const result = new Uint8Array(8 + text.length + file.length - 8 - length);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(file.subarray(8 + length), 8 + text.length);
  return result;
}

const PICTURES = [3, 2, 8, 8];
const PIXELS = 3 * 2 * 8 * 8;
const WORDS = { shape: [2, 7], dtype: "int32" } as const;

describe.skipIf(!isHere)(title("a C library"), () => {
  test.each([1, 4, 16])("runs pictures in %i lanes", async (lanes) => {
    manualSeed(1);
    const net = new Pictures();
    const library = await loadBuilt(modelFile(net, [PICTURES]), { lanes });
    const program = await compile(net, { inputs: [PICTURES], backend: likeLibrary(lanes) });
    for (const run of [0, 1]) {
      const y = new Float32Array(12);
      expect(library.call("forward", wave(PIXELS, run), y)).toBe(0);
      expect(y).toEqual(await (await program.run(floats(wave(PIXELS, run), PICTURES))).data());
    }
    const exact = await compile(net, { inputs: [PICTURES], backend: "interpret" });
    const y = new Float32Array(12);
    library.call("forward", wave(PIXELS), y);
    const wanted = await (await exact.run(floats(wave(PIXELS), PICTURES))).data();
    expect(relativeError(y, wanted)).toBeLessThan(1e-6);
    expect(library.parameter(0, 90)).toEqual(await net.conv.weight.data());
  });

  test.each([1, 4])("learns pictures in %i lanes", async (lanes) => {
    manualSeed(1);
    const net = new Pictures();
    const file = modelFile(net, [PICTURES]);
    const settings = defaultsOf("adam");
    const asked = { lanes, mode: "training", optimizer: "adam", settings } as const;
    const library = await loadBuilt(file, asked);
    const optimizer = OPTIMIZERS.adam.make(net.parameters(), settings);
    const loss = new nn.CrossEntropyLoss();
    const backend = likeLibrary(lanes);
    const trainer = await compileTraining(net, { inputs: [PICTURES], loss, optimizer, backend });
    const found = new Float32Array(1);
    for (const run of [0, 1, 2]) {
      expect(library.call("step", wave(PIXELS, run), labels(3, 4, run), found)).toBe(0);
      const batch = [floats(wave(PIXELS, run), PICTURES), integers(labels(3, 4, run), [3])];
      expect(found[0]).toBe(await trainer.step(...batch));
    }
    expect(library.parameter(0, 90)).toEqual(await net.conv.weight.data());
    const names = [...library.files["net.c"].matchAll(/^ {2}\{"([\w.]+)", NET_(\w+),/gm)];
    const [learned, kept] = [names.slice(0, 9), names.slice(9)];
    expect(learned.map(([, name]) => name)).toEqual(Object.keys(net.stateDict()).slice(0, 9));
    expect(kept.every(([, , role]) => role === "OPTIMIZER")).toBe(true);
    // A loss that is no number changes nothing; numbers that are put in come out.
    const before = library.parameter(0, 90);
    expect(library.call("step", new Float32Array(PIXELS).fill(Number.NaN), labels(3, 4), found)).toBe(2);
    expect(library.parameter(0, 90)).toEqual(before);
    expect(library.call("step", wave(PIXELS), labels(3, 5, 2), found)).toBe(1);
    library.setParameter(0, wave(90));
    expect(library.parameter(0, 90)).toEqual(wave(90));
  });

  test("keeps what it has learned in a safetensors file, and goes on from one", async () => {
    manualSeed(1);
    const net = new Pictures();
    const settings = defaultsOf("adam");
    const asked = { lanes: 1, mode: "training", optimizer: "adam", settings } as const;
    const library = await loadBuilt(modelFile(net, [PICTURES]), asked);
    const other = await loadBuilt(modelFile(new Pictures(), [PICTURES]), asked);
    const found = new Float32Array(1);
    const step = ({ call }: LoadedLibrary, run: number): number => {
      expect(call("step", wave(PIXELS, run), labels(3, 4, run), found)).toBe(0);
      return found[0];
    };
    for (const run of [0, 1]) step(library, run);
    const file = library.save();
    expect(library.save()).toEqual(file);
    // Kiln reads it, with all names and shapes, and other programs of the same model go on from it bit for bit.
    const stored = decodeSafetensors(file, "file");
    expect(stored.metadata["kiln.step"]).toMatch(/^0+2$/);
    for (const [name, { shape }] of Object.entries(net.stateDict()))
      expect(stored.tensors.get(name)?.shape).toEqual(shape);
    expect(stored.tensors.get("conv.weight")!.data).toEqual(library.parameter(0, 90));
    expect(other.load(file)).toBe(0);
    expect([2, 3].map((run) => step(other, run))).toEqual([2, 3].map((run) => step(library, run)));
    expect(other.save()).toEqual(library.save());
    // The weights beside the library begin anew, in any order and with escapes in their names.
    const weights = library.files["weights.safetensors"] as unknown as Uint8Array;
    const begun = await loadBuilt(modelFile(net, [PICTURES]), asked);
    expect(library.load(rewritten(weights))).toBe(0);
    expect(step(library, 0)).toBe(step(begun, 0));
    // What is no whole file changes nothing.
    const before = other.save();
    const text = new TextDecoder("latin1").decode(file);
    const wrong = [
      ...[0, 7, 8, 100, file.length - 1].map((length) => file.slice(0, length)),
      ...(
        [
          ["conv.weight", "conv.weighs"],
          ['"F32"', '"F16"'],
          ["[5,2,3,3]", "[5,2,9,1]"],
          ['"kiln.step":"0', '"kiln.step":"x'],
          ['"data_offsets":[0,', '"data_offsets":[1,'],
          ['{"__metadata__"', '["__metadata__"'],
        ] as const
      ).map(([from, to]) => Uint8Array.from(text.replace(from, to), (letter) => letter.charCodeAt(0))),
    ];
    for (const bytes of wrong) expect(other.load(bytes)).toBe(3);
    expect(other.save()).toEqual(before);
  });

  test("runs loops over rows of a table, and refuses what names no row", async () => {
    manualSeed(1);
    const net = new Words();
    const library = await loadBuilt(modelFile(net, [WORDS]), { lanes: 4 });
    const program = await compile(net, { inputs: [WORDS], backend: likeLibrary(4) });
    const [scores, best] = [new Float32Array(8), new Int32Array(2)];
    expect(library.call("forward", labels(14, 11), scores, best)).toBe(0);
    const wanted = await program.run(integers(labels(14, 11), WORDS.shape));
    expect(scores).toEqual(await wanted.scores.data());
    expect(best).toEqual(await wanted.best.data());
    expect(library.call("forward", labels(14, 12), scores, best)).toBe(1);
  });

  test("stands beside others in one program, whose headers C++ reads, too", async () => {
    manualSeed(1);
    const shape = [1, 3];
    const built = await Promise.all(
      ["first", "second"].map((name) =>
        buildLibraryFiles(modelFile(new nn.Linear(3, 2), [shape]), { lanes: 1, name }),
      ),
    );
    const [{ folder, files }, other] = built;
    const main = `${files["main.c"]}
#include "${other.folder}/second.h"
int (*other)(second_model *, const float *, float *) = second_forward;`;
    writeFileSync(`${folder}/both.c`, main);
    const sources = ["both.c", "first.c", `${other.folder}/second.c`];
    runCompiler([...strictFlags(1), ...sources, "-o", "both", "-lm"], folder);
  });
});
