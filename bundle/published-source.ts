/** Sources as published: ops' definitions without the properties for tests, and classes that keep their names. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import ts from "typescript";

/** Makes bundles use published sources. `namesFunctions` keeps the names of public functions, too. */
export const published = ({ namesFunctions }: { readonly namesFunctions: boolean }): Plugin => ({
  name: "published-source",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^kiln:named$/ }, () => ({ path: NAMED }));
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const published = withClassNames(DEFINITIONS.test(path) ? withoutTests(text) : text);
      const functions = namesFunctions && PUBLIC.test(path) ? text.matchAll(FUNCTION) : [];
      const named = [...new Set([...functions].map(([, name]) => name))];
      const contents =
        named.length === 0 ? published : `${IMPORT} ${published}\nkeepNames({ ${named.join(", ")} });`;
      return { contents, loader: "ts" };
    });
  },
});

const NAMED = fileURLToPath(new URL("named.ts", import.meta.url));
const IMPORT = 'import { named as keepNames } from "kiln:named";';

const DEFINITIONS = /\/src\/ops\/[^/]+\.ts$/;

/** Properties of an op's definition that are not read while models compile and run. */
const ONLY_FOR_TESTS = ["doc", "samples"];

/**
 * The source of a definition without the properties that only tests read; elementwise ops keep `reference`, which folds
 * their constants.
 */
function withoutTests(text: string): string {
  const file = ts.createSourceFile("definition.ts", text, ts.ScriptTarget.Latest, true);
  const cuts: (readonly [from: number, to: number])[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isObjectLiteralExpression(node)) {
      const { properties } = node;
      const unread = isFolded(node) ? ONLY_FOR_TESTS : [...ONLY_FOR_TESTS, "reference"];
      properties.forEach((property, k) => {
        if (property.name === undefined || !unread.includes(property.name.getText(file))) return;
        const end =
          properties[k + 1]?.getFullStart() ?? (properties.hasTrailingComma ? properties.end : property.end);
        cuts.push([property.getFullStart(), end]);
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  let rest = text;
  for (const [from, to] of cuts.sort(([a], [b]) => b - a)) {
    // Part of a property that is removed as well.
    if (cuts.some(([a, b]) => (a < from && to <= b) || (a <= from && to < b))) continue;
    rest = rest.slice(0, from) + rest.slice(to);
  }
  return rest;
}

/** Whether an object may be the definition of an elementwise op, or the base of one: it names no other pattern. */
const isFolded = (node: ts.ObjectLiteralExpression): boolean =>
  !node.properties.some(
    (property) =>
      ts.isPropertyAssignment(property) &&
      property.name.getText() === "pattern" &&
      ts.isStringLiteral(property.initializer) &&
      property.initializer.text !== "elementwise",
  );

/**
 * The source with classes that keep their names if a bundler renames them, because messages and representations show
 * them. Unlike a call, a static field does not prevent bundlers from dropping a class that a page does not use.
 * (esbuild's `keepNames` also names every closure each time it is created: a third of the time of an import.)
 */
function withClassNames(text: string): string {
  const file = ts.createSourceFile("classes.ts", text, ts.ScriptTarget.Latest, true);
  const classes = file.statements.filter(ts.isClassDeclaration).reverse();
  return classes.reduce((rest, { name, members }) => {
    const field = name === undefined ? "" : ` static name = "${name.text}";`;
    return rest.slice(0, members.pos) + field + rest.slice(members.pos);
  }, text);
}

const FUNCTION = /^export (?:async )?function (\w+)/gm;
const PUBLIC = /\/src\/(?:core|data|nn|optim|tensor|trace)\//;
