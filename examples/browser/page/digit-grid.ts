/** Test digits as images, each with the model's prediction. */

import type { DigitsView, Evaluation } from "./messages.ts";

interface Tile {
  readonly figure: HTMLElement;
  readonly caption: HTMLElement;
  readonly label: number;
}

export class DigitGrid {
  private readonly tiles: readonly Tile[];

  constructor(host: HTMLElement, { size, pixels, labels }: DigitsView) {
    this.tiles = Array.from(labels, (label, k) => {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      figure.append(picture(pixels.subarray(k * size * size, (k + 1) * size * size), size, label), caption);
      host.append(figure);
      return { figure, caption, label };
    });
    this.clear();
  }

  show(predictions: Evaluation["predictions"]): void {
    for (const [k, { figure, caption, label }] of this.tiles.entries()) {
      const { digit, confidence } = predictions[k];
      const isRight = digit === label;
      figure.className = isRight ? "right" : "wrong";
      // Colour is not the only sign of right and wrong.
      caption.textContent = isRight ? `${digit}` : `${digit} ✕`;
      figure.title = `A ${label}, taken for a ${digit} (${Math.round(100 * confidence)} % sure)`;
    }
  }

  score(predictions: Evaluation["predictions"]): string {
    const right = this.tiles.filter(({ label }, k) => predictions[k].digit === label).length;
    return `${right} of ${this.tiles.length} right`;
  }

  clear(): void {
    for (const { figure, caption, label } of this.tiles) {
      figure.className = "";
      figure.title = `A ${label}`;
      caption.textContent = "?";
    }
  }
}

/** Black ink on a transparent background: the page adds the paper, and makes the ink white on dark paper. */
function picture(pixels: Float32Array, size: number, label: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [size, size];
  canvas.setAttribute("aria-label", `A handwritten ${label}`);
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(size, size);
  for (let k = 0; k < pixels.length; k++) image.data.set([0, 0, 0, 255 * pixels[k]], 4 * k);
  context.putImageData(image, 0, 0);
  return canvas;
}
