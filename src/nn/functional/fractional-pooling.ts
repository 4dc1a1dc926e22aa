/**
 * Fractional max pooling: windows of one size with steps of random length for each plane, so that the result can have
 * any size (B. Graham, "Fractional max-pooling", 2014).
 */

import { describe } from "../../ops/definition.ts";
import { arange, full } from "../../tensor/creation.ts";
import { gather } from "../../tensor/lookup.ts";
import { rand } from "../../tensor/random.ts";
import { cat } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Arguments, type Extents, extentsOf, type Size, type Size2d, type Size3d } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";

/** The named arguments of {@link fractionalMaxPool2d}; either the size or the ratio is given. */
export interface FractionalPoolOptions<Extent = Size2d> {
  /** The size of the output along each axis. */
  readonly outputSize?: Extent | null;
  /** Between 0 and 1: the extents of the result as parts of the input's. */
  readonly outputRatio?: Extent | null;
  /** The positions of the windows: [N,C,2] or [N,C,3] numbers in [0, 1) (default: random). */
  readonly _randomSamples?: Tensor | null;
}

/** How many axes there are fractional pools over. */
type PlaneRank = 2 | 3;

/** The options as they are computed with. */
export interface FractionalPoolSettings<R extends PlaneRank> {
  readonly kernelSize: Extents<R>;
  readonly outputSize: Extents<R> | undefined;
  readonly outputRatio: readonly number[] | undefined;
  readonly returnIndices: boolean;
  readonly randomSamples: Tensor | undefined;
}

const NAMES = ["kernelSize", "outputSize", "outputRatio", "returnIndices", "_randomSamples"];

/** Reads the arguments of a fractional pool, layer or function. */
export function readFractionalPool<R extends PlaneRank>(
  callee: string,
  given: readonly unknown[],
  rank: R,
): FractionalPoolSettings<R> {
  const options = new Arguments(callee, given, NAMES);
  const [hasSize, hasRatio] = [options.has("outputSize"), options.has("outputRatio")];
  if (hasSize === hasRatio)
    refuse(`${callee} needs either outputSize or outputRatio${hasSize ? ", not both" : ""}`);
  const isRatio = (value: number): boolean => value > 0 && value < 1;
  const ratio = hasRatio ? options.perAxis("outputRatio", isRatio, "a number between 0 and 1") : undefined;
  if (typeof ratio === "object" && ratio.length !== rank)
    refuse(`${callee}'s outputRatio [${ratio}] must have one number for each of ${rank} axes`);
  return {
    kernelSize: options.extents("kernelSize", rank, 1),
    outputSize: hasSize ? options.extents("outputSize", rank, 1) : undefined,
    outputRatio: ratio === undefined ? undefined : extentsOf(ratio as Size<R>, rank),
    returnIndices: options.flag("returnIndices", false),
    randomSamples: options.tensor("_randomSamples"),
  };
}

/** Where the windows of each plane begin along one axis, [N,C,count] (int32), from a sample [N,C,1] in [0, 1). */
function beginnings(sample: Tensor, extent: number, count: number, kernel: number): Tensor {
  const last = extent - kernel;
  const end = full(sample.shape, last);
  if (count === 1) return end.int();
  const step = last / (count - 1);
  const places = arange(count - 1)
    .add(sample)
    .mul(step)
    .floor()
    .sub(sample.mul(step).floor());
  return cat([places, end], 2).int();
}

