/** `--kernel NAME`: one kernel from the lines of the model to the code that runs. */

import { basename } from "node:path";
import { KilnError } from "../../core/errors.ts";
import { bytesText, flopsText } from "../../core/figures-text.ts";
import { formatOrigin, type Origin } from "../../core/origin.ts";
import { suggestion } from "../../core/suggestion.ts";
import { readText } from "../../files/read.ts";
import { plainLine } from "../../inspect/escape.ts";
import { intensityOf } from "../../inspect/json.ts";
import { type KernelPart, kernelStory, storyNames } from "../../inspect/kernel-story.ts";
import type { Palette } from "../colours.ts";
import { MOST_SOURCE_BYTES } from "../model-file.ts";
import type { Subject } from "./subject.ts";

export async function kernelText(subject: Subject, name: string, palette: Palette): Promise<string> {
  const { compilation, file } = subject;
  const story = kernelStory(compilation, name);
  if (story === undefined) {
    const names = storyNames(compilation);
    throw new KilnError(
      `there is no kernel ${name}${suggestion(name, names)}; the kernels are ${names.join(", ")}`,
    );
  }
  const part = (title: string, text: string): string => `${palette.heading(title)}\n${text}`;
  return [
    palette.heading(`kernel ${story.name}, ${file}, ${subject.mode}, backend ${compilation.backend}`),
    part("lines of the model", await modelLines(story.origins, file, palette)),
    part("nodes of the graph", palette.ir(story.nodes.join("\n"))),
    part("as lowered", palette.ir(story.lowered)),
    ...story.parts.flatMap((kernel) => [
      part("as scheduled", palette.ir(kernel.text)),
      part("figures", figures(kernel)),
      part(`code for ${compilation.backend}`, palette.ir(kernel.info.source)),
    ]),
  ].join("\n\n");
}

function figures({ info, scheduled }: KernelPart): string {
  return [
    `  executed   ${flopsText(info.flops)}`,
    `  dense      ${flopsText(info.nominalFlops)}`,
    `  bytes      ${bytesText(info.bytes)} in ${scheduled.buffers.length} buffers`,
    `  intensity  ${intensityOf(info).toFixed(2)} FLOP/byte`,
  ].join("\n");
}

/** Each place with its line, as far as the file can be found. */
async function modelLines(origins: readonly Origin[], modelFile: string, palette: Palette): Promise<string> {
  const rows = await Promise.all(
    origins.map(async (origin) => ({
      place: plainLine(formatOrigin(origin)),
      text: await lineAt(origin, modelFile),
    })),
  );
  const width = Math.max(0, ...rows.map(({ place }) => place.length));
  return rows
    .map(({ place, text }) => `  ${place.padEnd(width)}   ${palette.faint(text)}`.trimEnd())
    .join("\n");
}

/** The text of a line of a script; empty if there is none. Files outside of the folder are given by name only. */
async function lineAt({ file, line }: Origin, modelFile: string): Promise<string> {
  const path = file === basename(modelFile) ? modelFile : file;
  if (!/\.(ts|js|mjs)$/.test(path)) return "";
  const text = await readText(path, MOST_SOURCE_BYTES).catch(() => "");
  return (text.split("\n")[line - 1] ?? "").trim().replace(/\t/g, " ");
}
