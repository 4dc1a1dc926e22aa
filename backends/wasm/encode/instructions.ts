/**
 * WebAssembly as trees: an instruction holds its operands, so that code is built like expressions, checked where it is
 * built, and shared by the encoder and the text form.
 */

import { InternalError, invariant } from "../../../src/core/errors.ts";
import {
  ATOMICS,
  type AtomicName,
  EXTRACTS,
  type ExtractName,
  LOADS,
  type LoadName,
  OPERATIONS,
  type OperationName,
  REPLACES,
  type ReplaceName,
  STORES,
  type StoreName,
  type ValueType,
  type VectorShape,
} from "./operations.ts";

/** What an instruction leaves on the stack: a value of a type, or nothing. */
export type ResultType = ValueType | "none";

export interface Local {
  readonly name: string;
  readonly type: ValueType;
}

export type Instruction =
  | {
      readonly kind: "operation";
      readonly type: ValueType;
      readonly name: OperationName;
      readonly operands: readonly Instruction[];
    }
  | {
      readonly kind: "const";
      readonly type: "i32" | "i64" | "f32" | "f64";
      readonly value: number;
      /** The buffer to whose position the value is relative, if it is. */
      readonly buffer?: string;
    }
  | {
      readonly kind: "vector";
      readonly type: "v128";
      readonly shape: VectorShape;
      readonly lanes: readonly number[];
    }
  | {
      readonly kind: "load";
      readonly type: ValueType;
      readonly name: LoadName;
      readonly address: Instruction;
      /** Bytes added to the address without wrapping around. */
      readonly offset: number;
      /** The buffer to whose position the offset is relative, if it is. */
      readonly buffer: string | undefined;
    }
  | {
      readonly kind: "store";
      readonly type: "none";
      readonly name: StoreName;
      readonly address: Instruction;
      readonly value: Instruction;
      readonly offset: number;
      readonly buffer: string | undefined;
    }
  | {
      readonly kind: "atomic";
      readonly type: ResultType;
      readonly name: AtomicName;
      readonly offset: number;
      /** The address, and the instruction's other operands. */
      readonly operands: readonly Instruction[];
    }
  | {
      readonly kind: "memory.copy";
      readonly type: "none";
      /** Destination, source, and number of bytes. */
      readonly operands: readonly Instruction[];
    }
  | {
      readonly kind: "lane";
      readonly type: ValueType;
      readonly name: ExtractName | ReplaceName;
      readonly lane: number;
      readonly operands: readonly Instruction[];
    }
  | {
      readonly kind: "shuffle";
      readonly type: "v128";
      /** Sixteen byte positions in the concatenation of the two operands. */
      readonly lanes: readonly number[];
      readonly operands: readonly [Instruction, Instruction];
    }
  | { readonly kind: "get"; readonly type: ValueType; readonly local: Local }
  | { readonly kind: "set"; readonly type: "none"; readonly local: Local; readonly value: Instruction }
  | { readonly kind: "tee"; readonly type: ValueType; readonly local: Local; readonly value: Instruction }
  | { readonly kind: "global.get"; readonly type: ValueType; readonly global: string }
  | {
      readonly kind: "global.set";
      readonly type: "none";
      readonly global: string;
      readonly value: Instruction;
    }
  | {
      readonly kind: "select";
      readonly type: ValueType;
      readonly a: Instruction;
      readonly b: Instruction;
      readonly condition: Instruction;
    }
  | {
      readonly kind: "call";
      readonly type: ResultType;
      readonly callee: string;
      readonly operands: readonly Instruction[];
    }
  | {
      readonly kind: "block" | "loop";
      readonly type: "none";
      readonly label: string;
      readonly body: readonly Instruction[];
    }
  | {
      readonly kind: "if";
      readonly type: ResultType;
      readonly condition: Instruction;
      readonly body: readonly Instruction[];
      readonly otherwise: readonly Instruction[];
    }
  | {
      readonly kind: "branch";
      readonly type: "none";
      readonly label: string;
      /** Branches only if this is not 0; always if it is absent. */
      readonly condition?: Instruction;
    }
  /** A value that takes statements to compute; they run where it is used. */
  | {
      readonly kind: "sequence";
      readonly type: ValueType;
      readonly body: readonly Instruction[];
      readonly value: Instruction;
    }
  /** A line of the text form; it has no bytes. */
  | { readonly kind: "comment"; readonly type: "none"; readonly text: string };

/** Whether operands have the types that an instruction takes. */
function areOf(operands: readonly Instruction[], wanted: readonly ValueType[]): boolean {
  if (operands.length !== wanted.length) return false;
  for (let k = 0; k < wanted.length; k++) if (operands[k].type !== wanted[k]) return false;
  return true;
}

/** An instruction that takes its operands and returns one value: `operation("f32.add", a, b)`. */
export function operation(name: OperationName, ...operands: readonly Instruction[]): Instruction {
  const { operands: wanted, result } = OPERATIONS[name];
  if (!areOf(operands, wanted)) {
    const given = operands.map(({ type }) => type);
    throw new InternalError(`${name} takes ${wanted.join(" ")}, not ${given.join(" ")}`);
  }
  return { kind: "operation", type: result, name, operands };
}

