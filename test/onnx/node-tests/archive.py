"""Writes ONNX's own node tests into node-tests.bin.gz, which the tests here read: python3 archive.py [FILE]

Needs pip's onnx (1.23.2). The file is a message of protocol buffers: field 1 are all tensors, each once however many
tests have it, field 2 the tests, whose fields stand below; a test names its tensors by their position, counted from 1.
Position 0 stands for what is no tensor and, in the committed file, for the tensors of tests with very many numbers. With a
FILE all are written there, and `KILN_ONNX_NODE_TESTS=FILE` has the runner read it.
"""

import gzip
import pathlib
import struct
import sys
import warnings

warnings.filterwarnings("ignore")

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

TENSOR, TEST = 1, 2
NAME, RTOL, ATOL, MODEL, INPUTS, OUTPUTS = 1, 2, 3, 4, 5, 6

HERE = pathlib.Path(__file__).parent
# Bytes of all numbers of a test. Few have more, of which some take half a megabyte.
LARGEST = 300 * 1024


def varint(number):
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def double(number, value):
    return varint(number << 3 | 1) + struct.pack("<d", value)


def tensor_bytes(value):
    """A tensor as its message, without a name; None of what is no tensor."""
    if isinstance(value, onnx.TensorProto):
        tensor = onnx.TensorProto()
        tensor.CopyFrom(value)
    else:
        try:
            tensor = numpy_helper.from_array(numpy.asarray(value))
        except Exception:
            return None
    tensor.ClearField("name")
    return tensor.SerializeToString()


def main():
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "node-tests.bin.gz"
    is_whole = len(sys.argv) > 1
    positions = {}
    tests = []
    for case in sorted(collect_testcases(None), key=lambda case: case.name):
        assert len(case.data_sets) == 1, case.name
        inputs, outputs = ([tensor_bytes(value) for value in values] for values in case.data_sets[0])
        size = sum(len(data or b"") for data in [*inputs, *outputs])
        is_kept = is_whole or size <= LARGEST

        def places(tensors):
            def place(data):
                return positions.setdefault(data, len(positions) + 1) if is_kept and data is not None else 0

            return b"".join(varint(place(data)) for data in tensors)

        tests.append(
            field(NAME, case.name.encode())
            + double(RTOL, case.rtol)
            + double(ATOL, case.atol)
            + field(MODEL, case.model.SerializeToString())
            + field(INPUTS, places(inputs))
            + field(OUTPUTS, places(outputs))
        )
    whole = b"".join([*(field(TENSOR, data) for data in positions), *(field(TEST, test) for test in tests)])
    target.write_bytes(gzip.compress(whole, 9, mtime=0))


main()
