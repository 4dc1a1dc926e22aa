/** All scheduling strategies, so that tests can force each in turn. */

import { packedPanels } from "../../passes/strategies/pack.ts";
import { plain } from "../../passes/strategies/plain.ts";
import { registerTile } from "../../passes/strategies/register-tile.ts";
import type { Strategy } from "../../passes/strategies/strategy.ts";
import { winnerLists } from "../../passes/strategies/winner-lists.ts";

export const STRATEGIES: readonly Strategy[] = [plain, registerTile, packedPanels, winnerLists];
