/** `exportOnnx`: writes the computation of a module or a program as an ONNX file, with its weights. */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../../core/option-names.ts";
import { checkModel, readSignature } from "../../driver/options.ts";
import { Inspectable } from "../../runtime/programs/program.ts";
import type { InputSpec } from "../../runtime/programs/signature.ts";
import { inMode, type Moded } from "../../trace/mode.ts";
import { type Trace, traceModel } from "../../trace/trace.ts";
import { encodeModel } from "../model-proto.ts";
import { OnnxModule } from "../onnx-module.ts";
import { modelOf } from "./model.ts";

/** The options of {@link exportOnnx}. */
export interface ExportOptions {
  /** The inputs of a module, as for `compile`. A program has its own. */
  readonly inputs?: readonly InputSpec[];
  /** The names of the inputs in the file: by default `x`, or `x0`, `x1`, … */
  readonly inputNames?: readonly string[];
  /** The names of the results: by default `output`, `output1`, … */
  readonly outputNames?: readonly string[];
}

const OPTIONS = {
  inputs: true,
  inputNames: true,
  outputNames: true,
} satisfies OptionNames<ExportOptions>;

/** A compiled program with any inputs and results. */
type AnyProgram = Pick<Inspectable, "portable">;

/**
 * The bytes of an ONNX model, of operator set 18, that computes the same as a module in evaluation mode, or as a
 * program, with the current weights. Its shapes are those of `inputs`. Weights keep their names, nodes are named by the
 * paths of their modules, and an imported module keeps the names of its file.
 *
 * ```ts
 * await writeFile("net.onnx", await exportOnnx(net, { inputs: [[1, 3, 224, 224]] }));
 * ```
 *
 * Throws a {@link KilnError} that lists everything for which ONNX has no operators, such as random numbers.
 */
export async function exportOnnx(
  source: Moded | AnyProgram,
  options: ExportOptions = {},
): Promise<Uint8Array> {
  checkOptionNames("exportOnnx", options, OPTIONS);
  const { graph, states } =
    source instanceof Inspectable ? tracedBy(source, options) : traceOf(source, options);
  const updated = graph.updates.map(({ target }) => target.name);
  if (updated.length > 0)
    throw new KilnError(
      `a run of ${graph.name} changes ${updated.join(", ")}, and an ONNX graph changes nothing: export the model in evaluation mode`,
    );
  const own = source instanceof OnnxModule ? source : undefined;
  const inputCount = graph.inputs.filter(({ role }) => role === "input").length;
  const model = await modelOf(graph, {
    inputNames:
      namesFrom("inputNames", options.inputNames, inputCount) ?? own?.inputs.map(({ name }) => name),
    outputNames:
      namesFrom("outputNames", options.outputNames, graph.outputs.length) ??
      own?.outputs.map(({ name }) => name),
    numbersOf: (state) => states.get(state)!.data(),
  });
  return encodeModel(model);
}

type Traced = Pick<Trace, "graph" | "states">;

function tracedBy({ portable }: AnyProgram, { inputs }: ExportOptions): Traced {
  if (inputs !== undefined)
    throw new KilnError("exportOnnx takes no inputs for a program: it has those that it was compiled for");
  return portable.traced;
}

function traceOf(model: unknown, { inputs }: ExportOptions): Traced {
  checkModel("exportOnnx", model);
  if (inputs === undefined)
    throw new KilnError("exportOnnx needs the shapes of the inputs, such as inputs: [[1, 3, 224, 224]]");
  const { types, arrange } = readSignature(inputs);
  return inMode(model as Moded, false, () => traceModel(model as Moded, types, { arrange }));
}

/** Names given by the user, one for each of `count` values. */
function namesFrom(option: string, names: unknown, count: number): readonly string[] | undefined {
  if (names === undefined) return undefined;
  const isList = Array.isArray(names) && names.every((name) => typeof name === "string" && name !== "");
  if (!isList) throw new KilnError(`${option} is a list of names, not ${describeValue(names)}`);
  if (names.length !== count || new Set(names).size !== count)
    throw new KilnError(`${option} must be ${count} different names, not [${names.join(", ")}]`);
  return names;
}
