/** How lines, boxes and kernels of the explorer are related to each other, according to their origins. */

/**
 * What an item belongs to, by numbers that mean the same in all panes. A line of the model has only origins and calls;
 * a node of a graph also has the kernels that it becomes part of, once fusion has decided; generated code also has the
 * part of such a kernel that it implements.
 */
export interface Link {
  /** Lines of the model. */
  readonly origins: readonly number[];
  /** Lines of the model whose calls led to those lines. */
  readonly callers: readonly number[];
  /** For a line of the model, the line itself: everything that its calls led to belongs to it. */
  readonly calls: readonly number[];
  /** Lines of the model, each combined with the module that runs it. */
  readonly sites: readonly number[];
  /** Nodes of the graph from which kernels are made: the same for all backends, however they group them. */
  readonly nodes: readonly number[];
  /** Kernels as they are lowered. */
  readonly kernels: readonly number[];
  /** The kernels that scheduling makes from those: the kernel itself, packs of its operands, lists of winners. */
  readonly parts: readonly number[];
}

export const NO_LINK: Link = {
  origins: [],
  callers: [],
  calls: [],
  sites: [],
  nodes: [],
  kernels: [],
  parts: [],
};

/**
 * From 6 to 1: the same code, the same kernel before scheduling split it, a common node, the same line run by the same
 * module, the same line or one that the line calls, a line that calls it. 0: not related.
 */
export type Closeness = 0 | 1 | 2 | 3 | 4 | 5 | 6;

type Kind = keyof Link;

/** What each closeness requires: a number that is in both the subject's and the candidate's list of these kinds. */
const SHARED: readonly { readonly closeness: Closeness; readonly subject: Kind; readonly candidate: Kind }[] =
  [
    { closeness: 6, subject: "parts", candidate: "parts" },
    { closeness: 5, subject: "kernels", candidate: "kernels" },
    { closeness: 4, subject: "nodes", candidate: "nodes" },
    { closeness: 3, subject: "sites", candidate: "sites" },
    { closeness: 2, subject: "origins", candidate: "origins" },
    { closeness: 2, subject: "calls", candidate: "callers" },
    { closeness: 1, subject: "callers", candidate: "calls" },
  ];

/** How closely `b` belongs to `a`; 0 if it does not. */
export const closeness = (a: Link, b: Link): Closeness => closenessTo(a)(b);

/** The same for many candidates: the subject's numbers are collected into sets once. */
function closenessTo(subject: Link): (candidate: Link) => Closeness {
  const wanted = SHARED.filter((shared) => subject[shared.subject].length > 0).map((shared) => ({
    ...shared,
    numbers: new Set(subject[shared.subject]),
  }));
  return (link) =>
    wanted.find(({ candidate, numbers }) => link[candidate].some((number) => numbers.has(number)))
      ?.closeness ?? 0;
}

/**
 * The positions of the candidates that belong most closely to `subject`: a kernel highlights its own code if there is
 * any, and otherwise whatever comes from the same lines.
 */
export function closest(subject: Link, candidates: readonly Link[]): readonly number[] {
  const distances = candidates.map(closenessTo(subject));
  const best = distances.reduce<number>((most, distance) => Math.max(most, distance), 0);
  return best === 0 ? [] : distances.flatMap((distance, k) => (distance === best ? [k] : []));
}
