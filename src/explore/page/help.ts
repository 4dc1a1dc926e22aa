/** What the page's colours, words and keys mean, in a dialog. */

import { button, element } from "./dom.ts";

const COLOURS: readonly (readonly [kind: string, meaning: string])[] = [
  ["module", "a module of the model: + opens it, − closes it"],
  ["op", "an operation of the graph"],
  ["kernel", "a kernel: one loop nest that runs as a whole"],
  ["input", "an input that is fed"],
  ["output", "a result that is returned"],
  ["lit", "belongs to what is pointed at or chosen"],
  ["found", "found by the search"],
  ["added", "added by this pass"],
  ["removed", "removed by this pass"],
];

const TERMS: readonly (readonly [term: string, meaning: string])[] = [
  ["stage", "what one pass of the compiler has made of the model; the slider goes through all of them"],
  ["IR", "intermediate representation: the program as the compiler holds it between two passes"],
  ["@name, %name, $name", "a parameter or other state, a value, a number such as the learning rate"],
  ["fusion", "computing several operations in one kernel, so that what is between them never goes to memory"],
  ["schedule", "how a kernel's loops are split, reordered, unrolled and run in vector lanes"],
  ["pack, panel", "a copy of an operand in the order in which the inner loop reads it"],
  ["arena", "the one block of memory in which all values between kernels lie; buffers share it over time"],
  ["FLOP", "floating-point operations that a kernel executes; a multiply-add counts as two"],
  ["GFLOP/s", "10⁹ of them a second, measured on the machine that made the page"],
  ["bytes", "the sizes of all buffers that a kernel reads or writes"],
  ["share", "the kernel's part of the time of all kernels, each run by itself"],
  ["forward, backward, update", "the model itself, its gradients, and the optimizer's new parameters"],
];

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ["Tab", "from pane to pane"],
  ["↑ ↓ PgUp PgDn Home End", "through what is in a pane"],
  ["[ ]", "to the stage before and after"],
  ["Enter", "opens and closes a group of the graph; in the search: to the next"],
  ["+ − 0", "zoom the graph, and fit its width; Ctrl with the wheel zooms too"],
  ["/", "search"],
  ["Esc", "lets go"],
];

export function helpDialog(): HTMLDialogElement {
  const close = button("close", "Close", () => dialog.close());
  const dialog = element("dialog", { class: "help", "aria-label": "Legend" }, [
    element("div", { class: "help-columns" }, [
      section(
        "Colours",
        COLOURS.map(([kind, meaning]) => [element("span", { class: `swatch is-${kind}` }), meaning]),
      ),
      section("Keys", KEYS),
      section("Terms", TERMS),
    ]),
    close,
  ]);
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
  return dialog;
}

const section = (title: string, rows: readonly (readonly [Node | string, string])[]): HTMLElement =>
  element("section", {}, [
    element("h2", {}, [title]),
    element(
      "dl",
      {},
      rows.flatMap(([term, meaning]) => [element("dt", {}, [term]), element("dd", {}, [meaning])]),
    ),
  ]);
