/** The arguments of a kernel function. */

/** A buffer, or a scalar: as a number, or as the upper or lower half of its 32 bits. */
export type Argument =
  | { readonly kind: "buffer"; readonly name: string }
  | { readonly kind: "scalar"; readonly name: string; readonly part: "value" | "high" | "low" };

export const argumentName = (argument: Argument): string => {
  if (argument.kind === "buffer") return argument.name;
  return argument.part === "value" ? `scalar_${argument.name}` : `scalar_${argument.name}_${argument.part}`;
};

/** The number passed for a scalar. */
export function scalarArgument(value: number, part: "value" | "high" | "low"): number {
  switch (part) {
    case "value":
      return value;
    case "high":
      return (value | 0) >>> 16;
    case "low":
      return value & 0xffff;
    default:
      return part satisfies never;
  }
}
