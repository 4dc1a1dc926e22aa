/** `kiln explore`: the page that it writes or serves, and its errors. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { STAGES } from "../../passes/pipeline.ts";
import type { ExplorerData } from "../../src/explore/data.ts";
import { unpacked } from "../../src/explore/packed.ts";
import { barModel, kiln, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();
writeAll(folder, { "bars.ts": barModel(), "broken.ts": "export default class {" });
const MODEL = join(folder, "bars.ts");

const dataIn = (html: string): Promise<ExplorerData> => unpacked(/id="data">([^<]*)</.exec(html)![1]);

describe("kiln explore", () => {
  it("writes one page with source, stages, code of each backend and measured times", async () => {
    const out = join(folder, "new", "page.html");
    const args = ["--backends", "js,gpujs:cpu", "--batch-size", "3", "--seconds", "0.1", "--out", out];
    const { code, stdout, stderr } = await kiln(["explore", MODEL, ...args]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^wrote .*page\.html: [\d,]+ bytes\n$/);
    const html = readFileSync(out, "utf8");
    const data = await dataIn(html);
    expect([data.model, data.mode]).toEqual(["bars.ts", "training"]);
    expect(data.machine).toContain(`V8 ${process.versions.v8}`);
    expect(data.backends.map(({ name }) => name)).toEqual(["js", "gpujs:cpu"]);
    expect(data.sources[0].lines.map(({ text }) => text).join("\n")).toBe(barModel());
    for (const { kernels, stages, code: position } of data.backends) {
      expect(stages).toHaveLength(STAGES.length);
      expect(kernels.every(({ milliseconds = 0 }) => milliseconds > 0)).toBe(true);
      expect(data.documents[position].filter(({ kernel }) => kernel)).toHaveLength(kernels.length);
    }
    expect(data.documents[data.backends[0].stages[0].document][0].text).toContain("f32[3,1,28,28]");
    expect(html).not.toMatch(/\b(src|href)="(?!data:,")/);
  });

  it("names the page after the model, shows the forward pass, and skips measuring on request", async () => {
    const args = ["--mode", "forward", "--backends", "js", "--seconds", "0", "--no-open"];
    const { code } = await kiln(["explore", MODEL, ...args], { cwd: folder });
    expect(code).toBe(0);
    const { mode, backends, sources } = await dataIn(readFileSync(join(folder, "bars.html"), "utf8"));
    expect([mode, sources[0].path]).toEqual(["forward", "bars.ts"]);
    expect(backends[0].milliseconds).toBeUndefined();
  });

  it("serves the page on this machine, for this machine's names, until Ctrl-C", async () => {
    const out = join(folder, "served.html");
    let answers: Promise<readonly (readonly [number, string])[]> | undefined;
    const args = ["explore", MODEL, "--backends", "js", "--seconds", "0", "--serve", "0", "--out", out];
    const ended = kiln(args, {
      onOutput: (stdout, interrupt) => {
        const port = /http:\/\/127\.0\.0\.1:(\d+)\/ \(Ctrl-C to stop\)/.exec(stdout)?.[1];
        if (port === undefined || answers !== undefined) return;
        const asked = [
          ["/", `localhost:${port}`],
          ["/", "evil.example"],
          ["/etc/passwd", `127.0.0.1:${port}`],
        ] as const;
        answers = Promise.all(asked.map(([path, host]) => get(Number(port), path, host)));
        void answers.finally(interrupt);
      },
    });
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([0, ""]);
    const [page, foreign, other] = await answers!;
    expect(page).toEqual([200, readFileSync(out, "utf8")]);
    expect(foreign).toEqual([403, ""]);
    expect(other).toEqual([404, ""]);
  });

  it("reports errors in one line and writes nothing", async () => {
    const blocked = join(folder, "blocked");
    writeFileSync(blocked, "");
    mkdirSync(join(folder, "folder.html"));
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((listening) => taken.once("listening", listening));
    const { port } = taken.address() as { port: number };
    const none = ["--seconds", "0", "--out", join(folder, "none.html")];
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["missing.ts"], /^kiln: the model file missing\.ts does not exist\n$/],
      [[join(folder, "broken.ts"), ...none], /^kiln: .*broken\.ts does not compile: .*\n$/],
      [[MODEL, "--out", MODEL], /^kiln: .*bars\.ts is read by this command and is not overwritten: .*\n$/],
      [[MODEL, "--backends", "js,js"], /^kiln: --backends names a backend twice\n$/],
      [[MODEL, "--backends", "cuda", ...none], /^kiln: .*cuda.*\n$/],
      [[MODEL, "--mode", "trainig"], /^kiln: --mode must be one of .*training.*\n$/],
      [[MODEL, "--seconds", "-1"], /^kiln: --seconds must be a number of at least 0, not "-1"\n$/],
      [[MODEL, "--serve", "70000"], /^kiln: --serve must be a port up to 65535, not 70000\n$/],
      [[MODEL, "--out", join(blocked, "page.html")], /^kiln: cannot write to the folder .*blocked: .*\n$/],
      [
        [MODEL, "--seconds", "0", "--out", join(folder, "folder.html")],
        /^kiln: cannot write .*folder\.html: it is a folder, not a file\n$/,
      ],
      [
        [MODEL, "--backends", "js", "--serve", String(port), ...none],
        /^kiln: cannot serve on port \d+: another program uses it\n$/,
      ],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await kiln(["explore", ...args]);
      expect(stderr, args.join(" ")).toMatch(message);
      expect(code, args.join(" ")).toBe(1);
    }
    taken.close();
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(existsSync(join(folder, "missing.html"))).toBe(false);
    const nowhere = join(folder, "a", "b");
    await kiln(["explore", join(folder, "broken.ts"), "--out", join(nowhere, "page.html")]);
    expect(existsSync(join(folder, "a"))).toBe(false);
  });
});

/** The status and body of a page requested with the Host header `host`. */
const get = (port: number, path: string, host: string): Promise<readonly [number, string]> =>
  new Promise((answered, failed) => {
    const asked = request({ port, path, host: "127.0.0.1", headers: { host } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => answered([response.statusCode ?? 0, body]));
    });
    asked.on("error", failed).end();
  });
