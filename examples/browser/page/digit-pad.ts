/** A sheet to draw a digit on, converted to the form of the training digits: MNIST's, centred by mass in its frame. */

/** The longer side of a digit, of 28 pixels, as in MNIST; the model's image has a margin of 2 more all around. */
const DIGIT = 20;

/** Pixels of the sheet per pixel of the canvas. */
const INK_WIDTH = 1 / 11;

/** Ink fainter than this share of the darkest does not count as part of the digit. */
const FAINT = 0.1;

export class DigitPad {
  readonly canvas: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly size: number;
  private readonly changed: (pixels: Float32Array | undefined) => void;
  private isDue = false;

  /**
   * `changed` gets the image of `size` × `size`, 0 (paper) to 1 (ink), at each stroke; undefined if there is no ink.
   */
  constructor(canvas: HTMLCanvasElement, size: number, changed: (pixels: Float32Array | undefined) => void) {
    this.canvas = canvas;
    this.size = size;
    this.changed = changed;
    this.context = canvas.getContext("2d", { willReadFrequently: true })!;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.stroke(event, false);
    });
    canvas.addEventListener("pointermove", (event) => {
      if ((event.buttons & 1) === 1) for (const part of partsOf(event)) this.stroke(part, true);
    });
    canvas.addEventListener("pointerup", () => this.context.beginPath());
  }

  clear(): void {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.beginPath();
    this.changed(undefined);
  }

  private stroke({ offsetX, offsetY }: PointerEvent, isDrawn: boolean): void {
    const { context, canvas } = this;
    const [x, y] = [
      (offsetX * canvas.width) / canvas.clientWidth,
      (offsetY * canvas.height) / canvas.clientHeight,
    ];
    [context.lineWidth, context.lineCap, context.lineJoin] = [canvas.width * INK_WIDTH, "round", "round"];
    if (!isDrawn) {
      context.beginPath();
      context.moveTo(x, y);
    }
    context.lineTo(x, y);
    context.stroke();
    context.beginPath();
    context.moveTo(x, y);
    this.tell();
  }

  /** At most once per frame. */
  private tell(): void {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      const { width, height } = this.canvas;
      const { data } = this.context.getImageData(0, 0, width, height);
      const ink = Float32Array.from({ length: width * height }, (_, k) => data[4 * k + 3] / 255);
      this.changed(likeMnist({ width, height, ink }, this.size));
    });
  }
}

/** All points of a fast stroke, if the browser keeps them. */
function partsOf(event: PointerEvent): readonly PointerEvent[] {
  const parts = event.getCoalescedEvents?.() ?? [];
  return parts.length > 0 ? parts : [event];
}

/** Ink on a sheet, row by row. */
export interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly ink: Float32Array;
}

/**
 * The digit on the sheet in MNIST's form: its longer side scaled to 20 pixels, its centre of mass in the middle of an
 * image of `size` × `size`. Undefined if there is no ink.
 */
export function likeMnist({ width, height, ink }: Sheet, size: number): Float32Array | undefined {
  const box = { left: width, right: -1, top: height, bottom: -1 };
  let [mass, massX, massY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = ink[y * width + x];
      if (value < FAINT) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
      mass += value;
      massX += value * (x + 0.5);
      massY += value * (y + 0.5);
    }
  }
  if (mass === 0) return undefined;
  // Pixels of the sheet per pixel of the image.
  const scale = Math.max(box.right - box.left + 1, box.bottom - box.top + 1) / DIGIT;
  const [centreX, centreY] = [massX / mass, massY / mass];
  const picture = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const left = centreX + (column - size / 2) * scale;
      const top = centreY + (row - size / 2) * scale;
      picture[row * size + column] = meanOf({ width, height, ink }, left, top, scale);
    }
  }
  return picture;
}

/** The mean ink of a square of the sheet; there is none beyond its edges. */
function meanOf({ width, height, ink }: Sheet, left: number, top: number, side: number): number {
  const samples = Math.max(1, Math.ceil(side));
  let sum = 0;
  for (let k = 0; k < samples; k++) {
    const y = Math.floor(top + ((k + 0.5) * side) / samples);
    if (y < 0 || y >= height) continue;
    for (let j = 0; j < samples; j++) {
      const x = Math.floor(left + ((j + 0.5) * side) / samples);
      if (x >= 0 && x < width) sum += ink[y * width + x];
    }
  }
  return sum / samples ** 2;
}
