/** Values are called after the user's variables where the tracer is told them, and by number everywhere else. */

import { expect, it } from "vitest";
import { readSources } from "../../src/check/source-files.ts";
import { variableNames } from "../../src/check/variables.ts";
import { F, nn, type Tensor } from "../../src/index.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import { opTable } from "../../src/ops/registry.ts";
import { traceModel } from "../../src/trace/trace.ts";
import { nameValues } from "../../src/trace/value-names.ts";

const VARIABLES = variableNames(readSources(import.meta.filename));

const LINES = /^ {2}(%\w+): \S+ = (\w+)/gm;

/** The nodes of a traced model, as `name op`. */
function nodesOf(model: nn.Module, variables = VARIABLES): string[] {
  nameValues(model, variables);
  const { graph } = traceModel(model, [{ dtype: "float32", shape: [2, 4] }]);
  verifyGraph(graph, opTable);
  const text = printGraph(graph);
  expect(printGraph(parseGraph(text, opTable))).toBe(text);
  return [...text.matchAll(LINES)].map(([, name, op]) => `${name} ${op}`);
}

class Plain extends nn.Module {
  fc = new nn.Linear(4, 4);
  override forward(x: Tensor): Tensor {
    x = F.relu(this.fc.forward(x));
    const hidden = x.exp();
    let y = hidden
      .neg()
      // what counts is the outermost call
      .add(1);
    y = y.mul(x);
    return y.abs();
  }
}

it("names what a variable holds, and numbers what has no name", () => {
  expect(nodesOf(new Plain())).toEqual([
    ...["%0 linear", "%x_1 relu", "%hidden exp", "%3 neg", "%4 constant", "%y add", "%y_1 mul", "%7 abs"],
  ]);
});

it("numbers everything where no variables are told", () => {
  expect(nodesOf(new Plain(), new Map()).map((node) => node.split(" ")[0])).toEqual(
    Array.from({ length: 8 }, (_, k) => `%${k}`),
  );
});

class Inner extends nn.Module {
  override forward(x: Tensor): Tensor {
    const inner = x.exp();
    return inner;
  }
}

class Looping extends nn.Module {
  inner = new Inner();
  override forward(x: Tensor): Tensor {
    for (let k = 0; k < 2; k++) {
      const halved = x.mul(0.5);
      x = this.inner.forward(halved);
    }
    const same = x.neg();
    const again = x.neg();
    return same.add(again);
  }
}

it("tells the turns of a loop apart, names values inside of other modules, and equal values by their first name", () => {
  expect(nodesOf(new Looping()).filter((node) => !node.endsWith("constant"))).toEqual([
    ...["%halved mul", "%inner exp", "%halved_1 mul", "%inner_1 exp", "%same neg", "%6 add"],
  ]);
});

class Hostile extends nn.Module {
  override forward(x: Tensor): Tensor {
    const größe$ = x.exp();
    const $ = größe$.neg();
    const __proto__ = $.abs();
    const x_1 = __proto__.sigmoid();
    x = x_1.tanh();
    const aVeryLongNameThatNobodyWouldWriteButSomebodyMight = x.exp();
    const 名前 = aVeryLongNameThatNobodyWouldWriteButSomebodyMight.neg();
    return 名前.abs();
  }
}

it("makes plain names, each once, of any identifiers", () => {
  expect(nodesOf(new Hostile())).toEqual([
    ...["%gr__e_ exp", "%_ neg", "%__proto__ abs", "%x_1 sigmoid", "%x_2 tanh"],
    ...["%aVeryLongNameThatNobodyWouldWriteButSome exp", "%__ neg", "%7 abs"],
  ]);
});
