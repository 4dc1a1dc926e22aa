/**
 * Keeps the winners of searches: in Node in a file of the user's cache folder, separately for each machine and engine,
 * in a browser only in memory, as long as the page lives.
 */

import { KilnError } from "../core/errors.ts";
import { fileSize, readText } from "../files/read.ts";
import { writeErrorReason } from "../files/reason.ts";
import { makeFolder, writeAtomically } from "../files/write.ts";

/** What was found for one kernel. */
export interface StoredChoice {
  /** The schedule that won, as text. */
  readonly choice: string;
  readonly milliseconds: number;
  /** The cost model's first choice at the time, and how long it took. */
  readonly first: string;
  readonly firstMilliseconds: number;
  readonly tried: number;
}

/** The winners of one machine, by the kernels' keys. */
export type StoredChoices = ReadonlyMap<string, StoredChoice>;

export interface ChoiceStore {
  load(): Promise<StoredChoices>;
  /** Adds to what is there. */
  add(choices: StoredChoices): Promise<void>;
}

/** Choices that last as long as the process or the page. */
export class ChoicesInMemory implements ChoiceStore {
  private readonly choices = new Map<string, StoredChoice>();

  async load(): Promise<StoredChoices> {
    return new Map(this.choices);
  }

  async add(choices: StoredChoices): Promise<void> {
    for (const [key, choice] of choices) this.choices.set(key, choice);
  }
}

/** The version of the file's format; another one would be another file. */
const VERSION = 1;

/** Far more than the kernels of all models on a machine need. */
const MOST_BYTES = 2 ** 28;

export const CHOICES_FILE = `choices-${VERSION}.json`;

interface FileContent {
  readonly version: typeof VERSION;
  readonly machines: Readonly<Record<string, Readonly<Record<string, StoredChoice>>>>;
}

/** Choices in the file at `path`; only those under `machine` are read and written. */
export class ChoicesFile implements ChoiceStore {
  readonly path: string;
  private readonly machine: string;

  constructor(path: string, machine: string) {
    this.path = path;
    this.machine = machine;
  }

  async load(): Promise<StoredChoices> {
    const { machines } = await this.read();
    return new Map(Object.entries(machines[this.machine] ?? {}));
  }

  /** Reads the file again, so that what other processes have found in the meantime is kept. */
  async add(choices: StoredChoices): Promise<void> {
    const content = await this.read();
    const own = { ...content.machines[this.machine], ...Object.fromEntries(choices) };
    const machines = { ...content.machines, [this.machine]: own };
    const { dirname } = await import("node:path");
    try {
      await makeFolder(dirname(this.path));
      await writeAtomically(this.path, `${JSON.stringify({ version: VERSION, machines }, undefined, 1)}\n`);
    } catch (error) {
      throw new KilnError(
        `cannot keep tuned choices in ${this.path}: ${writeErrorReason(error)}; KILN_CACHE names another folder`,
      );
    }
  }

  private async read(): Promise<FileContent> {
    if ((await fileSize(this.path)) === undefined) return { version: VERSION, machines: {} };
    const text = await readText(this.path, MOST_BYTES);
    const content = parsed(text);
    if (isFileContent(content)) return content;
    throw new KilnError(
      `the file of tuned choices ${this.path} is damaged: delete it, and Kiln measures its kernels again`,
    );
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isFileContent(value: unknown): value is FileContent {
  if (!isRecord(value) || value.version !== VERSION || !isRecord(value.machines)) return false;
  return Object.values(value.machines).every(
    (choices) => isRecord(choices) && Object.values(choices).every(isStoredChoice),
  );
}

const isStoredChoice = (value: unknown): boolean =>
  isRecord(value) &&
  [value.choice, value.first].every((name) => typeof name === "string") &&
  [value.milliseconds, value.firstMilliseconds, value.tried].every((n) => typeof n === "number");
