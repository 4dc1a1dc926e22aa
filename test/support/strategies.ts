/** Scheduling strategies by what they need from a backend, so that tests can force each in turn. */

import { js } from "../../backends/js/backend.ts";
import { PROCESSOR } from "../../backends/processor.ts";
import type { Strategy } from "../../passes/scheduling/plans/strategy.ts";
import { STRATEGIES as ALL } from "../../passes/scheduling/schedule.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";

/** Scalar code that also has four lanes. */
export const LANES: Capabilities = { ...js.capabilities, ...PROCESSOR, vectorWidth: 4, registers: 15 };

/** Those that need lanes. */
const LANES_ALONE = ["windows", "dot", "winograd"];

/** Those of scalar code. */
export const STRATEGIES = ALL.filter(({ name }) => !LANES_ALONE.includes(name));

/** Those that are exact in lanes if the sums are; Winograd's has tests of its own. */
export const VECTOR_STRATEGIES = ALL.filter(({ name }) => name !== "winograd");

/** All that can match for a backend with so many lanes. */
export const strategiesFor = ({ vectorWidth }: Capabilities): readonly Strategy[] =>
  vectorWidth > 1 ? ALL : STRATEGIES;
