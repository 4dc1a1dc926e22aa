/** All layers of random models, by the rank that they need. A new layer is a line in one of the tables. */

import { COMMON_LAYERS } from "./anything.ts";
import type { LayerEntry, LayerTable } from "./entry.ts";
import { IMAGE_LAYERS } from "./images.ts";
import { ROW_LAYERS } from "./rows.ts";
import { SEQUENCE_LAYERS } from "./sequences.ts";
import { SIGNAL_LAYERS } from "./signals.ts";
import { VOLUME_LAYERS } from "./volumes.ts";

export interface RankedLayer {
  /** The number of axes of its input; any number if absent. */
  readonly rank?: number;
  readonly entry: LayerEntry;
}

const ranked = (table: LayerTable, rank?: number): Record<string, RankedLayer> =>
  Object.fromEntries(
    Object.entries(table).map(([kind, entry]) => [kind, rank === undefined ? { entry } : { rank, entry }]),
  );

/** By kind: the name of the class, with a word for its use if there are several. */
export const LAYERS: Readonly<Record<string, RankedLayer>> = {
  ...ranked(ROW_LAYERS, 2),
  ...ranked(SIGNAL_LAYERS, 3),
  ...ranked(SEQUENCE_LAYERS, 3),
  ...ranked(IMAGE_LAYERS, 4),
  ...ranked(VOLUME_LAYERS, 5),
  ...ranked(COMMON_LAYERS),
};
