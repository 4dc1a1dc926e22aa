/** `kiln-js/data`: the same as `data` in `kiln-js`, for bundlers that can only tree-shake separate modules. */

import "../compile.ts";

export * from "../data/index.ts";
