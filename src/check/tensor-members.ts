/** The kinds of the members of tensors and arrays, as far as the check has to distinguish shapes from numbers. */

/** Known while the model is traced. */
const HOST: ReadonlySet<string> = new Set([
  ...["shape", "dtype", "ndim", "size", "dim", "numel", "nelement", "isLeaf", "requiresGrad", "gradFn"],
  ...["length", "includes", "indexOf", "findIndex", "constructor"],
]);

/** Methods of tensors that return arrays of tensors, and of arrays that return arrays. */
const LISTS: ReadonlySet<string> = new Set([
  ...["split", "chunk"],
  ...["map", "filter", "concat", "flat", "flatMap", "reverse", "toReversed", "toSpliced", "with", "entries"],
]);

/** Methods of tensors that read their numbers, which a trace does not have. */
const READS: ReadonlySet<string> = new Set(["item", "data", "array", "format", "peek"]);

/** Names that other objects are unlikely to have: tensors of unknown origin are recognised by them. */
const TELLING: ReadonlySet<string> = new Set([
  ...["gt", "ge", "lt", "le", "eq", "ne", "any", "all", "isnan", "item", "argmax", "argmin", "amax", "amin"],
  ...["relu", "softmax", "logSoftmax", "sigmoid", "matmul", "unsqueeze", "squeeze", "permute", "transpose"],
]);

export const isHostMember = (name: string): boolean => HOST.has(name);
export const givesList = (name: string): boolean => LISTS.has(name);
export const readsNumbers = (name: string): boolean => READS.has(name);
export const tellsTensor = (name: string): boolean => TELLING.has(name);
