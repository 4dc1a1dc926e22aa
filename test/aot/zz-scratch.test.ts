/** scratch */
import * as fc from "fast-check";
import { compileTraining } from "kiln";
import { expect, test } from "vitest";
import { OPTIMIZERS, OPTIMIZER_NAMES, defaultsOf } from "../../src/cli/optimizers.ts";
import { makeModel, randomModel } from "../support/random-model.ts";
import { buildAlone, likeBuilt, settingsFor } from "./stand-alone.ts";
test("random", async () => {
  const end = performance.now() + 90_000;
  let done = 0, failed = 0;
  for (const spec of fc.sample(randomModel, { numRuns: 60, seed: 5 })) {
    if (performance.now() > end) break;
    let made; try { made = makeModel(spec); } catch { continue; }
    const target = done % 3 === 2 ? "wasm" as const : "js" as const;
    const name = OPTIMIZER_NAMES[done % 8];
    const { model, loss, inputShape, batches, kinds } = made;
    try {
      const inputs = [{ shape: inputShape, dtype: batches[0][0].dtype }];
      const targets = [{ shape: batches[0][1].shape, dtype: batches[0][1].dtype }];
      const built = await buildAlone({ path: "m", model, inputs, loss: loss as never, targets }, { target, mode: "training", optimizer: name });
      const optimizer = OPTIMIZERS[name].make(model.parameters(), defaultsOf(name));
      const trainer = await compileTraining(model, { inputs, targets, loss: loss as never, optimizer, ...likeBuilt(target) });
      const alone = await built.create();
      for (const [x, y] of batches.slice(0, 2)) {
        const [a, b] = [await x.data(), await y.data()];
        const want = await trainer.step(x, y);
        const got = alone.step(a as never, b as never);
        if (got !== want) throw new Error(`${got} ${want}`);
      }
      await trainer.dispose();
      done++;
    } catch (e) { failed++; console.log(target, name, kinds.join(), inputShape.join(), String(e).slice(0, 300)); done++; }
  }
  console.log({ done, failed });
}, 200_000);
