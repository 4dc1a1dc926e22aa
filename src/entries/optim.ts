/** `kiln-js/optim`: the same as `optim` in `kiln-js`, for bundlers that can only tree-shake separate modules. */

import "../compile.ts";

export * from "../optim/index.ts";
