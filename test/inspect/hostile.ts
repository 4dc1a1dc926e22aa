/** Names that somebody might give a model, a file or a module to make a dump do more than show them. */

import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";

export const HOSTILE: readonly string[] = [
  '"]; evil [label="x"',
  "\\N\\G\\l\\",
  "&quot;&#34;&lt;",
  "<b onclick='alert(1)'>x</b>",
  "</text><script>alert(1)</script>",
  "]]><!--",
  "\u001b[2J\u001b]0;owned\u0007",
  "\u009b31mred",
  "a\nb\r\nc\u2028d\u2029e",
  "\u202etxt.gpj",
  "\ud800 half",
  "\u0000nul",
  "' onload='alert(1)",
  "*/ process.exit() /*",
  "`; process.exit(); `",
];

/** A graph in which `name` is the name of everything that a model's author names. */
export function graphNamed(name: string): Graph {
  const b = new GraphBuilder(opTable);
  const type = { dtype: "float32", shape: [2, 3] } as const;
  const x = b.input("input", name, type);
  const weight = b.input("state", `w${name}`, type);
  const origins = [{ file: `${name}.ts`, line: 3, module: name }];
  const sum = b.at(origins, () => b.node("relu", [b.node("add", [x, weight])]));
  return b.build(name, [{ name, value: sum }], [{ target: weight, value: sum }]);
}
