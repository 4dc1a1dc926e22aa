/** The kernels of a backend with their operations, bytes, and times on the machine that made the page. */

import { countText, durationText } from "../../core/figures-text.ts";
import type { BackendView, KernelRow } from "../data.ts";
import { button, element } from "./dom.ts";
import { Pane } from "./pane.ts";
import type { Selection, Subject } from "./selection.ts";

export class KernelsPane {
  readonly pane: Pane;
  private readonly machine: string;
  private readonly order: HTMLButtonElement;
  private view: BackendView | undefined;
  private slowestFirst = false;

  constructor(selection: Selection, machine: string) {
    this.pane = new Pane(selection, "kernels", "Kernels");
    this.machine = machine;
    this.order = button("slowest first", "Slowest first", () => {
      this.slowestFirst = !this.slowestFirst;
      this.order.setAttribute("aria-pressed", String(this.slowestFirst));
      if (this.view !== undefined) this.show(this.view);
    });
    this.order.setAttribute("aria-pressed", "false");
    this.pane.tools.append(this.order);
  }

  show(view: BackendView): void {
    this.view = view;
    const { kernels, milliseconds } = view;
    this.order.hidden = milliseconds === undefined;
    const total = kernels.reduce(
      (sum, { milliseconds: time = 0, prepares }) => (prepares ? sum : sum + time),
      0,
    );
    const slowest = Math.max(1e-9, ...kernels.map(({ milliseconds: time = 0 }) => time));
    const rows = kernels.map((row, k) => ({ row, k }));
    if (this.slowestFirst) rows.sort((a, b) => (b.row.milliseconds ?? 0) - (a.row.milliseconds ?? 0));
    const items = rows.map(
      ({ row, k }): Subject => ({
        link: row.link,
        label: `${k} ${row.name}${row.module === "" ? "" : ` of ${row.module}`}${row.milliseconds === undefined ? "" : `, ${durationText(row.milliseconds)}`}`,
        element: rowOf(row, k, total, slowest),
      }),
    );
    const summary =
      milliseconds === undefined
        ? (view.unmeasured ?? "Not measured.")
        : `One run takes ${durationText(milliseconds)}; the sum over all kernels is ${durationText(total)}. ` +
          `Measured on ${this.machine}.`;
    const head = element("div", { class: "row head", "aria-hidden": "true" }, [
      ...["", "kernel", "time", "share", "module", "GFLOP/s", "FLOP", "bytes", "schedule"].map((text) =>
        element("span", {}, [text]),
      ),
    ]);
    const table = element("div", { class: "rows" }, [head, ...items.map((item) => item.element)]);
    this.pane.fill([element("p", { class: "summary" }, [summary]), table], items);
  }
}

function rowOf(row: KernelRow, k: number, total: number, slowest: number): HTMLElement {
  const { name, module, milliseconds, prepares, gflops, flops, bytes, schedule, place } = row;
  const time = element("span", { class: "bar-cell" }, [
    milliseconds === undefined ? "" : durationText(milliseconds),
  ]);
  time.style.setProperty("--share", `${(100 * (milliseconds ?? 0)) / slowest}%`);
  const share = prepares
    ? "once"
    : milliseconds === undefined
      ? ""
      : `${((100 * milliseconds) / Math.max(total, 1e-9)).toFixed(1)} %`;
  return element("div", { class: "row", title: `${name}\n${place}\n${schedule}` }, [
    element("span", { class: "number" }, [String(k)]),
    element("span", { class: "kernel-name" }, [name]),
    time,
    element("span", {}, [share]),
    element("span", { class: "module" }, [module]),
    element("span", {}, [gflops === undefined || gflops === 0 ? "" : gflops.toPrecision(3)]),
    element("span", {}, [countText(flops)]),
    element("span", {}, [countText(bytes)]),
    element("span", { class: "schedule" }, [schedule]),
  ]);
}
