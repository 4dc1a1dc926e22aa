/**
 * The error of sums of 10⁴ to 10⁸ terms on each backend, as a share of the sum in double precision: of equal terms,
 * where every addition rounds the same way, and of random ones. `npm run long-sums [-- MOST]`, `MOST` an exponent.
 */

import type { BackendName } from "../../backends/registry.ts";
import { compile, nn, type Tensor, tensor } from "../../src/index.ts";

/** The number of terms in a row of the tensor; the sum runs over all rows. */
const COLUMNS = 1000;

class Mean extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.mean();
  }
}

class MeanOfSquares extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.square().mean();
  }
}

/** Numbers from 0 to 1, the same ones each time. */
function random(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const TERMS: Readonly<Record<string, () => () => number>> = {
  equal: () => () => 0.1,
  random,
};

async function errorOf(
  model: nn.Module,
  data: Float32Array,
  exact: number,
  backend: BackendName,
): Promise<number> {
  const shape = [data.length / COLUMNS, COLUMNS];
  const program = await compile(model, { inputs: [shape], backend });
  const result = await program.run(tensor(data, { shape }));
  await program.dispose();
  return Math.abs((await result.item()) - exact) / exact;
}

const most = Number(process.argv[2] ?? 8);
console.log("terms   of what          wasm       js");
for (let exponent = 4; exponent <= most; exponent++) {
  for (const [name, draw] of Object.entries(TERMS)) {
    const next = draw();
    const data = Float32Array.from({ length: 10 ** exponent }, next);
    let [sum, squares] = [0, 0];
    for (const x of data) {
      sum += x;
      squares += x * x;
    }
    const means: readonly (readonly [string, nn.Module, number])[] = [
      [`${name} numbers`, new Mean(), sum / data.length],
      [`their squares`, new MeanOfSquares(), squares / data.length],
    ];
    for (const [what, model, exact] of means) {
      const errors = [];
      for (const backend of ["wasm", "js"] as const) errors.push(await errorOf(model, data, exact, backend));
      const columns = errors.map((error) => error.toExponential(1).padStart(9)).join("");
      console.log(`10^${exponent}    ${what.padEnd(16)}${columns}`);
    }
  }
}
