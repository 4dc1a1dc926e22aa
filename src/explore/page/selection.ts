/** What the user points at and what the user has selected: every pane highlights the items that belong to it. */

import type { Link } from "../link.ts";

/** An item of a pane. */
export interface Subject {
  readonly link: Link;
  /** Its name, for the status line and screen readers. */
  readonly label: string;
  /** The element that represents it. */
  readonly element: Element;
  /** Whether it only contains other items, which are highlighted in its place. */
  readonly holds?: boolean;
  /** The text for the search, if it differs from what is shown. */
  readonly text?: string;
}

/** Called with the subject to highlight; with `follow`, it should also be scrolled into view. */
export type Listener = (subject: Subject | undefined, follow: boolean) => void;

export class Selection {
  private pointedAt: Subject | undefined;
  private chosen: Subject | undefined;
  private readonly listeners: Listener[] = [];
  private pointer = { x: 0, y: 0 };

  constructor() {
    document.addEventListener("pointermove", (event) => this.hasMoved(event));
  }

  /** Whether the pointer has moved: an item that scrolls under a resting pointer is not pointed at. */
  hasMoved({ clientX: x, clientY: y }: PointerEvent): boolean {
    const { x: beforeX, y: beforeY } = this.pointer;
    this.pointer = { x, y };
    return x !== beforeX || y !== beforeY;
  }

  /** The subject that is highlighted now. */
  get current(): Subject | undefined {
    return this.pointedAt ?? this.chosen;
  }

  listen(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Highlights what belongs to `subject` while the pointer is on it. */
  point(subject: Subject | undefined): void {
    if (subject?.element === this.pointedAt?.element) return;
    this.pointedAt = subject;
    this.tell(false);
  }

  /** Selects `subject` and scrolls what belongs to it into view in all panes; `undefined` clears the selection. */
  choose(subject: Subject | undefined): void {
    this.chosen = subject;
    this.pointedAt = undefined;
    this.tell(subject !== undefined);
  }

  private tell(follow: boolean): void {
    for (const listener of this.listeners) listener(this.current, follow);
  }
}
