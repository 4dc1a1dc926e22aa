/**
 * A few images in the exact format of CIFAR-10, so that the examples run without its 160 MB: squares in the colour of
 * their class. With the real dataset in the folder, these files are not needed.
 */

import { access, mkdir, writeFile } from "node:fs/promises";

const PIXELS = 32 * 32;
const CLASSES = 10;

/** Writes `root/cifar-10-batches-bin` with `images` images in each file, unless it is there already. */
export async function writeSmallCifar10(root: string, images: number): Promise<void> {
  const folder = `${root}/cifar-10-batches-bin`;
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  await mkdir(folder, { recursive: true });
  const names = [...[1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`), "test_batch.bin"];
  for (const name of names) await writeFile(`${folder}/${name}`, records(images));
}

/** Records of a label and three planes of 32 × 32 bytes: red, green, blue. */
function records(images: number): Uint8Array {
  const record = 1 + 3 * PIXELS;
  const bytes = new Uint8Array(images * record);
  for (let k = 0; k < images; k++) {
    const label = k % CLASSES;
    bytes[k * record] = label;
    for (let plane = 0; plane < 3; plane++) {
      const colour = (label * (60 + 40 * plane)) % 256;
      const start = k * record + 1 + plane * PIXELS;
      for (let i = 0; i < PIXELS; i++) {
        const isInside = Math.abs((i % 32) - 16) < 10 && Math.abs(Math.floor(i / 32) - 16) < 10;
        bytes[start + i] = isInside ? colour : 255 - colour;
      }
    }
  }
  return bytes;
}
