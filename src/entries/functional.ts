/** `kiln-js/functional`: what is `F` in `kiln-js`, for bundlers that leave out of a module alone what nobody uses. */

import "../compile.ts";

export * from "../nn/functional/index.ts";
