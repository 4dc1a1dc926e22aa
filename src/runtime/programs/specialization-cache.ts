/** The compile cache of a program: one specialization for each set of input shapes, a bounded number of them. */

import { kindOf, type NumberKind } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import type { TensorType } from "../../ir/types.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { CompileSpecialization, Specialization } from "./specialization.ts";

/** Which shapes a program may be fed besides those that it was first compiled for. */
export interface DynamicShapes {
  /** The dimensions that may differ; of `batch`, dimension 0 of all inputs that have the first one's there. */
  readonly dimensions: "any" | "batch" | "none";
  /** How many programs for other shapes are kept: those that were used last. */
  readonly most: number;
}

/** Every shape, and room for a last smaller batch, a single sample and some lengths of a sequence. */
export const ANY_SHAPES: DynamicShapes = { dimensions: "any", most: 8 };

/** The method that converts a tensor to another dtype. */
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
  private readonly dynamic: DynamicShapes;
  private readonly specializations = new Map<string, Promise<Specialization>>();
  /** The specialization for the shapes that were asked for first; it stays as long as the program. */
  private main: Specialization | undefined;
  private last: { readonly shapes: readonly Shape[]; readonly specialization: Specialization } | undefined;

  constructor(
    inputs: readonly FedType[],
    compile: CompileSpecialization,
    dynamic: DynamicShapes,
    main?: Specialization,
  ) {
    this.inputs = inputs;
    this.compile = compile;
    this.dynamic = dynamic;
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

  /** `specialization`, or a new one if the model has changed since it was traced. */
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
      specialization = this.compiled(shapes);
      this.specializations.set(key, specialization);
      specialization.catch(() => this.specializations.delete(key));
      await this.evict();
    } else {
      this.specializations.delete(key);
      this.specializations.set(key, specialization);
    }
    return specialization;
  }

  /** Compiles for `shapes`; throws if the model or its loss needs other shapes to go with the first of them. */
  private async compiled(shapes: readonly Shape[]): Promise<Specialization> {
    const specialization = await this.compile(shapes, this.reasonFor(shapes));
    specialization.plan.inputs.forEach(({ shape }, k) => {
      if (sameShape(shape, shapes[k])) return;
      specialization.executable.dispose();
      throw new KilnError(
        `${this.roleOf(k)} is ${formatShape(shapes[k])}, but with ${formatShape(shapes[0])} it must be ${formatShape(shape)}`,
      );
    });
    return specialization;
  }

  /** Why there is no program for `shapes`; undefined if there is none for any shapes. */
  private reasonFor(shapes: readonly Shape[]): string | undefined {
    const { size } = this.specializations;
    if (size === 0 && this.main === undefined) return undefined;
    const isBatch = shapes.every((shape, k) => sameShape(shape.slice(1), this.inputs[k].shape.slice(1)));
    const others = isBatch ? "batch size" : "shape";
    if (size === 0) return `it was compiled for another ${others}`;
    const { most } = this.dynamic;
    return `it was compiled for other ${others}s${size < most ? "" : `, of which the ${most} last used are kept`}`;
  }

  private roleOf(k: number): string {
    return this.inputs[k].role ?? `input ${k}`;
  }

  async dispose(): Promise<void> {
    this.last = undefined;
    this.main?.executable.dispose();
    for (const specialization of this.specializations.values()) (await specialization).executable.dispose();
    this.specializations.clear();
  }

  private async evict(): Promise<void> {
    if (this.specializations.size <= this.dynamic.most) return;
    const [[key, oldest]] = this.specializations;
    this.specializations.delete(key);
    (await oldest).executable.dispose();
  }

  private check(tensors: readonly Tensor[]): void {
    const { inputs } = this;
    if (tensors.length !== inputs.length) {
      throw new KilnError(`this program takes ${inputs.length} tensors but is given ${tensors.length}`);
    }
    tensors.forEach((tensor, k) => {
      const { shape, dtype } = inputs[k];
      const given = `${tensor.dtype}${formatShape(tensor.shape)}`;
      const role = this.roleOf(k);
      if (tensor.dtype !== dtype) {
        throw new KilnError(
          `${role} was compiled for ${dtype}${formatShape(shape)} but is ${given}: make it ${dtype} with ${CASTS[kindOf(dtype)]}, ` +
            `or compile for ${tensor.dtype}: { shape: ${formatShape(shape)}, dtype: "${tensor.dtype}" }`,
        );
      }
      if (tensor.shape.includes(0)) {
        throw new KilnError(`${role} is empty: it is ${given}, and a run needs at least one sample`);
      }
      const allowed = this.allowedFor(shape, tensor.shape);
      if (allowed !== undefined) {
        throw new KilnError(
          `${role} was compiled for ${dtype}${formatShape(shape)} but is ${given}; ${allowed}`,
        );
      }
    });
    if (this.dynamic.dimensions !== "batch") return;
    const batches = new Set(
      tensors.flatMap((t, k) => (inputs[k].shape[0] === this.batch ? [t.shape[0]] : [])),
    );
    if (batches.size > 1) {
      throw new KilnError(
        `the inputs have different batch sizes: ${tensors.map((t) => formatShape(t.shape)).join(" and ")}`,
      );
    }
  }

  private get batch(): number | undefined {
    return this.inputs[0]?.shape[0];
  }

  /** What `given` may be where `shape` was compiled for; `undefined` if it is that. */
  private allowedFor(shape: Shape, given: Shape): string | undefined {
    const { dimensions } = this.dynamic;
    if (given.length !== shape.length) return `it must have ${shape.length} dimensions`;
    if (dimensions === "any" || sameShape(given, shape)) return undefined;
    if (dimensions === "none") return 'no shape may differ, since dynamicShapes is "none"';
    const isBatch = shape[0] === this.batch && sameShape(given.slice(1), shape.slice(1));
    return isBatch ? undefined : 'only the batch (dimension 0) may differ, since dynamicShapes is "batch"';
  }
}
