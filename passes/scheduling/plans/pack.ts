/**
 * Packed panels: a factor whose loads are guarded (a convolution's padding) is copied once into scratch with
 * a halo of zeros, so that the inner loop of the contraction loads without a test.
 */

import { type Affine, addAffine, coefficientOf, fromAffine, toAffine } from "../../../src/loop/affine.ts";
import { add, and, compare, float, int, load, mul, select, variable } from "../../../src/loop/build.ts";
import { countFlops } from "../../../src/loop/flops.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { ProgramBuffer } from "../../../src/loop/program.ts";
import { type Range, RangeContext } from "../../../src/loop/range.ts";
import type { Operand, Step } from "../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { usedBuffers } from "../../../src/loop/used-buffers.ts";
import { conjuncts, freeNames, rewriter } from "../../../src/loop/walk.ts";
import { type Contraction, contractionOf } from "../analysis/contraction.ts";
import type { GridLoop } from "../analysis/nest.ts";
import { schedulePlain } from "./plain.ts";
import { tileCandidates } from "./register-tile.ts";
import type { Candidate, Strategy } from "./strategy.ts";

export interface Packed {
  /** Fills the scratch buffer. */
  readonly kernel: Kernel;
  readonly scratch: ProgramBuffer;
  readonly param: BufferParam;
  /** What replaces the guarded load. */
  readonly load: Expr;
  readonly step: Step;
}

/** Copying one element costs about as much as this many multiply-adds. */
const COPY_COST = 8;

export const packedPanels: Strategy = {
  name: "packed-panels",
  doc: "Copies guarded factors into zero-padded scratch, then runs register tiles without tests.",
  candidates(kernel, capabilities) {
    const contraction = contractionOf(kernel);
    if (contraction === undefined) return [];
    const packed = packContraction(contraction);
    if (packed === undefined) return [];
    const copies = packed.packs.reduce((n, { param }) => n + param.length, 0);
    return tileCandidates(packed.contraction, capabilities).map(
      (candidate): Candidate => ({
        strategy: "packed-panels",
        get schedule() {
          return [...packed.packs.map(({ step }) => step), ...candidate.schedule];
        },
        cost: candidate.cost + COPY_COST * copies,
        apply() {
          const { kernels, scratch } = candidate.apply();
          const main = kernels.map((k) => ({
            ...k,
            schedule: [...packed.packs.map(({ step }) => step), ...candidate.schedule],
            nominalFlops: kernel.nominalFlops,
          }));
          return {
            kernels: [...packed.packs.map((p) => schedulePlain(p.kernel)), ...main],
            scratch: [...packed.packs.map((p) => p.scratch), ...scratch],
          };
        },
      }),
    );
  },
};

/** The contraction with its guarded factors packed, or `undefined` when none can be. */
export function packContraction(
  contraction: Contraction,
): { readonly contraction: Contraction; readonly packs: readonly Packed[] } | undefined {
  const { kernel, core, nest, window } = contraction;
  const loops: GridLoop[] = [...nest.loops, ...window, ...core.axes];
  const packs: Packed[] = [];
  // Equal copies of a factor stand in several stores; interned, they are one.
  const interner = new Interner();
  const replaced = new Map<Expr, Expr>();
  for (const factor of new Set([contraction.left, contraction.right])) {
    const operand = factor === contraction.left ? "left" : "right";
    const pack = packGuarded(factor, operand, loops, kernel, `${kernel.name}_panel${packs.length}`);
    if (pack === undefined) continue;
    packs.push(pack);
    replaced.set(interner.intern(factor), pack.load);
  }
  if (packs.length === 0) return undefined;
  const rewrite = rewriter((e) => replaced.get(e) ?? e);
  const stores = nest.stores.map((s) => ({ ...s, value: rewrite(interner.intern(s.value)) }));
  const body = nest.loops.reduceRight<Stmt[]>(
    (inner, { name, extent }) => [{ kind: "for", name, extent, loop: "grid", body: inner }],
    stores.map((s): Stmt => ({ kind: "store", ...s })),
  );
  const buffers = [
    ...kernel.buffers,
    ...packs.map(({ param }): BufferParam => ({ ...param, access: "read" })),
  ];
  const unguarded = contractionOf({ ...kernel, buffers: stillUsed(buffers, body), body });
  return unguarded && { contraction: unguarded, packs };
}

function stillUsed(buffers: readonly BufferParam[], body: readonly Stmt[]): BufferParam[] {
  const { loaded, stored } = usedBuffers(body);
  return buffers.filter(({ name }) => loaded.has(name) || stored.has(name));
}

interface Guarded {
  /** The guarded coordinate without its constant. */
  readonly form: Affine;
  readonly bounds: Range;
  readonly valid: Range;
  /** What one step of the coordinate moves in the source. */
  readonly step: number;
}

