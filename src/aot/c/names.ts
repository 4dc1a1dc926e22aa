/** Names in a C library: of its exports, which must not clash with those of other libraries, and of arguments. */

import { KilnError } from "../../core/errors.ts";

/** Prefixes of functions of C and POSIX that names like ours could clash with: `sem_init`. */
const FOREIGN = ["cnd", "fe", "mtx", "pthread", "sem", "thrd", "tss"];

/** The most letters for which what follows the prefix still counts: compilers may ignore all after 31 of a name. */
const MOST_LETTERS = 20;

/** The prefix from a model's class name: `LeNet` becomes `lenet`, `CharGPT` becomes `chargpt`. */
export function prefixFrom(className: string): string {
  const letters = className.replace(/[^A-Za-z0-9_]/g, "").toLowerCase();
  const prefix = letters.replace(/^[^a-z]+/, "").slice(0, MOST_LETTERS);
  return prefix === "" || FOREIGN.includes(prefix) ? `${prefix}model` : prefix;
}

/** Throws unless every name that begins with `name` and an underscore is free in a C program. */
export function checkPrefix(name: string): void {
  const isGood = /^[a-z][a-z0-9_]*$/.test(name) && name.length <= MOST_LETTERS && !FOREIGN.includes(name);
  if (isGood) return;
  throw new KilnError(
    `--name begins all names of the library: up to ${MOST_LETTERS} small letters, digits and underscores, and none of ${FOREIGN.join(", ")}; "${name}" is not that`,
  );
}

/** Names that arguments cannot have: keywords of C and C++, and names that the functions with these arguments use. */
const TAKEN: ReadonlySet<string> = new Set(
  (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register " +
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm linux unix " +
    "and and_eq bitand bitor bool catch class compl delete dynamic_cast explicit export false friend mutable namespace new " +
    "not not_eq operator or or_eq private protected public reinterpret_cast static_cast template this throw true try typeid " +
    "typename using virtual wchar_t xor xor_eq " +
    "model loss memory scalars before control fault completed lr k step root scaled product at next correction most length " +
    "rate rectified memcpy memmove memset pow sqrt file_writer header_reader header_text flush_to_zero restore memory_of control_of size_t " +
    "status count arguments printf fprintf stderr read_numbers read_picture print_floats print_integers print_bytes random_word"
  ).split(" "),
);

/** Names for arguments, all different, close to the wanted ones and allowed in C and C++. */
export function argumentNames(wanted: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return wanted.map((text) => {
    const letters = text.replace(/[^A-Za-z0-9_]/g, "_").replace(/^_+|_+$/g, "");
    const plain = letters.toLowerCase().replace(/^[^a-z]+/, "") || "value";
    const first = TAKEN.has(plain) || /^(kernel_|numbers_|u?int\d+_t$)/.test(plain) ? `${plain}_` : plain;
    let name = first;
    for (let k = 2; taken.has(name); k++) name = `${first}_${k}`;
    taken.add(name);
    return name;
  });
}

/** A string literal: bytes other than plain letters are written in octal. */
export const stringLiteral = (text: string): string =>
  `"${[...new TextEncoder().encode(text)]
    .map((byte) =>
      byte < 32 || byte > 126 || `"\\?`.includes(String.fromCharCode(byte))
        ? `\\${byte.toString(8).padStart(3, "0")}`
        : String.fromCharCode(byte),
    )
    .join("")}"`;
