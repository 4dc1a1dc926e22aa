/** `kiln backends`: what can run here, and what is missing for the rest. */

import { backends } from "../compile.ts";
import type { Command } from "./command.ts";

export const backendsCommand: Command = {
  name: "backends",
  summary: "Lists the backends: which can run here, and what is missing for the others.",
  operands: [],
  options: [],
  examples: ["kiln backends"],
  async run() {
    const rows = (await backends()).map(({ name, available, reason }) => [
      name,
      available ? "yes" : "no",
      reason,
    ]);
    const all = [["backend", "runs here", ""], ...rows];
    const widths = [0, 1].map((column) => Math.max(...all.map((row) => row[column].length)) + 2);
    for (const [name, available, reason] of all) {
      console.log(`${name.padEnd(widths[0])}${available.padEnd(widths[1])}${reason}`.trimEnd());
    }
  },
};
