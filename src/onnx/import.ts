/** `importOnnx`: an ONNX file becomes a module. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { readWhole } from "../files/read.ts";
import { shapeOfNested } from "../tensor/storage.ts";
import { type NestedNumbers, Tensor } from "../tensor/tensor.ts";
import { displayPath } from "../trace/origins.ts";
import { type Constant, constant } from "./constant.ts";
import { elementTypeOf } from "./element-types.ts";
import { filesBeside, filesGiven, readExternal } from "./external-data.ts";
import { checkCalls } from "./function-calls.ts";
import { GraphReader, plainDomain } from "./graph.ts";
import { missingOperators } from "./missing-operators.ts";
import { decodeModel } from "./model-proto.ts";
import { OnnxModule } from "./onnx-module.ts";
import type { Port } from "./port.ts";
import type { ModelProto } from "./proto/onnx_pb.ts";
import { UnsupportedError } from "./unsupported.ts";

/** The options of {@link importOnnx}. */
export interface ImportOptions {
  /**
   * Parameters that are not trained, by name: `fc.weight` is that one, `layer1.*` all whose names begin with `layer1.`,
   * and `*` all of them. They stay parameters, with `requiresGrad` false.
   */
  readonly freeze?: readonly string[];
  /**
   * Whether batch normalisation uses the batch's statistics and updates the running ones in training mode, as PyTorch's
   * layers do (default: false, which uses the running ones, as the file says).
   */
  readonly trainBatchNorm?: boolean;
  /** Constant inputs of the graph, by name: `forward` does not take them, and shapes may depend on them. */
  readonly constants?: Readonly<Record<string, Tensor | NestedNumbers>>;
  /** The bytes of the external data files of a model that is given as bytes, by their names in the model. */
  readonly externalData?: Readonly<Record<string, Uint8Array>>;
}

const OPTIONS = {
  freeze: true,
  trainBatchNorm: true,
  constants: true,
  externalData: true,
} satisfies OptionNames<ImportOptions>;

/** The largest size of a protocol buffer message. */
const MOST_BYTES = 2 ** 31 - 1;
/** The versions of the operator set that Kiln supports; operators may have another meaning in later ones. */
const OPSETS = { least: 7, most: 28 };

/**
 * The model in an ONNX file, given as a path or as bytes, as a module: `compile`, `compileTraining`, `stateDict` and
 * everything else work with it as with any other module.
 *
 * ```ts
 * const net = await importOnnx("resnet18.onnx", { freeze: ["layer1.*"] });
 * const program = await compile(net, { inputs: [[1, 3, 224, 224]] });
 * ```
 *
 * Initializers become parameters under their own names if they hold floats and operators read them as weights; see
 * docs/onnx.md. Throws a {@link KilnError} for data that is not a model, for operators that Kiln does not have (all of
 * them in one message), and for external data outside of the model's folder.
 */
export async function importOnnx<Output extends Tensor | Tensor[] = Tensor>(
  source: string | URL | Uint8Array | ArrayBuffer,
  options: ImportOptions = {},
): Promise<OnnxModule<Output>> {
  checkOptionNames("importOnnx", options, OPTIONS);
  const path = source instanceof URL ? decodeURIComponent(source.pathname) : source;
  const isPath = typeof path === "string";
  const bytes = isPath ? await readWhole(path, MOST_BYTES) : bytesOf(path);
  const file = isPath ? displayPath(path) : "model.onnx";
  const model = decodeModel(bytes, file);
  const opsets = opsetsOf(model, file);
  const missing = missingOperators(model);
  if (missing !== undefined) throw new UnsupportedError(`${file} ${missing}`);
  const { externalData } = options;
  const files = isPath && externalData === undefined ? filesBeside(path) : filesGiven(externalData ?? {});
  const reader = new GraphReader(await readExternal(model, files));
  const functions = model.functions.map((each) => reader.function(each));
  const graph = reader.graph(model.graph!);
  checkCalls(graph, functions, file);
  return new OnnxModule({
    file,
    graph,
    functions,
    opsets,
    trainsBatchNorm: options.trainBatchNorm ?? false,
    constants: constantsOf(graph.inputs, options.constants ?? {}),
    isFrozen: frozenBy(options.freeze ?? [], [...graph.initializers.keys()]),
  });
}

function bytesOf(source: unknown): Uint8Array {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  throw new KilnError(`importOnnx takes the path or the bytes of a model, not ${describeValue(source)}`);
}

function opsetsOf(model: ModelProto, file: string): ReadonlyMap<string, number> {
  const opsets = new Map(
    model.opsetImport.map(({ domain, version }) => [plainDomain(domain), Number(version)] as const),
  );
  const own = opsets.get("");
  if (own !== undefined && (own < OPSETS.least || own > OPSETS.most))
    throw new UnsupportedError(
      `${file} uses operator set ${own}, but Kiln supports ${OPSETS.least} to ${OPSETS.most}: convert it with onnx.version_converter`,
    );
  return opsets;
}

/** Constant inputs, with the element types that the graph gives them. */
function constantsOf(
  inputs: readonly Port[],
  given: NonNullable<ImportOptions["constants"]>,
): ReadonlyMap<string, Constant> {
  return new Map(
    Object.entries(given).map(([name, value]) => {
      const port = inputs.find((input) => input.name === name);
      if (port === undefined)
        throw new KilnError(
          `importOnnx is given the constant ${name}, but the inputs of the model are ${inputs.map((input) => input.name).join(", ")}`,
        );
      if (!(value instanceof Tensor))
        return [name, constant(port.type ?? "float", shapeOfNested(value), numbersIn(value))];
      const data = value.peek();
      if (data === undefined)
        throw new KilnError(`the constant ${name} is a lazy tensor: give its numbers, await t.array()`);
      return [name, constant(port.type ?? elementTypeOf(value.dtype), value.shape, [...data])];
    }),
  );
}

const numbersIn = (value: NestedNumbers): readonly number[] =>
  Array.isArray(value) ? value.flatMap(numbersIn) : [Number(value)];

/** Whether `patterns` freeze a name; throws for a pattern that matches no name. */
function frozenBy(patterns: readonly string[], names: readonly string[]): (name: string) => boolean {
  const fits = (pattern: string, name: string): boolean =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
  const idle = patterns.find((pattern) => !names.some((name) => fits(pattern, name)));
  if (idle !== undefined)
    throw new KilnError(`importOnnx cannot freeze ${idle}: no initializer of the model matches it`);
  return (name) => patterns.some((pattern) => fits(pattern, name));
}
