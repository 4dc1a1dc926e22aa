/** The summary of a model as a table that people read. */

import { bytesText, countText } from "../core/figures-text.ts";
import { plainLine } from "../core/plain-line.ts";
import { formatShape } from "../core/shape.ts";
import type { TensorType } from "../ir/types.ts";
import type { LayerSummary } from "./layers.ts";
import type { ModelSummary } from "./summary.ts";

const HEADINGS = ["layer", "output", "parameters", "FLOPs"] as const;

/** Layers as a table, indented by depth of call, with the totals below. */
export function summaryText({ inputs, layers, parameters, flops, memory, backend }: ModelSummary): string {
  const rows = layers.map((layer, k) => [
    `${"  ".repeat(layer.depth)}${labelOf(layer, layers.slice(0, k))}`,
    layer.outputs.map(typeText).join(" "),
    parametersText(layer),
    layer.flops === 0 ? "–" : countText(layer.flops).trim(),
  ]);
  const { forward, training, parameterBytes, bufferBytes } = memory;
  const frozen = parameters.total - parameters.trainable;
  return [
    ...table([HEADINGS, ...rows]),
    "",
    `inputs       ${inputs.map(typeText).join(" ")}`,
    `parameters   ${grouped(parameters.total)}${frozen === 0 ? "" : `, of which ${grouped(frozen)} are frozen`}: ${bytesText(parameterBytes)}${
      bufferBytes === 0 ? "" : `, and ${bytesText(bufferBytes)} of buffers`
    }`,
    `operations   ${countText(flops)}FLOP forward, a multiply-add counting as two`,
    `memory       on ${backend}: ${bytesText(forward.arenaBytes)} for the activations of a forward pass`,
    ...(training === undefined
      ? []
      : [
          `             ${bytesText(training.arenaBytes)} for activations and gradients of a training step, and ` +
            `${bytesText(training.parameterBytes)} for parameters, buffers and the optimizer's states`,
        ]),
  ].join("\n");
}

/** `conv1: Conv2d`, the path being that from the layer that calls it. */
function labelOf({ name, type, depth }: LayerSummary, before: readonly LayerSummary[]): string {
  if (name === "") return plainLine(type);
  const caller = before.findLast((layer) => layer.depth === depth - 1)?.name ?? "";
  const own = name.startsWith(`${caller}.`) ? name.slice(caller.length + 1) : name;
  return plainLine(`${own}: ${type}`);
}

const typeText = ({ dtype, shape }: TensorType): string =>
  `${dtype === "float32" ? "" : dtype}${formatShape(shape)}`;

function parametersText({ parameters: { total, trainable }, isRepeated }: LayerSummary): string {
  if (total === 0) return "–";
  if (isRepeated) return "(the same)";
  if (trainable === total) return grouped(total);
  return trainable === 0
    ? `${grouped(total)} (frozen)`
    : `${grouped(total)} (${grouped(total - trainable)} frozen)`;
}

const grouped = (value: number): string => value.toLocaleString("en-US");

/** The first two columns to the left, numbers to the right, and a line below the headings. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
  return [lines[0], "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2)), ...lines.slice(1)];
}
