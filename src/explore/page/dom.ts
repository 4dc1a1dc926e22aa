/** Creates elements. Text is inserted only as text, so that nothing a model's author wrote can become markup. */

type Child = Node | string;

/** An element with attributes (`true` sets one, `false` leaves it out) and children. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number | boolean>> = {},
  children: readonly Child[] = [],
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** A button with a label that says what it does. */
export function button(text: string, label: string, onClick: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", "aria-label": label, title: label }, [text]);
  made.addEventListener("click", onClick);
  return made;
}
