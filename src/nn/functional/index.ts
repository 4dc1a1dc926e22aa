/** The layers' computations as functions (`F`), with PyTorch's argument order and defaults. */

export * from "./activation.ts";
export * from "./convolution.ts";
export * from "./linear.ts";
export * from "./loss.ts";
export * from "./pooling.ts";
export * from "./shape.ts";
