/**
 * Tracks whether what a program has prepared from states is still valid: every write to a state increments its
 * revision, and a program remembers the revisions that it has prepared from.
 */

import type { Cell } from "./model-state.ts";

export class Preparation {
  private readonly cells: readonly Cell[];
  private readonly revisions: number[];
  private isDone = false;

  /** `cells` are those of the states that are read. */
  constructor(cells: readonly Cell[]) {
    this.cells = cells;
    this.revisions = cells.map(() => 0);
  }

  /** Whether it was prepared, and nothing has been written since to a state that it depends on. */
  get isCurrent(): boolean {
    if (!this.isDone) return false;
    for (let k = 0; k < this.cells.length; k++)
      if (this.cells[k].revision !== this.revisions[k]) return false;
    return true;
  }

  /** Records that it is about to be prepared from the current states; nothing is prepared until that is done. */
  begin(): void {
    this.isDone = false;
    for (let k = 0; k < this.cells.length; k++) this.revisions[k] = this.cells[k].revision;
  }

  done(): void {
    this.isDone = true;
  }
}
