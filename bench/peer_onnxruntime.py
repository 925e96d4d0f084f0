# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime beside Egbert: BERT as its own fused operators, which is the best that its optimizer reaches
(EmbedLayerNormalization, Attention without mask, SkipLayerNormalization with bias, BiasGelu), all optimisations on.

Started by script/bench: python bench/peer_onnxruntime.py CHECKPOINT THREADS
Then one JSON request a line on stdin: {"ids": [[…]…], "seconds": S, "warmup": N}; one JSON answer a line on stdout:
{"ms": […], "mean": [the first text's mean-pooled vector]}.
"""
import json
import os
import resource
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from checkpoint import read_safetensors

DOMAIN = "com.microsoft"


def fused_bert(config, tensors):
    nodes, initializers = [], []

    def const(name, array):
        array = np.ascontiguousarray(array, dtype=np.float32)
        initializers.append(helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.tobytes(), raw=True))
        return name

    def get(name):
        return tensors[name]

    eps = config["layer_norm_eps"]
    nodes.append(helper.make_node(
        "EmbedLayerNormalization",
        ["input_ids", "segment_ids"] + [const(n, get(f"embeddings.{n}.weight")) for n in
                                        ("word_embeddings", "position_embeddings", "token_type_embeddings")]
        + [const("embed.gamma", get("embeddings.LayerNorm.weight")), const("embed.beta", get("embeddings.LayerNorm.bias"))],
        ["x0", "unused_mask"], domain=DOMAIN, epsilon=eps))
    x = "x0"
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}."
        parts = [layer + "attention.self." + p for p in ("query", "key", "value")]
        weight = np.concatenate([get(p + ".weight").T for p in parts], axis=1)
        bias = np.concatenate([get(p + ".bias") for p in parts])
        nodes.append(helper.make_node(
            "Attention", [x, const(f"qkv{i}.w", weight), const(f"qkv{i}.b", bias)], [f"context{i}"], domain=DOMAIN,
            num_heads=config["num_attention_heads"]))

        def skip_norm(a, b, name, norm, out):
            nodes.append(helper.make_node(
                "SkipLayerNormalization",
                [a, b, const(f"{norm}{i}.g", get(layer + norm + ".weight")), const(f"{norm}{i}.b", get(layer + norm + ".bias")),
                 const(f"{name}{i}.bias", get(layer + name + ".bias"))], [out], domain=DOMAIN, epsilon=eps))

        scoped = f"{i}."
        nodes.append(helper.make_node("MatMul", [f"context{i}", const(scoped + "o", get(layer + "attention.output.dense.weight").T)],
                                      [f"o{i}"]))
        skip_norm(f"o{i}", x, "attention.output.dense", "attention.output.LayerNorm", f"a{i}")
        nodes.append(helper.make_node("MatMul", [f"a{i}", const(scoped + "f1", get(layer + "intermediate.dense.weight").T)], [f"h{i}"]))
        nodes.append(helper.make_node("BiasGelu", [f"h{i}", const(scoped + "f1b", get(layer + "intermediate.dense.bias"))],
                                      [f"g{i}"], domain=DOMAIN))
        nodes.append(helper.make_node("MatMul", [f"g{i}", const(scoped + "f2", get(layer + "output.dense.weight").T)], [f"f{i}"]))
        x = f"x{i + 1}"
        skip_norm(f"f{i}", f"a{i}", "output.dense", "output.LayerNorm", x)
    graph = helper.make_graph(
        nodes, "bert",
        [helper.make_tensor_value_info(n, TensorProto.INT32, ["B", "S"]) for n in ("input_ids", "segment_ids")],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["B", "S", config["hidden_size"]])], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)], ir_version=9)


def main():
    folder, threads = sys.argv[1], int(sys.argv[2])
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    if config["hidden_act"] != "gelu":
        sys.exit("this peer knows hidden_act gelu only")
    model = fused_bert(config, read_safetensors(os.path.join(folder, "model.safetensors")))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    del model
    print(json.dumps({"peer": "onnxruntime " + ort.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        ids = np.asarray(request["ids"], dtype=np.int32)
        feed = {"input_ids": ids, "segment_ids": np.zeros_like(ids)}
        for _ in range(request["warmup"]):
            (hidden,) = session.run(None, feed)
        times, end = [], time.perf_counter() + request["seconds"]
        while time.perf_counter() < end or len(times) < 5:
            begin = time.perf_counter()
            (hidden,) = session.run(None, feed)
            times.append((time.perf_counter() - begin) * 1e3)
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({"ms": times, "mean": hidden[0].mean(axis=0).tolist(), "rss_mib": rss}), flush=True)


if __name__ == "__main__":
    main()
