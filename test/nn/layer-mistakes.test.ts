/** Layers of the wider catalogue: what they refuse, and what no fixture can hold: dropout that keeps the variance. */

import { F, manualSeed, nn, randn, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";

describe("AlphaDropout", () => {
  it("keeps mean and variance, and is nothing in evaluation", async () => {
    manualSeed(3);
    const x = randn(64, 256);
    const y = new nn.AlphaDropout(0.3).forward(x);
    // 16,384 numbers: means are off by a 128th, variances by a 90th, one standard deviation; five of them are allowed.
    expect(Math.abs(await y.mean().item())).toBeLessThan(5 / 128);
    expect(Math.abs((await y.var().item()) - 1)).toBeLessThan(5 / 90);
    const kept = new nn.AlphaDropout(0.3).eval();
    expect(await kept.forward(x).sub(x).abs().amax().item()).toBe(0);
    expect(await F.alphaDropout(x).sub(x).abs().amax().item()).toBe(0);
  });

  it("drops whole channels as FeatureAlphaDropout", async () => {
    manualSeed(4);
    const y = await new nn.FeatureAlphaDropout(0.5)
      .forward(tensor(Array(24).fill(1)).reshape(2, 4, 3))
      .data();
    for (let k = 0; k < 24; k += 3) expect([y[k + 1], y[k + 2]]).toEqual([y[k], y[k]]);
    expect(new Set(y).size).toBe(2);
  });
});

describe("nearest interpolation by a whole factor", () => {
  it("copies numbers that no product would survive", async () => {
    const x = tensor([[[Number.POSITIVE_INFINITY, 1e38, Number.NaN]]]);
    const y = await F.interpolate(x, { scaleFactor: 2 }).data();
    const copies = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Math.fround(1e38), Math.fround(1e38)];
    expect([...y]).toEqual([...copies, Number.NaN, Number.NaN]);
  });
});

describe("mistakes", () => {
  const images = zeros(1, 2, 3, 4);
  it.each([
    ["sizes", () => F.interpolate(images), /interpolate needs either size or scaleFactor/],
    ["both", () => new nn.Upsample(4, { scaleFactor: 2 }), /either size or scaleFactor, not both/],
    [
      "modes",
      () => F.interpolate(images, { size: 2, mode: "linear" }),
      /mode linear expects \[N,C,L\] but got/,
    ],
    [
      "corners",
      () => F.interpolate(images, { size: 2, alignCorners: true }),
      /alignCorners is for the modes/,
    ],
    [
      "axes",
      () => F.interpolate(images, { size: [2, 3, 4] }),
      /size \[2,3,4\] must have one number for each of the 2/,
    ],
    [
      "factors",
      () => F.interpolate(images, { scaleFactor: 0.1 }),
      /cannot make \[0,0\] of float32\[1,2,3,4\]/,
    ],
    ["words", () => F.interpolate(images, { size: 2, mode: "cubic" as "area" }), /mode must be one of/],
    ["paddings", () => new nn.ZeroPad2d([1, 2, 3]), /whole number or 4 of them/],
    [
      "padded axes",
      () => new nn.ReflectionPad1d(1).forward(images),
      /ReflectionPad1d expects an input of 2 or 3 axes/,
    ],
    [
      "shuffles",
      () => F.pixelShuffle(images, 2),
      /pixelShuffle cannot divide float32\[1,2,3,4\] by its upscaleFactor 2/,
    ],
    ["gates", () => F.glu(images, 2), /glu halves an axis of an even extent, but axis 2/],
    ["bounds", () => new nn.Hardtanh(1, -1), /minVal 1 must not be larger than its maxVal -1/],
    ["channels", () => new nn.InstanceNorm2d(3).forward(images), /InstanceNorm2d expects 3 channels/],
    ["positions", () => F.instanceNorm(zeros(2, 3, 1)), /more than one position for each channel/],
    ["neighbours", () => F.localResponseNorm(images, 0), /size must be a whole number of at least 1, not 0/],
    [
      "forms",
      () => F.bilinear(zeros(2, 3), zeros(2, 4), zeros(5, 3, 3)),
      /bilinear with a weight float32\[5,3,3\]/,
    ],
    ["shapes", () => F.rmsNorm(images, 3), /rmsNorm expects inputs whose last axes are \[3\]/],
  ])("in %s are one clear line", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("mistakes with windows", () => {
  const volumes = zeros(1, 2, 3, 4, 4);
  it.each([
    ["volumes", () => F.conv3d(volumes, zeros(2, 3, 1, 1, 1)), /conv3d expects 3 input channels/],
    [
      "batches",
      () => F.conv3d(zeros(2, 3, 4, 4), zeros(2, 2, 1, 1, 1)),
      /batch of volumes .* unsqueeze\(0\)/,
    ],
    [
      "kernels",
      () => new nn.Conv3d(2, 1, [4, 1, 1]).forward(volumes),
      /conv3d's kernel \[4,1,1\] does not fit into/,
    ],
    [
      "strides",
      () => new nn.Conv3d(2, 1, 3, { stride: [1, 2] as never }),
      /two of them|three of them for depth, rows/,
    ],
    ["signals", () => F.convTranspose1d(zeros(1, 2, 3), zeros(3, 1, 2)), /convTranspose1d expects \[N,C,L\]/],
    [
      "additions",
      () => new nn.ConvTranspose3d(2, 2, 2, { outputPadding: 1 }),
      /ConvTranspose3d's outputPadding/,
    ],
    ["pools", () => F.maxPool3d(zeros(2, 3), 2), /maxPool3d expects \[N,C,D,H,W\] or \[C,D,H,W\]/],
    [
      "windows",
      () => F.unfold(zeros(1, 2, 2), 3),
      /unfold's windows of \[3,3\] do not fit into float32\[1,2,2\]/,
    ],
    [
      "columns",
      () => F.fold(zeros(1, 8, 3), 4, 2, { stride: 2 }),
      /expects \[N,C·4,2·2\] but got float32\[1,8,3\]/,
    ],
  ])("in %s are one clear line", (_, make, message) => {
    expect(make).toThrow(message);
  });
});
