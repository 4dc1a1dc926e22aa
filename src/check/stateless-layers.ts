/** The library's modules that hold nothing and act alike in training and evaluation: building one anew changes no result. */

const STATELESS: ReadonlySet<string> = new Set([
  ...[
    "CELU",
    "ELU",
    "GELU",
    "Hardsigmoid",
    "Hardswish",
    "LeakyReLU",
    "LogSoftmax",
    "Mish",
    "ReLU",
    "ReLU6",
    "SELU",
  ],
  ...["Sigmoid", "SiLU", "Softmax", "Softplus", "Softsign", "Tanh"],
  ...["AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d", "MaxPool1d", "MaxPool2d"],
  ...["Flatten", "Identity", "Unflatten"],
]);

/** Whether `nn.name` is such a module; losses are, too. */
export const isStateless = (name: string): boolean => STATELESS.has(name) || name.endsWith("Loss");
