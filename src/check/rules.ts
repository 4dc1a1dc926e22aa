/** All rules of `kiln check`, in the order in which they are documented. */

import type { Rule } from "./finding.ts";
import { branch } from "./rules/branch.ts";
import { consoleOutput } from "./rules/console-output.ts";
import { loop } from "./rules/loop.ts";
import { storedLayers } from "./rules/stored-layers.ts";
import { unusedField } from "./rules/unused-field.ts";

export const RULES: readonly Rule[] = [branch, loop, storedLayers, unusedField, consoleOutput];
