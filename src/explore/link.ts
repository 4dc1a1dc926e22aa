/** What lines, boxes and kernels of the explorer have to do with each other, as far as their origins tell. */

/**
 * What something shown belongs to, by numbers that mean the same in all panes. A line of the model has origins and calls
 * alone; a node of a graph also the kernels that it becomes part of, once fusion has said which; generated code the one part
 * of such a kernel that it is.
 */
export interface Link {
  /** Lines of the model. */
  readonly origins: readonly number[];
  /** Lines of the model whose calls have led to those. */
  readonly callers: readonly number[];
  /** Of a line of the model that line: whatever its calls have led to belongs to it. */
  readonly calls: readonly number[];
  /** Lines of the model, each as a certain module runs it. */
  readonly sites: readonly number[];
  /** Nodes of the graph that kernels are made of: the same for all backends, however they group them. */
  readonly nodes: readonly number[];
  /** Kernels as they are lowered. */
  readonly kernels: readonly number[];
  /** What scheduling makes of those: the kernel itself, packs of its operands, lists of winners. */
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
 * From the most to the least: the same code, the same kernel before scheduling took it apart, a node in common, the same
 * line run by the same module, the same line or one that the line calls, a line that calls it.
 */
export type Closeness = 0 | 1 | 2 | 3 | 4 | 5 | 6;

type Kind = keyof Link;

/** What two things share when they are so close: one of the subject's kind is one of the candidate's. */
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

/** How closely `b` belongs to `a`; 0 when it does not. */
export const closeness = (a: Link, b: Link): Closeness => closenessTo(a)(b);

/** The same of many candidates, whose numbers are looked up instead of searched for. */
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
 * Which of `candidates` belong to `subject`: only those that do so most closely, so that a kernel lights up its own code
 * where there is some, and where there is none, what comes from the same lines.
 */
export function closest(subject: Link, candidates: readonly Link[]): readonly number[] {
  const distances = candidates.map(closenessTo(subject));
  const best = distances.reduce<number>((most, distance) => Math.max(most, distance), 0);
  return best === 0 ? [] : distances.flatMap((distance, k) => (distance === best ? [k] : []));
}
