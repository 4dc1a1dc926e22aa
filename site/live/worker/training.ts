/** A model from source to training: compiled once, then step after step until it is stopped. */

import {
  type BackendName,
  compile,
  compileTraining,
  manualSeed,
  type Program,
  type Tensor,
  type Trainer,
} from "kiln-js";
import type { CompiledView, StageView } from "../messages.ts";
import { type LiveModel, liveModel } from "./live-model.ts";
import { stripTypes } from "./strip-types.ts";

/** How long kernels are timed. */
const PROFILE_MILLISECONDS = 250;

export class Training {
  private readonly live: LiveModel;
  private readonly backend: BackendName;
  private readonly trainer: Trainer;
  private readonly batches: AsyncGenerator<[Tensor, Tensor], never>;
  private inference: Program | undefined;

  private constructor(live: LiveModel, backend: BackendName, trainer: Trainer) {
    this.live = live;
    this.backend = backend;
    this.trainer = trainer;
    this.batches = forever(live.train);
  }

  /** Compiles the training step of the model that `source` exports; `kiln` is the address of the library. */
  static async of(source: string, backend: BackendName, kiln: string): Promise<Training> {
    const address = URL.createObjectURL(new Blob([stripTypes(source, kiln)], { type: "text/javascript" }));
    manualSeed(0);
    const live = await liveModel(await import(address));
    const { model, inputs, loss, optimizer } = live;
    const trainer = await compileTraining(model, { inputs, loss, optimizer, backend });
    return new Training(live, backend, trainer as unknown as Trainer);
  }

  get batchSize(): number {
    return this.live.batchSize;
  }

  view(): CompiledView {
    const { backend, compileMilliseconds, kernels, memory } = this.trainer;
    const { model } = this.live;
    return {
      model: model.constructor.name,
      backend,
      milliseconds: compileMilliseconds,
      parameters: model.parameters().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      arenaBytes: memory.arenaBytes,
      kernels: kernels.map(({ name, origins, source, flops, schedule = "" }) => ({
        name,
        lines: [...new Set(origins.map(({ line }) => line))].filter((line) => line > 0),
        modules: [...new Set(origins.map(({ module }) => module))].filter((module) => module !== ""),
        source,
        flops,
        schedule,
      })),
    };
  }

  stages(): readonly StageView[] {
    const texts = this.trainer.stages.map(({ name, text }) => ({ name, text }));
    return texts.map((stage, k) => ({ ...stage, unchanged: k > 0 && stage.text === texts[k - 1].text }));
  }

  /** Milliseconds of each kernel. */
  async measure(): Promise<readonly number[]> {
    const { kernels } = await this.trainer.profile({ milliseconds: PROFILE_MILLISECONDS });
    return kernels.map(({ milliseconds }) => milliseconds);
  }

  /** The loss of the next batch, before the update. */
  async step(): Promise<number> {
    const { value } = await this.batches.next();
    return this.trainer.step(...value);
  }

  /** The share of the test samples whose class has the highest score; `undefined` if no classes are predicted. */
  async accuracy(): Promise<number | undefined> {
    const { model, inputs, test } = this.live;
    let [right, all] = [0, 0];
    for await (const [x, target] of test) {
      if (target.dtype !== "int32" || target.shape.length !== 1) return undefined;
      this.inference ??= (await compile(model, {
        inputs,
        backend: this.backend,
      })) as unknown as Program;
      const scores = await this.inference.run(x);
      if (scores.shape.length !== 2) return undefined;
      const [classes, truth] = [await scores.argmax(1).data(), await target.data()];
      right += Array.from(truth).filter((label, k) => label === classes[k]).length;
      all += truth.length;
    }
    return all === 0 ? undefined : right / all;
  }
}

/** The batches of one epoch after another. */
async function* forever(loader: AsyncIterable<[Tensor, Tensor]>): AsyncGenerator<[Tensor, Tensor], never> {
  for (;;) {
    let isEmpty = true;
    for await (const batch of loader) {
      isEmpty = false;
      yield batch;
    }
    if (isEmpty) throw new Error("the training set has fewer samples than a batch");
  }
}
