/** All scheduling strategies, so that tests can force each in turn. */

export { STRATEGIES } from "../../passes/schedule.ts";
