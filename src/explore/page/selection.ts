/** What the user points at, and what he has chosen to keep in sight: every pane lights up what belongs to it. */

import type { Link } from "../link.ts";

/** Something in a pane. */
export interface Subject {
  readonly link: Link;
  /** What it is called. */
  readonly label: string;
  /** The element that stands for it. */
  readonly element: Element;
  /** Whether it only holds others, which light up in its stead. */
  readonly holds?: boolean;
  /** What a search finds it by, where that is not what it shows. */
  readonly text?: string;
}

/** Hears what is to light up. `follow` asks to bring it into sight. */
export type Listener = (subject: Subject | undefined, follow: boolean) => void;

export class Selection {
  private pointedAt: Subject | undefined;
  private chosen: Subject | undefined;
  private readonly listeners: Listener[] = [];
  private pointer = { x: 0, y: 0 };

  constructor() {
    document.addEventListener("pointermove", (event) => this.hasMoved(event));
  }

  /** Whether the pointer is elsewhere than before: what scrolls below one that rests is not pointed at. */
  hasMoved({ clientX: x, clientY: y }: PointerEvent): boolean {
    const { x: beforeX, y: beforeY } = this.pointer;
    this.pointer = { x, y };
    return x !== beforeX || y !== beforeY;
  }

  /** What lights up now. */
  get current(): Subject | undefined {
    return this.pointedAt ?? this.chosen;
  }

  listen(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Lights up what belongs to `subject` for as long as it is pointed at. */
  point(subject: Subject | undefined): void {
    if (subject?.element === this.pointedAt?.element) return;
    this.pointedAt = subject;
    this.tell(false);
  }

  /** Keeps `subject` lit and brings what belongs to it into sight, everywhere. Nothing lets go. */
  choose(subject: Subject | undefined): void {
    this.chosen = subject;
    this.pointedAt = undefined;
    this.tell(subject !== undefined);
  }

  private tell(follow: boolean): void {
    for (const listener of this.listeners) listener(this.current, follow);
  }
}
