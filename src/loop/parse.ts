/** Parses the text of lowered, scheduled and planned programs; errors name line and column and what was expected. */

import type { Layout } from "../core/layout.ts";
import type { Move, ProgramLoop } from "./loops.ts";
import { KernelReader } from "./parse-kernel.ts";
import type { Placement, ProgramPlan } from "./plan.ts";
import {
  type Binding,
  type BufferRole,
  inputText,
  type LoweredProgram,
  type ProgramBuffer,
  stateText,
} from "./program.ts";
import type { Kernel } from "./types.ts";

/** Whether a text begins like that of a program, and not like a graph's. */
export const isProgramText = (text: string): boolean => /^(?:\s|#.*\n)*(?:program|plan) /.test(text);

/**
 * The program of `text`, a plan if it gives the positions of its buffers. Throws a {@link KilnError} with line and
 * column for invalid text; whether the program is consistent is for `verifyProgram` to check.
 */
export function parseProgram(text: string): LoweredProgram | ProgramPlan {
  const reader = new ProgramReader(text);
  return reader.guarded(() => reader.program());
}

/** A buffer's line, parsed. */
interface BufferLine {
  readonly buffer: ProgramBuffer;
  readonly binding: Binding | undefined;
  readonly placement: Omit<Placement, "last"> | undefined;
  readonly last: number | "output";
}

class ProgramReader extends KernelReader {
  private isPlan = false;

  program(): LoweredProgram | ProgramPlan {
    this.isPlan = this.match(/(?:program|plan) /y, "a program or a plan") === "plan ";
    const name = this.name();
    this.endLine();
    const threads = this.accept("  threads ")
      ? this.setting(() => this.whole("a number of threads", 1))
      : undefined;
    const scalars = this.accept("  scalars ") ? this.setting(() => this.scalarNames()) : [];
    const prepares = this.accept("  prepare up to ") ? this.setting(() => this.kernelBelow()) : undefined;
    const commits = this.accept("  commit from ") ? this.setting(() => this.kernelBelow()) : undefined;
    const arenaBytes = this.isPlan ? this.arena() : 0;
    const lines = this.bufferLines();
    const outputs = this.accept("  return ") ? this.setting(() => this.outputs(lines)) : [];
    const loops = this.loops(lines);
    const kernels = this.kernels();
    const bound = (role: BufferRole): Binding[] =>
      [...lines.values()].flatMap(({ buffer, binding }) =>
        binding && buffer.role === role ? [binding] : [],
      );
    const program: LoweredProgram = {
      name,
      kernels,
      ...(loops.length > 0 && { loops: loops.map((loop) => loop(kernels)) }),
      buffers: [...lines.values()].map(({ buffer }) => buffer),
      inputs: bound("input"),
      states: bound("state"),
      outputs,
      scalars,
      ...(threads !== undefined && { threads }),
      ...(prepares && { preparedTo: prepares(kernels) + 1 }),
      commitFrom: commits?.(kernels) ?? kernels.length,
    };
    if (!this.isPlan) return program;
    const placements = [...lines.values()].flatMap(({ placement, last }): Placement[] =>
      placement === undefined ? [] : [{ ...placement, last: last === "output" ? kernels.length : last }],
    );
    return { ...program, placements, arenaBytes };
  }

  /** The content of a line, and its end. */
  private setting<T>(read: () => T): T {
    const value = read();
    this.endLine();
    return value;
  }

  private scalarNames(): string[] {
    const names: string[] = [];
    do {
      this.word("$");
      const start = this.column;
      const name = this.name();
      if (names.includes(name)) this.failAt(start, "a new name", `$${name} is there already`);
      names.push(name);
    } while (this.accept(", "));
    return names;
  }

  /** The name of a kernel that is read later; returns a function that finds its index among them. */
  private kernelBelow(): (kernels: readonly Kernel[]) => number {
    const { row, column } = this;
    const name = this.identifier("the name of a kernel");
    return (kernels) => {
      const place = kernels.findIndex((kernel) => kernel.name === name);
      if (place >= 0) return place;
      this.row = row;
      return this.failAt(column, "the name of a kernel below", `${name} is not one`);
    };
  }

  private arena(): number {
    this.word("  arena ");
    return this.setting(() => {
      const bytes = this.whole("a number of bytes");
      this.word(" bytes");
      return bytes;
    });
  }

  private bufferLines(): ReadonlyMap<string, BufferLine> {
    const lines = new Map<string, BufferLine>();
    const role = / {2}(input|output|state|intermediate|scratch) /y;
    for (let found = this.find(role); found !== undefined; found = this.find(role)) {
      const start = this.column;
      const line = this.bufferLine(found[1] as BufferRole);
      const { name } = line.buffer;
      if (lines.has(name)) this.failAt(start, "a new name", `${name} is declared already`);
      lines.set(name, line);
      this.endLine();
    }
    return lines;
  }

  private bufferLine(role: BufferRole): BufferLine {
    const name = this.identifier("the name of a buffer");
    this.word(": ");
    const type = this.type();
    const layout: Layout | undefined = this.accept(" in order ") ? this.layout(type.shape) : undefined;
    const isPrivate = this.accept(" private");
    const placed = { ...type, ...(layout && { layout }) };
    const bound = this.binding(role);
    const binding = bound === undefined ? undefined : { name: bound, buffer: name, ...placed };
    const { placement, last } = role === "state" || !this.isPlan ? { last: 0 } : this.placement(name);
    const known = bound === undefined ? "" : (role === "input" ? inputText : stateText)(bound);
    const value = this.value() ?? known;
    const buffer = { name, ...placed, role, value, ...(isPrivate && { private: true as const }) };
    return { buffer, binding, placement, last };
  }

  /** ` = %x` after an input, ` = @weight` after a state: its name for users. */
  private binding(role: BufferRole): string | undefined {
    if (role !== "input" && role !== "state") return undefined;
    this.word(` = ${role === "input" ? "%" : "@"}`);
    return this.name();
  }

  /**
   * `offset 64  bytes 120  kernels 3..output`, and `always` instead
   * of its kernels if it exists before and after all of them.
   */
  private placement(buffer: string): Pick<BufferLine, "placement" | "last"> {
    this.blanks();
    this.word("offset ");
    this.blanks();
    const byteOffset = this.whole("an offset");
    this.word("  bytes ");
    this.blanks();
    const byteLength = this.whole("a number of bytes");
    this.word("  ");
    if (this.accept("always"))
      return { placement: { buffer, byteOffset, byteLength, first: -1 }, last: "output" };
    this.word("kernels ");
    const first = this.life("input");
    this.word("..");
    const last = this.accept("output") ? "output" : this.life("output");
    return { placement: { buffer, byteOffset, byteLength, first }, last };
  }

  /** The number of a kernel; before the first, the host writes inputs. */
  private life(or: string): number {
    return this.accept("input") ? -1 : this.whole(`the number of a kernel, or ${or}`);
  }

  /** `output=linear, classes=argmax: i32[64,1]`. */
  private outputs(lines: ReadonlyMap<string, BufferLine>): Binding[] {
    const outputs: Binding[] = [];
    do {
      const name = this.name();
      this.word("=");
      const start = this.column;
      const buffer = this.identifier("the name of a buffer");
      const line = lines.get(buffer) ?? this.failAt(start, "a buffer of the program", `${buffer} is not one`);
      const { dtype, shape } = this.accept(": ") ? this.type() : line.buffer;
      outputs.push({ name, buffer, dtype, shape });
    } while (this.accept(", "));
    return outputs;
  }

  /** `loop scan from scan_mul to scan_add, 64 iterations descending`, and its moves. */
  private loops(lines: ReadonlyMap<string, BufferLine>): ((kernels: readonly Kernel[]) => ProgramLoop)[] {
    const loops: ((kernels: readonly Kernel[]) => ProgramLoop)[] = [];
    while (this.accept("  loop ")) {
      const name = this.identifier("the name of a loop");
      this.word(" from ");
      const first = this.kernelBelow();
      this.word(" to ");
      const last = this.kernelBelow();
      this.word(", ");
      const iterations = this.whole("a number of iterations");
      this.word(" iterations");
      const descending = this.accept(" descending");
      this.endLine();
      const initial = this.moves("initial", lines);
      const before = this.moves("before", lines);
      const after = this.moves("after", lines);
      loops.push((kernels) => {
        const from = first(kernels);
        return { name, from, to: last(kernels) + 1, iterations, descending, initial, before, after };
      });
    }
    return loops;
  }

  /** `x[12 i] -> scan_x, 12 elements`. */
  private moves(when: string, lines: ReadonlyMap<string, BufferLine>): Move[] {
    const moves: Move[] = [];
    while (this.accept(`    ${when} `)) {
      const from = this.moved(lines);
      this.word(" -> ");
      const to = this.moved(lines);
      this.word(", ");
      const length = this.whole("a number of elements");
      this.word(" elements");
      this.endLine();
      moves.push({ from: from.name, to: to.name, length, fromStride: from.stride, toStride: to.stride });
    }
    return moves;
  }

  private moved(lines: ReadonlyMap<string, BufferLine>): { readonly name: string; readonly stride: number } {
    const start = this.column;
    const name = this.identifier("the name of a buffer");
    if (!lines.has(name)) this.failAt(start, "a buffer of the program", `${name} is not one`);
    if (!this.accept("[")) return { name, stride: 0 };
    const stride = this.whole("how far apart iterations read or write");
    this.word(" i]");
    return { name, stride };
  }

  private kernels(): Kernel[] {
    const kernels = new Map<string, Kernel>();
    while (!this.atEnd()) {
      const { row } = this;
      const kernel = this.kernel();
      if (kernels.has(kernel.name)) {
        this.row = row;
        this.failAt("kernel ".length, "a new name", `there is a kernel ${kernel.name} above`);
      }
      kernels.set(kernel.name, kernel);
    }
    return [...kernels.values()];
  }
}
