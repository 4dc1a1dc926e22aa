/** Logistic regression in plain TypeScript: how far pixels get without any convolution. */

import { assembleBatch, epochOrder } from "../../src/data/batch.ts";
import type { Dataset } from "../../src/data/dataset.ts";

const CLASSES = 10;

/** How the classifier is trained: plain stochastic gradient descent on the cross-entropy. */
export interface LinearTraining {
  readonly epochs: number;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** Trains a softmax classifier on `train` and returns the part of `test` that it gets right. */
export function linearAccuracy(train: Dataset, test: Dataset, options: LinearTraining): number {
  const { images, labels } = assembleBatch(train, epochOrder(train.length, 0, undefined));
  const model = new SoftmaxClassifier(images.length / labels.length);
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const order = epochOrder(train.length, epoch, options.seed);
    for (let start = 0; start < order.length; start += options.batchSize) {
      model.step(images, labels, order.subarray(start, start + options.batchSize), options.learningRate);
    }
  }
  const held = assembleBatch(test, epochOrder(test.length, 0, undefined));
  let correct = 0;
  for (let index = 0; index < held.labels.length; index++) {
    if (model.predict(held.images, index) === held.labels[index]) correct++;
  }
  return correct / held.labels.length;
}

class SoftmaxClassifier {
  readonly #features: number;
  readonly #weights: Float32Array;
  readonly #bias = new Float32Array(CLASSES);
  readonly #scores = new Float64Array(CLASSES);
  readonly #gradient: Float32Array;

  constructor(features: number) {
    this.#features = features;
    this.#weights = new Float32Array(CLASSES * features);
    this.#gradient = new Float32Array(CLASSES * features);
  }

  step(images: Float32Array, labels: Int32Array, batch: Uint32Array, learningRate: number): void {
    const rate = learningRate / batch.length;
    const [features, scores, gradient] = [this.#features, this.#scores, this.#gradient];
    gradient.fill(0);
    for (const index of batch) {
      this.#score(images, index);
      const highest = Math.max(...scores);
      let sum = 0;
      for (let c = 0; c < CLASSES; c++) sum += scores[c] = Math.exp(scores[c] - highest);
      for (let c = 0; c < CLASSES; c++) {
        const error = scores[c] / sum - (c === labels[index] ? 1 : 0);
        this.#bias[c] -= rate * error;
        const [row, image] = [c * features, index * features];
        for (let i = 0; i < features; i++) gradient[row + i] += error * images[image + i];
      }
    }
    for (let i = 0; i < gradient.length; i++) this.#weights[i] -= rate * gradient[i];
  }

  predict(images: Float32Array, index: number): number {
    this.#score(images, index);
    return this.#scores.indexOf(Math.max(...this.#scores));
  }

  #score(images: Float32Array, index: number): void {
    const [features, weights] = [this.#features, this.#weights];
    for (let c = 0; c < CLASSES; c++) {
      let score = this.#bias[c];
      const [row, image] = [c * features, index * features];
      for (let i = 0; i < features; i++) score += weights[row + i] * images[image + i];
      this.#scores[c] = score;
    }
  }
}
