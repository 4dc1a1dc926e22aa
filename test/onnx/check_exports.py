"""Checks models that Kiln has exported, with ONNX's own checker and shape inference, and loads them into onnxruntime.

The tests write all models that they export into the folder that KILN_EXPORTED names. With pip's onnx and onnxruntime:

    KILN_EXPORTED=/tmp/exported npx vitest run test/onnx/export
    python test/onnx/check_exports.py /tmp/exported
"""

import sys
from pathlib import Path

import onnx
import onnxruntime

options = onnxruntime.SessionOptions()
options.log_severity_level = 3
paths = sorted(Path(sys.argv[1]).glob("*.onnx"))
for path in paths:
    model = onnx.load(path)
    try:
        onnx.checker.check_model(model, full_check=True)
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        sys.exit(f"{path.name}: {error}")
print(f"{len(paths)} models are valid")
