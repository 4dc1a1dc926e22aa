/**
 * Prepares items ahead of their use, in the turns of the event loop in which the consumer waits for something else.
 * Preparing is synchronous, so that at most one callback is pending, which `stop` cancels.
 */

/** An item that is ready, or the error that its preparation ended with. */
type Prepared<Item> = { readonly item: Item } | { readonly error: unknown };

/** Items `0 … count - 1`, handed out in order, up to `depth` of them prepared ahead. */
export class Prefetcher<Item> {
  readonly #count: number;
  readonly #depth: number;
  readonly #prepare: (position: number) => Item;
  readonly #ready: Prepared<Item>[] = [];
  #next = 0;
  #cancel: (() => void) | undefined;

  constructor(count: number, depth: number, prepare: (position: number) => Item) {
    this.#count = count;
    this.#depth = depth;
    this.#prepare = prepare;
  }

  /** The next item, prepared now when there was no time before; throws what its own preparation threw. */
  take(): Item {
    const prepared = this.#ready.shift() ?? this.#prepareNext();
    if ("error" in prepared) throw prepared.error;
    this.#continue();
    return prepared.item;
  }

  /** Ends all preparation: nothing is left under way. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#ready.length = 0;
    this.#next = this.#count;
  }

  #prepareNext(): Prepared<Item> {
    const position = this.#next++;
    try {
      return { item: this.#prepare(position) };
    } catch (error) {
      this.#next = this.#count;
      return { error };
    }
  }

  /** Has one more item prepared in a later turn, unless enough are, or a turn is already taken. */
  #continue(): void {
    if (this.#cancel !== undefined || this.#next >= this.#count || this.#ready.length >= this.#depth) return;
    this.#cancel = inLaterTurn(() => {
      this.#cancel = undefined;
      this.#ready.push(this.#prepareNext());
      this.#continue();
    });
  }
}

/** Calls `callback` when the event loop comes round; gives back what prevents it. */
function inLaterTurn(callback: () => void): () => void {
  if (typeof setImmediate === "function") {
    const turn = setImmediate(callback);
    return () => clearImmediate(turn);
  }
  const timer = setTimeout(callback);
  return () => clearTimeout(timer);
}
