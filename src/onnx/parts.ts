/**
 * The modules that the dotted names of initializers imply: `layer1.0.conv1.weight` is the parameter `weight` of
 * `layer1.0.conv1`, as in the model that the file was made from.
 */

import { KilnError } from "../core/errors.ts";
import { MEMBERS } from "../nn/brand.ts";
import type { Named } from "../nn/members.ts";
import { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A module that holds everything below one name. */
export class Part extends Module {
  readonly #members = new Map<string, Tensor | Part>();

  forward(): never {
    throw new KilnError("a part of an ONNX model has no forward of its own: call the whole model's");
  }

  override *[MEMBERS](): Iterable<Named<unknown>> {
    yield* this.#members;
  }

  /**
   * Stores a tensor at the path of its name; returns the name that it has there. If a name cannot be a path, or is both
   * a tensor and the prefix of others, its dots become underscores.
   */
  hold(name: string, tensor: Tensor): string {
    const segments = name.split(".");
    const isPath = segments.every((segment) => segment !== "") && this.#isFree(segments);
    const path = isPath ? segments : [this.#unused(name.replaceAll(".", "_") || "_")];
    let part: Part = this;
    for (const segment of path.slice(0, -1)) part = part.#child(segment);
    part.#members.set(path.at(-1)!, tensor);
    return path.join(".");
  }

  /** The innermost part that a dotted path leads to; this one if it leads nowhere. */
  innermost(path: readonly string[]): Part {
    const next = path.length === 0 ? undefined : this.#members.get(path[0]);
    return next instanceof Part ? next.innermost(path.slice(1)) : this;
  }

  #isFree(segments: readonly string[]): boolean {
    const [first, ...rest] = segments;
    const held = this.#members.get(first);
    if (held === undefined) return true;
    return rest.length > 0 && held instanceof Part && held.#isFree(rest);
  }

  #unused(wish: string): string {
    let name = wish;
    for (let k = 1; this.#members.has(name); k++) name = `${wish}_${k}`;
    return name;
  }

  #child(name: string): Part {
    const held = this.#members.get(name) ?? new Part();
    this.#members.set(name, held);
    return held as Part;
  }
}
