/** `kiln-js/nn`: what is `nn` in `kiln-js`, for bundlers that leave out of a module alone what nobody uses. */

import "../compile.ts";

export * from "../nn/index.ts";
