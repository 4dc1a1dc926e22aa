/**
 * Divides the work of kernels among threads: one loop of each kernel that is worth it becomes a `thread` loop, whose iterations
 * the backend hands out. Every element is computed by one thread, with the same operations in the same order whatever their
 * number, so that the bits do not depend on it.
 */

import { alikeTo, Families, type Likeness, likenessOf, withoutBody } from "../../src/loop/alike.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import { iterationsOf } from "../../src/loop/loops.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Step } from "../../src/loop/schedule.ts";
import type { Kernel, Stmt } from "../../src/loop/types.ts";
import type { Pass, StageInfo } from "../pass.ts";
import { WrittenElements } from "../scheduling/analysis/dependence.ts";
import { kernelTime } from "../scheduling/kernel-time.ts";
import { linearized } from "./linearize-grid.ts";

/** A loop is preferred to those inside it unless they divide the work more evenly by this much. */
const EVENNESS = 0.03;

type Loop = Extract<Stmt, { kind: "for" }>;

export const PARALLELIZE: StageInfo = {
  name: "parallelize",
  doc: "One loop of each kernel that is worth it is divided among threads, or all loops become one over the threads of a GPU.",
};

/** Divides work among threads; with `divideAlways` also where that does not pay, for tests. */
export const parallelize = (
  capabilities: Capabilities,
  divideAlways = false,
): Pass<LoweredProgram, LoweredProgram> => ({
  ...PARALLELIZE,
  run: (program) =>
    capabilities.oneElementPerThread
      ? { ...program, kernels: program.kernels.map(linearized) }
      : divideAmongThreads(program, capabilities, divideAlways),
});

/** The program with work divided among as many threads as the backend has; with `always`, also where it does not pay: for tests. */
function divideAmongThreads(
  program: LoweredProgram,
  capabilities: Capabilities,
  always: boolean,
): LoweredProgram {
  const { threads, times } = capabilities;
  const { preparedTo = 0 } = program;
  if (threads === 1) return program;
  const known = new Map<Kernel, number>();
  // Kernels that are alike take the same time.
  const timeOf = (kernel: Kernel): number => {
    const like = likenessOf(kernel)?.of;
    const first = like !== undefined && like.estimate === kernel.estimate ? like : kernel;
    const time = known.get(first) ?? kernelTime(first, capabilities);
    known.set(first, time);
    return time;
  };
  const shares = program.kernels.map((kernel, k): Share => {
    const time = timeOf(kernel);
    const most = always ? threads : Math.min(threads, Math.floor(time / times.share));
    if (most < 2) return { kernel, most: 1, won: 0 };
    // Prepared kernels hardly ever run.
    const runs = k < preparedTo ? 0 : iterationsOf(program, k);
    return { kernel, most, won: runs * (time * (1 - 1 / most) - times.meeting) };
  });
  const isWorthIt = (won: number): boolean => always || won >= times.waking;
  const total = (of: readonly Share[]): number => of.reduce((sum, { won }) => sum + won, 0);
  // Proving which loops can be divided takes a while, so it is done only if it could be worth it.
  if (!isWorthIt(total(shares))) return program;
  const families = new Families();
  const made = new Map<Kernel, Share>();
  // Kernels that are alike and divided among as many threads are divided alike.
  const divideLike = ({ kernel, most }: Share): Kernel => {
    const likeness = families.find(kernel);
    const first = likeness && made.get(likeness.of);
    if (first?.most === most) return dividedLike(kernel, likeness!, first.kernel);
    const divided = divide(kernel, most);
    if (likeness === undefined) made.set(kernel, { kernel: divided, most, won: 0 });
    return divided;
  };
  const divided = shares.map((share): Share => {
    if (share.most === 1) return share;
    const kernel = divideLike(share);
    return kernel === share.kernel ? { kernel, most: 1, won: 0 } : { ...share, kernel };
  });
  const isDivided = divided.some(({ most }) => most > 1);
  if (!isDivided || !isWorthIt(total(divided))) return program;
  return { ...program, threads, kernels: divided.map(({ kernel }) => kernel) };
}

/** A kernel, the number of threads its work may be divided among, and the nanoseconds that this saves. */
interface Share {
  readonly kernel: Kernel;
  readonly most: number;
  readonly won: number;
}

/** The kernel with a `thread` loop, or unchanged if none of its loops can be proved to be one. */
function divide(kernel: Kernel, threads: number): Kernel {
  const chosen: string[] = [];
  const part = (body: readonly Stmt[]): readonly Stmt[] => {
    const loop = loopToDivide(kernel, body, threads);
    if (loop === undefined) return body;
    chosen.push(loop.name);
    return marked(body, loop);
  };
  const inSections = kernel.body.some(({ kind }) => kind === "section");
  const body = inSections
    ? kernel.body.map((s): Stmt => (s.kind === "section" ? { ...s, body: part(s.body) } : s))
    : part(kernel.body);
  if (chosen.length === 0) return kernel;
  const step: Step = { kind: "parallelize", loops: [...new Set(chosen)], threads };
  return { ...kernel, body, threads, schedule: [...(kernel.schedule ?? []), step] };
}

/** A kernel made like an equal one that was divided, or could not be. */
function dividedLike(kernel: Kernel, { of, names }: Likeness, made: Kernel): Kernel {
  if (made === of) return kernel;
  const schedule = [...(kernel.schedule ?? []), ...made.schedule!.slice(-1)];
  return alikeTo(made, names, { ...withoutBody(kernel), threads: made.threads!, schedule });
}

/** The outermost loop that divides the work nearly as evenly as any. */
function loopToDivide(kernel: Kernel, body: readonly Stmt[], threads: number): Loop | undefined {
  const written = new WrittenElements(kernel, body);
  const evenness = ({ extent }: Loop): number =>
    typeof extent === "number" ? extent / (Math.ceil(extent / threads) * threads) : 0;
  const loops = loopsAround(body).filter(
    ({ name, extent }) => typeof extent === "number" && extent > 1 && written.areDisjointAlong(name, extent),
  );
  const best = Math.max(...loops.map(evenness));
  return loops.find((loop) => evenness(loop) >= best - EVENNESS);
}

/** The loops that hold all the work, outermost first: each is alone in its body, except for definitions. */
function loopsAround(body: readonly Stmt[]): Loop[] {
  const work = body.filter(({ kind }) => kind !== "let");
  const [loop] = work;
  if (work.length !== 1 || loop.kind !== "for" || loop.loop === "vector") return [];
  return [loop, ...loopsAround(loop.body)];
}

const marked = (body: readonly Stmt[], loop: Loop): readonly Stmt[] =>
  body.map((s): Stmt => {
    if (s === loop) return { ...loop, loop: "thread" };
    return s.kind === "for" ? { ...s, body: marked(s.body, loop) } : s;
  });
