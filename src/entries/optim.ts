/** `kiln-js/optim`: what is `optim` in `kiln-js`, for bundlers that leave out of a module alone what nobody uses. */

import "../compile.ts";

export * from "../optim/index.ts";
