/** Stages of a compilation as text, as a comparison with the stage before, and as pictures. */

import { KilnError } from "../../core/errors.ts";
import { diffTexts, printDiff } from "../../inspect/diff.ts";
import { dotText } from "../../inspect/dot.ts";
import { graphPicture } from "../../inspect/graph-picture.ts";
import { programPicture } from "../../inspect/program-picture.ts";
import { svgText } from "../../inspect/svg.ts";
import { isGraph, type StageDump } from "../../ir/artifact.ts";
import type { Palette } from "../colours.ts";

/** The texts of all stages under headings; one that changed nothing says so. */
export const allTexts = (stages: readonly StageDump[], palette: Palette): string =>
  stages
    .map(
      ({ name, text, unchanged }) =>
        `${heading(name, palette)}\n${unchanged ? "unchanged" : palette.ir(text)}`,
    )
    .join("\n\n");

/** What each stage changed compared with the one before. */
export const allDiffs = (stages: readonly StageDump[], palette: Palette): string =>
  stages
    .map(
      ({ name, text }, k) =>
        `${heading(name, palette)}\n${k === 0 ? palette.ir(text) : changes(stages, k, palette)}`,
    )
    .join("\n\n");

const heading = (name: string, palette: Palette): string => palette.heading(`== ${name} ==`);

/** What the stage `name` changed. The first has nothing before it. */
export function stageDiff(stages: readonly StageDump[], name: string, palette: Palette): string {
  const k = stages.findIndex((stage) => stage.name === name);
  if (k === 0) throw new KilnError(`${name} is the first stage: there is none before it to compare with`);
  return `${palette.heading(`${stages[k - 1].name} → ${name}`)}\n${changes(stages, k, palette)}`;
}

function changes(stages: readonly StageDump[], k: number, palette: Palette): string {
  const [before, after] = [stages[k - 1], stages[k]];
  if (after.unchanged) return "unchanged";
  if (formOf(before) === formOf(after)) return palette.diff(printDiff(diffTexts(before.text, after.text)));
  return `${palette.faint(`(from ${formOf(before)} to ${formOf(after)}: nothing to compare line by line)`)}\n${palette.ir(after.text)}`;
}

function formOf({ name, artifact }: StageDump): string {
  if (name === "source") return "code";
  return isGraph(artifact) ? "graph" : "kernels";
}

/** The stage that a picture shows by default: the last graph, with its kernels, or what there is instead. */
export const pictureStage = (stages: readonly StageDump[]): StageDump =>
  stages.findLast(({ artifact }) => isGraph(artifact)) ?? stages[0];

/** A stage as DOT or SVG: its ops, or its kernels if it has been lowered. */
export async function stagePicture({ artifact }: StageDump, format: "dot" | "svg"): Promise<string> {
  const picture = isGraph(artifact) ? graphPicture(artifact) : programPicture(artifact);
  return format === "dot" ? dotText(picture) : svgText(picture);
}
