/** The page as a whole: the selected backend and stage, and the panes that show them. */

import { durationText } from "../../core/figures-text.ts";
import type { BackendView, Block, ExplorerData } from "../data.ts";
import { renderDocument } from "./blocks.ts";
import { button, element } from "./dom.ts";
import { helpDialog } from "./help.ts";
import { KernelsPane } from "./kernels-pane.ts";
import { MemoryPane } from "./memory-pane.ts";
import { Pane } from "./pane.ts";
import { PicturePane } from "./picture-pane.ts";
import { fillRows } from "./rows.ts";
import { Search } from "./search.ts";
import { Selection } from "./selection.ts";
import { StageControl } from "./stage-control.ts";

/** The stage shown first: the last graph, with its kernels. */
const FIRST_STAGE = "layout";

export class Explorer {
  readonly root: HTMLElement;
  private readonly data: ExplorerData;
  private readonly selection = new Selection();
  private readonly stages = new StageControl((position) =>
    this.goTo(this.view, this.view.stages[position].name),
  );
  private readonly ir = new Pane(this.selection, "ir", "IR");
  private readonly picture = new PicturePane(this.selection);
  private readonly memory = new MemoryPane(this.selection);
  private readonly kernels: KernelsPane;
  private readonly backends: HTMLSelectElement;
  private readonly search: Search;
  private readonly help = helpDialog();
  private view: BackendView;
  private stage = "";
  /** Positions of the document and the drawing on display, so that unchanged ones are not drawn again. */
  private shown = { document: -1, drawing: -1 };

  constructor(data: ExplorerData) {
    this.data = data;
    this.view = data.backends[0];
    this.kernels = new KernelsPane(this.selection, data.machine);
    this.backends = element(
      "select",
      { id: "backend" },
      data.backends.map(({ name }) => element("option", {}, [name])),
    );
    this.backends.addEventListener("change", () =>
      this.goTo(data.backends[this.backends.selectedIndex], this.stage),
    );
    const panes = [
      this.sourcePane(),
      this.ir,
      this.picture.pane,
      ...data.backends.map((view) => this.codePane(view)),
      this.kernels.pane,
      this.memory.pane,
    ];
    for (const pane of panes) pane.tools.append(enlargeButton(pane));
    const main = element(
      "main",
      { class: "panes" },
      panes.map((pane) => pane.root),
    );
    fillRows(
      main,
      panes.map((pane) => pane.root),
    );
    this.search = new Search(panes, this.selection);
    this.root = element("div", { class: "explorer" }, [this.header(panes), main, this.status(), this.help]);
    this.root.addEventListener("keydown", (event) => this.onKey(event, panes));
    this.goToPlace(FIRST_STAGE);
    addEventListener("hashchange", () => this.goToPlace(this.stage));
  }

  /** Shows the backend and the stage in the address; without a stage in the address, the stage `otherwise`. */
  private goToPlace(otherwise: string): void {
    const { backend, stage } = readPlace();
    this.goTo(this.data.backends.find(({ name }) => name === backend) ?? this.view, stage ?? otherwise);
  }

  /** To be called once the explorer is part of the page: only then can the graph be fitted to its pane. */
  placed(): void {
    this.picture.fit();
  }

  private goTo(view: BackendView, stage: string): void {
    const isOther = this.view !== view || this.stage === "";
    this.view = view;
    this.stage = view.stages.some(({ name }) => name === stage) ? stage : view.stages[0].name;
    this.backends.selectedIndex = this.data.backends.indexOf(view);
    const position = view.stages.findIndex(({ name }) => name === this.stage);
    this.stages.show(view.stages, position);
    const { document, drawing } = view.stages[position];
    if (document !== this.shown.document) {
      const { content, items } = renderDocument(this.data.documents[document]);
      this.ir.fill(content, items);
    }
    this.ir.title = `IR: ${this.stage}`;
    if (drawing !== this.shown.drawing) this.picture.show(this.data.drawings[drawing]);
    this.shown = { document, drawing };
    if (isOther) {
      this.memory.show(view);
      this.kernels.show(view);
      this.memory.pane.title = `Memory over time: ${view.name}`;
      this.kernels.pane.title = `Kernels: ${view.name}`;
    }
    history.replaceState(null, "", `#backend=${encodeURIComponent(view.name)}&stage=${this.stage}`);
  }

