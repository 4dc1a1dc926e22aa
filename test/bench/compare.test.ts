/** Real peers in processes of their own: they prove, run, fail and end as the protocol says. */

import { describe, expect, test } from "vitest";
import { Comparer, type Settings } from "../../bench/src/compare.ts";
import { Peer, PeerError } from "../../bench/src/peer.ts";
import { kiln } from "../../bench/src/peers.ts";
import { isMeasured } from "../../bench/src/report.ts";

const JOB = { task: "training", workload: "mlp", batch: 1 } as const;
const SETTINGS: Settings = {
  rounds: 2,
  millis: 1,
  warmup: 0,
  stepLimit: 600_000,
  budget: 1000,
  timeout: 600_000,
};
const ABSENT = { name: "absent", kind: "native", command: "/no/such/program", args: [] } as const;

describe("the comparison", () => {
  test("measures two strategies of one backend that do the same, and names what is missing", async () => {
    const predictor = { ...ABSENT, name: "predictor", tasks: ["inference"] } as const;
    const comparer = new Comparer([kiln("js"), kiln("js/plain"), ABSENT, predictor], SETTINGS);
    const { peers } = await comparer.compare(JOB);
    const [tiled, plain] = peers.filter(isMeasured);
    expect([tiled.peer, plain.peer]).toEqual(["kiln-js", "kiln-js/plain"]);
    expect(tiled.rounds).toHaveLength(2);
    expect(tiled.losses).toHaveLength(5);
    expect(plain.closeness).toMatchObject({ worst: expect.any(String) });
    // Both round to float32 once per sum; five steps with learning rate 0.01 keep that.
    expect(plain.closeness.tensors).toBeLessThan(1e-6);
    expect(peers[2]).toMatchObject({ missing: expect.stringContaining("cannot start /no/such/program") });
    expect(peers[3]).toMatchObject({ missing: "it does inference alone" });
  });

  test("leaves out a peer that is too slow, and does not ask it for larger batches", async () => {
    const comparer = new Comparer([kiln("js")], { ...SETTINGS, stepLimit: 0 });
    const reason = /one step takes .* s; the limit is 0\.0 s/;
    expect((await comparer.compare(JOB)).peers[0]).toMatchObject({ missing: expect.stringMatching(reason) });
    const larger = await comparer.compare({ ...JOB, batch: 8 });
    expect(larger.peers[0]).toMatchObject({ missing: expect.stringMatching(/^with batch 1 one step takes/) });
  });

  test("a peer that predicts proves it with five outputs", async () => {
    const started = await Peer.start(kiln("js"), { ...JOB, task: "inference" }, 600_000);
    if ("missing" in started) throw new Error(started.missing);
    const { peer } = started;
    const { losses, tensors } = await peer.prove(60_000);
    expect(losses).toEqual([]);
    expect(Object.keys(tensors)).toEqual([0, 1, 2, 3, 4].map((k) => `output ${k}`));
    expect((await peer.run(0)).steps).toBe(1);
    await expect(peer.run(-1)).rejects.toThrow(PeerError);
    await peer.stop();
  });
});
