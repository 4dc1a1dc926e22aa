/**
 * The instructions that only take and return values, with their codes and types, as tables for the encoder and for
 * the constructors of instruction trees, which check them. Codes: WebAssembly
 * core specification 2.0, chapter 5.4, and the relaxed-SIMD proposal.
 */

export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

export interface Operation {
  /** The bytes before the code: none, 0xfc for saturating conversions, 0xfd for SIMD. */
  readonly prefix: 0 | 0xfc | 0xfd;
  readonly code: number;
  readonly operands: readonly ValueType[];
  readonly result: ValueType;
}

function group<K extends string>(
  operands: readonly ValueType[],
  result: ValueType,
  codes: Readonly<Record<K, number>>,
  prefix: Operation["prefix"] = 0,
): Record<K, Operation> {
  const entries = Object.entries<number>(codes).map(([name, code]) => [
    name,
    { prefix, code, operands, result },
  ]);
  return Object.fromEntries(entries) as Record<K, Operation>;
}

const simd = <K extends string>(
  operands: readonly ValueType[],
  codes: Readonly<Record<K, number>>,
  result: ValueType = "v128",
): Record<K, Operation> => group(operands, result, codes, 0xfd);

export const OPERATIONS = {
  ...group(["i32"], "i32", { "i32.eqz": 0x45 }),
  ...group(["i32", "i32"], "i32", {
    "i32.eq": 0x46,
    "i32.ne": 0x47,
    "i32.lt_s": 0x48,
    "i32.lt_u": 0x49,
    "i32.gt_s": 0x4a,
    "i32.gt_u": 0x4b,
    "i32.le_s": 0x4c,
    "i32.le_u": 0x4d,
    "i32.ge_s": 0x4e,
    "i32.ge_u": 0x4f,
    "i32.add": 0x6a,
    "i32.sub": 0x6b,
    "i32.mul": 0x6c,
    "i32.div_s": 0x6d,
    "i32.div_u": 0x6e,
    "i32.rem_s": 0x6f,
    "i32.rem_u": 0x70,
    "i32.and": 0x71,
    "i32.or": 0x72,
    "i32.xor": 0x73,
    "i32.shl": 0x74,
    "i32.shr_u": 0x76,
  }),
  ...group(["i64", "i64"], "i64", {
    "i64.add": 0x7c,
    "i64.sub": 0x7d,
    "i64.shl": 0x86,
    "i64.shr_s": 0x87,
  }),
  ...group(["f32", "f32"], "i32", {
    "f32.eq": 0x5b,
    "f32.ne": 0x5c,
    "f32.lt": 0x5d,
    "f32.gt": 0x5e,
    "f32.le": 0x5f,
    "f32.ge": 0x60,
  }),
  ...group(["f64", "f64"], "i32", {
    "f64.eq": 0x61,
    "f64.ne": 0x62,
    "f64.lt": 0x63,
    "f64.gt": 0x64,
    "f64.le": 0x65,
    "f64.ge": 0x66,
  }),
  ...group(["f32"], "f32", {
    "f32.abs": 0x8b,
    "f32.neg": 0x8c,
    "f32.ceil": 0x8d,
    "f32.floor": 0x8e,
    "f32.trunc": 0x8f,
    "f32.nearest": 0x90,
    "f32.sqrt": 0x91,
  }),
  ...group(["f32", "f32"], "f32", {
    "f32.add": 0x92,
    "f32.sub": 0x93,
    "f32.mul": 0x94,
    "f32.div": 0x95,
    "f32.min": 0x96,
    "f32.max": 0x97,
    "f32.copysign": 0x98,
  }),
  ...group(["f64"], "f64", {
    "f64.abs": 0x99,
    "f64.floor": 0x9c,
    "f64.trunc": 0x9d,
    "f64.nearest": 0x9e,
    "f64.sqrt": 0x9f,
  }),
  ...group(["f64", "f64"], "f64", {
    "f64.add": 0xa0,
    "f64.sub": 0xa1,
    "f64.mul": 0xa2,
    "f64.div": 0xa3,
    "f64.min": 0xa4,
    "f64.max": 0xa5,
    "f64.copysign": 0xa6,
  }),
  ...group(["i64"], "i32", { "i32.wrap_i64": 0xa7 }),
  ...group(["i32"], "f32", { "f32.convert_i32_s": 0xb2, "f32.convert_i32_u": 0xb3 }),
  ...group(["i32"], "f64", { "f64.convert_i32_s": 0xb7 }),
  ...group(["i64"], "f64", { "f64.reinterpret_i64": 0xbf }),
  ...group(["f64"], "f32", { "f32.demote_f64": 0xb6 }),
  ...group(["f32"], "f64", { "f64.promote_f32": 0xbb }),
  ...group(["f64"], "i64", { "i64.reinterpret_f64": 0xbd }),
  ...group(["f32"], "i32", { "i32.trunc_sat_f32_s": 0 }, 0xfc),
  ...group(["f64"], "i64", { "i64.trunc_sat_f64_s": 6 }, 0xfc),
  ...simd(["i32"], { "i32x4.splat": 0x11 }),
  ...simd(["f32"], { "f32x4.splat": 0x13 }),
  ...group(["v128"], "i32", { "v128.any_true": 0x53 }, 0xfd),
  ...simd(["v128"], {
    "v128.not": 0x4d,
    "f32x4.demote_f64x2_zero": 0x5e,
    "f64x2.promote_low_f32x4": 0x5f,
    "f32x4.ceil": 0x67,
    "f32x4.floor": 0x68,
    "f32x4.trunc": 0x69,
    "f32x4.nearest": 0x6a,
    "f64x2.floor": 0x75,
    "f64x2.trunc": 0x7a,
    "f64x2.nearest": 0x94,
    "i16x8.extend_low_i8x16_u": 0x89,
    "i32x4.extend_low_i16x8_u": 0xa9,
    "i32x4.neg": 0xa1,
    "f32x4.abs": 0xe0,
    "f32x4.neg": 0xe1,
    "f32x4.sqrt": 0xe3,
    "f64x2.abs": 0xec,
    "f64x2.sqrt": 0xef,
    "i32x4.trunc_sat_f32x4_s": 0xf8,
    "f32x4.convert_i32x4_s": 0xfa,
    "f32x4.convert_i32x4_u": 0xfb,
  }),
  ...simd(["v128", "v128"], {
    "i32x4.eq": 0x37,
    "i32x4.ne": 0x38,
    "i32x4.lt_s": 0x39,
    "i32x4.lt_u": 0x3a,
    "i32x4.gt_s": 0x3b,
    "i32x4.gt_u": 0x3c,
    "i32x4.le_s": 0x3d,
    "i32x4.le_u": 0x3e,
    "i32x4.ge_s": 0x3f,
    "i32x4.ge_u": 0x40,
    "f32x4.eq": 0x41,
    "f32x4.ne": 0x42,
    "f32x4.lt": 0x43,
    "f32x4.gt": 0x44,
    "f32x4.le": 0x45,
    "f32x4.ge": 0x46,
    "f64x2.eq": 0x47,
    "f64x2.ne": 0x48,
    "f64x2.lt": 0x49,
    "f64x2.gt": 0x4a,
    "f64x2.le": 0x4b,
    "f64x2.ge": 0x4c,
    "v128.and": 0x4e,
    "v128.andnot": 0x4f,
    "v128.or": 0x50,
    "v128.xor": 0x51,
    "i8x16.narrow_i16x8_u": 0x66,
    "i16x8.narrow_i32x4_u": 0x86,
    "i32x4.add": 0xae,
    "i32x4.sub": 0xb1,
    "i32x4.mul": 0xb5,
    "i32x4.min_s": 0xb6,
    "i32x4.max_s": 0xb8,
    "i64x2.add": 0xce,
    "i64x2.sub": 0xd1,
    "f32x4.add": 0xe4,
    "f32x4.sub": 0xe5,
    "f32x4.mul": 0xe6,
    "f32x4.div": 0xe7,
    "f32x4.min": 0xe8,
    "f32x4.max": 0xe9,
    "f32x4.pmin": 0xea,
    "f64x2.add": 0xf0,
    "f64x2.sub": 0xf1,
    "f64x2.mul": 0xf2,
    "f64x2.div": 0xf3,
    "f64x2.min": 0xf4,
    "f64x2.max": 0xf5,
  }),
  ...simd(["v128", "i32"], {
    "i32x4.shl": 0xab,
    "i32x4.shr_s": 0xac,
    "i32x4.shr_u": 0xad,
    "i64x2.shl": 0xcb,
    "i64x2.shr_s": 0xcc,
  }),
  /** Three operands: `bitselect(a, b, mask)` takes a's bits where the mask has ones. */
  ...simd(["v128", "v128", "v128"], { "v128.bitselect": 0x52, "f32x4.relaxed_madd": 0x105 }),
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;

/** Instructions that access memory: code, what they move, and the power of two of their natural alignment. */
export interface Access {
  readonly prefix: 0 | 0xfd;
  readonly code: number;
  readonly type: ValueType;
  readonly alignment: number;
}

const access = (code: number, type: ValueType, alignment: number, prefix: 0 | 0xfd = 0): Access => ({
  prefix,
  code,
  type,
  alignment,
});

export const LOADS = {
  "i32.load": access(0x28, "i32", 2),
  "f32.load": access(0x2a, "f32", 2),
  "f64.load": access(0x2b, "f64", 3),
  "i32.load8_u": access(0x2d, "i32", 0),
  "v128.load": access(0x00, "v128", 4, 0xfd),
  "v128.load32_splat": access(0x09, "v128", 2, 0xfd),
  "v128.load32_zero": access(0x5c, "v128", 2, 0xfd),
} as const satisfies Record<string, Access>;

export const STORES = {
  "i32.store": access(0x36, "i32", 2),
  "f32.store": access(0x38, "f32", 2),
  "i32.store8": access(0x3a, "i32", 0),
  "v128.store": access(0x0b, "v128", 4, 0xfd),
} as const satisfies Record<string, Access>;

/** Instructions that threads see in one order: code, operands after the address, result; all on 32-bit words. */
export interface Atomic {
  readonly code: number;
  readonly operands: readonly ValueType[];
  readonly result: "i32" | "none";
}

/** Codes: the threads proposal. `wait32` returns 0 when woken, 1 if the word differs already, 2 when time is up. */
export const ATOMICS = {
  "memory.atomic.notify": { code: 0x00, operands: ["i32"], result: "i32" },
  "memory.atomic.wait32": { code: 0x01, operands: ["i32", "i64"], result: "i32" },
  "i32.atomic.load": { code: 0x10, operands: [], result: "i32" },
  "i32.atomic.rmw.add": { code: 0x1e, operands: ["i32"], result: "i32" },
} as const satisfies Record<string, Atomic>;

export type AtomicName = keyof typeof ATOMICS;

export type LoadName = keyof typeof LOADS;
export type StoreName = keyof typeof STORES;

/** Instructions on one lane of a vector: code, and the scalar that is extracted or inserted. */
export const EXTRACTS = {
  "i32x4.extract_lane": { code: 0x1b, scalar: "i32" },
  "f32x4.extract_lane": { code: 0x1f, scalar: "f32" },
} as const satisfies Record<string, { readonly code: number; readonly scalar: ValueType }>;

export const REPLACES = {
  "i32x4.replace_lane": { code: 0x1c, scalar: "i32" },
  "f32x4.replace_lane": { code: 0x20, scalar: "f32" },
} as const satisfies Record<string, { readonly code: number; readonly scalar: ValueType }>;

export type ExtractName = keyof typeof EXTRACTS;
export type ReplaceName = keyof typeof REPLACES;

/** The shapes in which a vector constant is written. */
export type VectorShape = "i32x4" | "f32x4" | "i64x2" | "f64x2";
