/** The overview of `kiln dump`: the stages, what they did, and the cost of every kernel. */

import { bytesText, flopsText } from "../../core/figures-text.ts";
import { formatOrigins } from "../../core/origin.ts";
import { plainLine } from "../../inspect/escape.ts";
import { intensityOf } from "../../inspect/json.ts";
import type { KernelInfo, MemoryInfo } from "../../runtime/inspection/figures.ts";
import type { Palette } from "../colours.ts";
import { table } from "../command.ts";
import type { Subject } from "./subject.ts";

export function overview({ file, mode, compilation }: Subject, palette: Palette): string {
  const { backend, stages, kernels, memory } = compilation;
  const stageRows = stages.map(({ name, doc, unchanged }): [string, string] => [
    name,
    `${plainLine(doc)}${unchanged ? " (unchanged)" : ""}`,
  ]);
  return [
    palette.heading(`${file}, ${mode}, backend ${backend}`),
    `${stages.length} stages (print one with --stage NAME, all with --all)\n${table(stageRows)}`,
    `${kernels.length} ${kernels.length === 1 ? "kernel" : "kernels"} in the order they run (follow one with --kernel NAME)\n${kernelTable(kernels, palette)}`,
    memoryText(memory),
  ].join("\n\n");
}

/** The most lines of the model that are shown per kernel. */
const MOST_PLACES = 2;

const places = ({ origins }: KernelInfo): string =>
  formatOrigins(origins.slice(0, MOST_PLACES)) +
  (origins.length > MOST_PLACES ? `, +${origins.length - MOST_PLACES}` : "");

const HEADINGS = ["", "executed", "dense", "bytes", "FLOP/byte", "from"] as const;

/** Executed and dense operations, the bytes of all buffers, their ratio, and the lines of the model. */
function kernelTable(kernels: readonly KernelInfo[], palette: Palette): string {
  const total = kernels.reduce(
    (sum, { flops, nominalFlops, bytes }) => ({
      flops: sum.flops + flops,
      nominalFlops: sum.nominalFlops + nominalFlops,
      bytes: sum.bytes + bytes,
    }),
    { flops: 0, nominalFlops: 0, bytes: 0 },
  );
  const figures = (info: Pick<KernelInfo, "flops" | "nominalFlops" | "bytes">): string[] => [
    flopsText(info.flops),
    flopsText(info.nominalFlops),
    bytesText(info.bytes),
    intensityOf(info).toFixed(info.flops < 10 * info.bytes ? 2 : 1),
  ];
  const rows = [
    ...kernels.map((info) => [
      info.prepares ? `${info.name} (once)` : info.name,
      ...figures(info),
      plainLine(places(info)),
    ]),
    ["all", ...figures(total), ""],
  ];
  const widths = HEADINGS.map((heading, k) =>
    Math.max(...[heading, ...rows.map((row) => row[k])].map(({ length }) => length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, k) => (k === 0 || k === 5 ? cell.padEnd(widths[k]) : cell.padStart(widths[k])))
      .join("  ")
      .trimEnd();
  return [palette.faint(`  ${line(HEADINGS)}`), ...rows.map((row) => `  ${line(row)}`)].join("\n");
}

function memoryText({
  arenaBytes,
  preparedBytes,
  peakBytes,
  peakKernel,
  unsharedBytes,
  parameterBytes,
}: MemoryInfo): string {
  return [
    `memory: an arena of ${arenaBytes} bytes, of which at most ${peakBytes} are alive at once (${peakKernel});`,
    ...(preparedBytes === 0
      ? []
      : [
          `        ${preparedBytes} of them are kept from run to run, for values prepared from states until these change;`,
        ]),
    `        without sharing, its buffers would take ${unsharedBytes}; parameters and optimizer states take ${parameterBytes}`,
  ].join("\n");
}
