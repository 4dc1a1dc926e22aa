/** The block of a GPT: causal attention, with rotary positions and an optional cache, and two linear maps. */

import { F, nn, type Tensor } from "kiln-js";
import type { KeyValueCache } from "./generation.ts";
import { rotary } from "./positions.ts";

/** Each position sees itself and those before it, `length` in all. */
export class CausalAttention extends nn.Module {
  qkv: nn.Linear;
  out: nn.Linear;
  readonly heads: number;
  readonly length: number;

  constructor(width: number, heads: number, length: number) {
    super();
    this.qkv = new nn.Linear(width, 3 * width);
    this.out = new nn.Linear(width, width);
    this.heads = heads;
    this.length = length;
  }

  /** For x [N,T,E] at positions [T]; a cache holds what came before. */
  forward(x: Tensor, positions: Tensor, cache?: KeyValueCache): Tensor {
    const [q, k, v] = this.qkv
      .forward(x)
      .chunk(3, -1)
      .map((part) => part.unflatten(-1, [this.heads, -1]).transpose(1, 2));
    const own = { keys: rotary(k, positions), values: v, positions };
    const seen = cache === undefined ? own : cache.forward(own);
    const distance = positions.unsqueeze(1).sub(seen.positions);
    const mask = distance.ge(0).logicalAnd(distance.lt(this.length));
    const heads = F.scaledDotProductAttention(rotary(q, positions), seen.keys, seen.values, mask);
    return this.out.forward(heads.transpose(1, 2).flatten(2));
  }
}

export class Block extends nn.Module {
  norm1: nn.LayerNorm;
  attention: CausalAttention;
  norm2: nn.LayerNorm;
  mlp: nn.Sequential;

  constructor(width: number, heads: number, length: number) {
    super();
    this.norm1 = new nn.LayerNorm(width);
    this.attention = new CausalAttention(width, heads, length);
    this.norm2 = new nn.LayerNorm(width);
    this.mlp = new nn.Sequential(
      new nn.Linear(width, 4 * width),
      new nn.GELU(),
      new nn.Linear(4 * width, width),
    );
  }

  forward(x: Tensor, positions: Tensor, cache?: KeyValueCache): Tensor {
    const attended = x.add(this.attention.forward(this.norm1.forward(x), positions, cache));
    return attended.add(this.mlp.forward(this.norm2.forward(attended)));
  }
}
