/** The drawing of a stage; it can be zoomed and dragged, and its groups can be opened and closed. */

import { PICTURE_STYLE } from "../../inspect/svg-style.ts";
import type { Drawing } from "../data.ts";
import { button } from "./dom.ts";
import { draw } from "./graph/draw.ts";
import { keysOf, openedFirst } from "./graph/opened.ts";
import { GRAPH_STYLE } from "./graph/style.ts";
import { Pane } from "./pane.ts";
import type { Selection } from "./selection.ts";

const STEP = 1.25;
const RANGE = { least: 0.1, most: 4 } as const;

/** The smallest scale at which text is readable. */
const LEGIBLE = 0.6;

/** A change of the pane's width by more than this, in pixels, fits the drawing anew. */
const MUCH = 120;

/** Pixels reserved for a scroll bar. */
const SCROLLBAR = 16;

export class PicturePane {
  readonly pane: Pane;
  private zoom = 1;
  private svg: SVGSVGElement | undefined;
  private size = { width: 1, height: 1 };
  private first: Element | undefined;
  private drawing: Drawing | undefined;
  private opened: ReadonlySet<number> = new Set();
  /** The groups that the user has opened or closed, by keys that all stages share. */
  private readonly wishes = new Map<string, boolean>();

  constructor(selection: Selection) {
    this.pane = new Pane(selection, "picture", "Graph", {
      shadowStyle: `${PICTURE_STYLE}${GRAPH_STYLE}`,
    });
    this.pane.tools.append(
      button("⊞", "Open all groups", () => this.openAll(true)),
      button("⊟", "Close all groups", () => this.openAll(false)),
      button("−", "Zoom out", () => this.zoomTo(this.zoom / STEP)),
      button("+", "Zoom in", () => this.zoomTo(this.zoom * STEP)),
      button("↔", "Fit the width", () => this.fit(RANGE.least)),
    );
    this.pane.list.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.pane.list.addEventListener("keydown", (event) => {
      const { key } = event;
      if (key === "Enter" || key === " ") {
        const group = this.groupOf(this.pane.current);
        if (group !== undefined) {
          event.preventDefault();
          this.toggle(group);
        }
      }
      if (key === "+" || key === "=") this.zoomTo(this.zoom * STEP);
      if (key === "-") this.zoomTo(this.zoom / STEP);
      if (key === "0") this.fit(RANGE.least);
    });
    this.pane.list.addEventListener(
      "click",
      (event) => {
        const toggle = event
          .composedPath()
          .find((at) => at instanceof Element && at.classList.contains("toggle"));
        if (!(toggle instanceof Element)) return;
        event.stopImmediatePropagation();
        this.toggle(Number(toggle.getAttribute("data-group")));
      },
      { capture: true },
    );
    this.pane.list.addEventListener("dblclick", (event) => {
      const closed = event
        .composedPath()
        .find((at) => at instanceof Element && at.classList.contains("closed"));
      const group = this.groupOf(closed instanceof Element ? closed : undefined);
      if (group !== undefined) this.toggle(group);
    });
    makeDraggable(this.pane.list);
    // When the pane is enlarged or restored, a different part of the drawing would be visible.
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (Math.abs(contentRect.width - width) > MUCH) this.fit();
      width = contentRect.width;
    }).observe(this.pane.list);
  }

  show(drawing: Drawing): void {
    this.drawing = drawing;
    const keys = keysOf(drawing);
    const first = openedFirst(drawing);
    this.opened = new Set(
      drawing.groups.flatMap((_, k) => ((this.wishes.get(keys[k]) ?? first.has(k)) ? [k] : [])),
    );
    this.render(drawing);
    if (this.pane.list.clientWidth > 0) this.fit();
  }

  private render(drawing: Drawing): void {
    const { svg, items, width, height } = draw(drawing, (group) => this.opened.has(group));
    this.svg = svg;
    this.size = { width, height };
    this.first = items[0]?.element;
    this.pane.fill([svg], items);
    svg.setAttribute("width", String(width * this.zoom));
    svg.setAttribute("height", String(height * this.zoom));
  }

  /** Opens or closes a group and keeps it at its position on the screen. */
  private toggle(group: number): void {
    const { drawing } = this;
    if (drawing === undefined) return;
    const isOpen = !this.opened.has(group);
    this.wishes.set(keysOf(drawing)[group], isOpen);
    const { list } = this.pane;
    const placeOf = (): DOMRect | undefined =>
      list.querySelector(`[data-group="${group}"]`)?.getBoundingClientRect();
    const before = placeOf();
    const opened = new Set(this.opened);
    if (isOpen) opened.add(group);
    else opened.delete(group);
    this.opened = opened;
    this.render(drawing);
    const after = placeOf();
    if (before === undefined || after === undefined) return;
    list.scrollLeft += after.left - before.left;
    list.scrollTop += after.top - before.top;
  }

  private openAll(isOpen: boolean): void {
    const { drawing } = this;
    if (drawing === undefined) return;
    const keys = keysOf(drawing);
    for (const [k, { kind }] of drawing.groups.entries())
      this.wishes.set(keys[k], isOpen || kind === "phase");
    this.show(drawing);
  }

  private groupOf(element: Element | undefined): number | undefined {
    const found = element?.getAttribute("data-group") ?? null;
    return found === null ? undefined : Number(found);
  }

  /** Fits the whole width at a scale of at least `least`; for wider drawings, centres the first box. */
  fit(least: number = LEGIBLE): void {
    const { list } = this.pane;
    this.zoomTo(Math.min(1, Math.max(least, (list.clientWidth - SCROLLBAR) / this.size.width)));
    const first = this.first?.getBoundingClientRect();
    if (first === undefined) return;
    const { left, width } = list.getBoundingClientRect();
    list.scrollLeft += first.left + first.width / 2 - left - width / 2;
    list.scrollTop = 0;
  }

  /** Zooms around the centre of the visible part. */
  private zoomTo(wanted: number): void {
    const zoom = Math.min(RANGE.most, Math.max(RANGE.least, wanted));
    const { list } = this.pane;
    const middle = {
      x: (list.scrollLeft + list.clientWidth / 2) / this.zoom,
      y: (list.scrollTop + list.clientHeight / 2) / this.zoom,
    };
    this.zoom = zoom;
    this.svg?.setAttribute("width", String(this.size.width * zoom));
    this.svg?.setAttribute("height", String(this.size.height * zoom));
    list.scrollLeft = middle.x * zoom - list.clientWidth / 2;
    list.scrollTop = middle.y * zoom - list.clientHeight / 2;
  }

  private onWheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoomTo(this.zoom * STEP ** (-event.deltaY / 100));
  }
}

/** Makes the list draggable with the mouse; touch scrolling works without it. */
function makeDraggable(list: HTMLElement): void {
  let from: { readonly x: number; readonly y: number } | undefined;
  list.addEventListener("pointerdown", ({ button: pressed, pointerType, clientX, clientY }) => {
    if (pressed === 0 && pointerType === "mouse") from = { x: clientX, y: clientY };
  });
  list.addEventListener("pointermove", ({ buttons, movementX, movementY, clientX, clientY }) => {
    if (from === undefined) return;
    if ((buttons & 1) === 0) from = undefined;
    else if (list.classList.contains("dragged") || Math.hypot(clientX - from.x, clientY - from.y) > 4) {
      list.classList.add("dragged");
      list.scrollLeft -= movementX;
      list.scrollTop -= movementY;
    }
    if (from === undefined) list.classList.remove("dragged");
  });
  list.addEventListener(
    "click",
    (event) => {
      // The click that ends a drag selects nothing.
      if (list.classList.contains("dragged")) event.stopImmediatePropagation();
      list.classList.remove("dragged");
      from = undefined;
    },
    { capture: true },
  );
}
