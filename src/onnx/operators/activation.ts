/** The activations of layers. */

import * as F from "../../nn/functional/index.ts";
import { constant } from "../../tensor/operation.ts";
import { where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";
import { axisOf, unary } from "./define.ts";

/** An activation with attributes. */
const shaped = (name: string, compute: (x: Tensor, call: Call) => Tensor): Operator => ({
  name,
  run: (call) => compute(call.tensor(0), call),
});

/** A function along an axis; before version 13 along all axes from there on. */
const alongAxis = (name: string, compute: (x: Tensor, axis: number) => Tensor): Operator => ({
  name,
  run: (call) => {
    const x = call.tensor(0);
    if (call.opset >= 13) return compute(x, axisOf(call, x.ndim, "axis", -1));
    const axis = axisOf(call, x.ndim, "axis", 1);
    return compute(x.reshape([...x.shape.slice(0, axis), -1]), axis).reshape(x.shape);
  },
});

/** 1 at the first maximum along an axis, 0 elsewhere. */
const hardmax = (x: Tensor, axis: number): Tensor =>
  F.oneHot(x.argmax(axis), x.shape[axis]).movedim(-1, axis).to(x.dtype);

export const ACTIVATION: readonly Operator[] = [
  unary(
    "Relu",
    (x) => (x.dtype === "float32" ? x.relu() : x.maximum(0)),
    (x) => Math.max(x, 0),
  ),
  unary("Sigmoid", F.sigmoid),
  unary("Softplus", (x) => F.softplus(x)),
  unary("Softsign", F.softsign),
  unary("HardSwish", F.hardswish),
  unary("Mish", F.mish),
  shaped("LeakyRelu", (x, call) => F.leakyRelu(x, call.float("alpha", 0.01))),
  shaped("Elu", (x, call) => F.elu(x, call.float("alpha", 1))),
  shaped("Celu", (x, call) => F.celu(x, call.float("alpha", 1))),
  shaped("Selu", (x, call) => {
    const [alpha, gamma] = [call.float("alpha", 1.6732632423543772), call.float("gamma", 1.0507009873554805)];
    return F.elu(x, alpha).mul(gamma);
  }),
  shaped("HardSigmoid", (x, call) =>
    x.mul(call.float("alpha", 0.2)).add(call.float("beta", 0.5)).clamp(0, 1),
  ),
  shaped("Gelu", (x, call) => F.gelu(x, call.string("approximate", ["none", "tanh"], "none"))),
  shaped("Swish", (x, call) => x.mul(F.sigmoid(x.mul(call.float("alpha", 1))))),
  {
    name: "SwiGLU",
    run: (call) => {
      const [gate, value] = call.tensors();
      return gate.mul(F.sigmoid(gate.mul(call.float("alpha", 1)))).mul(value);
    },
  },
  shaped("ThresholdedRelu", (x, call) => F.threshold(x, call.float("alpha", 1), 0)),
  shaped("Shrink", (x, call) => {
    const [lambda, bias] = [call.float("lambd", 0.5), call.float("bias", 0)];
    return where(x.lt(-lambda), x.add(bias), where(x.gt(lambda), x.sub(bias), 0));
  }),
  {
    name: "PRelu",
    weights: [1],
    // The slopes spread over the input as they are, without a place for channels of their own.
    run: (call) => {
      const x = call.tensor(0);
      return where(x.lt(0), x.mul(call.tensor(1)), x);
    },
  },
  alongAxis("Softmax", (x, axis) => x.softmax(axis)),
  alongAxis("LogSoftmax", (x, axis) => x.logSoftmax(axis)),
  alongAxis("Hardmax", hardmax),
  {
    name: "Dropout",
    limits: "random numbers are Kiln's own",
    run: (call) => {
      const x = call.tensor(0);
      const wanted = call.inputs[2]?.known?.data[0] === 1;
      const trains = wanted && call.around.training;
      const ratio = call.has(1) ? call.number(1) : call.float("ratio", 0.5);
      const kept = (): Tensor => constant(1, "bool").expand(x.shape);
      if (!trains || ratio === 0) return [x, ...(call.wants(1) ? [kept()] : [])];
      if (!call.wants(1)) return F.dropout(x, ratio, true);
      const scale = F.dropout(constant(1).expand(x.shape), ratio, true);
      return [x.mul(scale), scale.ne(0)];
    },
  },
];
