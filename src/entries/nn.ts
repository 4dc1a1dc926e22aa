/** `kiln-js/nn`: the same as `nn` in `kiln-js`, for bundlers that can only tree-shake separate modules. */

import "../compile.ts";

export * from "../nn/index.ts";
