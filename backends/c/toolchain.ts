/** The C compiler of the machine: which one there is, what it knows of the processor, and how it is called. */

import { KilnError } from "../../src/core/errors.ts";
import { node } from "./node.ts";

export interface Toolchain {
  readonly command: string;
  /** The compiler's name and version. */
  readonly version: string;
  /** Everything that its output depends on besides source and flags: its version and what it knows of the processor. */
  readonly identity: string;
  readonly flags: readonly string[];
  /** Milliseconds after which a call is given up. */
  readonly patience: number;
  /** Floats in the widest vector register that arithmetic can use. */
  readonly lanes: number;
  readonly hasFusedMultiplyAdd: boolean;
}

export interface NoToolchain {
  readonly missing: string;
}

/**
 * No flag lets the compiler change a number: sums keep their order, NaN, infinities and the sign of zero are as in IEEE
 * 754. Multiply-adds are fused where the printed code says so and nowhere else, so that bits do not depend on
 * what a compiler contracts.
 */
const FLAGS = [
  ...["-std=gnu11", "-O2", "-fPIC", "-fvisibility=hidden", "-fwrapv", "-pthread"],
  ...["-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing"],
  ...["-Wno-psabi"],
];

/**
 * GCC's predictive commoning keeps stored values in registers across iterations and
 * writes back neighbours that it has read before: another thread's elements (seen
 * with GCC 12, in a loop that three threads shared). Clang knows no such flag.
 */
const FOR_GCC = ["-fno-predictive-commoning"];

/** The flags by which compilers generate code for the processor they run on. */
const FOR_THIS_PROCESSOR = [["-march=native"], ["-mcpu=native"], []] as const;

/**
 * The default number of seconds that a call of the compiler may
 * take, if `KILN_CC_TIMEOUT` is not set. The largest nets take one.
 */
const USUAL_TIMEOUT = 600;

/** A compiler has to identify itself sooner: everything waits for that. */
const MOST_PROBE_MS = 20_000;

const found = new Map<string, Toolchain | NoToolchain>();

/** The compiler that `KILN_CC` names, or else the first of cc, clang and gcc that works. */
export function toolchain(): Toolchain | NoToolchain {
  if (node === undefined) return { missing: "a C compiler can be called only from Node, not from a page" };
  const { KILN_CC: wanted = "", KILN_CC_TIMEOUT: timeout = `${USUAL_TIMEOUT}` } = process.env;
  const seconds = Number(timeout);
  if (!(seconds > 0)) return { missing: `KILN_CC_TIMEOUT is "${timeout}", which is not a number of seconds` };
  const key = `${seconds} ${wanted}`;
  let known = found.get(key);
  if (known === undefined) {
    known = find(wanted, seconds * 1000);
    found.set(key, known);
  }
  return known;
}

/** The same, but throws if there is none. */
export function requireToolchain(): Toolchain {
  const found = toolchain();
  if ("missing" in found)
    throw new KilnError(`the c backend cannot run here: ${found.missing}; the wasm backend runs everywhere`);
  return found;
}

function find(wanted: string, patience: number): Toolchain | NoToolchain {
  for (const command of wanted === "" ? ["cc", "clang", "gcc"] : [wanted]) {
    for (const native of FOR_THIS_PROCESSOR) {
      const macros = macrosOf(command, [...FLAGS, ...native], patience);
      if (macros === undefined) continue;
      const forGcc = macros.includes("#define __clang__ ") ? [] : FOR_GCC;
      return { ...describe(command, macros), flags: [...FLAGS, ...forGcc, ...native], patience };
    }
  }
  return {
    missing:
      wanted === ""
        ? "no C compiler was found: install gcc or clang, or name one in KILN_CC"
        : `KILN_CC names ${wanted}, which is not a working C compiler`,
  };
}

/** The predefined macros of the compiler; undefined if it cannot be called with these flags. */
function macrosOf(command: string, flags: readonly string[], patience: number): string | undefined {
  const { spawnSync } = node!("node:child_process");
  const { status, stdout } = spawnSync(command, [...flags, "-dM", "-E", "-x", "c", "-"], {
    input: "",
    encoding: "utf8",
    timeout: Math.min(patience, MOST_PROBE_MS),
    killSignal: "SIGKILL",
  });
  return status === 0 && stdout.includes("__VERSION__") ? stdout : undefined;
}

function describe(command: string, macros: string): Omit<Toolchain, "flags" | "patience"> {
  const has = (name: string): boolean => macros.includes(`#define ${name} `);
  const version = /#define __VERSION__ "(.*)"/.exec(macros)?.[1] ?? "of unknown version";
  const isClang = has("__clang__");
  return {
    command,
    version: isClang || has("__GNUC__") ? `${isClang ? "" : "gcc "}${version}`.trim() : version,
    identity: macros.split("\n").sort().join("\n"),
    lanes: has("__AVX512F__") ? 16 : has("__AVX2__") ? 8 : 4,
    hasFusedMultiplyAdd: has("__FMA__") || has("__ARM_FEATURE_FMA"),
  };
}
