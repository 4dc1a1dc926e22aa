/** Results of several tensors that are read by name and in order, as PyTorch's named tuples are. */

/** Records of tensors that can be taken apart as a list as well: `const [values, indices] = x.sort()`. */
export type NamedTuple<Record extends object> = Readonly<Record> & {
  [Symbol.iterator](): Iterator<Record[keyof Record]>;
};

/** The values of whoever it belongs to, in the order of their names. */
function* inOrder(this: object): Iterator<unknown> {
  yield* Object.values(this);
}

/** The record itself as a named tuple. */
export const namedTuple = <Record extends object>(record: Record): NamedTuple<Record> =>
  Object.defineProperty(record, Symbol.iterator, { value: inOrder }) as NamedTuple<Record>;

/** Whether a record is one. */
export const isNamedTuple = (record: object): boolean =>
  (record as Partial<Iterable<unknown>>)[Symbol.iterator] === inOrder;
