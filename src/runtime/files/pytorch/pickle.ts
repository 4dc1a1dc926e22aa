/**
 * Reads the part of Python's pickle format that state dicts are written in. A pickle is a program for a machine with a
 * stack; what may be called is what the caller knows, by name: nothing else is looked up, made or run, so that a pickle
 * is data here. Every step takes a byte of the file at least, and makes one value at most.
 */

import { type Fail, quoted } from "../safetensors-header.ts";

/** What a pickle is read with. */
export interface Builder {
  /** Replaces a class or function such as `collections.OrderedDict`; fails for unknown ones. */
  find(name: string): unknown;
  /** The value of a call of what {@link find} gave. */
  call(callable: unknown, args: readonly unknown[]): unknown;
  /** Has `target` take the state that it was pickled with. */
  restore(target: unknown, state: unknown): void;
  /** Replaces an object outside of the pickle, such as a tensor's numbers. */
  outside(id: unknown): unknown;
}

/** Marks where on the stack the items of a tuple, list or dict begin. */
const MARK = Symbol("mark");

/** More than any integer of a state dict has. */
const MOST_LONG_BYTES = 8;

/** The value of a pickle: dicts are Maps, tuples and lists are arrays, and objects what `builder` made of them. */
export function readPickle(bytes: Uint8Array, builder: Builder, fail: Fail): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memo = new Map<number, unknown>();
  const stack: unknown[] = [];
  let at = 0;

  /** Where the next `length` bytes begin. */
  const take = (length: number): number => {
    if (length > bytes.length - at) fail("its pickle is cut off");
    at += length;
    return at - length;
  };
  const pop = (): unknown =>
    stack.length > 0 ? stack.pop() : fail("its pickle takes more than it has made");
  const top = (): unknown =>
    stack.length > 0 ? stack[stack.length - 1] : fail("its pickle has made nothing");
  const sinceMark = (): unknown[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) fail("its pickle ends a list that it has not begun");
    const items = stack.splice(mark);
    return items.slice(1);
  };
  const last = (count: number): unknown[] => Array.from({ length: count }, pop).reverse();
  const text = (length: number): string => {
    const begin = take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(begin, begin + length));
    } catch {
      return fail("its pickle has text that is not UTF-8");
    }
  };
  const line = (): string => {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) fail("its pickle is cut off");
    const found = text(end - at);
    at = end + 1;
    return found;
  };
  const recall = (key: number): unknown =>
    memo.has(key) ? memo.get(key) : fail("its pickle recalls what it has not made");
  const append = (items: readonly unknown[]): void => {
    const list = top();
    if (!Array.isArray(list)) fail("its pickle appends to what is no list");
    for (const item of items) list.push(item);
  };
  const assign = (items: readonly unknown[]): void => {
    const dict = top();
    if (!(dict instanceof Map) || items.length % 2 !== 0) fail("its pickle gives items to what is no dict");
    for (let k = 0; k < items.length; k += 2) dict.set(items[k], items[k + 1]);
  };
  const integer = (length: number): number => {
    if (length > MOST_LONG_BYTES) fail(`its pickle holds an integer of ${length} bytes`);
    const begin = take(length);
    let value = 0n;
    for (let k = length; k-- > 0; ) value = (value << 8n) | BigInt(bytes[begin + k]);
    const signed = BigInt.asIntN(8 * length, value);
    const number = Number(signed);
    return Number.isSafeInteger(number)
      ? number
      : fail(`its pickle holds the integer ${signed}, beyond 2 ** 53`);
  };

  while (true) {
    const opcode = bytes[take(1)];
    switch (opcode) {
      case OPCODE.STOP: {
        const value = pop();
        return stack.length === 0 ? value : fail("its pickle makes more than one value");
      }
      case OPCODE.PROTO:
        take(1);
        break;
      case OPCODE.FRAME:
        take(8);
        break;
      case OPCODE.MARK:
        stack.push(MARK);
        break;
      case OPCODE.NONE:
        stack.push(null);
        break;
      case OPCODE.NEWTRUE:
        stack.push(true);
        break;
      case OPCODE.NEWFALSE:
        stack.push(false);
        break;
      case OPCODE.BININT:
        stack.push(view.getInt32(take(4), true));
        break;
      case OPCODE.BININT1:
        stack.push(bytes[take(1)]);
        break;
      case OPCODE.BININT2:
        stack.push(view.getUint16(take(2), true));
        break;
      case OPCODE.LONG1:
        stack.push(integer(bytes[take(1)]));
        break;
      case OPCODE.BINFLOAT:
        stack.push(view.getFloat64(take(8), false));
        break;
      case OPCODE.BINUNICODE:
        stack.push(text(view.getUint32(take(4), true)));
        break;
      case OPCODE.SHORT_BINUNICODE:
        stack.push(text(bytes[take(1)]));
        break;
      case OPCODE.EMPTY_LIST:
      case OPCODE.EMPTY_TUPLE:
        stack.push([]);
        break;
      case OPCODE.APPEND:
        append(last(1));
        break;
      case OPCODE.APPENDS:
        append(sinceMark());
        break;
      case OPCODE.TUPLE:
        stack.push(sinceMark());
        break;
      case OPCODE.TUPLE1:
      case OPCODE.TUPLE2:
      case OPCODE.TUPLE3:
        stack.push(last(opcode - OPCODE.TUPLE1 + 1));
        break;
      case OPCODE.EMPTY_DICT:
        stack.push(new Map());
        break;
      case OPCODE.SETITEM:
        assign(last(2));
        break;
      case OPCODE.SETITEMS:
        assign(sinceMark());
        break;
      case OPCODE.BINPUT:
        memo.set(bytes[take(1)], top());
        break;
      case OPCODE.LONG_BINPUT:
        memo.set(view.getUint32(take(4), true), top());
        break;
      case OPCODE.MEMOIZE:
        memo.set(memo.size, top());
        break;
      case OPCODE.BINGET:
        stack.push(recall(bytes[take(1)]));
        break;
      case OPCODE.LONG_BINGET:
        stack.push(recall(view.getUint32(take(4), true)));
        break;
      case OPCODE.GLOBAL:
        stack.push(builder.find(`${line()}.${line()}`));
        break;
      case OPCODE.STACK_GLOBAL: {
        const [module, name] = last(2);
        stack.push(builder.find(`${String(module)}.${String(name)}`));
        break;
      }
      case OPCODE.REDUCE: {
        const [callable, args] = last(2);
        if (!Array.isArray(args)) return fail("its pickle makes a call without arguments");
        stack.push(builder.call(callable, args));
        break;
      }
      case OPCODE.BUILD: {
        const state = pop();
        builder.restore(top(), state);
        break;
      }
      case OPCODE.BINPERSID:
        stack.push(builder.outside(pop()));
        break;
      default:
        fail(`its pickle has the opcode ${quoted(`0x${opcode.toString(16)}`)}, which no state dict needs`);
    }
  }
}

const NEWLINE = 0x0a;

/** The opcodes of Python's `pickletools` that `torch.save` writes for state dicts, in any protocol from 2. */
const OPCODE = {
  MARK: 0x28,
  EMPTY_TUPLE: 0x29,
  STOP: 0x2e,
  BINFLOAT: 0x47,
  BININT: 0x4a,
  BININT1: 0x4b,
  BININT2: 0x4d,
  NONE: 0x4e,
  BINPERSID: 0x51,
  REDUCE: 0x52,
  BINUNICODE: 0x58,
  EMPTY_LIST: 0x5d,
  APPEND: 0x61,
  BUILD: 0x62,
  GLOBAL: 0x63,
  APPENDS: 0x65,
  BINGET: 0x68,
  LONG_BINGET: 0x6a,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  SETITEM: 0x73,
  TUPLE: 0x74,
  SETITEMS: 0x75,
  EMPTY_DICT: 0x7d,
  PROTO: 0x80,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  LONG1: 0x8a,
  SHORT_BINUNICODE: 0x8c,
  STACK_GLOBAL: 0x93,
  MEMOIZE: 0x94,
  FRAME: 0x95,
} as const;
