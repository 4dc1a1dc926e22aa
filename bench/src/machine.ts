/** Describes the machine that the figures are from, and whether other processes are using it. */

import { arch, cpus, platform, totalmem } from "node:os";
import { measurePeak } from "./peak.ts";
import type { Machine } from "./report.ts";

/** How long the CPU usage is observed, in milliseconds. */
const WATCHED = 500;

export async function describeMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.version,
    peakGflops: await measurePeak(),
  };
}

/** The share of all cores that is in use, observed for a moment. */
export async function otherLoad(): Promise<number> {
  const snapshot = () =>
    cpus().reduce(
      ({ idle, total }, { times }) => ({
        idle: idle + times.idle,
        total: total + times.idle + times.user + times.sys + times.nice + times.irq,
      }),
      { idle: 0, total: 0 },
    );
  const before = snapshot();
  await new Promise((resolve) => setTimeout(resolve, WATCHED));
  const after = snapshot();
  return 1 - (after.idle - before.idle) / Math.max(1, after.total - before.total);
}
