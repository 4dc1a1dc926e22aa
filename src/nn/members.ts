/** Finds what a model consists of: its modules, parameters and buffers under PyTorch's dotted names, in order. */

import { KilnError } from "../core/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  BUFFERS,
  isBuffer,
  isModule,
  isParameter,
  LATER_BUFFERS,
  MEMBERS,
  UNSAVED_BUFFERS,
} from "./brand.ts";
import type { Buffer } from "./buffer.ts";
import type { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";

export type Named<T> = readonly [name: string, value: T];

/** What one module holds itself. */
export interface Members {
  readonly parameters: readonly Named<Parameter>[];
  readonly buffers: readonly Named<Tensor>[];
  /** Those of the buffers that state dicts have. */
  readonly persistent: readonly Named<Tensor>[];
  readonly children: readonly Named<Module>[];
}

/** The members of one module, each kind in the order of the fields. */
export function membersOf(module: Module): Members {
  const parameters: Named<Parameter>[] = [];
  const buffers: Named<Tensor>[] = [];
  const persistent: Named<Tensor>[] = [];
  const children: Named<Module>[] = [];
  for (const [name, value] of module[MEMBERS]()) {
    if (isModule(value)) children.push([checkName("module", name), value]);
    else if (isParameter(value)) parameters.push([checkName("parameter", name), value]);
    else if (isPresent(value)) {
      const isRegistered = module[BUFFERS].has(name);
      if (!isRegistered && !isBuffer(value)) continue;
      const buffer = [checkName("buffer", name), value as Tensor] as const;
      buffers.push(buffer);
      // A module of another copy of the library may not have the list.
      const isSaved = isRegistered ? !module[UNSAVED_BUFFERS]?.has(name) : (value as Buffer).persistent;
      if (isSaved) persistent.push(buffer);
    }
  }
  return { parameters, buffers, persistent, children };
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

/** Gives `name` back if it may be part of a dotted path. */
export function checkName(kind: "module" | "parameter" | "buffer", name: string): string {
  if (name === "") throw new KilnError(`${kind} name can't be empty string ""`);
  if (name.includes(".")) throw new KilnError(`${kind} name can't contain ".", got: ${name}`);
  return name;
}

/** The module and everything below it, parents first; a module held under two names is met twice. */
export function* walk(
  module: Module,
  path = "",
  ancestors: readonly Module[] = [],
): Generator<Named<Module>> {
  if (ancestors.includes(module)) {
    throw new KilnError(
      `${path} leads from ${module.constructor.name} back to itself: a module must not hold one that contains it ` +
        "(keep such a reference in a #private field)",
    );
  }
  yield [path, module];
  for (const [name, child] of membersOf(module).children) {
    yield* walk(child, joinPath(path, name), [...ancestors, module]);
  }
}

/** Where a state dict may lack what the modules below `module` have: see `LATER_BUFFERS`. */
export function* walkLaterBuffers(module: Module): Generator<string> {
  for (const [path, inner] of walk(module)) {
    // A module of another copy of the library may not have the list.
    for (const name of inner[LATER_BUFFERS] ?? []) yield joinPath(path, name);
  }
}

/** All parameters and buffers below `module` that a state dict lists; shared ones under each name. */
export function* walkState(module: Module): Generator<Named<Tensor>> {
  for (const [path, { parameters, persistent }] of walkMembers(module)) {
    for (const [name, tensor] of [...parameters, ...persistent]) yield [joinPath(path, name), tensor];
  }
}

/** One kind of members of all modules below `module`; shared ones under their first name alone. */
export function allMembers<Kind extends "parameters" | "buffers">(
  module: Module,
  kind: Kind,
): Members[Kind][number][] {
  const found: Named<Tensor>[] = [];
  for (const [path, members] of walkMembers(module)) {
    for (const [name, tensor] of members[kind]) found.push([joinPath(path, name), tensor]);
  }
  return distinct(found) as Members[Kind][number][];
}

function* walkMembers(module: Module): Generator<Named<Members>> {
  for (const [path, inner] of walk(module)) yield [path, membersOf(inner)];
}

/** Leaves out every value that was already met under another name. */
export function distinct<T>(pairs: Iterable<Named<T>>): Named<T>[] {
  const first = new Map<T, string>();
  for (const [name, value] of pairs) if (!first.has(value)) first.set(value, name);
  return Array.from(first, ([value, name]): Named<T> => [name, value]);
}

const joinPath = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);
