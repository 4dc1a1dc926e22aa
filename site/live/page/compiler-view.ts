/** The compiler's output for the model: kernels with their times and code, and the text of every stage. */

import type { CompiledView, KernelView, StageView } from "../messages.ts";
import { byId, element } from "./dom.ts";

type Tab = "kernels" | "stages";

/** Notifications of the user's actions. */
export interface CompilerViewEvents {
  /** A kernel that comes from these lines is shown; no lines for anything else. */
  chose(lines: readonly number[]): void;
}

interface Entry {
  readonly button: HTMLButtonElement;
  readonly lines: readonly number[];
  read(): void;
}

/** A name that may be broken after its underscores. */
const nameOf = (name: string): HTMLElement =>
  element("span", "name", ...name.split(/(?<=_)/).flatMap((part) => [part, document.createElement("wbr")]));

const OPERATIONS = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export class CompilerView {
  private readonly events: CompilerViewEvents;
  private compiled: CompiledView | undefined;
  private stages: readonly StageView[] = [];
  private milliseconds: readonly number[] = [];
  private entries: readonly Entry[] = [];
  private tab: Tab = "kernels";
  /** What is shown, by tab and name: it stays open while the model is edited. */
  private chosen: Record<Tab, string | undefined> = { kernels: undefined, stages: "fuse" };

  constructor(events: CompilerViewEvents) {
    this.events = events;
    for (const tab of ["kernels", "stages"] as const) {
      byId(`${tab}-tab`).addEventListener("click", () => {
        this.tab = tab;
        this.open();
      });
    }
  }

  showCompiled(compiled: CompiledView): void {
    this.compiled = compiled;
    this.milliseconds = [];
    if (this.tab === "kernels") this.open();
  }

  showStages(stages: readonly StageView[]): void {
    this.stages = stages;
    if (this.tab === "stages") this.open();
  }

  showTimes(milliseconds: readonly number[]): void {
    this.milliseconds = milliseconds;
    if (this.tab === "kernels") this.open();
  }

  /** Marks the kernels that come from a line of the model. */
  pointAt(line: number): void {
    for (const { button, lines } of this.entries) button.classList.toggle("is-source", lines.includes(line));
  }

  private open(): void {
    for (const name of ["kernels", "stages"] as const)
      byId(`${name}-tab`).setAttribute("aria-selected", String(name === this.tab));
    const kernels = this.compiled?.kernels ?? [];
    this.entries =
      this.tab === "kernels"
        ? kernels.map((kernel, k) => this.kernelEntry(kernel, k))
        : this.stages.map((stage) => this.stageEntry(stage));
    byId("names").replaceChildren(...this.entries.map(({ button }) => element("li", "", button)));
    const wanted = this.chosen[this.tab];
    const entry = this.entries.find(({ button }) => button.dataset.name === wanted) ?? this.entries[0];
    entry?.read();
  }

  private kernelEntry(kernel: KernelView, place: number): Entry {
    const { name, lines, modules, source, flops, schedule } = kernel;
    const longest = Math.max(...this.milliseconds);
    const time = this.milliseconds[place];
    const bar = element("span", "bar");
    bar.style.width = time === undefined ? "0" : `${(100 * time) / longest}%`;
    const figure = time === undefined ? "" : `${time < 0.1 ? time.toFixed(3) : time.toFixed(2)} ms`;
    const label = [nameOf(name), element("span", "figure", figure), bar];
    const from = lines.length === 0 ? "" : `from line${lines.length > 1 ? "s" : ""} ${lines.join(", ")}`;
    const caption = [from, modules.join(", "), `${OPERATIONS.format(flops)} operations`, schedule];
    return this.entry(name, label, lines, caption.filter((part) => part !== "").join(" · "), source);
  }

  private stageEntry({ name, text, unchanged }: StageView): Entry {
    const label = [nameOf(name), element("span", "figure", unchanged ? "unchanged" : "")];
    return this.entry(name, label, [], `the training step after ${name}`, text);
  }

  private entry(
    name: string,
    label: readonly Node[],
    lines: readonly number[],
    caption: string,
    text: string,
  ): Entry {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.name = name;
    button.append(...label);
    const read = (): void => {
      this.chosen[this.tab] = name;
      for (const other of this.entries) other.button.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      byId("caption").textContent = caption;
      byId("text").textContent = text;
    };
    button.addEventListener("click", () => {
      read();
      byId("text").parentElement?.scrollTo(0, 0);
      this.events.chose(lines);
    });
    return { button, lines, read };
  }
}
