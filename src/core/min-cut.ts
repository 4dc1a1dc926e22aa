/** Minimum vertex cuts of directed graphs, by augmenting paths (Ford and Fulkerson, 1956). */

interface Arc {
  readonly from: number;
  readonly to: number;
  /** The capacity that is left. */
  room: number;
  readonly opposite: number;
}

/** A graph in which each vertex can be cut at a price. Vertices are numbered in the order in which they are added. */
export class VertexCut {
  private readonly arcs: Arc[] = [];
  /** The arcs that lead to and from each end of a vertex: 2v is where vertex v is entered, 2v + 1 where it is left. */
  private readonly into: number[][] = [];
  private readonly sources = new Set<number>();
  private readonly sinks: number[] = [];

  /** Adds a vertex; gives its number. */
  vertex(price: number): number {
    const vertex = this.into.length / 2;
    this.into.push([], []);
    this.join(2 * vertex, 2 * vertex + 1, price);
    return vertex;
  }

  /** A path leads from one vertex to the other. */
  edge(from: number, to: number): void {
    this.join(2 * from + 1, 2 * to, Number.POSITIVE_INFINITY);
  }

  source(vertex: number): void {
    this.sources.add(2 * vertex);
  }

  sink(vertex: number): void {
    this.sinks.push(2 * vertex + 1);
  }

  /**
   * The cheapest vertices without which no path leads from a source to a sink, sources and sinks themselves among them; of
   * equally cheap ones those nearest to the sinks.
   */
  cheapest(): readonly number[] {
    // No path to an earlier sink can open again: whatever leads into what reaches it would have been found.
    for (const sink of this.sinks) while (this.augment(sink));
    const behind = new Set<number>();
    for (const sink of this.sinks) for (const end of this.reaching(sink).next.keys()) behind.add(end);
    return Array.from({ length: this.into.length / 2 }, (_, vertex) => vertex).filter(
      (vertex) => behind.has(2 * vertex + 1) && !behind.has(2 * vertex),
    );
  }

  private join(from: number, to: number, room: number): void {
    const arc = this.arcs.length;
    this.arcs.push({ from, to, room, opposite: arc + 1 }, { from: to, to: from, room: 0, opposite: arc });
    this.into[to].push(arc);
    this.into[from].push(arc + 1);
  }

  /** The ends from which more could flow to `sink`, each with the arc to take; the search is over at a source. */
  private reaching(sink: number): { readonly next: Map<number, Arc | undefined>; readonly source?: number } {
    const next = new Map<number, Arc | undefined>([[sink, undefined]]);
    for (const end of next.keys()) {
      if (this.sources.has(end)) return { next, source: end };
      for (const number of this.into[end]) {
        const arc = this.arcs[number];
        if (arc.room > 0 && !next.has(arc.from)) next.set(arc.from, arc);
      }
    }
    return { next };
  }

  /** Augments along one path; returns whether there was one. */
  private augment(sink: number): boolean {
    const { next, source } = this.reaching(sink);
    if (source === undefined) return false;
    const path: Arc[] = [];
    for (let arc = next.get(source); arc !== undefined; arc = next.get(arc.to)) path.push(arc);
    const room = Math.min(...path.map((arc) => arc.room));
    for (const arc of path) {
      arc.room -= room;
      this.arcs[arc.opposite].room += room;
    }
    return true;
  }
}
