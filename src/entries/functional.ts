/** `kiln-js/functional`: the same as `F` in `kiln-js`, for bundlers that can only tree-shake separate modules. */

import "../compile.ts";

export * from "../nn/functional/index.ts";
