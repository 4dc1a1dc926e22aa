/** SummaryWriter: writes what TensorBoard shows of a training, as PyTorch's writer of that name does. */

import { describeValue } from "../core/describe-value.ts";
import type { DType, TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import type { Shape } from "../core/shape.ts";
import { checkNamePart, pathPart } from "../files/name.ts";
import { type NestedNumbers, Tensor, tensor } from "../tensor/index.ts";
import { type Traceable, traceModel } from "../trace/trace.ts";
import { EventFile } from "./event-file.ts";
import { encodeGraphDef } from "./graph-def.ts";
import { type Bins, makeHistogram } from "./histogram.ts";
import { type DataFormat, encodeImage, imageExtents } from "./image.ts";
import type { EventContent } from "./messages.ts";

/** Options of {@link SummaryWriter}, as in PyTorch. */
export interface SummaryWriterOptions {
  /** What is appended to the default folder's name; without effect when a folder is given. */
  readonly comment?: string;
  /** What is appended to the names of event files. */
  readonly filenameSuffix?: string;
  /** After how many seconds events are written to disk without being asked to (default: 120). */
  readonly flushSecs?: number;
}

const OPTION_NAMES = {
  comment: true,
  filenameSuffix: true,
  flushSecs: true,
} satisfies OptionNames<SummaryWriterOptions>;

/** A number, or a tensor of one element. */
type Scalar = number | Tensor;

/**
 * Writes event files to `logDir` (`runs/<date>_<host>` by default) for `tensorboard --logdir`. Adding something
 * keeps it in memory, so that training does not wait for the disk; `flush` and `close` write it, and so does time.
 * A tensor's value is the one it has when it is added. The promise of an addition need not be awaited: it says
 * what is wrong, and when a tensor has been read. Needs Node.
 */
export class SummaryWriter {
  /** The folder that event files are written to. */
  readonly logDir: string;
  readonly #file: EventFile;
  /** The files of `addScalars`, by tag and key. */
  readonly #runs = new Map<string, EventFile>();
  /** The folders of `addScalars`: two keys may make one name. */
  readonly #folders = new Set<string>();
  readonly #makeFile: (folder: string) => EventFile;
  /** Settled when everything added so far has its place among the events. */
  #added: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(logDir?: string, options: SummaryWriterOptions = {}) {
    checkOptionNames("SummaryWriter", options, OPTION_NAMES);
    const { comment = "", filenameSuffix = "", flushSecs = 120 } = options;
    checkNamePart("SummaryWriter's comment", comment);
    checkNamePart("SummaryWriter's filenameSuffix", filenameSuffix);
    if (logDir !== undefined && (typeof logDir !== "string" || logDir === ""))
      throw new KilnError(`SummaryWriter writes to a folder, which is named by ${describeValue(logDir)}`);
    if (!(flushSecs >= 0)) throw new KilnError(`SummaryWriter needs flushSecs from 0 on, not ${flushSecs}`);
    const host = pathPart(hostName());
    this.logDir = logDir ?? `runs/${formatTime(new Date())}_${host}${comment}`;
    this.#makeFile = (folder) => new EventFile(folder, host, filenameSuffix, flushSecs);
    this.#file = this.#makeFile(this.logDir);
  }

  /** Adds a point to the curve `tag`. */
  async addScalar(tag: string, value: Scalar, step?: number): Promise<void> {
    this.#check(step, tag);
    return this.#addScalar(this.#file, tag, value, step);
  }

  /**
   * Adds a point to each of several curves in one chart: each key is a run of its own, in a folder of its own below
   * `logDir`. Slashes in tag and key become `_` in its name.
   */
  async addScalars(mainTag: string, values: Readonly<Record<string, Scalar>>, step?: number): Promise<void> {
    this.#check(step, mainTag);
    if (typeof values !== "object" || values === null || values instanceof Tensor) {
      throw new KilnError(
        `addScalars takes numbers by name, such as { train: 0.5 }, not ${describeValue(values)}`,
      );
    }
    const points = Object.entries(values).map(([key, value]) =>
      this.#addScalar(this.#runOf(mainTag, key), mainTag, value, step),
    );
    await Promise.all(points);
  }

  /** The file of one curve of `addScalars`. */
  #runOf(mainTag: string, key: string): EventFile {
    const run = JSON.stringify([mainTag, key]);
    const present = this.#runs.get(run);
    if (present !== undefined) return present;
    const name = `${this.logDir}/${pathPart(`${mainTag}_${key}`)}`;
    let folder = name;
    for (let k = 2; this.#folders.has(folder); k++) folder = `${name}_${k}`;
    const file = this.#makeFile(folder);
    this.#folders.add(folder);
    this.#runs.set(run, file);
    return file;
  }

  /** Adds the distribution of `values`. */
  async addHistogram(
    tag: string,
    values: Tensor | ArrayLike<number>,
    step?: number,
    bins: Bins = "tensorflow",
  ): Promise<void> {
    this.#check(step, tag);
    const numbers = values instanceof Tensor ? values.data() : Float64Array.from(values);
    return this.#add(this.#file, step, numbers, (all) => {
      const histogram = makeHistogram(all, bins, tag);
      return { kind: "summary", tag, value: { kind: "histogram", histogram } };
    });
  }

  /** Adds a picture of 1, 3 or 4 channels: floating-point values from 0 to 1, or integers from 0 to 255. */
  async addImage(
    tag: string,
    image: Tensor | NestedNumbers,
    step?: number,
    { dataformats = "CHW" }: { readonly dataformats?: DataFormat } = {},
  ): Promise<void> {
    this.#check(step, tag);
    const picture = image instanceof Tensor ? image : tensor(image);
    const { shape, dtype }: { shape: Shape; dtype: DType } = picture;
    imageExtents(shape, dataformats, tag);
    return this.#add<TypedArray>(this.#file, step, picture.data(), (data) => {
      const encoded = encodeImage(data, dtype, shape, dataformats, tag);
      return { kind: "summary", tag, value: { kind: "image", image: encoded } };
    });
  }

  /** Adds the graph of `model`, traced for inputs such as `input`; their numbers do not matter. */
  async addGraph(model: Traceable, input: Tensor | readonly Tensor[]): Promise<void> {
    this.#check(undefined, "");
    const inputs = input instanceof Tensor ? [input] : input;
    const { graph } = traceModel(
      model,
      inputs.map(({ dtype, shape }) => ({ dtype, shape })),
    );
    const graphDef = encodeGraphDef(graph, model.constructor.name);
    return this.#add(this.#file, undefined, graphDef, () => ({ kind: "graph", graphDef }));
  }

  /** Writes everything added so far to disk. */
  async flush(): Promise<void> {
    await this.#added;
    await Promise.all([this.#file, ...this.#runs.values()].map((file) => file.flush()));
  }

  /** Writes everything to disk; nothing can be added afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  #addScalar(file: EventFile, tag: string, value: Scalar, step: number | undefined): Promise<void> {
    if (typeof value !== "number" && !(value instanceof Tensor)) {
      throw new KilnError(`scalar ${tag} is given a ${typeof value} where it expects a number or a tensor`);
    }
    const number = typeof value === "number" ? value : value.item();
    return this.#add(file, step, number, (scalar) => {
      return { kind: "summary", tag, value: { kind: "scalar", number: scalar } };
    });
  }

  /** Throws when nothing can be added any more, or not at `step` or under `tag`. */
  #check(step: number | undefined, tag: unknown): void {
    if (this.#closed) throw new KilnError(`the SummaryWriter of ${this.logDir} is closed: make a new one`);
    if (typeof tag !== "string") {
      throw new KilnError(
        `SummaryWriter needs a tag, the name of a curve or the like, not ${describeValue(tag)}`,
      );
    }
    if (step !== undefined && !Number.isSafeInteger(step)) {
      throw new KilnError(`SummaryWriter needs a step that is a whole number, not ${step}`);
    }
  }

  /** Appends an event once its value is read and those before it have their places. */
  #add<Value>(
    file: EventFile,
    step: number | undefined,
    reading: Value | Promise<Value>,
    contentOf: (value: Value) => EventContent,
  ): Promise<void> {
    const wallTime = Date.now() / 1000;
    const before = this.#added;
    const appended = Promise.all([reading, before]).then(([value]) => {
      file.append(wallTime, step, contentOf(value));
    });
    this.#added = Promise.allSettled([before, appended]);
    return appended;
  }
}

/** The name of this computer; event files carry it. */
function hostName(): string {
  if (typeof process === "undefined" || process.getBuiltinModule === undefined) {
    throw new KilnError("SummaryWriter writes files: it needs Node and does not run in a browser");
  }
  return process.getBuiltinModule("node:os").hostname();
}

/** The local time as in `Nov21_20-26-32`. */
function formatTime(time: Date): string {
  const month = time.toLocaleString("en-US", { month: "short" });
  const two = (number: number): string => String(number).padStart(2, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join("-");
  return `${month}${two(time.getDate())}_${clock}`;
}
