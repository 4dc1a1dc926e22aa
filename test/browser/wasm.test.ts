/** The wasm backend on a page: in a worker, with threads where the page is cross-origin isolated. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ISOLATION } from "../../examples/browser/static-server.ts";
import { relativeError } from "../support/run-graph.ts";
import { launchChromium, skipReason } from "./chromium.ts";
import type { Killed } from "./page/heavy.ts";
import type { Learned } from "./page/training.ts";
import { openTestPage, type TestPage } from "./test-page.ts";

const STEPS = 5;
const BATCH = 4;

const NO_BLOBS =
  "the page's content security policy does not allow workers from blob: addresses (worker-src blob:, or worker-src 'self' " +
  "with globalThis.kilnWorker set to the address of the package's kiln.worker.js)";

describe.skipIf(skipReason)("wasm on a page", () => {
  let browser: Browser;
  let plain: TestPage;
  let isolated: TestPage;

  const open = (headers: Readonly<Record<string, string>>): Promise<TestPage> =>
    openTestPage(browser, ["bundle", "training", "loop", "heavy", "watched-threads"], headers);
  const learn = (at: TestPage, backend: string, ...threads: readonly number[]): Promise<Learned> =>
    at.call<Learned>("training", "learn", backend, STEPS, BATCH, ...threads);

  beforeAll(async () => {
    browser = await launchChromium();
    plain = await open({});
    isolated = await open(ISOLATION);
  });
  afterAll(async () => {
    await plain?.close();
    await isolated?.close();
    await browser?.close();
  });

  test("learns what js learns, with the same bits on one thread and on two", async () => {
    const ended = (): Promise<number> => isolated.call<number>("watched-threads", "endedThreads");
    expect(await ended()).toBe(0);
    const alone = await learn(plain, "wasm");
    const together = await learn(isolated, "wasm", 2);
    // Beside the worker itself; it has ended with the program.
    expect(await ended()).toBe(1);
    const js = await learn(plain, "js");
    expect([alone.backend, together.backend]).toEqual(["wasm", "wasm"]);
    expect(together).toEqual(alone);
    // Both sum in single precision, in another order.
    expect(relativeError(alone.losses, js.losses)).toBeLessThan(1e-5);
    for (const [name, parameter] of Object.entries(js.parameters))
      expect(relativeError(alone.parameters[name], parameter), name).toBeLessThan(1e-4);
  });

  test("learns of sequences, in loops, what js learns", async () => {
    const losses = (at: TestPage, backend: string, ...threads: readonly number[]) =>
      at.call<readonly number[]>("loop", "learnSequences", backend, ...threads);
    const alone = await losses(plain, "wasm");
    expect(await losses(isolated, "wasm", 2)).toEqual(alone);
    // Seven iterations of sums in another order, over four steps that build on each other.
    expect(relativeError(alone, await losses(plain, "js"))).toBeLessThan(1e-5);
  });

  test("says how many threads there are, and why", async () => {
    expect(await plain.page.evaluate("crossOriginIsolated")).toBe(false);
    expect(await plain.call("bundle", "whyNot", "wasm")).toMatch(
      /^WebAssembly with 128-bit vectors.*, one thread: memory is shared with workers only where the page is cross-origin isolated \(COOP and COEP\)$/,
    );
    expect(await isolated.page.evaluate("crossOriginIsolated")).toBe(true);
    const processors = await isolated.page.evaluate<number>("navigator.hardwareConcurrency");
    const threads = processors === 1 ? "one thread: one processor" : `${Math.min(processors, 64)} threads`;
    expect(await isolated.call<string>("bundle", "whyNot", "wasm")).toContain(`, ${threads}`);
  });

  test("shows the code on the page", async () => {
    const { text } = await plain.call<{ readonly text: string }>("bundle", "dump", "source");
    expect(text).toMatch(/\(func \$conv2d_relu_max_pool2d/);
  });

  test("what the worker refuses is the error that it is in Node", async () => {
    const [large, small] = await plain.call<readonly [string, string]>("bundle", "tooLarge");
    expect(large).toMatch(/^KilnError: this model needs \d+ MB, and WebAssembly addresses 4096 MB at most/);
    expect(small).toBe("nothing");
  });

  test("threads that are not available are an error", async () => {
    await expect(learn(plain, "wasm", 2)).rejects.toThrow(
      "the wasm backend cannot have 2 threads here: one thread: memory is shared with workers only where the page is cross-origin isolated",
    );
  });

  test.each(["plain", "isolated"])("a step does not block the page's main thread (%s)", async (name) => {
    const at = name === "plain" ? plain : isolated;
    const timers = await at.call<number[]>("heavy", "timersDuringSteps", "wasm", 50);
    expect(timers).toHaveLength(50);
    for (const count of timers) expect(count).toBeGreaterThan(0);
    // As it does where the step runs on that thread, else the timers would show nothing.
    expect(await at.call("heavy", "timersDuringSteps", "js", 2)).toEqual([0, 0]);
  });

  test("what nobody holds any more is freed in the worker", async () => {
    await isolated.page.reload();
    const threads = () => isolated.call<Record<"started" | "ended", number>>("watched-threads", "threads");
    expect(await threads()).toEqual({ started: 0, ended: 0 });
    expect(await isolated.call("heavy", "abandon")).toBeGreaterThan(0);
    const session = await isolated.page.context().newCDPSession(isolated.page);
    // Threads end with the last program; a collector may need more than one turn.
    const collect = async () => {
      await session.send("HeapProfiler.collectGarbage");
      return threads();
    };
    await expect.poll(collect, { timeout: 20_000 }).toEqual({ started: 1, ended: 1 });
  });

  test.each([
    ["plain", "terminate", "it ended"],
    ["isolated", "terminate", "it ended"],
    ["isolated", "error", "out of luck"],
  ])("a worker that is lost in mid-step is an error (%s, %s)", async (name, how, reason) => {
    const at = name === "plain" ? plain : isolated;
    await at.page.reload();
    const killed = await at.call<Killed>("heavy", "kill", how);
    expect(killed.error).toBe(
      `KilnError: the worker of the wasm backend was lost: ${reason} in step 4; the parameters are those after step 2, ` +
        "when they were last copied to the host (mirrorEvery says how often): compile the model again to continue from there",
    );
    expect(killed.later).toBe(killed.error);
    expect(killed.readable).toEqual(killed.mirrored);
    expect(killed.lossAfter).toBeGreaterThan(0);
    expect(killed.computed).toEqual([2, 2, 2]);
    expect(killed.started).toBe(2);
  });

  describe.each([
    ["workers from blobs", "worker-src 'self'", `${NO_BLOBS}; the js backend needs none of it`],
    [
      "workers from blobs, WebAssembly and generated code",
      "script-src 'self' 'unsafe-inline'; worker-src 'self'",
      `${NO_BLOBS} and WebAssembly (script-src 'wasm-unsafe-eval'); the js backend needs generated code (script-src 'unsafe-eval')`,
    ],
    [
      "WebAssembly",
      "script-src 'self' 'unsafe-inline' blob:",
      "the page's content security policy forbids WebAssembly: allow script-src 'wasm-unsafe-eval'",
    ],
  ])("under a content security policy that forbids %s", (_, policy, reason) => {
    let at: TestPage;
    beforeAll(async () => {
      at = await open({ "content-security-policy": policy });
    });
    afterAll(() => at?.close());

    test("says so, and what to allow", async () => {
      expect(await at.call("bundle", "whyNot", "wasm")).toBe(reason);
      await expect(learn(at, "wasm")).rejects.toThrow(`the backend wasm cannot run here: ${reason}`);
    });
  });

  test("learns the same where workers come from the package's file alone, threads too", async () => {
    const policy = "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'";
    const at = await open({ ...ISOLATION, "content-security-policy": policy });
    try {
      await at.page.evaluate("globalThis.kilnWorker = '/missing.js'");
      expect(await at.call("bundle", "whyNot", "wasm")).toMatch(
        /^no worker could be started from \/missing\.js, which globalThis\.kilnWorker names/,
      );
      await at.page.evaluate("globalThis.kilnWorker = new URL('/kiln.worker.js', location.href)");
      expect(await learn(at, "wasm", 2)).toEqual(await learn(isolated, "wasm", 2));
    } finally {
      await at.close();
    }
  });
});
