/** `kiln build` as a user runs it: what it writes, what it refuses, and file names that try to break out. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { save } from "kiln-js";
import { describe, expect, test } from "vitest";
import { loadWeights } from "../../src/cli/build/build-weights.ts";
import { TinyNet } from "../support/nets.ts";
import { barModel, kiln, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();

const MODEL = `
import { F, nn } from "kiln-js";
export default class Net extends nn.Module {
  conv = new nn.Conv2d(1, 3, 3);
  fc = new nn.Linear(27, 4);
  forward(x) { return this.fc.forward(F.maxPool2d(F.relu(this.conv.forward(x)), 2).flatten(1)); }
}
export const inputs = [[2, 1, 8, 8]];
`;

describe("kiln build", () => {
  test("writes a module with the weights of a checkpoint, whatever the model's file is called", async () => {
    const name = `net\`$${"{hit = 1}"}<script>"*.mjs`;
    writeAll(folder, { [name]: MODEL });
    const net = new TinyNet();
    const checkpoint = join(folder, "weights.safetensors");
    await save(net.stateDict(), checkpoint);
    const out = join(folder, "a", "b");
    const args = ["--checkpoint", checkpoint, "--batch-size", "1", "--out", out];
    const { code, stdout, stderr } = await kiln(["build", join(folder, name), ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(readdirSync(out).sort()).toEqual(["model.d.ts", "model.js", "weights.safetensors"]);
    expect(stdout.trim().split("\n")).toHaveLength(3);
    const text = readFileSync(join(out, "model.js"), "utf8");
    expect(text).not.toMatch(/<\/?script/i);
    expect(text).toContain(name.replace("<", "‹").replace(">", "›"));
    const { create } = await import(/* @vite-ignore */ pathToFileURL(join(out, "model.js")).href);
    const model = await create(readFileSync(join(out, "weights.safetensors")));
    expect([...model.parameters["fc.weight"]]).toEqual([...(await net.fc.weight.data())]);
    expect(model.run(new Float32Array(64))).toHaveLength(4);
    expect("hit" in globalThis).toBe(false);
  });

  test("writes a C library where there is no compiler", async () => {
    writeAll(folder, { "net.mjs": MODEL });
    const out = join(folder, "library");
    const args = ["build", join(folder, "net.mjs"), "--backend", "c", "--lanes", "1", "--out", out];
    const { code, stderr } = await kiln(args, { env: { PATH: folder, KILN_CC: "none" } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const names = ["CMakeLists.txt", "main.c", "net.c", "net.h", "weights.safetensors"];
    expect(readdirSync(out).sort()).toEqual(names);
    const text = readFileSync(join(out, "net.c"), "utf8");
    expect(text.match(/__attribute__|__builtin|_Alignas/g)).toEqual(["__attribute__"]);
  });

  test("takes the weights of a state dict, or of a file that has one under the name model", async () => {
    const [net, other] = [new TinyNet(), new TinyNet()];
    const path = join(folder, "nested.safetensors");
    await save({ version: 1, model: net.stateDict() }, path);
    await loadWeights(other, path);
    expect(await other.fc.weight.data()).toEqual(await net.fc.weight.data());
    await save({ epoch: 3, parameters: net.stateDict() }, path);
    await expect(loadWeights(other, path)).rejects.toThrow(
      "nested.safetensors holds no state dict, neither at its top level nor under the name model",
    );
    await save({ "fc.weight": net.fc.weight }, path);
    await expect(loadWeights(other, path)).rejects.toThrow("conv.weight");
  });

  test.each([
    [["examples/lenet.ts"], "kiln build needs --out DIR, the folder to write to"],
    [
      ["examples/lenet.ts", "--out", "x", "--lr", "1"],
      "--lr is a setting of a training step: add --mode training",
    ],
    [
      ["examples/lenet.ts", "--out", "x", "--backend", "interpret"],
      '--backend must be one of js, wasm, c, not "interpret"',
    ],
    [
      ["examples/lenet.ts", "--out", "x", "--lanes", "8"],
      "--lanes is a setting of a C library: add --backend c",
    ],
    [
      ["examples/lenet.ts", "--out", "x", "--backend", "c", "--lanes", "3"],
      '--lanes must be one of 4, 8, 16, 1, not "3"',
    ],
    [
      ["examples/lenet.ts", "--out", "x", "--backend", "c", "--name", "int main()"],
      '"int main()" is not that',
    ],
    [
      ["examples/lenet.ts", "--out", "FILE/x"],
      "cannot write to the folder FILE/x: a part of the path is a file, not a folder",
    ],
    [["MODEL", "--out", "HERE"], "model.js is read by this command and is not overwritten"],
    [
      ["examples/lenet.ts", "--out", "NEW", "--checkpoint", "FILE"],
      "FILE is not a readable safetensors file: ",
    ],
  ])("refuses %j in one line, and writes nothing", async (args, message) => {
    const file = join(folder, "file");
    writeFileSync(file, "text");
    const model = join(folder, "source", "model.js");
    mkdirSync(join(folder, "source"), { recursive: true });
    writeFileSync(model, barModel());
    const given = (text: string): string =>
      text
        .replace("FILE", file)
        .replace("NEW", join(folder, "new"))
        .replace("MODEL", model)
        .replace("HERE", join(folder, "source"));
    const { code, stdout, stderr } = await kiln(["build", ...args.map(given)]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(given(message));
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(folder, "new"))).toBe(false);
  });
});
