/** The legend: a dialog that explains the page's colours, terms and keys. */

import { button, element } from "./dom.ts";

const COLOURS: readonly (readonly [kind: string, meaning: string])[] = [
  ["module", "a module of the model: + opens it, − closes it"],
  ["op", "an operation of the graph"],
  ["kernel", "a kernel: a loop nest that runs as a unit"],
  ["input", "an input of the program"],
  ["output", "an output of the program"],
  ["lit", "belongs to what you point at or have selected"],
  ["found", "matches the search"],
  ["added", "added by this pass"],
  ["removed", "removed by this pass"],
];

const TERMS: readonly (readonly [term: string, meaning: string])[] = [
  ["stage", "the model after one pass of the compiler; the slider moves through all of them"],
  ["IR", "intermediate representation: the form of the program that compiler passes read and write"],
  ["@name, %name, $name", "a parameter or other state, a value, a number such as the learning rate"],
  [
    "fusion",
    "computing several operations in one kernel, so that intermediate results need not be stored in memory",
  ],
  ["schedule", "how a kernel's loops are split, reordered, unrolled and vectorized"],
  ["pack, panel", "a copy of an operand in the order in which the inner loop reads it"],
  [
    "arena",
    "the block of memory for all values passed between kernels; buffers with disjoint lifetimes share space",
  ],
  ["FLOP", "floating-point operations that a kernel executes; a multiply-add counts as two"],
  ["GFLOP/s", "10⁹ floating-point operations per second, measured on the machine that made the page"],
  ["bytes", "the sizes of all buffers that a kernel reads or writes"],
  ["share", "the kernel's share of the total time of all kernels, each timed separately"],
  ["forward, backward, update", "the model itself, its gradients, and the optimizer's new parameters"],
];

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ["Tab", "next pane"],
  ["↑ ↓ PgUp PgDn Home End", "move within a pane"],
  ["[ ]", "previous and next stage"],
  ["Enter", "open or close a group of the graph; in the search: next match"],
  ["+ − 0", "zoom the graph in, out, or to the width of its pane; Ctrl with the mouse wheel also zooms"],
  ["/", "search"],
  ["Esc", "deselect"],
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
