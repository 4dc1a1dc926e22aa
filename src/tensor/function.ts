/**
 * A user's own differentiable operation: forward and backward as functions of tensors (torch.autograd.Function). Both
 * are recorded when it is applied, so that they are compiled like everything else; backward must use only tensor
 * operations.
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import { currentRecorder } from "./context.ts";
import { isGradEnabled } from "./grad-mode.ts";
import { recordRule } from "./gradient-rule.ts";
import { apply, Tensor } from "./tensor.ts";

/** What forward passes on to backward. Other fields may be set on it as well. */
export class FunctionContext {
  private saved: readonly Tensor[] = [];
  [field: string]: unknown;

  /** Keeps tensors for the backward pass. */
  saveForBackward(...tensors: Tensor[]): void {
    this.saved = tensors;
  }

  /** What `saveForBackward` was given. */
  get savedTensors(): readonly Tensor[] {
    return this.saved;
  }
}

/** The gradients of forward's arguments in order, `null` for those that have none; a single one need not be a list. */
export type Gradients = Tensor | null | readonly (Tensor | null)[];

/** What a subclass of `Function` defines, as static methods. */
export interface FunctionDefinition<Args extends readonly unknown[]> {
  /** What errors call it. */
  readonly name: string;
  forward(context: FunctionContext, ...args: Args): Tensor;
  /** The gradients of the arguments, from the gradient of the result. */
  backward(context: FunctionContext, gradient: Tensor): Gradients;
}

/** The base of a user's operation: a subclass has static `forward` and `backward` and is used through `apply`. */
// biome-ignore lint/complexity/noStaticOnlyClass: PyTorch's users derive from autograd.Function.
abstract class DifferentiableFunction {
  /** Computes forward on `args`; gradients follow backward instead of the operations inside. */
  static apply<Args extends readonly unknown[]>(this: FunctionDefinition<Args>, ...args: Args): Tensor {
    // biome-ignore lint/complexity/noThisInStatic: it is the subclass.
    return applied(this, args);
  }
}

export { DifferentiableFunction as Function };

function applied<Args extends readonly unknown[]>(definition: FunctionDefinition<Args>, args: Args): Tensor {
  const context = new FunctionContext();
  const tensors = args.filter((argument) => argument instanceof Tensor);
  if (currentRecorder() === undefined && !(isGradEnabled() && tensors.some((t) => t.requiresGrad))) {
    return definition.forward(context, ...args);
  }
  const output = definition.forward(context, ...args);
  if (!(output instanceof Tensor)) throw new KilnError(`${definition.name}.forward must return one tensor`);
  const { result: gradients, level } = recordRule(output.shape, (arriving) =>
    gradientsOf(definition, context, args, arriving),
  );
  const learned = gradients.flatMap((gradient, k) => (gradient === null ? [] : [k]));
  return apply("custom_gradient", [output, ...tensors, ...gradients.filter((g) => g !== null)], {
    count: tensors.length,
    learned,
    level,
    name: `${definition.name}Backward`,
  });
}

/** Backward's results for the tensors among `args`, in terms of a cotangent that is still to come. */
function gradientsOf<Args extends readonly unknown[]>(
  definition: FunctionDefinition<Args>,
  context: FunctionContext,
  args: Args,
  arriving: Tensor,
): (Tensor | null)[] {
  const returned = definition.backward(context, arriving);
  const gradients = returned === null || returned instanceof Tensor ? [returned] : returned;
  if (gradients.length !== args.length) {
    throw new KilnError(
      `${definition.name}.backward must return a gradient, or null, for each of the ${args.length} arguments of ` +
        `forward, but returned ${gradients.length}`,
    );
  }
  return args.flatMap((argument, k) => {
    if (!(argument instanceof Tensor)) return [];
    const gradient = gradients[k];
    if (gradient !== null && !sameShape(gradient.shape, argument.shape)) {
      throw new KilnError(
        `${definition.name}.backward returned a gradient of shape ${formatShape(gradient.shape)} for an argument of ` +
          `shape ${formatShape(argument.shape)}`,
      );
    }
    return [gradient];
  });
}
