/** Parses one kernel: its head, its buffers and scalars, and its body. */

import { scalarTypeFromShortName } from "../core/dtype.ts";
import { unseenAt } from "../core/spelling.ts";
import { readSchedule } from "./parse-schedule.ts";
import { INDENT, StatementReader } from "./parse-statements.ts";
import { isReserved } from "./spelling.ts";
import type { BufferParam, ExprType, Kernel } from "./types.ts";

export class KernelReader extends StatementReader {
  constructor(text: string) {
    super(text);
    for (this.row = 0; !this.atEnd(); this.row++) {
      const column = unseenAt(this.line());
      if (column >= 0) this.failAt(column, "text that can be seen", "found a hidden character");
    }
    this.row = -1;
    this.nextLine();
  }

  /** Whether a line of this kind comes next; the matched text is consumed. */
  private starts(pattern: RegExp): boolean {
    return this.find(pattern) !== undefined;
  }

  /** `  # %x` at the end of a line: the value of a buffer. */
  value(): string | undefined {
    return this.find(/ {2,}# (.+)$/y)?.[1];
  }

  kernel(): Kernel {
    this.word("kernel ");
    const name = this.kernelName();
    this.blanks();
    const origins = this.accept("at ") ? this.origins() : [];
    this.endLine();
    const head = this.kernelHead();
    const { buffers, scalars } = this.declarations();
    const body = this.body(INDENT, {
      buffers,
      scalars,
      locals: new Map(),
      accumulators: new Set(),
      parts: new Map(),
    });
    if (!this.atEnd() && /^ /.test(this.line()))
      this.fail(`a line that is indented by ${INDENT} blanks, or a kernel`);
    return { name, ...head, buffers: [...buffers.values()], scalars: [...scalars.keys()], body, origins };
  }

  private kernelName(): string {
    const start = this.column;
    const name = this.identifier("a kernel's name");
    return isReserved(name)
      ? this.failAt(start, "another name", `${name} means something else in code`)
      : name;
  }

  private kernelHead(): Pick<
    Kernel,
    "ops" | "nominalFlops" | "schedule" | "estimate" | "estimatedGflops" | "threads"
  > {
    const ops: string[] = [];
    if (this.starts(/ {2}ops (?=\w)/y)) {
      do ops.push(this.identifier("the name of an op"));
      while (this.accept(", "));
      this.endLine();
    }
    this.word("  flops ");
    const nominalFlops = this.number();
    this.endLine();
    const head = { ops, nominalFlops };
    const schedule = this.accept("  schedule ") ? readSchedule(this) : undefined;
    if (schedule !== undefined) this.endLine();
    const estimates = this.starts(/ {2}estimate (?=\d)/y) ? this.estimate() : {};
    const threads = this.starts(/ {2}threads (?=\d)/y) ? this.whole("a number of threads", 1) : undefined;
    if (threads !== undefined) this.endLine();
    return {
      ...head,
      ...(schedule !== undefined && { schedule }),
      ...estimates,
      ...(threads !== undefined && { threads }),
    };
  }

  private estimate(): Pick<Kernel, "estimate" | "estimatedGflops"> {
    const estimate = this.number();
    this.word(" multiply-adds");
    const estimatedGflops = this.accept(", ") ? this.number() : undefined;
    if (estimatedGflops !== undefined) this.word(" GFLOP/s");
    this.endLine();
    return { estimate, ...(estimatedGflops !== undefined && { estimatedGflops }) };
  }

  private declarations(): { buffers: Map<string, BufferParam>; scalars: Map<string, ExprType> } {
    const buffers = new Map<string, BufferParam>();
    const scalars = new Map<string, ExprType>();
    const access = / {2}(read|write|readwrite|scratch) (?=\S+: )/y;
    for (let found = this.find(access); found !== undefined; found = this.find(access)) {
      const start = this.column;
      const buffer = this.buffer(found[1] as BufferParam["access"]);
      if (buffers.has(buffer.name)) this.failAt(start, "a new name", `${buffer.name} is declared already`);
      buffers.set(buffer.name, buffer);
      this.endLine();
    }
    while (this.starts(/ {2}scalar \$/y)) {
      const start = this.column;
      const name = this.name();
      if (scalars.has(name)) this.failAt(start, "a new name", `$${name} is declared already`);
      // A scalar that nothing reads has no declared type.
      scalars.set(name, this.accept(": ") ? this.scalarType() : "float32");
      this.endLine();
    }
    return { buffers, scalars };
  }

  private buffer(access: BufferParam["access"]): BufferParam {
    const name = this.identifier("the name of a buffer");
    this.word(": ");
    const start = this.column;
    const { dtype, shape } = this.type();
    if (shape.length !== 1) this.failAt(start, "a length such as f32[120]: kernels see buffers flat");
    const range = this.range();
    const isPrivate = this.accept(" private");
    const value = this.value();
    return {
      name,
      dtype,
      length: shape[0],
      access,
      ...(range && { range }),
      ...(isPrivate && { private: true as const }),
      ...(value !== undefined && { value }),
    };
  }

  private scalarType(): ExprType {
    const start = this.column;
    const text = this.match(/\w+/y, "a type such as f32");
    return scalarTypeFromShortName(text) ?? this.failAt(start, "one of f32, i32, u32, bool, u8");
  }
}
