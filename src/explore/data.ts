/** Everything that the explorer's page shows, as plain data: the page contains it as JSON and only displays it. */

import type { BoxKind } from "../inspect/picture.ts";
import type { Link } from "./link.ts";

/** One line of a source or a graph, or all lines of one kernel. */
export interface Block {
  readonly text: string;
  readonly link: Link;
  /** Whether the stage added the line or removed it; removed lines stay at their former position. */
  readonly change?: "added" | "removed";
  /** The kernel that these lines define. */
  readonly kernel?: string;
  /** The module that the kernel belongs to, if it belongs to a single one. */
  readonly module?: string;
}

/** A source, a stage or a backend's code, in blocks that are highlighted as a whole. */
export type Document = readonly Block[];

export interface SourceFile {
  readonly path: string;
  readonly lines: Document;
}

/** The diagram of a stage. The page lays it out, depending on which groups are open. */
export interface Drawing {
  /** Parents come before their children. */
  readonly groups: readonly DrawnGroup[];
  readonly boxes: readonly DrawnBox[];
  readonly arrows: readonly DrawnArrow[];
}

/** A group of boxes, drawn as a single box until it is opened. */
export interface DrawnGroup {
  /** A phase is the forward pass, the backward pass or the update; a body is the body of a loop. */
  readonly kind: "phase" | "module" | "kernel" | "body";
  readonly title: string;
  /** Position of the enclosing group; -1 if there is none. */
  readonly parent: number;
  readonly link: Link;
}

export interface DrawnBox {
  readonly kind: BoxKind;
  /** Its name in the stage's text. */
  readonly name: string;
  readonly title: string;
  /** The lines below the title. */
  readonly lines: readonly string[];
  /** The line of the model that it comes from; empty if unknown. */
  readonly place: string;
  /** The full description, for the tooltip. */
  readonly detail: string;
  /** Position of the enclosing group; -1 if there is none. */
  readonly parent: number;
  readonly link: Link;
}

export interface DrawnArrow {
  /** Positions of boxes. */
  readonly from: number;
  readonly to: number;
  /** Description of the value that flows along it. */
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
  /** The module that it belongs to; empty if it comes from several parts of the model. */
  readonly module: string;
  readonly link: Link;
  /** The lines of the model that it comes from, as text. */
  readonly place: string;
  readonly schedule: string;
  /** Whether it runs once, and then again only after a state has changed. */
  readonly prepares: boolean;
  /** Number of operations that it executes. */
  readonly flops: number;
  readonly bytes: number;
  /** The median time of a run on the machine that made the page; absent if nothing was measured. */
  readonly milliseconds?: number;
  /** Executed operations per second, in units of 10⁹. */
  readonly gflops?: number;
}

/** A buffer's place in the arena, and the kernels between which it is live. */
export interface Placement {
  readonly label: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Position of the first kernel that uses it; -1 if the host writes it before the first kernel. */
  readonly first: number;
  /** Position of the last kernel that uses it; the number of kernels if the host reads it after the last one. */
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
  /** The time of one ordinary run, without per-kernel timing; absent if nothing was measured. */
  readonly milliseconds?: number;
  /** Why nothing was measured although measuring was requested. */
  readonly unmeasured?: string;
}

export interface ExplorerData {
  readonly model: string;
  readonly mode: "forward" | "training";
  /** The machine on which the times were measured. */
  readonly machine: string;
  readonly sources: readonly SourceFile[];
  readonly backends: readonly BackendView[];
  /** Documents that several stages or backends share are stored only once, and so are drawings. */
  readonly documents: readonly Document[];
  readonly drawings: readonly Drawing[];
}