export const i32 = (value: number): Instruction => ({ kind: "const", type: "i32", value: value | 0 });
/** An address relative to the position of `buffer`. */
export const placeIn = (buffer: string, value: number): Instruction => ({
  kind: "const",
  type: "i32",
  value: value | 0,
  buffer,
});
export const i64 = (value: number): Instruction => ({ kind: "const", type: "i64", value });
export const f32 = (value: number): Instruction => ({ kind: "const", type: "f32", value });
export const f64 = (value: number): Instruction => ({ kind: "const", type: "f64", value });
export const vector = (shape: VectorShape, lanes: readonly number[]): Instruction => {
  invariant(lanes.length === (shape.endsWith("4") ? 4 : 2), `${shape} of ${lanes.length} lanes`);
  return { kind: "vector", type: "v128", shape, lanes };
};

export function loadAt(name: LoadName, address: Instruction, offset = 0, buffer?: string): Instruction {
  if (address.type !== "i32") throw new InternalError(`${name} at an address of type ${address.type}`);
  return { kind: "load", type: LOADS[name].type, name, address, offset, buffer };
}

export function storeAt(
  name: StoreName,
  address: Instruction,
  value: Instruction,
  offset = 0,
  buffer?: string,
): Instruction {
  if (address.type !== "i32") throw new InternalError(`${name} at an address of type ${address.type}`);
  if (value.type !== STORES[name].type) throw new InternalError(`${name} of ${value.type}`);
  return { kind: "store", type: "none", name, address, value, offset, buffer };
}

/** An atomic instruction on the word at `address`, which is a multiple of 4. */
export function atomic(
  name: AtomicName,
  address: Instruction,
  offset: number,
  ...operands: readonly Instruction[]
): Instruction {
  const { operands: wanted, result } = ATOMICS[name];
  const given = operands.map(({ type }) => type).join(" ");
  invariant(
    address.type === "i32" && given === wanted.join(" "),
    `${name} takes ${wanted.join(" ")}, not ${given}`,
  );
  return { kind: "atomic", type: result, name, offset, operands: [address, ...operands] };
}

/** Copies `bytes` bytes; the two ranges may overlap. */
export function copyMemory(to: Instruction, from: Instruction, bytes: number): Instruction {
  invariant(to.type === "i32" && from.type === "i32", `memory.copy from ${from.type} to ${to.type}`);
  return { kind: "memory.copy", type: "none", operands: [to, from, i32(bytes)] };
}

export function extract(name: ExtractName, lane: number, from: Instruction): Instruction {
  invariant(from.type === "v128", `${name} of ${from.type}`);
  return { kind: "lane", type: EXTRACTS[name].scalar, name, lane, operands: [from] };
}

export function replace(name: ReplaceName, lane: number, into: Instruction, value: Instruction): Instruction {
  invariant(into.type === "v128" && value.type === REPLACES[name].scalar, `${name} with ${value.type}`);
  return { kind: "lane", type: "v128", name, lane, operands: [into, value] };
}

export function shuffle(lanes: readonly number[], a: Instruction, b: Instruction): Instruction {
  invariant(lanes.length === 16 && a.type === "v128" && b.type === "v128", "a shuffle of two vectors' bytes");
  return { kind: "shuffle", type: "v128", lanes, operands: [a, b] };
}

export const get = (local: Local): Instruction => ({ kind: "get", type: local.type, local });

const givenAnother = (local: Local, value: Instruction): InternalError =>
  new InternalError(`${local.name}: ${local.type} is given ${value.type}`);

export function set(local: Local, value: Instruction): Instruction {
  if (local.type !== value.type) throw givenAnother(local, value);
  return { kind: "set", type: "none", local, value };
}

export function tee(local: Local, value: Instruction): Instruction {
  if (local.type !== value.type) throw givenAnother(local, value);
  return { kind: "tee", type: local.type, local, value };
}

export const getGlobal = (global: string, type: ValueType): Instruction => ({
  kind: "global.get",
  type,
  global,
});
export const setGlobal = (global: string, value: Instruction): Instruction => ({
  kind: "global.set",
  type: "none",
  global,
  value,
});

/** `a` if the condition is not 0, else `b`; both are computed. */
export function selectValue(condition: Instruction, a: Instruction, b: Instruction): Instruction {
  invariant(
    condition.type === "i32" && a.type === b.type && a.type !== "none",
    `select of ${a.type}, ${b.type}`,
  );
  return { kind: "select", type: a.type, a, b, condition };
}

export const call = (callee: string, type: ResultType, ...operands: readonly Instruction[]): Instruction => ({
  kind: "call",
  type,
  callee,
  operands,
});

export const block = (label: string, body: readonly Instruction[]): Instruction => ({
  kind: "block",
  type: "none",
  label,
  body,
});

/** A block whose label is at its start: branching to it runs it again. */
export const loop = (label: string, body: readonly Instruction[]): Instruction => ({
  kind: "loop",
  type: "none",
  label,
  body,
});

/** Runs `body` if the condition is not 0. */
export const when = (condition: Instruction, body: readonly Instruction[]): Instruction => ({
  kind: "if",
  type: "none",
  condition,
  body,
  otherwise: [],
});

/** The value of one of two branches; only that one is computed. */
export function choose(condition: Instruction, a: Instruction, b: Instruction): Instruction {
  invariant(condition.type === "i32" && a.type === b.type, `if of ${a.type}, ${b.type}`);
  return { kind: "if", type: a.type, condition, body: [a], otherwise: [b] };
}

export const branch = (label: string, condition?: Instruction): Instruction => ({
  kind: "branch",
  type: "none",
  label,
  ...(condition && { condition }),
});

/** `value`, computed after `body` has run. */
export function sequence(body: readonly Instruction[], value: Instruction): Instruction {
  invariant(value.type !== "none" && body.every(({ type }) => type === "none"), "statements and a value");
  return { kind: "sequence", type: value.type, body, value };
}

export const comment = (text: string): Instruction => ({ kind: "comment", type: "none", text });
