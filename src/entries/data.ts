/** `kiln-js/data`: what is `data` in `kiln-js`, for bundlers that leave out of a module alone what nobody uses. */

import "../compile.ts";

export * from "../data/index.ts";
