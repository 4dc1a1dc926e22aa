/** Node's built-in modules, if this is Node: pages load this backend's files, too, but never use it. */

export const node: typeof process.getBuiltinModule | undefined =
  typeof process === "undefined" ? undefined : process.getBuiltinModule;
