/** The colours and fonts of pictures, for a light and a dark background. */

const LIGHT = {
  ground: "#ffffff",
  text: "#1e293b",
  muted: "#64748b",
  arrow: "#94a3b8",
  frame: "#d97706",
  frameFill: "#fffbeb",
  op: "#ffffff",
  edge: "#94a3b8",
  input: "#dbeafe",
  output: "#dcfce7",
  kernel: "#fef3c7",
} as const;

const DARK: Readonly<Record<keyof typeof LIGHT, string>> = {
  ground: "#0f172a",
  text: "#e2e8f0",
  muted: "#94a3b8",
  arrow: "#64748b",
  frame: "#d97706",
  frameFill: "#1c1917",
  op: "#1e293b",
  edge: "#64748b",
  input: "#1e3a8a",
  output: "#14532d",
  kernel: "#453008",
};

const variables = (colours: Readonly<Record<keyof typeof LIGHT, string>>): string =>
  Object.entries(colours)
    .map(([name, value]) => `--${name}:${value}`)
    .join(";");

/** The style sheet of every picture. */
export const PICTURE_STYLE = [
  `svg{${variables(LIGHT)};color-scheme:light dark;font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}`,
  `@media (prefers-color-scheme:dark){svg{${variables(DARK)}}}`,
  ".ground{fill:var(--ground)}",
  "text{fill:var(--text);font-size:11px;text-anchor:middle}",
  ".heading{font-size:13px;font-weight:600;text-anchor:start}",
  ".title{font-size:13px;font-weight:600}",
  ".place{fill:var(--muted)}",
  "text.frame{fill:var(--frame);text-anchor:start;paint-order:stroke;stroke:var(--frameFill);stroke-width:4px}",
  ".frame rect{fill:var(--frameFill);stroke:var(--frame)}",
  "rect{stroke-width:1}",
  ".op rect{fill:var(--op);stroke:var(--edge)}",
  ".input rect{fill:var(--input);stroke:var(--edge)}",
  ".output rect{fill:var(--output);stroke:var(--edge)}",
  ".kernel rect{fill:var(--kernel);stroke:var(--frame)}",
  ".arrow path{fill:none;stroke:var(--arrow);stroke-width:1.2}",
  ".tip{fill:var(--arrow)}",
].join("");
