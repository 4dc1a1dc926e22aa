/**
 * A grey canvas for pen strokes. A stroke's edge is antialiased by each pixel's distance to the line, and only the
 * pixels around a line are visited, so that drawing thousands of digits is fast.
 */

/** Straight pieces between two control points of a curve. */
const PIECES = 4;

/** A square canvas of ink between 0 and 1, drawn on in pixel coordinates. */
export class Canvas {
  readonly size: number;
  /** Ink per pixel, row by row. */
  readonly ink: Float32Array;

  constructor(size: number) {
    this.size = size;
    this.ink = new Float32Array(size * size);
  }

  /** Straight lines through `count` points, given as x, y, x, y, … */
  drawLines(points: Float64Array, count: number, thickness: number): void {
    for (let i = 0; i + 1 < count; i++) {
      this.drawLine(points[2 * i], points[2 * i + 1], points[2 * i + 2], points[2 * i + 3], thickness);
    }
  }

  /** A smooth (Catmull-Rom) curve through `count` points, given as x, y, x, y, … */
  drawCurve(points: Float64Array, count: number, thickness: number): void {
    for (let i = 0; i + 1 < count; i++) {
      const before = 2 * Math.max(i - 1, 0);
      const start = 2 * i;
      const end = start + 2;
      const after = 2 * Math.min(i + 2, count - 1);
      let [x, y] = [points[start], points[start + 1]];
      for (let piece = 1; piece <= PIECES; piece++) {
        const t = piece / PIECES;
        const nextX = interpolate(points[before], points[start], points[end], points[after], t);
        const nextY = interpolate(
          points[before + 1],
          points[start + 1],
          points[end + 1],
          points[after + 1],
          t,
        );
        this.drawLine(x, y, nextX, nextY, thickness);
        x = nextX;
        y = nextY;
      }
    }
  }

  /** A line with round ends; where strokes cross, the darker one stays. */
  drawLine(x0: number, y0: number, x1: number, y1: number, thickness: number): void {
    const { size, ink } = this;
    const reach = thickness / 2 + 0.5;
    const reachSquared = reach * reach;
    const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach));
    const right = Math.min(size - 1, Math.floor(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
    const bottom = Math.min(size - 1, Math.floor(Math.max(y0, y1) + reach));
    const [dx, dy] = [x1 - x0, y1 - y0];
    const lengthSquared = dx * dx + dy * dy;
    const inverse = lengthSquared > 0 ? 1 / lengthSquared : 0;
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const [px, py] = [column - x0, row - y0];
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) * inverse));
        const [offX, offY] = [px - along * dx, py - along * dy];
        const distanceSquared = offX * offX + offY * offY;
        if (distanceSquared >= reachSquared) continue;
        const coverage = Math.min(1, reach - Math.sqrt(distanceSquared));
        const pixel = row * size + column;
        if (coverage > ink[pixel]) ink[pixel] = coverage;
      }
    }
  }
}

/** The Catmull-Rom curve from `start` (t = 0) to `end` (t = 1), given the points before and after them. */
function interpolate(before: number, start: number, end: number, after: number, t: number): number {
  const linear = end - before;
  const square = 2 * before - 5 * start + 4 * end - after;
  const cube = 3 * start - before - 3 * end + after;
  return start + 0.5 * t * (linear + t * (square + t * cube));
}
