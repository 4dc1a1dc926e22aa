/** Activation layers: functions of each element, without parameters. */

import type { Tensor } from "../../tensor/tensor.ts";
import { relu } from "../functional.ts";
import { Module } from "../module.ts";

/** `max(x, 0)`, element by element (torch.nn.ReLU). */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}
