/** The loss over the steps as a chart: every step's loss, its moving average, and the values under the pointer. */

const SVG = "http://www.w3.org/2000/svg";

/** Room for the labels around the curves, in pixels. */
const MARGIN = { left: 38, right: 8, top: 12, bottom: 24 };

/** The weight of a new loss in the moving average. */
const SMOOTHING = 0.06;

/** More points than this cannot be distinguished, and are slow to draw. */
const MOST_POINTS = 600;

interface Point {
  readonly step: number;
  readonly loss: number;
  readonly average: number;
}

export class LossChart {
  private readonly host: HTMLElement;
  private readonly svg = document.createElementNS(SVG, "svg");
  private points: Point[] = [];
  private pointerX: number | undefined;
  private isDue = false;

  constructor(host: HTMLElement) {
    this.host = host;
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", "Loss over the steps");
    host.append(this.svg);
    new ResizeObserver(() => this.redraw()).observe(host);
    host.addEventListener("pointermove", ({ offsetX }) => this.point(offsetX));
    host.addEventListener("pointerleave", () => this.point(undefined));
  }

  add(step: number, loss: number): void {
    const before = this.points.at(-1)?.average ?? loss;
    this.points.push({ step, loss, average: before + SMOOTHING * (loss - before) });
    this.redraw();
  }

  clear(): void {
    this.points = [];
    this.redraw();
  }

  private point(x: number | undefined): void {
    this.pointerX = x;
    this.redraw();
  }

  /** Draws at most once per frame, however many losses arrive. */
  private redraw(): void {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.draw();
    });
  }

  private draw(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    const lastStep = Math.max(10, this.points.at(-1)?.step ?? 0);
    const highest =
      1.05 * Math.max(this.points.length === 0 ? 2.4 : 0.5, ...this.points.map(({ loss }) => loss));
    const x = (step: number): number =>
      MARGIN.left + (step / lastStep) * (width - MARGIN.left - MARGIN.right);
    const y = (loss: number): number =>
      height - MARGIN.bottom - (loss / highest) * (height - MARGIN.top - MARGIN.bottom);

    const grid = ticks(highest, 5).flatMap((loss) => [
      line("grid", MARGIN.left, y(loss), width - MARGIN.right, y(loss)),
      text("", MARGIN.left - 8, y(loss) + 4, "end", String(loss)),
    ]);
    const steps = ticks(lastStep, 6).map((step) => text("", x(step), height - 6, "middle", String(step)));
    const every = Math.ceil(this.points.length / MOST_POINTS);
    const drawn = this.points.filter((_, k) => k % every === 0 || k === this.points.length - 1);
    const curve = (className: string, value: (p: Point) => number): SVGElement =>
      element("polyline", {
        class: className,
        points: drawn.map((p) => `${x(p.step).toFixed(1)},${y(value(p)).toFixed(1)}`).join(" "),
      });
    this.svg.replaceChildren(
      ...grid,
      ...steps,
      curve("raw", (p) => p.loss),
      curve("smooth", (p) => p.average),
      ...this.reading(x, y, width),
    );
  }

  /** The step nearest to the pointer, with its average. */
  private reading(x: (step: number) => number, y: (loss: number) => number, width: number): SVGElement[] {
    const at = this.pointerX;
    if (at === undefined || this.points.length === 0) return [];
    const nearest = this.points.reduce((a, b) =>
      Math.abs(x(b.step) - at) < Math.abs(x(a.step) - at) ? b : a,
    );
    const [px, py] = [x(nearest.step), y(nearest.average)];
    const anchor = px > width / 2 ? "end" : "start";
    const label = `step ${nearest.step}: ${nearest.loss.toFixed(3)} (average ${nearest.average.toFixed(3)})`;
    return [
      line("pointer", px, MARGIN.top, px, y(0)),
      element("circle", { class: "dot", cx: px, cy: py, r: 4.5 }),
      text("reading", px + (anchor === "end" ? -8 : 8), MARGIN.top + 10, anchor, label),
    ];
  }
}

/** Round numbers from 0 to `end`, about `count` of them. */
function ticks(end: number, count: number): number[] {
  const rough = end / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, k) => Number((k * step).toFixed(digits)));
}

function element(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

const line = (className: string, x1: number, y1: number, x2: number, y2: number): SVGElement =>
  element("line", { class: className, x1, y1, x2, y2 });

function text(className: string, x: number, y: number, anchor: string, content: string): SVGElement {
  const made = element("text", { class: className, x, y, "text-anchor": anchor });
  made.textContent = content;
  return made;
}
