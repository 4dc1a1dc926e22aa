/** Everything under the name `nn.utils`. */

export {
  type ClipGradNormOptions,
  clipGradNorm_,
  clipGradValue_,
} from "./gradient-clipping.ts";
export * as rnn from "./pad-sequence.ts";
export * as parametrizations from "./parametrization/norms.ts";
export * as parametrize from "./parametrization/parametrize.ts";
export { parametersToVector, vectorToParameters } from "./parametrization/vector.ts";
