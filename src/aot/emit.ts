/** Type-checks the source of a module with ts-morph and emits JavaScript and types. */

import { type Diagnostic, Project, ts } from "ts-morph";
import { InternalError } from "../core/errors.ts";

export interface EmittedModule {
  readonly javascript: string;
  readonly declarations: string;
}

/** The parts of the platform that modules use besides the language itself. */
const PLATFORM = `
declare class TextDecoder { decode(bytes: Uint8Array): string }
declare class TextEncoder { encode(text: string): Uint8Array }
declare namespace WebAssembly {
  function instantiate(code: ArrayBuffer | Uint8Array, imports: object): Promise<{
    readonly instance: { readonly exports: {
      readonly memory: { readonly buffer: ArrayBuffer };
      run(thread: number, threads: number, from: number, to: number, base: number, resumed: number): number;
    } };
  }>;
}
`;

/** The module's two files. Throws an {@link InternalError} for faulty source. */
export function emitModule(source: string): EmittedModule {
  const project = new Project({
    useInMemoryFileSystem: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      lib: ["lib.es2022.d.ts"],
      types: [],
      strict: true,
      declaration: true,
      newLine: ts.NewLineKind.LineFeed,
    },
  });
  project.createSourceFile("platform.d.ts", PLATFORM);
  const file = project.createSourceFile("model.ts", source);
  const faults = project.getPreEmitDiagnostics();
  if (faults.length > 0) throw new InternalError(`the module has a fault: ${faultText(faults[0])}`);
  const files = file.getEmitOutput().getOutputFiles();
  const text = (ending: string): string =>
    halfIndented(files.find((output) => output.getFilePath().endsWith(ending))!.getText());
  return { javascript: text(".js"), declarations: text(".d.ts") };
}

/** The compiler indents by four; no text in the module has more than one line. */
const halfIndented = (text: string): string =>
  text.replace(/^(?: {4})+/gm, (indent) => indent.slice(indent.length / 2));

function faultText(fault: Diagnostic): string {
  const message = fault.getMessageText();
  return `${fault.getLineNumber() ?? "?"}: ${typeof message === "string" ? message : message.getMessageText()}`;
}
