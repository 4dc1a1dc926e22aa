/** The editor of the model's source: CodeMirror with lines that can be marked. */

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { bracketMatching, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { EditorState, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  drawSelection,
  EditorView,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

/** Lines to mark, 1-based, and the class that they get. */
interface Marks {
  readonly lines: readonly number[];
  readonly className: "is-source" | "is-wrong";
}

const mark = StateEffect.define<Marks>();

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(decorations, transaction) {
    const asked = transaction.effects.find((effect) => effect.is(mark));
    if (asked === undefined) return decorations.map(transaction.changes);
    const { lines, className } = asked.value;
    const builder = new RangeSetBuilder<Decoration>();
    const known = lines.filter((line) => line <= transaction.newDoc.lines);
    for (const line of known.toSorted((a, b) => a - b)) {
      const { from } = transaction.newDoc.line(line);
      builder.add(from, from, Decoration.line({ class: className }));
    }
    return builder.finish();
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Notifications of the user's actions. */
export interface EditorEvents {
  changed(): void;
  /** The line of the cursor, 1-based. */
  moved(line: number): void;
}

export class Editor {
  private readonly view: EditorView;

  constructor(parent: HTMLElement, events: EditorEvents) {
    this.view = new EditorView({
      parent,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        EditorState.tabSize.of(2),
        keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
        javascript({ typescript: true }),
        syntaxHighlighting(classHighlighter),
        EditorView.contentAttributes.of({ "aria-label": "The model's source" }),
        marks,
        EditorView.updateListener.of(({ docChanged, selectionSet, state }) => {
          if (docChanged) events.changed();
          else if (selectionSet) events.moved(state.doc.lineAt(state.selection.main.head).number);
        }),
      ],
    });
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  set text(insert: string) {
    const { doc } = this.view.state;
    this.view.dispatch({ changes: { from: 0, to: doc.length, insert } });
  }

  /** Marks only these lines. */
  mark(lines: readonly number[], className: Marks["className"]): void {
    this.view.dispatch({ effects: mark.of({ lines, className }) });
  }

  /** Scrolls a line into view. */
  reveal(line: number): void {
    const { doc } = this.view.state;
    if (line > doc.lines) return;
    this.view.dispatch({
      effects: EditorView.scrollIntoView(doc.line(line).from, { y: "nearest", yMargin: 40 }),
    });
  }
}
