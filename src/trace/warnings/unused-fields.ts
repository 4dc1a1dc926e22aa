/** Layers and parameters that a model holds and nothing of it uses: they are saved, and updated, for nothing. */

import { Tensor } from "../../tensor/tensor.ts";
import { ownerOf } from "../../tensor/view.ts";
import type { Trace } from "../session.ts";
import type { Traceable } from "../traceable.ts";
import { classesOf, reachesAll, reads, textOf } from "./class-source.ts";
import type { Mistake } from "./mistake.ts";

/**
 * Every field whose parameters are not in the trace and whose name no class of the model mentions: a field for another
 * mode or condition is mentioned. Frozen parameters are kept on purpose, and a container's layers are chosen by number
 * or name.
 */
export function unusedFields(model: Traceable, trace: Trace): Mistake[] {
  const used = usedBy(trace);
  const isUnused = (value: unknown): boolean => {
    const parameters = parametersIn(value);
    return parameters.length > 0 && parameters.every((p) => p.requiresGrad && !used.has(ownerOf(p)));
  };
  const modules = [...model.namedModules()].map(([, module]) => module);
  let texts: Texts | undefined;
  return modules.flatMap((module) => {
    // Parts of an unused module are just as unused.
    if (module !== model && isUnused(module)) return [];
    const fields = Object.entries(module).filter(([, value]) => isUnused(value));
    return fields.flatMap(([name, value]): Mistake[] => {
      texts ??= new Texts(modules);
      return texts.speakOf(name, module) ? [] : [mistake(module, name, value as Traceable | Tensor)];
    });
  });
}

function mistake(module: Traceable, name: string, value: Traceable | Tensor): Mistake {
  const isParameter = value instanceof Tensor;
  const message =
    `${module.constructor.name}'s field ${name}, a ${isParameter ? "parameter" : value.constructor.name}, is never used: ` +
    `${isParameter ? `use this.${name}` : `call this.${name}.forward(…)`} in forward, or remove it; requiresGrad_(false) ` +
    "says that it is kept on purpose";
  return { module, message, place: (isParameter ? undefined : value.constructedAt) ?? module.constructedAt };
}

/** The tensors whose numbers, or new ones in place of them, the traced graph has something to do with. */
function usedBy({ graph, states }: Trace): ReadonlySet<Tensor> {
  const values = [
    ...graph.nodes.flatMap(({ inputs }) => inputs),
    ...graph.outputs.map(({ value }) => value),
    ...graph.updates.map(({ target }) => target),
  ];
  const names = new Set(values.flatMap((value) => (value.kind === "input" ? [value.name] : [])));
  return new Set([...states].flatMap(([name, tensor]) => (names.has(name) ? [tensor] : [])));
}

/** The parameters that a field holds. */
function parametersIn(value: unknown): readonly Tensor[] {
  if (value instanceof Tensor) return value.isLeaf && value.requiresGrad ? [value] : [];
  if (typeof value !== "object" || value === null || !("namedParameters" in value)) return [];
  return [...(value as Traceable).namedParameters()].map(([, parameter]) => parameter);
}

/** What the classes of a model say. */
class Texts {
  private readonly texts: ReadonlyMap<object, string | undefined>;

  constructor(modules: readonly Traceable[]) {
    const classes = new Set(modules.flatMap(classesOf));
    this.texts = new Map([...classes].map((one) => [one, textOf(one)]));
  }

  /** Whether `module`, or another part of the model, speaks of its field, or may reach it by other means. */
  speakOf(name: string, module: Traceable): boolean {
    const own = new Set(classesOf(module));
    return [...this.texts].some(([one, text]) => {
      const isOwn = own.has(one);
      if (text === undefined) return isOwn;
      return (isOwn && (!text.startsWith("class") || reachesAll(text))) || reads(text, name, !isOwn);
    });
  }
}
