/**
 * How values of each type are held in locals and vectors, and how they
 * are stored in memory: everything the printers know about a type.
 */

import type { DType } from "../../../src/core/dtype.ts";
import type { ExprType } from "../../../src/loop/types.ts";
import {
  extract,
  type Instruction,
  i32,
  loadAt,
  operation,
  storeAt,
  vector,
} from "../encode/instructions.ts";

/**
 * A place in memory: an address, and the bytes that a load or store
 * adds to it, relative to the position of `buffer` if given.
 */
export interface Address {
  readonly address: Instruction;
  readonly offset: number;
  readonly buffer: string | undefined;
}

interface Held {
  /** The type of a single value; booleans are 0 and 1. */
  readonly scalar: "f32" | "i32";
  /** Whether an integer may be negative. */
  readonly sign: "s" | "u";
  /** Whether lanes hold masks, all ones or all zeros, instead of 1 and 0. */
  readonly isMask: boolean;
}

interface Stored {
  /** The element at a place. */
  load(at: Address): Instruction;
  store(at: Address, value: Instruction): Instruction;
  /** Four adjacent elements, as lanes, and back. */
  loadLanes(at: Address): Instruction;
  storeLanes(at: Address, lanes: Instruction): Instruction;
  /** The element at a place in all lanes, if one instruction can load it so. */
  loadSplat?(at: Address): Instruction;
}

const HELD: Readonly<Record<ExprType, Held>> = {
  float32: { scalar: "f32", sign: "s", isMask: false },
  int32: { scalar: "i32", sign: "s", isMask: false },
  uint32: { scalar: "i32", sign: "u", isMask: false },
  uint8: { scalar: "i32", sign: "u", isMask: false },
  bool: { scalar: "i32", sign: "u", isMask: true },
};

/** The type in which a single value of `dtype` is held. */
export const valueType = (dtype: ExprType): "f32" | "i32" => HELD[dtype].scalar;

/** Whether an integer of `dtype` counts as signed. */
export const signOf = (dtype: ExprType): "s" | "u" => HELD[dtype].sign;

/** The shape of four of them in a vector. */
export const laneShape = (dtype: ExprType): "f32x4" | "i32x4" => `${HELD[dtype].scalar}x4`;

/** A single value in every lane. */
export const spreadValue = (value: Instruction, dtype: ExprType): Instruction =>
  asMask(operation(`${laneShape(dtype)}.splat`, value), dtype);

/** Converts lanes that were filled with single values to the form in which vectors hold them. */
export const asMask = (lanes: Instruction, dtype: ExprType): Instruction =>
  HELD[dtype].isMask ? operation("i32x4.neg", lanes) : lanes;

/** The value of one lane. */
export function laneOf(lanes: Instruction, lane: number, dtype: ExprType): Instruction {
  const value = extract(`${laneShape(dtype)}.extract_lane`, lane, lanes);
  return HELD[dtype].isMask ? operation("i32.and", value, i32(1)) : value;
}

const word = (type: "f32" | "i32"): Stored => ({
  load: ({ address, offset, buffer }) => loadAt(`${type}.load`, address, offset, buffer),
  store: ({ address, offset, buffer }, value) => storeAt(`${type}.store`, address, value, offset, buffer),
  loadLanes: ({ address, offset, buffer }) => loadAt("v128.load", address, offset, buffer),
  storeLanes: ({ address, offset, buffer }, lanes) => storeAt("v128.store", address, lanes, offset, buffer),
  loadSplat: ({ address, offset, buffer }) => loadAt("v128.load32_splat", address, offset, buffer),
});

const byte: Stored = {
  load: ({ address, offset, buffer }) => loadAt("i32.load8_u", address, offset, buffer),
  store: ({ address, offset, buffer }, value) => storeAt("i32.store8", address, value, offset, buffer),
  loadLanes: ({ address, offset, buffer }) =>
    operation(
      "i32x4.extend_low_i16x8_u",
      operation("i16x8.extend_low_i8x16_u", loadAt("v128.load32_zero", address, offset, buffer)),
    ),
  storeLanes: ({ address, offset, buffer }, lanes) =>
    storeAt("i32.store", address, fourBytes(lanes), offset, buffer),
};

/** Four numbers from 0 to 255 as the bytes of one integer. */
function fourBytes(numbers: Instruction): Instruction {
  const words = operation("i16x8.narrow_i32x4_u", numbers, numbers);
  return extract("i32x4.extract_lane", 0, operation("i8x16.narrow_i16x8_u", words, words));
}

const zeros = vector("i32x4", [0, 0, 0, 0]);
const ones = vector("i32x4", [1, 1, 1, 1]);

/** How each dtype is stored in memory. */
export const STORED: Readonly<Record<DType, Stored>> = {
  float32: word("f32"),
  int32: word("i32"),
  uint8: byte,
  bool: {
    ...byte,
    load: (at) => operation("i32.ne", byte.load(at), i32(0)),
    loadLanes: (at) => operation("i32x4.ne", byte.loadLanes(at), zeros),
    storeLanes: (at, lanes) => byte.storeLanes(at, operation("v128.and", lanes, ones)),
  },
};
