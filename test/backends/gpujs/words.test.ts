/** 32-bit words in halves: the right bits, and no number on the way that a 32-bit float could not hold. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  addWords,
  andWords,
  equalWords,
  lessThan,
  multiplyWords,
  type Namer,
  shiftWord,
  subtractWords,
  text,
  type Word,
  wordAsNumber,
  wordOf,
  wordOfInteger,
  xorWords,
} from "../../../backends/gpujs/words.ts";

/** Computes what it is given to name, and sees to it that a 32-bit float holds the result. */
class Machine implements Namer {
  private readonly values = new Map<string, number>();

  name(expression: string): string {
    const value = this.valueOf(expression);
    expect(Number.isInteger(value) && Math.abs(value) <= 2 ** 24, `${expression} is ${value}`).toBe(true);
    const name = `w${this.values.size}`;
    this.values.set(name, value);
    return name;
  }

  nameInteger(expression: string): string {
    return this.name(expression);
  }

  /** A word whose halves are not known when the code is written. */
  word(value: number): Word {
    return { high: this.name(`${value >>> 16}.0`), low: this.name(`${value & 0xffff}.0`) };
  }

  read({ high, low }: Word): number {
    return this.valueOf(text(high)) * 65536 + this.valueOf(text(low));
  }

  valueOf(expression: string): number {
    const names = [...this.values.keys()];
    const result = new Function(...names, `return ${expression};`)(...this.values.values());
    return Number(result);
  }
}

const word32 = fc.oneof(
  fc.nat(0xffffffff),
  fc.constantFrom(0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff),
);

const OPERATIONS: readonly (readonly [
  string,
  (n: Namer, a: Word, b: Word) => Word,
  (a: number, b: number) => number,
])[] = [
  ["sum", addWords, (a, b) => (a + b) >>> 0],
  ["difference", subtractWords, (a, b) => (a - b) >>> 0],
  ["product", multiplyWords, (a, b) => Math.imul(a, b) >>> 0],
  ["exclusive or", xorWords, (a, b) => (a ^ b) >>> 0],
  ["conjunction", andWords, (a, b) => (a & b) >>> 0],
];

test.each(OPERATIONS)("the %s, with either side known or not", (_, operation, expected) => {
  fc.assert(
    fc.property(word32, word32, fc.boolean(), fc.boolean(), (a, b, knowsA, knowsB) => {
      const machine = new Machine();
      const [left, right] = [knowsA ? wordOf(a) : machine.word(a), knowsB ? wordOf(b) : machine.word(b)];
      expect(machine.read(operation(machine, left, right))).toBe(expected(a, b));
    }),
  );
});

test("shifts", () => {
  fc.assert(
    fc.property(word32, fc.nat(31), (a, by) => {
      const machine = new Machine();
      expect(machine.read(shiftWord(machine, machine.word(a), by))).toBe(a >>> by);
    }),
  );
});

test("comparisons", () => {
  fc.assert(
    fc.property(word32, word32, (a, b) => {
      const machine = new Machine();
      const [x, y] = [machine.word(a), machine.word(b)];
      expect(machine.valueOf(lessThan(x, y, false))).toBe(Number(a < b));
      expect(machine.valueOf(lessThan(x, y, true))).toBe(Number(a <= b));
      expect(machine.valueOf(equalWords(x, y))).toBe(Number(a === b));
    }),
  );
});

test("whole numbers become words and back", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), (a) => {
      const machine = new Machine();
      const word = wordOfInteger(machine, `(${a}.0)`);
      expect(machine.read(word)).toBe(a >>> 0);
      expect(machine.valueOf(wordAsNumber(word))).toBe(a >>> 0);
    }),
  );
});
