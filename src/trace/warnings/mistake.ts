/** What is nearly always a mistake in a model. */

import type { Line } from "../../core/origin.ts";
import type { Traceable } from "../traceable.ts";

export interface Mistake {
  /** Whose class is to be changed. */
  readonly module: Traceable;
  readonly message: string;
  readonly place?: Line | undefined;
}
