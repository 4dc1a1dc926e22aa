/** All that the explorer's page shows, as plain data: the page holds it as JSON and computes nothing of it. */

import type { BoxKind } from "../inspect/picture.ts";
import type { Link } from "./link.ts";

/** One line of a source or a graph, or all lines of one kernel. */
export interface Block {
  readonly text: string;
  readonly link: Link;
  /** What the stage did to it: a line that it added, or one that it removed, which stands where it was. */
  readonly change?: "added" | "removed";
  /** The kernel whose lines these are. */
  readonly kernel?: string;
  /** The module that the kernel belongs to, where it is one. */
  readonly module?: string;
}

/** A source, a stage or a backend's code, in blocks that light up as wholes. */
export type Document = readonly Block[];

export interface SourceFile {
  readonly path: string;
  readonly lines: Document;
}

/** A stage as a picture, which the page lays out as far as its groups are opened. */
export interface Drawing {
  /** Whoever holds a group stands before it. */
  readonly groups: readonly DrawnGroup[];
  readonly boxes: readonly DrawnBox[];
  readonly arrows: readonly DrawnArrow[];
}

/** What is drawn as one box until it is opened. */
export interface DrawnGroup {
  /** A phase is the forward pass, the backward pass or the update; a body is what a loop repeats. */
  readonly kind: "phase" | "module" | "kernel" | "body";
  readonly title: string;
  /** Position of the group that holds it; -1 when none does. */
  readonly parent: number;
  readonly link: Link;
}

export interface DrawnBox {
  readonly kind: BoxKind;
  /** What the stage's text calls it. */
  readonly name: string;
  readonly title: string;
  /** What stands below the title. */
  readonly lines: readonly string[];
  /** The line of the model it comes from, empty when unknown. */
  readonly place: string;
  /** All there is to say. */
  readonly detail: string;
  /** Position of the group that holds it; -1 when none does. */
  readonly parent: number;
  readonly link: Link;
}

export interface DrawnArrow {
  /** Positions of boxes. */
  readonly from: number;
  readonly to: number;
  /** What flows along it. */
  readonly detail: string;
}

export interface Stage {
  readonly name: string;
  readonly doc: string;
  readonly milliseconds: number;
  readonly unchanged: boolean;
  /** Position in `documents`. */
  readonly document: number;
  /** Position in `drawings`. */
  readonly drawing: number;
}

export interface KernelRow {
  readonly name: string;
  /** The module that it belongs to, empty where several parts of the model have a share in it. */
  readonly module: string;
  readonly link: Link;
  /** Lines of the model, as text. */
  readonly place: string;
  readonly schedule: string;
  /** Whether it runs once, and again when a state has changed. */
  readonly prepares: boolean;
  /** Operations that it executes. */
  readonly flops: number;
  readonly bytes: number;
  /** The median of one run on the machine that made the page; absent when nothing was measured. */
  readonly milliseconds?: number;
  /** 10⁹ executed operations a second. */
  readonly gflops?: number;
}

/** A buffer's place in the arena, and the kernels between which it is taken. */
export interface Placement {
  readonly label: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** -1 when the host writes it before the first kernel. */
  readonly first: number;
  /** The number of kernels when the host reads it after the last. */
  readonly last: number;
  readonly link: Link;
}

export interface Memory {
  readonly arenaBytes: number;
  readonly parameterBytes: number;
  readonly peakBytes: number;
  readonly peakKernel: string;
  readonly placements: readonly Placement[];
}

/** A model, compiled for one backend. */
export interface BackendView {
  readonly name: string;
  readonly stages: readonly Stage[];
  /** The generated code: position in `documents`. */
  readonly code: number;
  readonly kernels: readonly KernelRow[];
  readonly memory: Memory;
  /** One run as a user has it; absent when nothing was measured. */
  readonly milliseconds?: number;
  /** Why nothing was measured, where something was to be. */
  readonly unmeasured?: string;
}

export interface ExplorerData {
  readonly model: string;
  readonly mode: "forward" | "training";
  /** What the times were measured on. */
  readonly machine: string;
  readonly sources: readonly SourceFile[];
  readonly backends: readonly BackendView[];
  /** What several stages and backends have in common stands here once. */
  readonly documents: readonly Document[];
  readonly drawings: readonly Drawing[];
}
