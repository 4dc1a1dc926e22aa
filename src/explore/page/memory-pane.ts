/** Draws the memory plan: kernels from left to right, addresses from top to bottom, a rectangle for each buffer. */

import { bytesText } from "../../core/figures-text.ts";
import type { BackendView, Placement } from "../data.ts";
import { element } from "./dom.ts";
import { Pane } from "./pane.ts";
import type { Selection, Subject } from "./selection.ts";

/** Number of colours, so that neighbouring buffers can be distinguished. */
const COLOURS = 6;

export class MemoryPane {
  readonly pane: Pane;

  constructor(selection: Selection) {
    this.pane = new Pane(selection, "memory", "Memory over time", { lightsOwn: false });
  }

  show({ memory, kernels }: BackendView): void {
    const { arenaBytes, peakBytes, peakKernel, parameterBytes, placements } = memory;
    const columns = kernels.length + 2;
    const buffers = [...placements]
      .sort((a, b) => a.first - b.first || a.byteOffset - b.byteOffset)
      .map(
        (placement, k): Subject => ({
          link: placement.link,
          label: `${placement.label}, ${bytesText(placement.byteLength)} at ${placement.byteOffset}, ${lifeOf(placement, kernels)}`,
          element: rectangle(placement, k, arenaBytes, columns),
        }),
      );
    const times = kernels.map(
      ({ name, link }, k): Subject => ({
        link,
        label: name,
        element: element("div", { class: "time", title: name }, [String(k)]),
      }),
    );
    const plan = element(
      "div",
      { class: "plan" },
      buffers.map((item) => item.element),
    );
    const axis = element("div", { class: "axis" }, [
      element("div", { class: "time end" }, ["in"]),
      ...times.map((item) => item.element),
      element("div", { class: "time end" }, ["out"]),
    ]);
    axis.style.gridTemplateColumns = `repeat(${columns}, minmax(1.1em, 1fr))`;
    plan.style.minWidth = `${1.1 * columns}em`;
    const summary = element("p", { class: "summary" }, [
      `Arena: ${bytesText(arenaBytes)}, of which at most ${bytesText(peakBytes)} are in use at once (${peakKernel}). ` +
        `Parameters and optimizer states: ${bytesText(parameterBytes)}.`,
    ]);
    this.pane.fill([summary, plan, axis], [...times, ...buffers]);
  }
}

const percent = (part: number, whole: number): string => `${(100 * part) / Math.max(1, whole)}%`;

function rectangle(placement: Placement, k: number, arenaBytes: number, columns: number): HTMLElement {
  const { label, byteOffset, byteLength, first, last } = placement;
  const made = element("div", { class: `buffer colour${k % COLOURS}`, title: label }, [
    element("span", {}, [label]),
  ]);
  made.style.left = percent(first + 1, columns);
  made.style.width = percent(last - first + 1, columns);
  made.style.top = percent(byteOffset, arenaBytes);
  made.style.height = percent(byteLength, arenaBytes);
  return made;
}

function lifeOf({ first, last }: Placement, kernels: BackendView["kernels"]): string {
  const begin = first < 0 ? "from the start" : `from ${kernels[first].name}`;
  return last >= kernels.length ? `${begin} to the end` : `${begin} until ${kernels[last].name}`;
}
