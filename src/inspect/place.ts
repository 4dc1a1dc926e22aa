/** The place in the model that a box of a picture comes from, short enough to be shown in it. */

import { formatOrigin, type Origin } from "../core/origin.ts";

/** `lenet.ts:16 conv1`, the file without its folders, followed by how many more places there are. */
export function shortPlace(origins: readonly Origin[]): string {
  const [first] = origins;
  if (first === undefined) return "";
  const file = first.file.slice(first.file.lastIndexOf("/") + 1);
  const more = origins.length === 1 ? "" : ` +${origins.length - 1}`;
  return `${formatOrigin({ ...first, file })}${more}`;
}