  /** All files one below the other; if there are several, each has its name as a heading. */
  private sourcePane(): Pane {
    const { sources } = this.data;
    const pane = new Pane(this.selection, "source", sources.length === 1 ? sources[0].path : "Source");
    const files = sources.map(({ path, lines }) => {
      const labelOf = ({ text }: Block, k: number): string => `${path}:${k + 1} ${text.trim()}`;
      const { content, items } = renderDocument(lines, { numbered: true, labelOf });
      return { content: sources.length === 1 ? content : [fileHeading(path), ...content], items };
    });
    pane.fill(
      files.flatMap(({ content }) => content),
      files.flatMap(({ items }) => items),
    );
    return pane;
  }

  private codePane({ name, code, milliseconds }: BackendView): Pane {
    const pane = new Pane(this.selection, "code", `Code: ${name}`);
    if (milliseconds !== undefined) {
      pane.tools.append(element("span", { class: "muted" }, [`${durationText(milliseconds)} per run`]));
    }
    const { content, items } = renderDocument(this.data.documents[code]);
    pane.fill(content, items);
    return pane;
  }

  private header(panes: readonly Pane[]): HTMLElement {
    const { model, mode } = this.data;
    const changes = switchFor("changes", true, (isOn) =>
      this.root.classList.toggle("without-changes", !isOn),
    );
    const shown = panes.map((pane) =>
      switchFor(pane.name, true, (isOn) => {
        pane.root.hidden = !isOn;
      }),
    );
    return element("header", {}, [
      element("div", { class: "line-one" }, [
        element("h1", {}, [model]),
        element("span", { class: "muted" }, [mode === "training" ? "training step" : "forward pass"]),
        element("label", { for: "backend" }, ["compiled for"]),
        this.backends,
        this.search.root,
        button("? legend", "Colours, terms and keys", () => this.help.showModal()),
        element("span", { class: "switches", role: "group", "aria-label": "Show or hide" }, [
          ...shown,
          changes,
        ]),
      ]),
      this.stages.root,
    ]);
  }

  /** The status line at the bottom: the label of the highlighted item. */
  private status(): HTMLElement {
    const text = element("span", { role: "status" }, [HINT]);
    this.selection.listen((subject) => {
      text.textContent = subject?.label ?? HINT;
    });
    return element("footer", {}, [text]);
  }

  private onKey(event: KeyboardEvent, panes: readonly Pane[]): void {
    if (event.key === "Escape") {
      const enlarged = panes.find(({ root }) => root.classList.contains("enlarged"));
      if (enlarged === undefined) this.selection.choose(undefined);
      else enlarge(enlarged, false);
    }
    const { target } = event;
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
      if (target.type !== "range") return;
    }
    if (event.key === "/" || event.key === "?") {
      event.preventDefault();
      if (event.key === "/") this.search.focus();
      else this.help.showModal();
    }
    if (event.key !== "[" && event.key !== "]") return;
    const position = this.view.stages.findIndex(({ name }) => name === this.stage);
    const next = this.view.stages[position + (event.key === "[" ? -1 : 1)];
    if (next !== undefined) this.goTo(this.view, next.name);
  }
}

const HINT =
  "Point at anything to highlight what belongs to it; click to keep it selected. Keys: / search, ? legend, " +
  "Tab next pane, ↑ ↓ move within a pane, [ ] previous and next stage, Esc deselect.";

/** The backend and stage in the address, so that links and reloads show the same stage. */
function readPlace(): { readonly backend: string | null; readonly stage: string | null } {
  const place = new URLSearchParams(location.hash.slice(1));
  return { backend: place.get("backend"), stage: place.get("stage") };
}

function switchFor(text: string, isOn: boolean, change: (isOn: boolean) => void): HTMLButtonElement {
  const made = button(text, text, () => {
    const next = made.getAttribute("aria-pressed") !== "true";
    made.setAttribute("aria-pressed", String(next));
    change(next);
  });
  made.setAttribute("aria-pressed", String(isOn));
  return made;
}

const fileHeading = (path: string): HTMLElement => element("div", { class: "file" }, [path]);

const enlargeButton = (pane: Pane): HTMLButtonElement =>
  button("⤢", "Enlarge this pane, or restore its size", () =>
    enlarge(pane, !pane.root.classList.contains("enlarged")),
  );

function enlarge(pane: Pane, isLarge: boolean): void {
  pane.root.classList.toggle("enlarged", isLarge);
}
