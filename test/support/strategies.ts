/** Scheduling strategies by what they need of a backend, so that tests can force each in turn. */

import { STRATEGIES } from "../../passes/schedule.ts";
import type { Strategy } from "../../passes/strategies/strategy.ts";

const isVector = ({ name }: Strategy): boolean => name.startsWith("vector-");

/** Those of scalar code. */
const SCALAR_STRATEGIES = STRATEGIES.filter((strategy) => !isVector(strategy));

/** Those that need lanes. */
export const VECTOR_STRATEGIES = STRATEGIES.filter(isVector);

export { SCALAR_STRATEGIES as STRATEGIES };