/** Pools [N,C,…] or [C,…] over its last `rank` axes: `[maxima, indices]`, an index being row-major in its plane. */
export function fractionalMaxPool<R extends PlaneRank>(
  callee: string,
  input: Tensor,
  rank: R,
  { kernelSize, outputSize, outputRatio = [], randomSamples }: FractionalPoolSettings<R>,
): [maxima: Tensor, indices: Tensor] {
  requireTensors(callee, { input });
  if (input.ndim !== rank + 1 && input.ndim !== rank + 2)
    refuse(`${callee} expects [N,C,…] or [C,…] with ${rank} more axes but got ${describe(input)}`);
  const [extents, leading] = [input.shape.slice(-rank), input.shape.slice(0, -rank)];
  const sizes = outputSize ?? extents.map((extent, k) => Math.floor(extent * outputRatio[k]));
  if (extents.some((extent, k) => sizes[k] < 1 || sizes[k] + kernelSize[k] - 1 > extent))
    refuse(`${callee}'s windows of [${kernelSize}] cannot make [${sizes}] of ${describe(input)}`);
  const [samples, channels] = leading.length === 2 ? leading : [1, ...leading];
  const drawn = randomSamples ?? rand(samples, channels, rank);
  if (String(drawn.shape) !== String([samples, channels, rank]))
    refuse(
      `${callee} of ${describe(input)} needs samples [${samples},${channels},${rank}], not ${describe(drawn)}`,
    );
  // Per axis, last first: [N,C,places] of one axis against the others, [N,C,…places,…taps].
  const positions = extents.map((extent, k) => {
    // PyTorch's samples go by width, height of images, and by depth, height, width of volumes.
    const sample = drawn.narrow(2, rank === 2 ? 1 - k : k, 1).detach();
    const begin = beginnings(sample, extent, sizes[k], kernelSize[k]);
    const taps = arange(kernelSize[k], { dtype: "int32" });
    const axis = (other: number): number[] => extents.map((_, i) => (i === k ? other : 1));
    const [places, reach] = [
      begin.reshape([samples, channels, ...axis(sizes[k]), ...axis(1)]),
      taps.reshape([...axis(1), ...axis(kernelSize[k])]),
    ];
    const stride = extents.slice(k + 1).reduce((a, b) => a * b, 1);
    return places.add(reach).mul(stride);
  });
  const places = positions.reduce((a, b) => a.add(b));
  const count = sizes.reduce((a, b) => a * b, 1);
  const flat = places.reshape([samples, channels, -1]);
  const plane = input.reshape([samples, channels, extents.reduce((a, b) => a * b, 1)]);
  const windows = gather(plane, 2, flat).reshape([samples, channels, count, -1]);
  const { values, indices } = windows.max(3, true);
  const where = gather(flat.reshape([samples, channels, count, -1]), 3, indices);
  const shape = [...leading, ...sizes];
  return [values.reshape(shape), where.reshape(shape)];
}

function pooled<R extends PlaneRank>(
  callee: string,
  input: Tensor,
  rank: R,
  given: readonly unknown[],
): Tensor | [Tensor, Tensor] {
  const settings = readFractionalPool(callee, given, rank);
  const both = fractionalMaxPool(callee, input, rank, settings);
  return settings.returnIndices ? both : both[0];
}

/** What follows the kernel's size where indices are wanted, too. */
type WithIndices<Extent> =
  | readonly [
      ...sizes: (Extent | null | undefined)[],
      options: FractionalPoolOptions<Extent> & { readonly returnIndices: true },
    ]
  | readonly [
      outputSize: Extent | null | undefined,
      outputRatio: Extent | null | undefined,
      returnIndices: true,
      _randomSamples?: Tensor | null,
    ];

/**
 * The maximum of each of some randomly placed windows of images [N,C,H,W] (torch.nn.functional.fractional_max_pool2d).
 * With `returnIndices` also their positions, `[maxima, indices]`. In a compiled model each run draws anew.
 */
export function fractionalMaxPool2d(
  input: Tensor,
  kernelSize: Size2d,
  outputSize?: Size2d | null | FractionalPoolOptions,
  outputRatio?: Size2d | null | FractionalPoolOptions,
  returnIndices?: false,
  _randomSamples?: Tensor | null,
): Tensor;
export function fractionalMaxPool2d(
  input: Tensor,
  kernelSize: Size2d,
  ...given: WithIndices<Size2d>
): [maxima: Tensor, indices: Tensor];
export function fractionalMaxPool2d(input: Tensor, ...given: readonly unknown[]): Tensor | [Tensor, Tensor] {
  return pooled("fractionalMaxPool2d", input, 2, given);
}

/** The same over volumes [N,C,D,H,W] (torch.nn.functional.fractional_max_pool3d). */
export function fractionalMaxPool3d(
  input: Tensor,
  kernelSize: Size3d,
  outputSize?: Size3d | null | FractionalPoolOptions<Size3d>,
  outputRatio?: Size3d | null | FractionalPoolOptions<Size3d>,
  returnIndices?: false,
  _randomSamples?: Tensor | null,
): Tensor;
export function fractionalMaxPool3d(
  input: Tensor,
  kernelSize: Size3d,
  ...given: WithIndices<Size3d>
): [maxima: Tensor, indices: Tensor];
export function fractionalMaxPool3d(input: Tensor, ...given: readonly unknown[]): Tensor | [Tensor, Tensor] {
  return pooled("fractionalMaxPool3d", input, 3, given);
}
