/** Weights that other tools have written load as PyTorch loads them, in every element type; what is no safetensors says so. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, KilnError, load, nn, noGrad, type Tensor, tensor } from "kiln-js";
import { afterAll, expect, test } from "vitest";
import { generate } from "../support/fixtures.ts";

interface Fixture {
  readonly networks: readonly {
    readonly dtype: string;
    readonly file: string;
    readonly output: readonly number[];
  }[];
  readonly types: readonly {
    readonly dtype: string;
    readonly file: string;
    readonly values: readonly (number | "inf" | "-inf" | "nan")[];
  }[];
  readonly beyond: readonly { readonly dtype: string; readonly file: string; readonly number: string }[];
  readonly pickle: string;
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/published_weights.json", import.meta.url), "utf8"),
) as Fixture;

const folder = mkdtempSync(join(tmpdir(), "kiln-published-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Loads the bytes that stand in the fixture in Base64. */
function loadBytes(file: string, name = "net.safetensors"): Promise<Record<string, Tensor>> {
  writeFileSync(join(folder, name), Buffer.from(file, "base64"));
  return load(join(folder, name));
}

const network = (): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(1, 3, 3, { bias: false }),
    new nn.BatchNorm2d(3),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(48, 2),
  );

test.each(fixture.networks)("a network with BatchNorm in $dtype", async ({ file, output }) => {
  const net = network();
  await net.loadStateDict(await loadBytes(file));
  expect(await net.stateDict()["1.num_batches_tracked"].item()).toBe(3);
  const program = await compile(net.eval(), { inputs: [[2, 1, 6, 6]], backend: "js" });
  const y = await program.run(tensor(generate("published/input", 72), { shape: [2, 1, 6, 6] }));
  const numbers = await y.data();
  const largest = Math.max(...output.map(Math.abs));
  // Sums of 9 and of 48 products in float32, in another order than PyTorch's.
  for (const [k, value] of output.entries())
    expect(Math.abs(numbers[k] - value)).toBeLessThan(1e-6 * largest);
  await program.dispose();
});

test("weights from before batches were counted load, and the count stays as it is", async () => {
  const { "1.num_batches_tracked": _, ...older } = await loadBytes(fixture.networks[0].file);
  const net = network();
  noGrad(() => net.stateDict()["1.num_batches_tracked"].copy_(tensor(5, { dtype: "int32" })));
  expect(await net.loadStateDict(older)).toEqual({ missingKeys: [], unexpectedKeys: [] });
  expect(await net.stateDict()["1.num_batches_tracked"].item()).toBe(5);
  const { "1.running_mean": __, ...broken } = older;
  await expect(net.loadStateDict(broken)).rejects.toThrow("missing key 1.running_mean");
});

test.each(fixture.types)("$dtype as PyTorch converts it", async ({ file, values }) => {
  const { x } = await loadBytes(file);
  const named = { inf: Infinity, "-inf": -Infinity, nan: Number.NaN };
  const wanted = values.map((value) => (typeof value === "string" ? named[value] : value));
  // toEqual tells 0 from -0.
  expect(Array.from(await x.data())).toEqual(wanted);
});

test.each(fixture.beyond)("$number in $dtype is refused", async ({ dtype, file, number }) => {
  const type = dtype === "F64" ? "float32" : "int32";
  await expect(loadBytes(file)).rejects.toThrow(
    `the ${dtype} tensor "x" holds ${number}, which ${type} cannot hold`,
  );
});

test.each([
  ["an old torch.save", fixture.pickle, "it is a Python pickle, as torch.save made of a .pt or .pth file"],
  [
    "gzip",
    Buffer.from("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "latin1").toString("base64"),
    "it is packed with gzip",
  ],
  ["llama.cpp", Buffer.from("GGUF\x03\x00\x00\x00\x00").toString("base64"), "it is a GGUF file"],
])("a file of %s is told by its name", async (_, file, message) => {
  const error = await loadBytes(file, "net.pt").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KilnError);
  expect((error as KilnError).message).toContain(`net.pt is not a readable safetensors file: ${message}`);
});
