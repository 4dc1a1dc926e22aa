// What TensorFlow.js's WebAssembly backend needs to train the nets of the benchmark: a kernel that it lacks, and one
// that it has wrong. For convolutions of stride 1 and 2×2 pooling without overlap, channels last.

const backendName = "wasm";

/** Registers the gradient of a convolution's weight; the backend has none. */
export function registerConvWeightGradient(tf) {
  tf.registerKernel({
    kernelName: "Conv2DBackpropFilter",
    backendName,
    kernelFunc: ({ inputs, attrs }) => convWeightGradient(tf, inputs, attrs),
  });
}

/**
 * Replaces the gradient of max-pooling; the backend's own one loses the gradient of a window that is negative
 * everywhere. Behind ReLU there is no such window, and it does.
 */
export function replaceMaxPoolGradient(tf) {
  tf.unregisterKernel("MaxPoolGrad", backendName);
  tf.registerKernel({
    kernelName: "MaxPoolGrad",
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => maxPoolGradient(inputs, attrs, backend),
  });
}

/**
 * The weight's gradient is itself a convolution: of the input with its channels as batch and its batch as channels, by
 * the output's gradient as a filter as large as the output. The backend runs that by its fast kernel.
 */
function convWeightGradient(tf, { x, dy }, { strides, pad, filterShape }) {
  if ([strides].flat().some((stride) => stride !== 1)) throw new Error("only stride 1 is supported");
  return tf.tidy(() => {
    const images = tf.transpose(x, [3, 1, 2, 0]);
    const filter = tf.transpose(dy, [1, 2, 0, 3]);
    const gradient = tf.conv2d(images, filter, 1, pad);
    if (gradient.shape[1] !== filterShape[0]) throw new Error(`a gradient of shape ${gradient.shape}`);
    return tf.transpose(gradient, [1, 2, 0, 3]);
  });
}

/** Each gradient goes to the first value of its window that equals the maximum; in place, in the backend's memory. */
function maxPoolGradient({ dy, input, output }, { filterSize, strides, pad }, backend) {
  const isPlain = [filterSize, strides].flat().every((extent) => extent === 2) && pad === "valid";
  const [batch, height, width, channels] = input.shape;
  if (!isPlain || height % 2 !== 0 || width % 2 !== 0)
    throw new Error("only whole 2×2 windows are supported");
  const result = backend.makeOutput(input.shape, "float32");
  const [gradients, values, maxima, out] = [dy, input, output, result].map((tensor) =>
    backend.typedArrayFromHeap(tensor),
  );
  out.fill(0);
  const row = width * channels;
  let window = 0;
  for (let y = 0; y < (batch * height) / 2; y++) {
    for (let x = 0; x < width / 2; x++) {
      const corner = 2 * y * row + 2 * x * channels;
      for (let c = 0; c < channels; c++, window++) {
        const maximum = maxima[window];
        let at = corner + c;
        if (values[at] !== maximum) {
          at += channels;
          if (values[at] !== maximum) {
            at += row - channels;
            if (values[at] !== maximum) at += channels;
          }
        }
        out[at] = gradients[window];
      }
    }
  }
  return result;
}
