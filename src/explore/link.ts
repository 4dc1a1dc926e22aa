/** What lines, boxes and kernels of the explorer have to do with each other, as far as their origins tell. */

/**
 * What something shown belongs to, by numbers that mean the same in all panes. A line of the model has origins alone; a
 * node of a graph also the kernels that it becomes part of, once fusion has said which; generated code the one part of
 * such a kernel that it is.
 */
export interface Link {
  /** Lines of the model. */
  readonly origins: readonly number[];
  /** Nodes of the graph that kernels are made of: the same for all backends, however they group them. */
  readonly nodes: readonly number[];
  /** Kernels as they are lowered. */
  readonly kernels: readonly number[];
  /** What scheduling makes of those: the kernel itself, packs of its operands, lists of winners. */
  readonly parts: readonly number[];
}

export const NO_LINK: Link = { origins: [], nodes: [], kernels: [], parts: [] };

/** The same code, the same kernel before scheduling took it apart, a node in common, the same line of the model. */
export type Closeness = 0 | 1 | 2 | 3 | 4;

/** How closely two things belong together; 0 when they do not. */
export function closeness(a: Link, b: Link): Closeness {
  if (share(a.parts, b.parts)) return 4;
  if (share(a.kernels, b.kernels)) return 3;
  if (share(a.nodes, b.nodes)) return 2;
  return share(a.origins, b.origins) ? 1 : 0;
}

/**
 * Which of `candidates` belong to `subject`: only those that do so most closely, so that a kernel lights up its own code
 * where there is some, and where there is none, what comes from the same lines.
 */
export function closest(subject: Link, candidates: readonly Link[]): readonly number[] {
  const distances = candidates.map((candidate) => closeness(subject, candidate));
  const best = Math.max(0, ...distances);
  return best === 0 ? [] : distances.flatMap((distance, k) => (distance === best ? [k] : []));
}

const share = (a: readonly number[], b: readonly number[]): boolean => a.some((item) => b.includes(item));