/** Packs `select(guards, load, 0)`; `undefined` when the factor has another form. */
export function packGuarded(
  factor: Expr,
  operand: Operand,
  loops: readonly GridLoop[],
  kernel: Kernel,
  name: string,
): Packed | undefined {
  if (factor.kind !== "select" || factor.a.kind !== "load") return undefined;
  if (factor.b.kind !== "const" || factor.b.value !== 0) return undefined;
  const source = factor.a;
  const ranges = loops.reduce(
    (r, l) => r.withName(l.name, { low: 0, high: l.extent - 1 }),
    new RangeContext(),
  );
  const index = toAffine(source.index);
  const guarded = guardsOf(factor.condition, index, ranges);
  if (guarded === undefined) return undefined;
  const rest = guarded.reduce((form, g) => addAffine(form, g.form, -g.step), index);
  const free = [...rest.terms.values()].sort((a, b) => b.coefficient - a.coefficient);
  if (free.some(({ atom }) => atom.kind !== "var")) return undefined;
  const extentOf = (e: Expr): number => loops.find((l) => e.kind === "var" && l.name === e.name)?.extent ?? 1;
  const extents = [
    ...free.map(({ atom }) => extentOf(atom)),
    ...guarded.map(({ bounds }) => bounds.high - bounds.low + 1),
  ];
  const length = extents.reduce((n, extent) => n * extent, 1);
  const strides = extents.map((_, axis) => extents.slice(axis + 1).reduce((n, extent) => n * extent, 1));

  const axes = extents.map((extent, axis) => ({ name: `j${axis}`, extent }));
  const at = (axis: number): Expr => (extents[axis] === 1 ? int(0) : variable(axes[axis].name));
  let from: Expr = int(rest.constant);
  free.forEach(({ coefficient }, k) => {
    from = add(from, mul(at(k), int(coefficient)));
  });
  let condition: Expr | undefined;
  guarded.forEach(({ bounds, valid, step }, k) => {
    const position = add(at(free.length + k), int(bounds.low));
    from = add(from, mul(position, int(step)));
    const inside = [
      ...(valid.low > bounds.low ? [compare("ge", position, int(valid.low))] : []),
      ...(valid.high < bounds.high ? [compare("le", position, int(valid.high))] : []),
    ];
    for (const test of inside) condition = condition === undefined ? test : and(condition, test);
  });
  const value = load(source.buffer, source.dtype, from);
  const packedIndex = [
    ...free.map(({ atom }, k) => mul(atom, int(strides[k]))),
    ...guarded.map(({ form, bounds }, k) =>
      mul(fromAffine({ ...form, constant: -bounds.low }), int(strides[free.length + k])),
    ),
  ].reduce(add, int(0));
  const param: BufferParam = { name, dtype: "float32", length, access: "write" };
  const body = axes.reduceRight<Stmt[]>(
    (inner, { name: axis, extent }) =>
      extent === 1 ? inner : [{ kind: "for", name: axis, extent, loop: "grid", body: inner }],
    [
      {
        kind: "store",
        buffer: name,
        index: axes.map((_, axis) => mul(at(axis), int(strides[axis]))).reduce(add, int(0)),
        value: condition === undefined ? value : select(condition, value, float(0)),
      },
    ],
  );
  return {
    kernel: {
      ...kernel,
      name,
      ops: ["pack"],
      buffers: [...kernel.buffers.filter((b) => b.name === source.buffer), param],
      scalars: [],
      body,
      nominalFlops: countFlops(body),
    },
    scratch: { name, dtype: "float32", shape: extents, role: "scratch", value: `packed ${source.buffer}` },
    param,
    load: load(name, "float32", packedIndex),
    step: {
      kind: "cache",
      operand,
      layout: [
        ...free.map(({ atom }) => [...freeNames(atom)]),
        ...guarded.map(({ form }) => [...form.terms.keys()]),
      ],
    },
  };
}

/** The guarded coordinates of a conjunction of comparisons, or `undefined` when one is of another kind. */
function guardsOf(condition: Expr, index: Affine, ranges: RangeContext): Guarded[] | undefined {
  const byForm = new Map<string, { form: Affine; valid: Range }>();
  for (const test of conjuncts(condition)) {
    if (test.kind !== "compare" || test.b.kind !== "const") return undefined;
    const { constant, terms } = toAffine(test.a);
    const bound = test.b.value - constant;
    const valid =
      test.op === "ge"
        ? { low: bound, high: Number.POSITIVE_INFINITY }
        : test.op === "lt"
          ? { low: Number.NEGATIVE_INFINITY, high: bound - 1 }
          : undefined;
    if (valid === undefined) return undefined;
    const key = [...terms]
      .map(([name, t]) => `${t.coefficient}${name}`)
      .sort()
      .join("+");
    const known = byForm.get(key)?.valid ?? { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
    byForm.set(key, {
      form: { constant: 0, terms },
      valid: { low: Math.max(known.low, valid.low), high: Math.min(known.high, valid.high) },
    });
  }
  const result: Guarded[] = [];
  for (const { form, valid } of byForm.values()) {
    const [[name, term]] = form.terms;
    const step = coefficientOf(index, name) / term.coefficient;
    const aligned = [...form.terms].every(([n, t]) => coefficientOf(index, n) === step * t.coefficient);
    if (!Number.isInteger(step) || step === 0 || !aligned) return undefined;
    result.push({ form, valid, step, bounds: ranges.rangeOfAffine(form) });
  }
  return result.sort((a, b) => b.step - a.step);
}
