/** The slider for the stages, their names below it, and what the pass of the selected stage does. */

import { durationText } from "../../core/figures-text.ts";
import type { Stage } from "../data.ts";
import { button, element } from "./dom.ts";

export class StageControl {
  readonly root: HTMLElement;
  private readonly slider = element("input", { type: "range", min: 0, step: 1, "aria-label": "Stage" });
  private readonly names = element("div", { class: "names" });
  private readonly explanation = element("p", { class: "explanation", "aria-live": "polite" });
  private stages: readonly Stage[] = [];

  /** `choose` is called with the position of the stage that the user selects. */
  constructor(choose: (position: number) => void) {
    this.slider.addEventListener("input", () => choose(Number(this.slider.value)));
    this.names.addEventListener("click", ({ target }) => {
      const name = target instanceof Element ? target.closest("button") : null;
      if (name !== null) choose([...this.names.children].indexOf(name));
    });
    this.root = element("div", { class: "stages" }, [
      element("div", { class: "track" }, [this.slider, this.names]),
      this.explanation,
    ]);
  }

  show(stages: readonly Stage[], position: number): void {
    if (stages !== this.stages) {
      this.stages = stages;
      this.names.replaceChildren(
        ...stages.map(({ name, unchanged }) => {
          const made = button(name, unchanged ? `${name} (unchanged)` : name, () => {});
          made.tabIndex = -1; // the slider handles the keyboard
          made.classList.toggle("unchanged", unchanged);
          return made;
        }),
      );
      this.root.style.setProperty("--stages", String(stages.length));
      this.slider.max = String(stages.length - 1);
    }
    const { name, doc, milliseconds, unchanged } = stages[position];
    this.slider.value = String(position);
    this.slider.setAttribute("aria-valuetext", name);
    [...this.names.children].forEach((child, k) => {
      if (k === position) child.setAttribute("aria-current", "step");
      else child.removeAttribute("aria-current");
    });
    this.explanation.replaceChildren(
      element("strong", {}, [name]),
      ` ${doc}${unchanged ? " It changed nothing here." : ""} `,
      element("span", { class: "muted" }, [durationText(milliseconds)]),
    );
  }
}
