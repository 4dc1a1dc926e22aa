/** The transforms of torchvision's names, against values computed by hand, and where random ones draw from. */

import { describe, expect, it } from "vitest";
import { assembleBatch } from "../../src/data/batch.ts";
import { ArrayDataset, type Dataset } from "../../src/data/dataset.ts";
import { Random } from "../../src/data/random.ts";
import { pad, randomCrop, randomHorizontalFlip } from "../../src/data/spatial-transforms.ts";
import { subset } from "../../src/data/subset.ts";
import { compose, normalize, type Transform, toTensor, withTransform } from "../../src/data/transforms.ts";

/** What `transform` makes of the numbers 1, 2, … in the shape `shape`. */
function counted(transform: Transform, shape: readonly number[], random = new Random(0)): number[] {
  const bound = transform.bind(shape);
  const size = shape.reduce((product, extent) => product * extent, 1);
  const out = new Float32Array(bound.outputShape.reduce((product, extent) => product * extent, 1));
  bound.apply(
    Float32Array.from({ length: size }, (_, i) => i + 1),
    out,
    0,
    random,
  );
  return Array.from(out);
}

describe("toTensor and normalize", () => {
  it("round as PyTorch does, for every byte", () => {
    const bytes = new ArrayDataset({
      images: Uint8Array.from({ length: 256 }, (_, i) => i),
      labels: [0],
      sampleShape: [1, 16, 16],
    });
    const unit = assembleBatch(withTransform(bytes, toTensor()), [0]).images;
    const normalized = assembleBatch(
      withTransform(bytes, compose([toTensor(), normalize(0.1307, 0.3081)])),
      [0],
    ).images;
    const [mean, deviation] = [Math.fround(0.1307), Math.fround(0.3081)];
    for (let byte = 0; byte < 256; byte++) {
      // One float32 division; then one subtraction and one division, each rounded.
      expect(unit[byte]).toBe(Math.fround(byte / 255));
      expect(normalized[byte]).toBe(Math.fround(Math.fround(unit[byte] - mean) / deviation));
    }
    // torch.tensor(1.0).sub(0.1307).div(0.3081) and its neighbour at 0.
    expect(normalized[255]).toBe(Math.fround(2.8214867115020752));
    expect(normalized[0]).toBe(Math.fround(-0.4242129623889923));
  });
});

describe("pad", () => {
  it("takes one, two or four numbers, in torchvision's order", () => {
    expect(counted(pad([1, 0]), [1, 2, 2])).toEqual([0, 1, 2, 0, 0, 3, 4, 0]);
    expect(counted(pad([0, 1], 9), [1, 1, 2])).toEqual([9, 9, 1, 2, 9, 9]);
    // Left 1, top 0, right 2, bottom 1.
    expect(counted(pad([1, 0, 2, 1]), [2, 1, 1])).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
    expect(pad([1, 0], 2).description).toBe("pad([1, 0], 2)");
  });

  it("names what it cannot do", () => {
    expect(() => pad([1, -1])).toThrow("pad needs a whole number of pixels, from 0 to 65536, not -1");
    expect(() => pad([1, 2, 3] as never)).toThrow("pad takes one, two or four numbers of pixels, not 3");
  });
});

describe("randomCrop", () => {
  it("cuts the same window out of every channel, at every place in turn", () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < 600; seed++) {
      const crop = counted(randomCrop(2), [2, 3, 4], new Random(seed));
      const [first] = crop;
      expect(crop.map((value) => value - first)).toEqual([0, 1, 4, 5, 12, 13, 16, 17]);
      seen.set(`${first}`, (seen.get(`${first}`) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual(["1", "2", "3", "5", "6", "7"]);
    // 100 of each are expected, with a standard deviation of 9.
    for (const count of seen.values()) expect(Math.abs(count - 100)).toBeLessThan(45);
  });

  it("pads first when told to", () => {
    const crops = Array.from({ length: 60 }, (_, seed) =>
      counted(randomCrop([1, 1], { padding: 1, fill: 9 }), [1, 1, 1], new Random(seed)),
    ).flat();
    expect(new Set(crops)).toEqual(new Set([1, 9]));
    const { outputShape } = randomCrop(32, { padding: 4 }).bind([3, 32, 32]);
    expect(outputShape).toEqual([3, 32, 32]);
    expect(randomCrop(32, { padding: 4 }).description).toBe("randomCrop(32, { padding: 4, fill: 0 })");
  });

  it("names what it cannot do", () => {
    expect(() => randomCrop(0)).toThrow("randomCrop needs a size of 1 to 65536, or [rows, columns], not 0");
    expect(() => randomCrop([3, 9], { padding: 1 }).bind([1, 5, 5])).toThrow(
      "randomCrop cannot cut 3 × 9 out of padded samples of shape [1,7,7]; give more padding or a smaller size",
    );
  });
});

describe("randomHorizontalFlip", () => {
  it("mirrors each row, always, never, or with the probability given", () => {
    expect(counted(randomHorizontalFlip(1), [2, 1, 3])).toEqual([3, 2, 1, 6, 5, 4]);
    expect(counted(randomHorizontalFlip(0), [2, 1, 3])).toEqual([1, 2, 3, 4, 5, 6]);
    let flipped = 0;
    for (let seed = 0; seed < 1000; seed++) {
      if (counted(randomHorizontalFlip(0.3), [1, 1, 2], new Random(seed))[0] === 2) flipped++;
    }
    // Binomial: 300 with a standard deviation of 14.5.
    expect(Math.abs(flipped - 300)).toBeLessThan(75);
    expect(() => randomHorizontalFlip(1.5)).toThrow("randomHorizontalFlip needs a probability, not 1.5");
  });
});

describe("where random transforms draw from", () => {
  const plain = new ArrayDataset({
    images: Float32Array.from({ length: 40 * 9 }, (_, i) => i),
    labels: new Uint8Array(40),
    sampleShape: [1, 3, 3],
  });
  const augmented = withTransform(plain, compose(randomCrop(2), randomHorizontalFlip()));
  const batch = (dataset: Dataset, indices: number[], seed: number, epoch: number): number[] =>
    Array.from(assembleBatch(dataset, indices, { seed, epoch }).images);

  it("is the seed, the epoch and the index of the sample, and nothing else", () => {
    const all = Array.from({ length: 40 }, (_, i) => i);
    const together = batch(augmented, all, 3, 2);
    const backwards = [...all].reverse().flatMap((index) => [batch(augmented, [index], 3, 2)]);
    expect(backwards.reverse().flat()).toEqual(together);
    expect(batch(augmented, all, 3, 1)).not.toEqual(together);
    expect(batch(augmented, all, 4, 2)).not.toEqual(together);
  });

  it("passes through subsets and nested transforms, which draw one after the other", () => {
    const nested = withTransform(withTransform(plain, randomCrop(2)), randomHorizontalFlip());
    const part = subset(augmented, 0, 20);
    expect(batch(nested, [5, 7], 3, 2)).toEqual(batch(augmented, [5, 7], 3, 2));
    expect(batch(part, [5, 7], 3, 2)).toEqual(batch(augmented, [5, 7], 3, 2));
  });

  it("is epoch 0 of seed 0 for a sample that is read by itself", () => {
    const out = new Float32Array(4);
    augmented.sample(6, out, 0);
    expect(Array.from(out)).toEqual(batch(augmented, [6], 0, 0));
  });
});
