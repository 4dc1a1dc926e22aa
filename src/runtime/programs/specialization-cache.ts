/** The compile cache of a program: one specialization per batch size, a bounded number of them. */

import { kindOf, type NumberKind } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import type { TensorType } from "../../ir/types.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { CompileSpecialization, Specialization } from "./specialization.ts";

/** A full batch, a last smaller one, a single sample and one to spare. */
const MOST_VARIANTS = 4;

/** What makes a tensor one of another dtype. */
const CASTS: Readonly<Record<NumberKind, string>> = {
  float: ".float()",
  int: ".int()",
  word: ".int()",
  bool: ".bool()",
};

/** What a program is fed with, and as what messages know it; as an input by its number unless something is said. */
export interface FedType extends TensorType {
  readonly role?: string;
}

export class SpecializationCache {
  private readonly inputs: readonly FedType[];
  private readonly compile: CompileSpecialization;
  private readonly specializations = new Map<string, Promise<Specialization>>();
  /** The specialization for the shapes that were asked for first; it stays as long as the program. */
  private main: Specialization | undefined;
  private last: { readonly shapes: readonly Shape[]; readonly specialization: Specialization } | undefined;

  constructor(inputs: readonly FedType[], compile: CompileSpecialization, main?: Specialization) {
    this.inputs = inputs;
    this.compile = compile;
    this.main = main;
  }

  /** The specialization for the shapes of `tensors`; compiles it when it is not there. */
  async for(tensors: readonly Tensor[]): Promise<Specialization> {
    const { last } = this;
    if (
      last !== undefined &&
      this.isSame(last.shapes, tensors) &&
      last.specialization.outdated() === undefined
    )
      return last.specialization;
    this.check(tensors);
    const shapes = tensors.map((t) => t.shape);
    const specialization = await this.current(shapes, await this.get(shapes));
    this.last = { shapes, specialization };
    return specialization;
  }

  /** `specialization`, or, where the model has changed since it was traced, what is compiled in its place. */
  private async current(shapes: readonly Shape[], specialization: Specialization): Promise<Specialization> {
    const why = specialization.outdated();
    if (why === undefined) return specialization;
    const fresh = await this.compile(shapes, why, specialization);
    if (fresh === specialization) return specialization;
    if (specialization === this.main) this.main = fresh;
    else this.specializations.set(shapes.map(formatShape).join(), Promise.resolve(fresh));
    specialization.executable.dispose();
    return fresh;
  }

  private isSame(shapes: readonly Shape[], tensors: readonly Tensor[]): boolean {
    return (
      shapes.length === tensors.length &&
      shapes.every(
        (shape, k) => sameShape(shape, tensors[k].shape) && tensors[k].dtype === this.inputs[k].dtype,
      )
    );
  }

  private async get(shapes: readonly Shape[]): Promise<Specialization> {
    if (this.main !== undefined && shapes.every((shape, k) => sameShape(shape, this.inputs[k].shape))) {
      return this.main;
    }
    const key = shapes.map(formatShape).join();
    let specialization = this.specializations.get(key);
    if (specialization === undefined) {
      specialization = this.compile(shapes, this.reason);
      this.specializations.set(key, specialization);
      specialization.catch(() => this.specializations.delete(key));
      await this.evict();
    } else {
      this.specializations.delete(key);
      this.specializations.set(key, specialization);
    }
    return specialization;
  }

  /** Why there is no program for some shapes; nothing where there is none for any. */
  private get reason(): string | undefined {
    if (this.specializations.size === 0) return this.main && "it was compiled for another batch size";
    const dropped =
      this.specializations.size < MOST_VARIANTS ? "" : `, of which the ${MOST_VARIANTS} last used are kept`;
    return `it was compiled for other batch sizes${dropped}`;
  }

  async dispose(): Promise<void> {
    this.last = undefined;
    this.main?.executable.dispose();
    for (const specialization of this.specializations.values()) (await specialization).executable.dispose();
    this.specializations.clear();
  }

  private async evict(): Promise<void> {
    if (this.specializations.size <= MOST_VARIANTS) return;
    const [[key, oldest]] = this.specializations;
    this.specializations.delete(key);
    (await oldest).executable.dispose();
  }

  private check(tensors: readonly Tensor[]): void {
    const { inputs } = this;
    if (tensors.length !== inputs.length) {
      throw new KilnError(`this program takes ${inputs.length} tensors but is given ${tensors.length}`);
    }
    const batch = inputs.length > 0 && inputs[0].shape.length > 0 ? inputs[0].shape[0] : undefined;
    tensors.forEach((tensor, k) => {
      const { shape, dtype, role = `input ${k}` } = inputs[k];
      const fits =
        tensor.shape.length === shape.length &&
        shape.every((extent, axis) => extent === tensor.shape[axis] || (axis === 0 && extent === batch));
      const given = `${tensor.dtype}${formatShape(tensor.shape)}`;
      if (tensor.dtype !== dtype) {
        throw new KilnError(
          `${role} was compiled for ${dtype}${formatShape(shape)} but is ${given}: make it ${dtype} with ${CASTS[kindOf(dtype)]}, ` +
            `or compile for ${tensor.dtype}: { shape: ${formatShape(shape)}, dtype: "${tensor.dtype}" }`,
        );
      }
      if (tensor.shape.includes(0)) {
        throw new KilnError(`${role} is empty: it is ${given}, and a run needs at least one sample`);
      }
      if (!fits) {
        throw new KilnError(
          `${role} was compiled for ${dtype}${formatShape(shape)} but is ${given}; ` +
            "only the batch (dimension 0) may differ",
        );
      }
    });
    const batches = new Set(tensors.flatMap((t, k) => (inputs[k].shape[0] === batch ? [t.shape[0]] : [])));
    if (batches.size > 1) {
      throw new KilnError(
        `the inputs have different batch sizes: ${tensors.map((t) => formatShape(t.shape)).join(" and ")}`,
      );
    }
  }
}
