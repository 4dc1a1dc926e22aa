/** The compiler's output for the training step: its kernels with their source, and the text of every stage. */

import { byId } from "./by-id.ts";
import type { CompiledView } from "./messages.ts";

interface Entry {
  readonly name: string;
  readonly caption: string;
  readonly text: string;
}

const TABS = ["kernels", "stages", "model"] as const;

type Tab = (typeof TABS)[number];

/** The file that origins name. */
const MODEL = "lenet.js";

/** The model's file with the numbers of its lines. */
async function modelText(): Promise<string> {
  const text = await (await fetch(MODEL)).text();
  const lines = text.trimEnd().split("\n");
  return lines.map((line, k) => `${String(k + 1).padStart(3)}  ${line}`).join("\n");
}

export class CompilerView {
  private entries: Readonly<Record<Tab, readonly Entry[]>> = { kernels: [], stages: [], model: [] };
  private tab: Tab = "kernels";

  constructor() {
    for (const tab of TABS) byId(`${tab}-tab`).addEventListener("click", () => this.open(tab));
  }

  async show({ backend, milliseconds, kernels, stages }: CompiledView): Promise<void> {
    byId("summary").textContent =
      `Forward pass, loss, backward pass and update became ${kernels.length} kernels ` +
      `for ${backend}, in ${Math.round(milliseconds)} ms.`;
    byId("views").hidden = false;
    this.entries = {
      kernels: kernels.map(({ name, origins, source }) => ({
        name,
        caption: origins === "" ? "" : `From ${origins}`,
        text: source,
      })),
      stages: stages.map(({ name, text }) => ({
        name,
        caption: `The training step after the stage ${name}`,
        text,
      })),
      model: [{ name: MODEL, caption: "The model as this page runs it", text: await modelText() }],
    };
    this.open(this.tab);
  }

  private open(tab: Tab): void {
    this.tab = tab;
    for (const name of TABS) byId(`${name}-tab`).setAttribute("aria-selected", String(name === tab));
    byId("names").replaceChildren(
      ...this.entries[tab].map((entry) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = entry.name;
        button.addEventListener("click", () => this.read(entry, button));
        const item = document.createElement("li");
        item.append(button);
        return item;
      }),
    );
    byId("names").querySelector("button")?.click();
  }

  private read({ caption, text }: Entry, button: HTMLButtonElement): void {
    for (const other of byId("names").querySelectorAll("[aria-current]"))
      other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    byId("caption").textContent = caption;
    byId("source").textContent = text;
    byId("source").parentElement?.scrollTo(0, 0);
  }
}
