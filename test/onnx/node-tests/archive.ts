/** Reads ONNX's node tests from the file that archive.py writes. */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type TensorProto, TensorProtoSchema } from "../../../src/onnx/proto/onnx_pb.ts";

export interface NodeTest {
  readonly name: string;
  /** Differences that are allowed: relative ones and absolute ones. */
  readonly rtol: number;
  readonly atol: number;
  readonly model: Uint8Array;
  /** Nothing stands for what is no tensor, and for numbers that are left out. */
  readonly inputs: readonly (TensorProto | undefined)[];
  readonly outputs: readonly (TensorProto | undefined)[];
}

/** All tests of an archive, the committed one by default. */
export function readNodeTests(path = new URL("node-tests.bin.gz", import.meta.url)): NodeTest[] {
  const tensors: TensorProto[] = [];
  const tests: Uint8Array[] = [];
  for (const [number, bytes] of fields(gunzipSync(readFileSync(path))))
    if (number === 1) tensors.push(fromBinary(TensorProtoSchema, bytes as Uint8Array));
    else tests.push(bytes as Uint8Array);
  const tensorsAt = (places: Uint8Array): (TensorProto | undefined)[] => {
    const reader = new BinaryReader(places);
    const found: (TensorProto | undefined)[] = [];
    while (reader.pos < reader.len) found.push(tensors[reader.uint32() - 1]);
    return found;
  };
  return tests.map((bytes) => {
    const [name, rtol, atol, model, inputs, outputs] = Array.from(fields(bytes), ([, value]) => value);
    return {
      name: new TextDecoder().decode(name as Uint8Array),
      rtol: rtol as number,
      atol: atol as number,
      model: model as Uint8Array,
      inputs: tensorsAt(inputs as Uint8Array),
      outputs: tensorsAt(outputs as Uint8Array),
    };
  });
}

/** The fields of a message in order: doubles and bytes. */
function* fields(message: Uint8Array): Generator<readonly [number: number, value: number | Uint8Array]> {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    yield [number, type === 1 ? reader.double() : reader.bytes()];
  }
}
