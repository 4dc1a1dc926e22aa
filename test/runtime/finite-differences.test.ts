/** The gradient of LeNet's whole loss, derived by autodiff alone, against finite differences in double. */

import { expect, test } from "vitest";
import { interpret } from "../../backends/interpret/backend.ts";
import { nn } from "../../src/index.ts";
import { traceLoss } from "../../src/trace/trace.ts";
import { draw, generator } from "../support/draw.ts";
import { LeNet } from "../support/nets.ts";
import { planOf } from "../support/run-graph.ts";

test("LeNet's loss has the gradient that finite differences give", async () => {
  const random = generator(11);
  const trace = traceLoss(new LeNet(), new nn.CrossEntropyLoss(), [
    { dtype: "float32", shape: [2, 1, 32, 32] },
  ]);
  const plan = planOf(trace.graph, interpret, { gradientsFor: trace.parameters });
  const states = interpret.createStateMemory();
  states.allocate(plan.states);
  const values = new Map<string, Float64Array>();
  for (const [name, tensor] of trace.states) values.set(name, Float64Array.from(await tensor.data()));
  const program = await interpret.compile(plan, states);
  const x = draw({ dtype: "float32", shape: [2, 1, 32, 32] }, random);
  await program.write(plan.inputs[0].buffer, x);
  await program.write(plan.inputs[1].buffer, Int32Array.of(3, 7));

  const lossAt = async (): Promise<number> => {
    for (const [name, data] of values) await states.write(name, data);
    await program.run(0, plan.kernels.length, new Float64Array(0));
    const loss = new Float64Array(1);
    await program.read(plan.outputs[0].buffer, loss);
    return loss[0];
  };
  await lossAt();
  const gradients = new Map<string, Float64Array>();
  for (const { name, buffer, shape } of plan.outputs.slice(1)) {
    const gradient = new Float64Array(shape.reduce((a, b) => a * b, 1));
    await program.read(buffer, gradient);
    gradients.set(name.replace("grad.", ""), gradient);
  }
  expect([...gradients.keys()]).toEqual([...trace.parameters]);

  for (const [name, gradient] of gradients) {
    const parameter = values.get(name)!;
    const largest = Math.max(...gradient.map(Math.abs));
    for (let sample = 0; sample < 3; sample++) {
      const at = Math.floor(random() * parameter.length);
      const value = parameter[at];
      // Central differences in double; the step is far below the distance to relu's and the pools' kinks.
      const step = 1e-6;
      parameter[at] = value + step;
      const above = await lossAt();
      parameter[at] = value - step;
      const below = await lossAt();
      parameter[at] = value;
      // Cancellation leaves about 1e-16 / 1e-6 of the loss, 1e-9 of the largest gradient here.
      expect(Math.abs((above - below) / (2 * step) - gradient[at]) / largest, `${name}[${at}]`).toBeLessThan(
        1e-6,
      );
    }
  }
});
