/** Scheduling strategies by what they need of a backend, so that tests can force each in turn. */

import type { Strategy } from "../../passes/scheduling/plans/strategy.ts";
import { STRATEGIES as ALL } from "../../passes/scheduling/schedule.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";

const isVector = ({ name }: Strategy): boolean => name.startsWith("vector-");

/** Those that run in lanes where there are some, and one by one where not. */
const BOTH = ["plain", "sparse"];

/** Those of scalar code. */
export const STRATEGIES = ALL.filter((strategy) => !isVector(strategy) && strategy.name !== "winograd");

/** Those that need lanes and are exact where the sums are; Winograd's needs lanes too, and has tests of its own. */
export const VECTOR_STRATEGIES = ALL.filter((s) => isVector(s) || BOTH.includes(s.name));

/** All that can match where a backend has so many lanes. */
export const strategiesFor = ({ vectorWidth }: Capabilities): readonly Strategy[] =>
  vectorWidth > 1 ? ALL : STRATEGIES;
