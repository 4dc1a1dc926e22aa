/** The contents of state dicts in PyTorch's pickles: ordered dicts and tensors, which are views of storages. */

import { type Shape, sizeOf } from "../../../core/shape.ts";
import { ELEMENT_TYPES, type ElementType } from "../element-types.ts";
import { type Fail, quoted } from "../safetensors-header.ts";
import type { Builder } from "./pickle.ts";

/** Numbers in an entry of the archive. */
export interface Storage {
  /** The entry's name, after `data/`. */
  readonly key: string;
  /** Number of bytes. */
  readonly bytes: number;
  /** What it says its elements are; undefined for bare bytes. */
  readonly format: string | undefined;
}

/** A tensor whose numbers are still in the file. */
export class StoredView {
  readonly storage: Storage;
  /** The name of its element type in {@link ELEMENT_TYPES}. */
  readonly format: string;
  readonly shape: Shape;
  /** Steps in elements, one for each axis. */
  readonly strides: readonly number[];
  /** The first element. */
  readonly offset: number;

  /** The same for views that show the same. */
  readonly key: string;

  constructor(storage: Storage, format: string, offset: number, shape: Shape, strides: readonly number[]) {
    this.storage = storage;
    this.format = format;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
    this.key = [storage.key, format, offset, shape, strides].join(";");
  }
}

/** A type of storage or of elements: `torch.FloatStorage`, `torch.uint16`. */
class TypeName {
  readonly format: string | undefined;
  constructor(format: string | undefined) {
    this.format = format;
  }
}

/** What makes an object of its arguments. */
type Callable = (args: readonly unknown[], fail: Fail) => unknown;

const TYPES: Readonly<Record<string, string | undefined>> = {
  "torch.FloatStorage": "F32",
  "torch.DoubleStorage": "F64",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
  "torch.storage.UntypedStorage": undefined,
  "torch.uint16": "U16",
  "torch.uint32": "U32",
  "torch.uint64": "U64",
};

const CALLABLES: Readonly<Record<string, Callable>> = {
  // Its items follow. As an argument they could be copied again and again.
  "collections.OrderedDict": (args, fail) =>
    args.length === 0 ? new Map() : fail("its pickle makes an ordered dict with arguments"),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides], fail) =>
    viewOf(storage, undefined, offset, shape, strides, fail),
  "torch._utils._rebuild_tensor_v3": ([storage, offset, shape, strides, , , type], fail) =>
    viewOf(storage, type, offset, shape, strides, fail),
  "torch._utils._rebuild_parameter": ([tensor], fail) =>
    tensor instanceof StoredView ? tensor : fail("its pickle makes a parameter of what is no tensor"),
  "torch.Size": ([shape = []], fail) =>
    isCounts(shape) ? shape : fail("its pickle has a damaged torch.Size"),
};

const KNOWN: ReadonlyMap<string, TypeName | Callable> = new Map<string, TypeName | Callable>([
  ...Object.entries(CALLABLES),
  ...Object.entries(TYPES).map(([name, format]): [string, TypeName] => [name, new TypeName(format)]),
]);

/** Makes the values of a state dict's pickle; any class but theirs is an error that names it. The tensors are put into `views`, by their keys. */
export function stateDictBuilder(views: Map<string, StoredView>, fail: Fail): Builder {
  return {
    find: (name) =>
      KNOWN.get(name) ??
      fail(
        `it names ${quoted(name).slice(1, -1)}, which only Python can make: Kiln reads tensors, numbers, text, lists and dicts; ` +
          "in Python, torch.save(net.state_dict(), path) writes those alone",
      ),
    call(callable, args) {
      const made =
        typeof callable === "function" ? callable(args, fail) : fail("its pickle calls what is no function");
      if (made instanceof StoredView) views.set(made.key, made);
      return made;
    },
    restore(target) {
      // A state dict's _metadata, which holds versions of its modules: nothing that Kiln's have.
      if (!(target instanceof Map)) fail("its pickle gives a state to what is no dict");
    },
    outside: (id) => storageOf(id, fail),
  };
}

function storageOf(id: unknown, fail: Fail): Storage {
  if (!Array.isArray(id)) return fail("its pickle refers to what is no storage");
  const [kind, type, key, , count] = id;
  const isWhole = kind === "storage" && type instanceof TypeName && isKey(key) && isCount(count);
  if (!isWhole) return fail("its pickle refers to what is no storage");
  const { format } = type as TypeName;
  return {
    key: key as string,
    bytes: (count as number) * (format === undefined ? 1 : elementType(format).bytes),
    format,
  };
}

/** The element type of a format that {@link TYPES} names. */
export const elementType = (format: string): ElementType => ELEMENT_TYPES.get(format) as ElementType;

function viewOf(
  storage: unknown,
  type: unknown,
  offset: unknown,
  shape: unknown,
  strides: unknown,
  fail: Fail,
): StoredView {
  const isWhole = isCount(offset) && isCounts(shape) && isCounts(strides) && shape.length === strides.length;
  if (!isStorage(storage) || !isWhole) return fail("its pickle describes a tensor that is none");
  const format = type instanceof TypeName ? type.format : storage.format;
  if (format === undefined) return fail("its pickle describes a tensor without an element type");
  const view = new StoredView(storage, format, offset, shape, strides);
  const size = sizeOf(shape);
  const held = Math.floor(storage.bytes / elementType(format).bytes);
  const lastElement = shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], offset);
  if (size > 0 && !(lastElement < held)) fail(`a tensor reaches beyond its storage of ${held} elements`);
  if (!(size <= held)) {
    fail(`a tensor of ${size} elements has a storage of ${held}: it was expanded; save it as x.contiguous()`);
  }
  return view;
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

/** PyTorch's tensors have at most 64 axes. */
const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= 64 && value.every(isCount);

/** torch.save numbers the storages. */
const isKey = (value: unknown): value is string => typeof value === "string" && /^\d{1,20}$/.test(value);

const isStorage = (value: unknown): value is Storage =>
  typeof value === "object" && value !== null && "key" in value && "bytes" in value;
