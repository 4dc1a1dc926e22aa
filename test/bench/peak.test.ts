/** The loop that the peak is measured with: it really multiplies and adds, in every register. */

import { expect, test } from "vitest";
import { engine, hasRelaxedMadd } from "../../backends/wasm/engine.ts";
import { peakModule } from "../../bench/src/peak.ts";

test.each(hasRelaxedMadd() ? [false, true] : [false])("sums end near two (fused: %s)", async (isFused) => {
  const wasm = engine()!;
  const { exports } = await wasm.instantiate(await wasm.compile(peakModule(isFused)), {});
  // Sum k starts at k: after one turn it is k / 2 + 1, in all 66 / 2 + 12; after 60 it is 2 to float32's last digit.
  expect(exports.run(1)).toBe(45);
  expect(exports.run(60)).toBe(24);
});
