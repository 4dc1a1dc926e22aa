/** Functions of single elements: those of layers, and the elementary ones. */

import type { Operator } from "../operator.ts";
import { unary } from "./define.ts";

export const ACTIVATION: readonly Operator[] = [unary("Relu", (x) => x.relu())];
