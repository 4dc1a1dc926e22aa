/** Folders of PNG and JPEG files as data: pixels as Pillow reads them, classes as torchvision orders them, and what is wrong. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { data } from "kiln-js";
import { describe, expect, test } from "vitest";
import { type ImageChannels, imageDecoder } from "../../src/data/image-bytes.ts";
import { temporaryFolder, writeAll } from "../cli/kiln.ts";

interface ImageCase {
  readonly name: string;
  /** In base64, like the planes of each number of channels. */
  readonly file: string;
  readonly 1: string;
  readonly 3: string;
  readonly 4: string;
}

const { cases, rows, columns } = JSON.parse(
  readFileSync(new URL("../fixtures/images.json", import.meta.url), "utf8"),
) as { readonly cases: readonly ImageCase[]; readonly rows: number; readonly columns: number };
const bytesOf = (text: string): Uint8Array => Buffer.from(text, "base64");
const fileOf = (name: string): Uint8Array => bytesOf(cases.find((c) => c.name === name)?.file ?? "");
const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const decode = await imageDecoder();

/**
 * How far from libjpeg a decoder may be, in 255ths: both transforms are inexact by a unit and colours are rounded down here; a
 * file with half as many colours as pixels has them repeated, where libjpeg draws a slope between them.
 */
const mostDifference = (name: string): number =>
  name === "subsampled.JPG" ? 16 : /\.jpe?g$/.test(name) ? 2 : 0;

describe("an image file", () => {
  test.each(cases)("$name has Pillow's pixels, in grey, in colours and with opacity", (image) => {
    for (const channels of [1, 3, 4] as const) {
      const { planes, ...extent } = decode(bytesOf(image.file), image.name, channels);
      expect(extent).toEqual({ rows, columns });
      const wanted = bytesOf(image[channels]);
      expect(planes).toHaveLength(wanted.length);
      const difference = planes.reduce((most, value, k) => Math.max(most, Math.abs(value - wanted[k])), 0);
      expect(difference).toBeLessThanOrEqual(mostDifference(image.name));
    }
  });

  test("of sixteen bits keeps the upper eight, and an interlaced one has its rows in order", () => {
    const values = Uint16Array.from({ length: 6 }, (_, k) => k * 10000);
    const deep = encode({ width: 3, height: 2, depth: 16, channels: 1, data: values });
    expect([...decode(deep, "deep.png", 1).planes]).toEqual([...values].map((value) => value >> 8));
    const pixels = Uint8Array.from({ length: 11 * 9 }, (_, k) => k);
    const woven = encode(
      { width: 11, height: 9, depth: 8, channels: 1, data: pixels },
      { interlace: "Adam7" },
    );
    expect(decode(woven, "woven.png", 1).planes).toEqual(pixels);
  });

  test("that is none, or is broken, is named", () => {
    const message = (bytes: Uint8Array, channels: ImageChannels = 3): string => {
      try {
        return String(decode(bytes, "x.png", channels));
      } catch (error) {
        return (error as Error).message;
      }
    };
    const none = "x.png is neither a PNG nor a JPEG file, or is truncated";
    const [png, jpeg] = [fileOf("colours.png"), fileOf("colours.jpg")];
    expect(message(new Uint8Array())).toBe(none);
    expect(message(new TextEncoder().encode("GIF89a, and more of it"))).toBe(none);
    expect(message(png.slice(0, 30))).toBe(none);
    expect(message(jpeg.slice(0, 100))).toBe(none);
    expect(message(png.slice(0, 80))).toMatch(/^x\.png, an image of 10×13 pixels, cannot be decoded: ./);
    expect(message(png.map((byte, k) => (k === 50 ? byte ^ 1 : byte)))).toMatch(/cannot be decoded: CRC/);
    expect(message(jpeg.slice(0, jpeg.length - 120))).toMatch(/cannot be decoded: ./);
    const vast = Uint8Array.from(png);
    vast.set([0x7f, 0xff, 0xff, 0xff], 16);
    expect(message(vast)).toContain("x.png is too large: it has 10×2147483647 pixels");
  });
});

