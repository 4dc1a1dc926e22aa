/** The picture of a program: its kernels as boxes, and values in memory that one writes and another reads as arrows. */

import { byteSize, shortName } from "../core/dtype.ts";
import { bytesText, flopsText } from "../core/figures-text.ts";
import { formatOrigins, moduleOf } from "../core/origin.ts";
import { formatShape } from "../core/shape.ts";
import { flopsOf } from "../loop/flops.ts";
import type { LoweredProgram, ProgramBuffer } from "../loop/program.ts";
import { printSchedule } from "../loop/schedule.ts";
import type { BufferParam, Kernel } from "../loop/types.ts";
import { plainLine } from "./escape.ts";
import { type Arrow, type Box, type Picture, shortened } from "./picture.ts";
import { shortPlace } from "./place.ts";

const LINE_LENGTH = 52;

/** An arrow leads from the last kernel that writes a buffer to each that reads it after that. */
export function programPicture(program: LoweredProgram): Picture {
  const buffers = new Map(program.buffers.map((buffer) => [buffer.name, buffer]));
  const inputs = program.inputs.map((input, k) => ({ ...input, id: `i${k}` }));
  const outputs = program.outputs.map((output, k) => ({ ...output, id: `o${k}` }));
  const writers = new Map(inputs.map(({ buffer, id }) => [buffer, id]));
  const arrows = new Map<string, Omit<Arrow, "id">>();
  const arrive = (name: string, to: string): void => {
    const from = writers.get(name);
    if (from === undefined) return;
    const known = arrows.get(`${from} ${to}`);
    const detail = [...(known === undefined ? [] : [known.detail]), describe(buffers.get(name))].join("\n");
    arrows.set(`${from} ${to}`, { from, to, detail });
  };
  program.kernels.forEach((kernel, k) => {
    for (const { name, access } of kernel.buffers) {
      if (access === "read" || access === "readwrite") arrive(name, `k${k}`);
    }
    for (const { name } of kernel.buffers.filter(isWritten)) writers.set(name, `k${k}`);
  });
  for (const { buffer, id } of outputs) arrive(buffer, id);
  const ends = (
    kind: "input" | "output",
    { id, name, buffer }: { id: string; name: string; buffer: string },
  ): Box => ({
    id,
    kind,
    name,
    title: shortened(name, LINE_LENGTH),
    lines: [typeOf(buffers.get(buffer))],
    module: "",
    place: "",
    detail: describe(buffers.get(buffer)),
  });
  return {
    title: plainLine(program.name),
    boxes: [
      ...inputs.map((input) => ends("input", input)),
      ...program.kernels.map((kernel, k) => kernelBox(kernel, `k${k}`)),
      ...outputs.map((output) => ends("output", output)),
    ],
    frames: [],
    arrows: [...arrows.values()].map((arrow, k) => ({ id: `a${k}`, ...arrow })),
  };
}

const isWritten = ({ access }: BufferParam): boolean => access === "write" || access === "readwrite";

const typeOf = (buffer: ProgramBuffer | undefined): string =>
  buffer === undefined ? "" : `${shortName(buffer.dtype)}${formatShape(buffer.shape)}`;

const describe = (buffer: ProgramBuffer | undefined): string =>
  buffer === undefined ? "" : `${buffer.name}: ${typeOf(buffer)} (${buffer.value})`;

function kernelBox(kernel: Kernel, id: string): Box {
  const bytes = kernel.buffers.reduce((sum, b) => sum + b.length * byteSize(b.dtype), 0);
  return {
    id,
    kind: "kernel",
    name: kernel.name,
    title: shortened(kernel.name, LINE_LENGTH),
    lines: [
      ...(kernel.schedule === undefined ? [] : [shortened(printSchedule(kernel.schedule), LINE_LENGTH)]),
      `${flopsText(flopsOf(kernel))}, ${bytesText(bytes)}`,
    ],
    module: moduleOf(kernel.origins),
    place: shortened(shortPlace(kernel.origins), LINE_LENGTH),
    detail: [
      kernel.name,
      ...kernel.buffers.map(
        (b) => `${b.access} ${b.name}: ${shortName(b.dtype)}[${b.length}] ${b.value ?? ""}`,
      ),
      formatOrigins(kernel.origins),
    ].join("\n"),
  };
}
