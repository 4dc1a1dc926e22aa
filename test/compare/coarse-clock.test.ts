/** Times on a page, whose clock moves in steps that are longer than many a kernel takes. */

import { expect, test } from "vitest";
import { profile } from "../../src/runtime/inspection/profile.ts";

test("times below the clock's step are means, not the nought that most of them show", async () => {
  let time = 0;
  // Looking at the clock takes a little as well; it shows tenths of milliseconds.
  const now = (): number => {
    time += 0.001;
    return Math.floor(time * 10) / 10;
  };
  const info = {
    name: "small",
    origins: [],
    source: "",
    prepares: false,
    flops: 3e4,
    nominalFlops: 3e4,
    bytes: 0,
  };
  const program = {
    kernels: [info],
    run: async () => {
      time += 0.03;
    },
    runByKernel: async () => {
      const begin = now();
      time += 0.03;
      return [now() - begin];
    },
  };
  const [{ milliseconds, kernels }] = await profile([program], 60, now);
  // Some hundred runs of 0.03 ms, with a thirtieth for the clock: their mean is within a fifth.
  for (const measured of [milliseconds, kernels[0].milliseconds]) {
    expect(measured).toBeGreaterThan(0.025);
    expect(measured).toBeLessThan(0.037);
  }
});