describe("ImageFolder", () => {
  writeAll(folder, {
    "pets/dog/b.png": fileOf("colours.png"),
    "pets/dog/B.JPG": fileOf("subsampled.JPG"),
    "pets/dog/notes.txt": "not an image",
    "pets/cat/old/a.png": fileOf("grey.png"),
    "pets/cat/z.png": fileOf("translucent.png"),
    "pets/readme.txt": "none either",
  });

  test("has a class for each folder, and reads files when they are asked for", async () => {
    const pets = await data.ImageFolder(at("pets"));
    expect(pets.classNames).toEqual(["cat", "dog"]);
    expect(pets.samples.map(([path, label]) => [path.slice(at("pets").length), label])).toEqual([
      ["/cat/z.png", 0],
      ["/cat/old/a.png", 0],
      ["/dog/B.JPG", 1],
      ["/dog/b.png", 1],
    ]);
    expect([pets.length, pets.sampleShape, pets.classes]).toEqual([4, [3, rows, columns], 2]);
    const out = new Float32Array(1 + 3 * rows * columns);
    expect(pets.sample(3, out, 1)).toBe(1);
    expect([...out.subarray(1)]).toEqual([...bytesOf(cases[3][3])]);
    for await (const [x, y] of new data.DataLoader(pets, { batchSize: 4 })) {
      expect([x.shape, [...(await y.data())]]).toEqual([
        [4, 3, rows, columns],
        [0, 0, 1, 1],
      ]);
    }
    const grey = await data.ImageFolder(at("pets"), { channels: 1, transform: data.toTensor() });
    grey.sample(1, out, 0);
    expect(out.slice(0, rows * columns)).toEqual(
      Float32Array.from(bytesOf(cases[0][1]), (value) => value / 255),
    );
  });

  test("wants images of one size, or a transform that makes it", async () => {
    const small = encode({ width: 4, height: 2, depth: 8, channels: 3, data: new Uint8Array(24).fill(100) });
    writeAll(folder, { "sizes/a/1.png": fileOf("colours.png"), "sizes/b/2.png": small });
    await expect(data.ImageFolder(at("sizes"))).rejects.toThrow(
      `the images differ in size: ${at("sizes/a/1.png")} comes as [3,${rows},${columns}] and ${at("sizes/b/2.png")} as ` +
        "[3,2,4]; bring all to one with a transform such as data.resize([32, 32])",
    );
    const sized = await data.ImageFolder(at("sizes"), { transform: data.resize([3, 3]) });
    expect(sized.sampleShape).toEqual([3, 3, 3]);
    const out = new Float32Array(27);
    expect(sized.sample(1, out, 0)).toBe(1);
    // Weights of an interpolation sum to one but for the rounding of float32.
    for (const value of out) expect(value).toBeCloseTo(100, 4);
    // Its size was another when the folder was read.
    writeAll(folder, { "sizes/b/2.png": fileOf("bits.png").slice() });
    writeAll(folder, {
      "sizes/a/1.png": encode({ width: 1, height: 1, depth: 8, channels: 3, data: new Uint8Array(3) }),
    });
    expect(() => sized.sample(0, out, 0)).toThrow("1.png has changed: it has another size");
  });

  test("says what a folder lacks", async () => {
    writeAll(folder, {
      "flat/a.png": fileOf("grey.png"),
      "gap/a/1.png": fileOf("grey.png"),
      "gap/b/x.txt": "",
    });
    writeAll(folder, { "web/a/1.webp": "RIFF", "bad/a/1.png": "hello" });
    const error = (name: string, options = {}): Promise<unknown> =>
      data.ImageFolder(at(name), options).catch(({ message }: Error) => message.replaceAll(folder, ""));
    expect(await error("flat")).toBe(
      "/flat has no folders: an image folder has one for each class, with images in it",
    );
    expect(await error("gap")).toBe("the folder /gap/b has no PNG or JPEG files for its class");
    expect(await error("web")).toContain("/web/a/1.webp is of a format that ImageFolder does not read");
    expect(await error("bad")).toBe("/bad/a/1.png is neither a PNG nor a JPEG file, or is truncated");
    expect(await error("nowhere")).toBe("the folder /nowhere does not exist");
    expect(await error("pets", { channels: 2 })).toBe(
      "ImageFolder reads images of 1, 3 or 4 channels, not the number 2",
    );
    expect(await error("pets", { size: 3 })).toContain("no option size");
  });
});
