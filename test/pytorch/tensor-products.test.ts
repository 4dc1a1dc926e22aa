/** Sums of products over named axes, products of vectors and matrices and what is added to them, against PyTorch. */

import { addr, einsum, kron, type Tensor, tensordot } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

type Computation = (...inputs: Tensor[]) => Tensor;

const nanAbove1 = (x: Tensor): Tensor => x.maskedFill(x.gt(1), Number.NaN);

const ALL: Record<string, Computation> = {
  "einsum of matrices": (x, y) => einsum("ij,jk->ik", x, y),
  "einsum of batches": (x, y) => einsum("bij,bkj->bik", x, y),
  "einsum of heads": (x, y) => einsum("bqhd, bkhd -> bhqk", [x, y]),
  "einsum of three": (x, y, z) => einsum("ij,jk,kl->il", x, y, z),
  "einsum of three vectors": (x, y, z) => einsum("i,j,k->kij", x, y, z),
  "einsum without an arrow": (x, y) => einsum("ba,bc", x, y),
  "einsum of a diagonal": (x) => einsum("ii->i", x).mul(einsum("ii", x)),
  "einsum of a batch of diagonals": (x) => einsum("bii->ib", x),
  "einsum that only sums": (x, y) => einsum("ij,kl->j", x, y),
  "einsum that transposes": (x) => einsum("ijk->kij", x),
  "bilinear by einsum": (x, w, y) => einsum("bi,oij,bj->bo", x, w, y),
  tensordot: (x, y) => tensordot(x, y, 2),
  "tensordot of axes": (x, y) =>
    tensordot(x, y, [
      [2, 0],
      [0, 2],
    ]),
  "outer and mv": (x, y) => x.outer(y).mv(y),
  addmm: (x, y, z) => z.addmm(x, y, { beta: 0.5, alpha: 2 }),
  "addmm of beta 0": (x, y, z) => z.addmm(x, y, { beta: 0 }).mul(z),
  "addmv and addr": (x, v, w) => v.addmv(x, w).matmul(addr(x, v, w, { alpha: 3 })),
  baddbmm: (x, y, z) => z.baddbmm(x, y, { alpha: 0.5 }),
  kron: (x, y) => x.kron(y),
  "kron of other ranks": (x, y) => kron(x, y),
  trace: (x) => x.trace().mul(x),
  "lerp, addcmul and addcdiv": (x, y) =>
    x.lerp(y, 0.75).addcmul(x, y, { value: 0.5 }).addcdiv(y, x.square().add(1), { value: 2 }),
  "nansum and nanmean": (x) => nanAbove1(x).nansum(0).add(nanAbove1(x).nanmean(1, true)),
  "sin and cos": (x) => x.mul(3).sin().mul(x.cos()).add(x.tan()),
  "atan2 and hypot": (x, y) => x.atan2(y).mul(x.hypot(y)),
};

testModuleCases(
  "tensor_products",
  Object.fromEntries(Object.entries(ALL).map(([name, computation]) => [name, () => computation])),
);
