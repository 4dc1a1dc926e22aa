/** The drawing of a stage, which can be zoomed and dragged. */

import type { Drawing } from "../data.ts";
import { button } from "./dom.ts";
import { Pane } from "./pane.ts";
import type { Selection, Subject } from "./selection.ts";

/** Drawings bring their own style, which stays inside; this one is for what lights up, and for the list around them. */
const STYLE = `
:host { display: block; height: 100%; }
.list { height: 100%; overflow: auto; cursor: grab; outline-offset: -2px; background: var(--card); }
.list:focus-visible { outline: 2px solid var(--accent); }
.list.dragged { cursor: grabbing; user-select: none; }
.list svg { display: block; margin: 0 auto; --ground: transparent; }
g.lit > rect { stroke: var(--accent); stroke-width: 2.5; }
g.subject > rect { stroke-width: 4; }
[data-box] { cursor: pointer; }
`;

const STEP = 1.25;
const RANGE = { least: 0.1, most: 4 } as const;

/** The smallest scale at which text can be read. */
const LEGIBLE = 0.6;

/** Pixels by which the pane's width changes when it is another pane for the eye. */
const MUCH = 120;

/** Pixels that a scroll bar may take. */
const SCROLLBAR = 16;

export class PicturePane {
  readonly pane: Pane;
  private zoom = 1;
  private svg: SVGSVGElement | undefined;
  private size = { width: 1, height: 1 };
  private first: Element | undefined;

  constructor(selection: Selection) {
    this.pane = new Pane(selection, "picture", "Graph", { shadowStyle: STYLE });
    this.pane.tools.append(
      button("−", "Zoom out", () => this.zoomTo(this.zoom / STEP)),
      button("+", "Zoom in", () => this.zoomTo(this.zoom * STEP)),
      button("↔", "Fit the width", () => this.fit(RANGE.least)),
    );
    this.pane.list.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.pane.list.addEventListener("keydown", ({ key }) => {
      if (key === "+" || key === "=") this.zoomTo(this.zoom * STEP);
      if (key === "-") this.zoomTo(this.zoom / STEP);
      if (key === "0") this.fit(RANGE.least);
    });
    makeDraggable(this.pane.list);
    // Enlarged or given back its place: another part of the drawing would be in sight.
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (Math.abs(contentRect.width - width) > MUCH) this.fit();
      width = contentRect.width;
    }).observe(this.pane.list);
  }

  show({ svg, boxes }: Drawing): void {
    // The drawing is Kiln's own: names in it are escaped, and the page's policy runs nothing.
    const holder = document.createElement("div");
    holder.innerHTML = svg;
    const drawing = holder.querySelector("svg")!;
    this.svg = drawing;
    const { width, height } = drawing.viewBox.baseVal;
    this.size = { width, height };
    const groups = new Map(
      [...drawing.querySelectorAll("[data-box]")].map((group) => [group.getAttribute("data-box"), group]),
    );
    const items = boxes.map(
      ({ box, name, link }): Subject => ({ link, label: name, element: groups.get(box)! }),
    );
    this.first = items[0]?.element;
    this.pane.fill([drawing], items);
    if (this.pane.list.clientWidth > 0) this.fit();
  }

  /** The whole width, at `least` scale; of a wider drawing the part around its first box. */
  fit(least: number = LEGIBLE): void {
    const { list } = this.pane;
    this.zoomTo(Math.min(1, Math.max(least, (list.clientWidth - SCROLLBAR) / this.size.width)));
    const first = this.first?.getBoundingClientRect();
    if (first === undefined) return;
    const { left, width } = list.getBoundingClientRect();
    list.scrollLeft += first.left + first.width / 2 - left - width / 2;
    list.scrollTop = 0;
  }

  /** Zooms around the middle of what is in sight. */
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

/** Lets the list be pulled along with the mouse; a finger scrolls by itself. */
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
      // What ends a drag chooses nothing.
      if (list.classList.contains("dragged")) event.stopImmediatePropagation();
      list.classList.remove("dragged");
      from = undefined;
    },
    { capture: true },
  );
}
