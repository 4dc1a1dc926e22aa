/** A text as training data for `kiln train`: each token is predicted from those before it. */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { formatShape, sameShape } from "../../core/shape.ts";
import { CharVocabulary, TokenDataset, type Vocabulary } from "../../data/index.ts";
import { readText } from "../../files/read.ts";
import type { ModelFile } from "../model-file.ts";
import { atBatchSize, outputOf } from "./model-outputs.ts";
import { type DataRequest, TEST_SHARE, type TrainingData } from "./training-data.ts";

/** The longest text that every engine can hold. */
const MOST_BYTES = 2 ** 28;

/**
 * The text of a file in pieces as long as the model's input, each with the piece shifted by one token as its target.
 * Tokens are those of the model file's `vocabulary`, which may be a function of the text, or else the characters that
 * occur. The end of the text is the test set.
 */
export async function textData(source: string, { file, batchSize }: DataRequest): Promise<TrainingData> {
  const [{ dtype, shape }] = file.inputs;
  if (dtype !== "int32" || shape.length !== 2) {
    throw new KilnError(
      `a text is fed as tokens int32[batch,length], but ${file.path} takes ${dtype}${formatShape(shape)}`,
    );
  }
  const text = await readText(source, MOST_BYTES);
  if (text === "") throw new KilnError(`${source} is empty`);
  const vocabulary = vocabularyOf(file, text);
  const tokens = vocabulary.encode(text);
  checkSize(vocabulary, source, file, batchSize);
  const [, length] = shape;
  const begin = Math.floor(tokens.length * (1 - TEST_SHARE));
  if (Math.min(begin, tokens.length - begin) <= length) {
    throw new KilnError(
      `${source} has ${tokens.length} tokens, too few for a training and a test set of pieces of ${length} tokens`,
    );
  }
  const [train, test] = [tokens.subarray(0, begin), tokens.subarray(begin)].map(
    (part) => new TokenDataset(part, length),
  );
  const characters = vocabulary instanceof CharVocabulary ? { characters: vocabulary.characters } : {};
  return {
    train,
    test,
    source,
    encoding: { vocabularySize: vocabulary.size, ...characters },
    note:
      `${train.length} training and ${test.length} test pieces of ${length} tokens from ${source}, its end being the test set; ` +
      `a vocabulary of ${vocabulary.size}.`,
  };
}

function vocabularyOf({ path, exported = {} }: ModelFile, text: string): Vocabulary {
  const { vocabulary } = exported;
  if (vocabulary === undefined) return new CharVocabulary(text);
  const made: unknown = typeof vocabulary === "function" ? vocabulary(text) : vocabulary;
  const { encode, decode, size } = Object(made) as Partial<Vocabulary>;
  if (typeof encode === "function" && typeof decode === "function" && typeof size === "number") {
    return made as Vocabulary;
  }
  throw new KilnError(
    `${path}'s vocabulary must be one, such as new data.ByteVocabulary(), or a function that makes one of a text, not ${describeValue(made)}`,
  );
}

/** Throws if the model has fewer scores for a position than there are tokens. */
function checkSize({ size }: Vocabulary, source: string, file: ModelFile, batchSize: number): void {
  const { shape } = outputOf(file, batchSize);
  const [{ shape: input }] = atBatchSize(file, file.inputs, batchSize);
  // A model may also output positions and scores in a form of its own, which only its loss knows.
  const extents = shape.filter((_, axis) => axis > 0 && sameShape(shape.toSpliced(axis, 1), input));
  if (extents.length === 0 || Math.max(...extents) >= size) return;
  throw new KilnError(
    `${source} has a vocabulary of ${size}, but ${file.path} gives ${formatShape(shape)}: too few scores for each place`,
  );
}
