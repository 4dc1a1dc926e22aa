/** Functions that arrange elements without computing with them. */

export { flatten, type PadMode, pad, unflatten } from "../../tensor/rearrange.ts";
