/**
 * Everything under the name `optim.swaUtils` (torch.optim.swa_utils): what stochastic weight averaging needs, the averages
 * themselves, the learning rate meanwhile, and statistics for the averaged model.
 */

export {
  AveragedModel,
  type AveragedModelOptions,
  type AvgFn,
  getEmaAvgFn,
  getSwaAvgFn,
} from "./averaged-model.ts";
export { SWALR, type SWALROptions } from "./swa-lr.ts";
export { updateBn } from "./update-bn.ts";
