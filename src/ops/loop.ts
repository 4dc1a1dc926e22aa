/** The attributes of the op `scan`, which describe a loop. */

import type { Attrs, Graph } from "../ir/types.ts";
import { number } from "./definition.ts";

export interface Loop {
  readonly body: Graph;
  /** How many of the inputs and results are carried from one iteration to the next: the first ones of both. */
  readonly carried: number;
  /** How many inputs after those are stacked along their first axis: each iteration gets one element of it. */
  readonly stacked: number;
  readonly iterations: number;
  /** Whether the last elements come first, including those of the results. */
  readonly descending: boolean;
}

export const loopOf = (attrs: Attrs): Loop => ({
  body: attrs.body as Graph,
  carried: number(attrs, "carried"),
  stacked: number(attrs, "stacked"),
  iterations: number(attrs, "iterations"),
  descending: attrs.descending as boolean,
});

export const attrsOf = ({ body, carried, stacked, iterations, descending }: Loop): Attrs => ({
  body,
  carried,
  descending,
  iterations,
  stacked,
});
