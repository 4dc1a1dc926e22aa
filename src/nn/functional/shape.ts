/** Functions that arrange elements without computing with them. */

export { flatten, pad, unflatten } from "../../tensor/rearrange.ts";
