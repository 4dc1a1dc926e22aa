/**
 * A pane: a heading and a list of items that can be pointed at and selected, with the mouse or with the keyboard. All
 * panes share one selection, and each highlights its own items that belong to it.
 */

import { closest, NO_LINK } from "../link.ts";
import { element } from "./dom.ts";
import type { Selection, Subject } from "./selection.ts";

let paneCount = 0;

export class Pane {
  /** The label of the button that shows and hides the pane. */
  readonly name: string;
  /** The element of the whole pane. */
  readonly root: HTMLElement;
  /** The list, which scrolls and can have the keyboard focus. */
  readonly list: HTMLElement;
  /** The container for the pane's own controls. */
  readonly tools: HTMLElement;
  private readonly heading: HTMLElement;
  private readonly selection: Selection;
  /** Whether an item of this pane also highlights related items of the same pane. */
  private readonly lightsOwn: boolean;
  private readonly id: string;
  private items: readonly Subject[] = [];
  private positions: ReadonlyMap<Element, number> = new Map();
  private active = -1;
  private query = "";
  private found: readonly Subject[] = [];
  private lit: readonly Element[] = [];

  /** `kind` is the CSS class. With `shadowStyle`, the list is in a shadow root, which keeps its styles separate. */
  constructor(
    selection: Selection,
    kind: string,
    name: string,
    { shadowStyle, lightsOwn = true }: { readonly shadowStyle?: string; readonly lightsOwn?: boolean } = {},
  ) {
    this.selection = selection;
    this.lightsOwn = lightsOwn;
    this.name = name;
    this.id = `pane${paneCount++}`;
    this.heading = element("h2", { id: `${this.id}-heading` }, [name]);
    this.tools = element("div", { class: "tools" });
    this.list = element("div", { class: "list", tabindex: 0, role: "listbox", "aria-label": name });
    const host = element("div", { class: "host" });
    if (shadowStyle === undefined) host.append(this.list);
    else host.attachShadow({ mode: "open" }).append(element("style", {}, [shadowStyle]), this.list);
    this.root = element("section", { class: `pane ${kind}`, "aria-labelledby": `${this.id}-heading` }, [
      element("div", { class: "bar" }, [this.heading, this.tools]),
      host,
    ]);
    this.list.addEventListener("pointerover", (event) => {
      if (selection.hasMoved(event)) selection.point(this.at(event));
    });
    this.list.addEventListener("pointerleave", () => selection.point(undefined));
    this.list.addEventListener("click", (event) => this.choose(this.at(event)));
    this.list.addEventListener("keydown", (event) => this.onKey(event));
    selection.listen((subject, follow) => this.show(subject, follow));
  }

  /** The element last selected with the keyboard or the mouse. */
  get current(): Element | undefined {
    return this.items[this.active]?.element;
  }

  set title(text: string) {
    this.heading.textContent = text;
    this.list.setAttribute("aria-label", text);
  }

  /** Puts `content` into the list; `items` are its selectable elements, in keyboard order. */
  fill(content: readonly Node[], items: readonly Subject[]): void {
    this.items = items;
    this.positions = new Map(items.map(({ element: item }, k) => [item, k]));
    this.active = -1;
    this.lit = [];
    this.list.removeAttribute("aria-activedescendant");
    items.forEach(({ element: item, label }, k) => {
      item.id = `${this.id}-${k}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-label", label);
    });
    this.list.replaceChildren(...content);
    this.find(this.query);
    this.show(this.selection.current, false);
  }

  /** Marks and returns the items whose text contains `query`; an empty query matches nothing. */
  find(query: string): readonly Subject[] {
    for (const { element: item } of this.found) item.classList.remove("found");
    this.query = query;
    const wanted = query.toLowerCase();
    this.found =
      wanted === "" ? [] : this.items.filter((item) => textOf(item).toLowerCase().includes(wanted));
    for (const { element: item } of this.found) item.classList.add("found");
    return this.found;
  }

  /** The item that an event refers to. */
  private at(event: Event): Subject | undefined {
    for (const target of event.composedPath()) {
      const position = target instanceof Element ? this.positions.get(target) : undefined;
      if (position !== undefined) return this.items[position];
      if (target === this.list) return undefined;
    }
    return undefined;
  }

  private choose(subject: Subject | undefined): void {
    if (subject !== undefined) this.active = this.positions.get(subject.element)!;
    this.selection.choose(subject);
  }

  private onKey(event: KeyboardEvent): void {
    const last = this.items.length - 1;
    const target: Readonly<Record<string, number>> = {
      ArrowDown: Math.min(last, this.active + 1),
      ArrowUp: Math.max(0, this.active - 1),
      PageDown: Math.min(last, this.active + PAGE),
      PageUp: Math.max(0, this.active - PAGE),
      Home: 0,
      End: last,
    };
    const next = target[event.key];
    if (next === undefined || last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.choose(this.items[next]);
  }

  /** Highlights the items that belong to `subject`. */
  private show(subject: Subject | undefined, follow: boolean): void {
    const lit = subject === undefined ? [] : this.belonging(subject);
    for (const item of this.lit) item.classList.remove("lit", "subject");
    for (const item of lit) item.classList.add("lit");
    this.lit = lit;
    const own = subject === undefined ? undefined : this.positions.get(subject.element);
    if (own !== undefined) {
      subject!.element.classList.add("lit", "subject");
      this.lit = [...lit, subject!.element];
      this.list.setAttribute("aria-activedescendant", subject!.element.id);
    }
    if (follow) this.reveal(own === undefined ? lit[0] : subject!.element);
  }

  private belonging(subject: Subject): readonly Element[] {
    if (!this.lightsOwn && this.positions.has(subject.element)) return [];
    const links = this.items.map(({ link, holds = false }) => (holds ? NO_LINK : link));
    return closest(subject.link, links).map((k) => this.items[k].element);
  }

  /** Scrolls the list, but not the page, so that `item` is visible. */
  private reveal(item: Element | undefined): void {
    if (item === undefined) return;
    const [view, box] = [this.list.getBoundingClientRect(), item.getBoundingClientRect()];
    const isAbove = box.top < view.top;
    const isBelow = box.bottom > view.bottom;
    if (isAbove || (isBelow && box.height > view.height)) this.list.scrollTop += box.top - view.top - MARGIN;
    else if (isBelow) this.list.scrollTop += box.bottom - view.bottom + MARGIN;
    const isBeside = box.right < view.left + MARGIN || box.left > view.right - MARGIN;
    if (isBeside) this.list.scrollLeft += box.left + box.width / 2 - view.left - view.width / 2;
  }
}

/** The text of an item for the search. */
const textOf = ({ label, text, element: item }: Subject): string =>
  text ?? `${label}\n${item.textContent ?? ""}`;

/** Number of items that Page Up and Page Down move by. */
const PAGE = 15;

/** Pixels between an item scrolled into view and the edge of the list. */
const MARGIN = 24;
