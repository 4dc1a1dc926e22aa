/** C libraries compile without a warning and give the very bits of the program that they were made from. */

import { writeFileSync } from "node:fs";
import { compile, compileTraining, F, manualSeed, nn, type Tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { defaultsOf, OPTIMIZERS } from "../../src/cli/train/optimizers.ts";
import { isHere, title } from "../backends/c/toolchain.ts";
import { relativeError } from "../support/run-graph.ts";
import { buildLibraryFiles, likeLibrary, loadBuilt, runCompiler, strictFlags } from "./c-library.ts";
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
