/** The picture `docs/pipeline.svg`: the stages that `kiln dump` names, drawn from the pipeline itself. */

import { BACKEND_NAMES } from "../../backends/registry.ts";
import { STAGES } from "../../passes/pipeline.ts";

/** A form of a model, the last stage at which it has it, and the space for it. */
interface Form {
  readonly title: string;
  readonly caption: string;
  readonly last: string;
  readonly width: number;
}

const FORMS: readonly Form[] = [
  { title: "Graph IR", caption: "ops, gradients, update", last: "layout", width: 226 },
  { title: "Loop IR", caption: "kernels as loops", last: "join-kernels", width: 290 },
  { title: "Plan", caption: "one arena", last: "plan-memory", width: 112 },
  { title: "Code", caption: "what runs", last: "source", width: 112 },
];

const MODEL_WIDTH = 132;
/** Space for an arrow between two boxes. */
const GAP = 30;
const MARGIN = 20;
const TOP = 58;
const ROW = 19;

const STYLE = `<style>
  text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #3b2416; }
  .title { font-size: 16px; font-weight: 650; }
  .soft { font-size: 12px; fill: #7a5a45; }
  .stage { font: 12px ui-monospace, Menlo, Consolas, monospace; }
  .code { font-weight: 650; fill: #a3420f; }
  .page { fill: #fbf7f2; }
  .box { fill: #fff; stroke: #c98257; stroke-width: 1.5; }
  .end { fill: #f6dfcd; stroke: #c98257; stroke-width: 1.5; }
  .way { stroke: #8a4b2a; stroke-width: 2; }
  .tip { fill: #8a4b2a; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f3e6da; }
    .soft { fill: #c9ab96; }
    .code { fill: #f0976a; }
    .page { fill: #1c1815; }
    .box { fill: #262019; stroke: #a8653b; }
    .end { fill: #3d2819; stroke: #a8653b; }
    .way { stroke: #e08a55; }
    .tip { fill: #e08a55; }
  }
</style>`;

/** The stages of each form, in order. */
function stagesOf(): readonly (readonly string[])[] {
  const names = STAGES.map(({ name }) => name);
  const ends = FORMS.map(({ last }) => names.indexOf(last) + 1);
  return FORMS.map((_, k) => names.slice(k === 0 ? 0 : ends[k - 1], ends[k]));
}

/** Backends that run a plan as code: their modes and the oracle are left out. */
const CODE = BACKEND_NAMES.filter((name) => name !== "interpret" && !name.includes(":"));

const text = (className: string, x: number, y: number, content: string, anchor = "middle"): string =>
  `<text class="${className}" x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;

const box = (className: string, x: number, y: number, width: number, height: number): string =>
  `<rect class="${className}" x="${x}" y="${y}" width="${width}" height="${height}" rx="9"/>`;

/** A form with its stages, in two columns read downwards if there are many. */
function formBox(
  { title, caption, width }: Form,
  lines: readonly string[],
  x: number,
  height: number,
): string[] {
  const columns = lines.length > 5 ? 2 : 1;
  const rows = Math.ceil(lines.length / columns);
  return [
    box("box", x, TOP, width, height),
    text("title", x + width / 2, TOP + 26, title),
    text("soft", x + width / 2, TOP + 44, caption),
    ...lines.map((name, k) => {
      const left = columns === 1 ? x + width / 2 : x + 14 + Math.floor(k / rows) * (width / 2 - 8);
      return text(
        CODE.some((code) => code === name) ? "code" : "stage",
        left,
        TOP + 72 + (k % rows) * ROW,
        name,
        columns === 1 ? "middle" : "start",
      );
    }),
  ];
}

const arrow = (to: number, y: number): string =>
  `<line class="way" x1="${to - GAP + 3}" y1="${y}" x2="${to - 4}" y2="${y}" marker-end="url(#tip)"/>`;

/** The picture as SVG. */
export function pipelinePicture(): string {
  const stages = stagesOf();
  // The last stage is the code of each backend.
  const lines = [...stages.slice(0, -1), [...stages.slice(-1)[0], ...CODE]];
  const rows = Math.max(...lines.map(({ length }) => (length > 5 ? Math.ceil(length / 2) : length)));
  const height = 72 + rows * ROW;
  const middle = TOP + height / 2;
  let x = MARGIN + MODEL_WIDTH;
  const forms = FORMS.flatMap((form, k) => {
    x += GAP;
    const drawn = [arrow(x, middle), ...formBox(form, lines[k], x, height)];
    x += form.width;
    return drawn;
  });
  const [width, total] = [x + MARGIN, TOP + height + MARGIN];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" role="img" aria-label="A model's way: traced to a graph, lowered to loops, planned, and printed as code for each backend">`,
    STYLE,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
    `<rect class="page" width="${width}" height="${total}" rx="12"/>`,
    text(
      "soft",
      width / 2,
      34,
      "kiln dump --all prints every stage, and each line names the line of the model that it comes from",
    ),
    box("end", MARGIN, middle - 34, MODEL_WIDTH, 68),
    text("title", MARGIN + MODEL_WIDTH / 2, middle - 4, "nn.Module"),
    text("soft", MARGIN + MODEL_WIDTH / 2, middle + 16, "your forward(x)"),
    ...forms,
    "</svg>",
    "",
  ].join("\n");
}
