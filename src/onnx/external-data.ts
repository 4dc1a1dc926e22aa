/** Numbers in separate files: only from the model's own folder, and no more of them than the files hold. */

import { KilnError } from "../core/errors.ts";
import { fileInside } from "../files/inside.ts";
import { withFile } from "../files/read.ts";
import type { GraphProto, ModelProto, NodeProto, TensorProto } from "./proto/onnx_pb.ts";
import { TensorProto_DataLocation } from "./proto/onnx_pb.ts";
import type { ExternalBytes } from "./tensor-proto.ts";

/** The location of a tensor's numbers. */
interface Stretch {
  readonly location: string;
  readonly offset: number;
  /** `undefined` up to the file's end. */
  readonly length: number | undefined;
}

/** Reads a range of a file's bytes, and knows its size. */
interface DataFile {
  readonly size: number;
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** Lets `work` read a file of that name. */
type WithDataFile = (location: string, work: (file: DataFile) => Promise<void>) => Promise<void>;

/** Files in the folder of the model at `path`. */
export const filesBeside =
  (path: string): WithDataFile =>
  async (location, work) =>
    withFile(await fileInside(path, location), work);

/** Files that are given as bytes. */
export const filesGiven =
  (files: Readonly<Record<string, Uint8Array>>): WithDataFile =>
  async (location, work) => {
    const bytes = Object.hasOwn(files, location) ? files[location] : undefined;
    if (bytes === undefined)
      throw new KilnError(
        `the model has numbers in the file ${location}: give importOnnx its bytes as externalData: { ${JSON.stringify(location)}: … }`,
      );
    await work({ size: bytes.length, read: async (begin, end) => bytes.subarray(begin, end) });
  };

/** Reads all numbers of a model that are in other files. */
export async function readExternal(model: ModelProto, withDataFile: WithDataFile): Promise<ExternalBytes> {
  const wanted = new Map<string, (readonly [TensorProto, Stretch])[]>();
  for (const tensor of tensorsOf(model)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    const stretch = stretchOf(tensor);
    wanted.set(stretch.location, [...(wanted.get(stretch.location) ?? []), [tensor, stretch]]);
  }
  const found = new Map<TensorProto, Uint8Array>();
  for (const [location, tensors] of wanted) {
    await withDataFile(location, async (file) => {
      const known = new Map<string, Uint8Array>();
      let total = 0;
      for (const [tensor, { offset, length = file.size - offset }] of tensors) {
        const end = offset + length;
        if (length < 0 || end > file.size)
          throw new KilnError(
            `${tensor.name} is at the bytes ${offset} to ${end} of ${location}, which has ${file.size}`,
          );
        const key = `${offset}+${length}`;
        const bytes = known.get(key) ?? (await file.read(offset, end));
        if (!known.has(key)) total += length;
        if (total > file.size)
          throw new KilnError(`${location} has fewer bytes than its tensors need: they overlap`);
        known.set(key, bytes);
        found.set(tensor, bytes);
      }
    });
  }
  return (tensor) => found.get(tensor)!;
}

function stretchOf({ name, externalData }: TensorProto): Stretch {
  const entries = new Map(externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location");
  if (location === undefined || location === "")
    throw new KilnError(`${name} is in another file, but the model does not say which`);
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,15}$/.test(text))
      throw new KilnError(`${name} has the ${key} ${text} in ${location}, which is not a position in a file`);
    return Number(text);
  };
  return { location, offset: number("offset") ?? 0, length: number("length") };
}

/** All tensors of a model, including those in attributes and nested graphs. */
function* tensorsOf(model: ModelProto): Generator<TensorProto> {
  if (model.graph !== undefined) yield* tensorsIn(model.graph);
  for (const { node } of model.functions) yield* tensorsAt(node);
}

function* tensorsIn({ initializer, node }: GraphProto): Generator<TensorProto> {
  yield* initializer;
  yield* tensorsAt(node);
}

function* tensorsAt(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const { attribute } of nodes) {
    for (const { t, g } of attribute) {
      if (t !== undefined) yield t;
      if (g !== undefined) yield* tensorsIn(g);
    }
  }
}
