/** Node's own modules, where this is Node: pages load this backend's files, too, and only never ask it for anything. */

export const node: typeof process.getBuiltinModule | undefined =
  typeof process === "undefined" ? undefined : process.getBuiltinModule;
