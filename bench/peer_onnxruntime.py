# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime beside Egbert: BERT as its own fused operators (onnx_bert.py), all optimisations on, spinning threads.

Started by script/bench; peer.py has the conversation.
"""
import sys

import onnxruntime as ort

import onnx_bert
from peer import serve


def main():
    folder, threads = sys.argv[1], int(sys.argv[2])
    model = onnx_bert.fused(*onnx_bert.read(folder))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    del model
    serve("onnxruntime " + ort.__version__, lambda feed: (lambda: session.run(None, feed)[0], "its fused operators"))


if __name__ == "__main__":
    main()
