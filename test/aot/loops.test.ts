/** Stand-alone modules of models with loops give the very bits of the program that they were made from. */

import { compile, compileTraining, F, manualSeed, nn, optim, scan, type Tensor, zeros } from "kiln-js";
import { describe, expect, test } from "vitest";
import { defaultsOf } from "../../src/cli/train/optimizers.ts";
import { buildAlone, floats, integers, labels, likeBuilt, modelFile, wave } from "./stand-alone.ts";

const SHAPE = [5, 4, 3];
const ELEMENTS = 60;

/** A cell with dropout, whose loop has another one within it. */
class Recurrent extends nn.Module {
  input = new nn.Linear(3, 6);
  state = new nn.Linear(6, 6);
  drop = new nn.Dropout(0.25);
  out = new nn.Linear(6, 3);

  forward(x: Tensor): Tensor {
    const [h, all] = scan(
      (h: Tensor, x: Tensor) => {
        const [next] = scan((h: Tensor) => [F.tanh(this.state.forward(h)), null], h, null, { length: 2 });
        const y = next.add(this.drop.forward(this.input.forward(x)));
        return [y, y.mul(2)];
      },
      zeros(4, 6),
      x,
      { reverse: true },
    );
    return this.out.forward(h.add(all.mean(0)));
  }
}

describe.each(["js", "wasm"] as const)("%s", (target) => {
  test("a forward pass", async () => {
    manualSeed(1);
    const net = new Recurrent();
    const alone = await (await buildAlone(modelFile(net, [SHAPE]), { target })).create();
    const program = await compile(net, { inputs: [SHAPE], ...likeBuilt(target) });
    for (const run of [0, 1]) {
      const wanted = await (await program.run(floats(wave(ELEMENTS, run), SHAPE))).data();
      expect([...alone.run(wave(ELEMENTS, run))]).toEqual([...wanted]);
    }
  });

  test("training steps", async () => {
    manualSeed(1);
    const net = new Recurrent();
    const file = modelFile(net, [SHAPE], new nn.CrossEntropyLoss());
    const settings = defaultsOf("adam");
    const built = await buildAlone(file, { target, mode: "training", optimizer: "adam", settings });
    const alone = await built.create();
    const optimizer = new optim.Adam(net.parameters(), { lr: settings.lr });
    const options = { inputs: [SHAPE], loss: new nn.CrossEntropyLoss(), optimizer, ...likeBuilt(target) };
    const trainer = await compileTraining(net, options);
    for (const run of [0, 1, 2]) {
      const batch = [floats(wave(ELEMENTS, run), SHAPE), integers(labels(4, 3, run), [4])];
      expect(alone.step(wave(ELEMENTS, run), labels(4, 3, run))).toBe(await trainer.step(...batch));
    }
  });
});
