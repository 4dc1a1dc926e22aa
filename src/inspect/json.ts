/** A compilation as plain data with a stable schema, version by version; `docs/inspect.md` describes it. */

import type { DType } from "../core/dtype.ts";
import { isGraph, isPlan, type StageDump } from "../ir/artifact.ts";
import { isBody } from "../ir/body.ts";
import { kernelNames } from "../ir/kernel-names.ts";
import { valueNames } from "../ir/print.ts";
import type { Attr, Graph, TensorType, Value } from "../ir/types.ts";
import type { Placement } from "../loop/plan.ts";
import { printSchedule } from "../loop/schedule.ts";
import type { Kernel } from "../loop/types.ts";
import type { Compilation, KernelInfo, MemoryInfo } from "../runtime/inspection/figures.ts";

/** New fields may be added without a new number; any other change gets one. */
const VERSION = 1;

/** The subject of a dump. */
export interface DumpSubject {
  /** The model's file, or the file of the graph it continues from. */
  readonly file: string;
  readonly mode: "forward" | "training";
}

export interface DumpJson extends DumpSubject {
  readonly kilnDump: typeof VERSION;
  readonly backend: string;
  readonly stages: readonly StageJson[];
  readonly kernels: readonly KernelJson[];
  readonly memory: MemoryInfo & { readonly placements: readonly Placement[] };
}

/** `wanted` says which stages are included. */
export function dumpJson(
  subject: DumpSubject,
  compilation: Compilation,
  wanted: readonly StageDump[],
): DumpJson {
  const { backend, plan, kernels, memory } = compilation;
  return {
    kilnDump: VERSION,
    ...subject,
    backend,
    stages: wanted.map(stageJson),
    kernels: plan.kernels.map((kernel, k) => kernelJson(kernel, kernels[k])),
    memory: { ...memory, placements: plan.placements },
  };
}

/** A dump, or other data of a model, as text without hidden characters. */
export const jsonText = (dump: object): string =>
  JSON.stringify(dump, undefined, 2).replace(/[\u007f-\u009f\u2028\u2029\p{Cf}]/gu, (c) => escapedUnits(c));

const escapedUnits = (text: string): string =>
  Array.from(
    { length: text.length },
    (_, k) => `\\u${text.charCodeAt(k).toString(16).padStart(4, "0")}`,
  ).join("");

interface StageJson {
  readonly name: string;
  readonly doc: string;
  readonly form: "graph" | "kernels" | "plan" | "code";
  readonly unchanged: boolean;
  readonly milliseconds: number;
  readonly text: string;
  readonly graph?: GraphJson;
}

function stageJson({ name, doc, artifact, text, unchanged, milliseconds }: StageDump): StageJson {
  const form =
    name === "source" ? "code" : isGraph(artifact) ? "graph" : isPlan(artifact) ? "plan" : "kernels";
  return {
    name,
    doc,
    form,
    unchanged,
    milliseconds,
    text,
    ...(isGraph(artifact) && { graph: graphJson(artifact) }),
  };
}

interface ValueJson {
  /** The name in the text form: `%x`, `@conv1.weight`, `%3`. */
  readonly id: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

interface GraphJson {
  readonly name: string;
  readonly inputs: readonly (ValueJson & { readonly role: string; readonly name: string })[];
  readonly nodes: readonly (ValueJson & {
    readonly op: string;
    readonly inputs: readonly string[];
    readonly attrs: Readonly<Record<string, AttrJson>>;
    /** The types of further results, if the op has several. */
    readonly others?: readonly TensorType[];
    readonly origins: readonly OriginJson[];
  })[];
  readonly outputs: readonly { readonly name: string; readonly value: string }[];
  readonly updates: readonly { readonly target: string; readonly value: string }[];
  readonly partition?: { readonly kept: readonly string[]; readonly recomputed: readonly string[] };
  readonly groups?: readonly {
    readonly kernel: string;
    readonly nodes: readonly string[];
    readonly stores: readonly string[];
  }[];
  readonly views?: readonly { readonly node: string; readonly base: string }[];
  /** Values that are not row-major in memory, with the order of their axes there. */
  readonly layouts?: readonly { readonly value: string; readonly layout: readonly number[] }[];
}

interface OriginJson {
  readonly file: string;
  readonly line: number;
  readonly module: string;
}

function graphJson(graph: Graph): GraphJson {
  const names = valueNames(graph);
  const id = (value: Value): string => names.get(value)!;
  const { groups, partition, views, layouts } = graph;
  const kernels = kernelNames(groups ?? []);
  return {
    name: graph.name,
    inputs: graph.inputs.map((input) => ({
      id: id(input),
      role: input.role,
      name: input.name,
      ...input.type,
    })),
    nodes: graph.nodes.map((node) => ({
      id: id(node),
      op: node.op,
      inputs: node.inputs.map(id),
      attrs: Object.fromEntries(Object.entries(node.attrs).map(([name, value]) => [name, attrJson(value)])),
      ...node.type,
      origins: graph.origins.get(node) ?? [],
    })),
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: id(value) })),
    updates: graph.updates.map(({ target, value }) => ({ target: id(target), value: id(value) })),
    ...(partition && {
      partition: { kept: partition.kept.map(id), recomputed: partition.recomputed.map(id) },
    }),
    ...(groups && {
      groups: groups.map(({ nodes, stores }, k) => ({
        kernel: kernels[k],
        nodes: nodes.map(id),
        stores: stores.map(id),
      })),
    }),
    ...(views && { views: views.map(({ node, base }) => ({ node: id(node), base: id(base) })) }),
    ...(layouts && { layouts: layouts.map(({ value, layout }) => ({ value: id(value), layout })) }),
  };
}

/** A body has the same form as the whole graph. */
type AttrJson = Exclude<Attr, Graph> | GraphJson;

/** JSON has no infinities, no NaN and no negative zero: they are written as text. */
function attrJson(value: Attr): AttrJson {
  if (isBody(value)) return graphJson(value);
  if (typeof value !== "number") return value;
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}

interface KernelJson {
  readonly name: string;
  readonly ops: readonly string[];
  readonly schedule: string | null;
  readonly origins: readonly OriginJson[];
  readonly flops: number;
  readonly nominalFlops: number;
  readonly prepares: boolean;
  readonly bytes: number;
  /** Executed operations per byte. */
  readonly intensity: number;
  readonly buffers: readonly {
    readonly name: string;
    readonly value: string | null;
    readonly access: string;
    readonly dtype: DType;
    readonly length: number;
  }[];
  readonly scalars: readonly string[];
  readonly source: string;
}

function kernelJson(kernel: Kernel, info: KernelInfo): KernelJson {
  return {
    name: kernel.name,
    ops: kernel.ops,
    schedule: kernel.schedule === undefined ? null : printSchedule(kernel.schedule),
    origins: kernel.origins,
    flops: info.flops,
    nominalFlops: info.nominalFlops,
    prepares: info.prepares,
    bytes: info.bytes,
    intensity: intensityOf(info),
    buffers: kernel.buffers.map(({ name, value, access, dtype, length }) => ({
      name,
      value: value ?? null,
      access,
      dtype,
      length,
    })),
    scalars: kernel.scalars,
    source: info.source,
  };
}

/** Arithmetic intensity: executed operations per byte of the buffers it reads and writes. */
export const intensityOf = ({ flops, bytes }: Pick<KernelInfo, "flops" | "bytes">): number =>
  bytes === 0 ? 0 : flops / bytes;
