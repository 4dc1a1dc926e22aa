/**
 * The protocol buffers of TensorBoard's event files: Event and Summary with its kinds of values. Field numbers are
 * those of TensorFlow's event.proto and summary.proto.
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Histogram } from "./histogram.ts";
import type { EncodedImage } from "./image.ts";

/** What an event tells: the version that a file starts with, a graph, or the values of a summary. */
export type EventContent =
  | { readonly kind: "version"; readonly text: string }
  | { readonly kind: "graph"; readonly graphDef: Uint8Array }
  | { readonly kind: "summary"; readonly tag: string; readonly value: SummaryValue };

/** One value of a summary. */
export type SummaryValue =
  | { readonly kind: "scalar"; readonly number: number }
  | { readonly kind: "image"; readonly image: EncodedImage }
  | { readonly kind: "histogram"; readonly histogram: Histogram };

/** An Event; `wallTime` is in seconds since 1970. */
export function encodeEvent(wallTime: number, step: number | undefined, content: EventContent): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Bit64).double(wallTime);
  if (step !== undefined) writer.tag(2, WireType.Varint).int64(step);
  switch (content.kind) {
    case "version":
      return writer.tag(3, WireType.LengthDelimited).string(content.text).finish();
    case "graph":
      return writer.tag(4, WireType.LengthDelimited).bytes(content.graphDef).finish();
    case "summary":
      writer.tag(5, WireType.LengthDelimited).fork();
      writeSummaryValue(writer.tag(1, WireType.LengthDelimited).fork(), content.tag, content.value);
      return writer.join().join().finish();
    default:
      return content satisfies never;
  }
}

function writeSummaryValue(writer: BinaryWriter, tag: string, value: SummaryValue): void {
  writer.tag(1, WireType.LengthDelimited).string(tag);
  switch (value.kind) {
    case "scalar":
      writer.tag(2, WireType.Bit32).raw(float32Bytes(value.number));
      return;
    case "image":
      writeImage(writer.tag(4, WireType.LengthDelimited).fork(), value.image);
      writer.join();
      return;
    case "histogram":
      writeHistogram(writer.tag(5, WireType.LengthDelimited).fork(), value.histogram);
      writer.join();
      return;
    default:
      value satisfies never;
  }
}

/** A float as it is stored: a number beyond float32 becomes infinite, as it does in PyTorch. */
function float32Bytes(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, number, true);
  return bytes;
}

function writeImage(writer: BinaryWriter, { rows, columns, channels, png }: EncodedImage): void {
  writer.tag(1, WireType.Varint).int32(rows);
  writer.tag(2, WireType.Varint).int32(columns);
  writer.tag(3, WireType.Varint).int32(channels);
  writer.tag(4, WireType.LengthDelimited).bytes(png);
}

function writeHistogram(writer: BinaryWriter, histogram: Histogram): void {
  const { min, max, count, sum, sumOfSquares, limits, counts } = histogram;
  for (const [k, number] of [min, max, count, sum, sumOfSquares].entries()) {
    writer.tag(k + 1, WireType.Bit64).double(number);
  }
  for (const [field, numbers] of [
    [6, limits],
    [7, counts],
  ] as const) {
    writer.tag(field, WireType.LengthDelimited).fork();
    for (const number of numbers) writer.double(number);
    writer.join();
  }
}
