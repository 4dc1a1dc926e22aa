/**
 * Warns of what a trace does not stumble over and is nearly always a mistake; `kiln check` finds the same before a
 * model runs.
 */

import { formatOrigin } from "../../core/origin.ts";
import { warn } from "../../core/warning.ts";
import type { Trace } from "../session.ts";
import type { Traceable } from "../traceable.ts";
import { captured } from "./captured.ts";
import { conditions } from "./conditions.ts";
import { hiddenLayers } from "./hidden-layers.ts";
import { unusedFields } from "./unused-fields.ts";

/**
 * Warns of probable mistakes in a model, once for each class. Without a complete trace there are no warnings about
 * unused parts.
 */
export function warnOfMistakes(model: Traceable, trace?: Trace): void {
  const hidden = hiddenLayers(model);
  const mistakes = [
    ...hidden,
    // A parameter in a plain list is a foreign one, too.
    ...(trace !== undefined && hidden.length === 0 ? captured(model, trace) : []),
    ...(trace !== undefined ? unusedFields(model, trace) : []),
    ...conditions(model),
  ];
  for (const { module, message, place } of mistakes)
    warn(message, place && formatOrigin({ ...place, module: "" }), module.constructor);
}
