/** Searches all panes at once: matches are marked, and Enter goes to the next one. */

import { element } from "./dom.ts";
import type { Pane } from "./pane.ts";
import type { Selection, Subject } from "./selection.ts";

export class Search {
  readonly root: HTMLElement;
  private readonly input = element("input", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search all panes",
    spellcheck: "false",
    autocomplete: "off",
  });
  private readonly count = element("span", { class: "muted", role: "status" });
  private readonly panes: readonly Pane[];
  private readonly selection: Selection;
  private at = -1;

  constructor(panes: readonly Pane[], selection: Selection) {
    this.panes = panes;
    this.selection = selection;
    this.root = element("span", { class: "search" }, [this.input, this.count]);
    this.input.addEventListener("input", () => {
      this.at = -1;
      this.tell(this.found());
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.input.value = "";
      this.tell(this.found());
      this.input.blur();
    });
  }

  focus(): void {
    this.input.focus();
    this.input.select();
  }

  /** Searches again, since the stage may have changed. */
  private found(): readonly Subject[] {
    const query = this.input.value.trim();
    return this.panes.flatMap((pane) => {
      const found = pane.find(query);
      return pane.root.hidden ? [] : found;
    });
  }

  private next(step: 1 | -1): void {
    const found = this.found();
    if (found.length === 0) return;
    this.at =
      this.at < 0 ? (step === 1 ? 0 : found.length - 1) : (this.at + step + found.length) % found.length;
    this.selection.choose(found[this.at]);
    this.tell(found);
  }

  private tell(found: readonly Subject[]): void {
    const place = this.at < 0 ? "" : `${this.at + 1} of `;
    this.count.textContent = this.input.value.trim() === "" ? "" : `${place}${found.length} found`;
  }
}
