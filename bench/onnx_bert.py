# SPDX-License-Identifier: Apache-2.0
"""BERT as ONNX, for the peers: input_ids and segment_ids int32 [B, S] → the last hidden state.

`plain` has the operators of the ONNX standard, as an export from a training library gives them; `fused` has those of
ONNX Runtime's own domain, which is the best that its optimizer reaches (EmbedLayerNormalization, Attention without mask,
SkipLayerNormalization with bias, BiasGelu).
"""
import json
import os
import sys

import numpy as np
from onnx import TensorProto, helper

from checkpoint import read_safetensors

FUSED_DOMAIN = "com.microsoft"


class Builder:
    """Nodes and constants of one graph."""

    def __init__(self):
        self.nodes, self.constants, self.names = [], [], set()

    def const(self, name, array):
        if name not in self.names:
            self.names.add(name)
            kind = TensorProto.FLOAT if array.dtype == np.float32 else TensorProto.INT64
            array = np.ascontiguousarray(array)
            self.constants.append(helper.make_tensor(name, kind, array.shape, array.tobytes(), raw=True))
        return name

    def node(self, op, inputs, out, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [out] if isinstance(out, str) else out, **attributes))
        return out


def layer_names(i):
    layer = f"encoder.layer.{i}."
    return {"query": layer + "attention.self.query", "key": layer + "attention.self.key", "value": layer + "attention.self.value",
            "out": layer + "attention.output.dense", "norm1": layer + "attention.output.LayerNorm",
            "up": layer + "intermediate.dense", "down": layer + "output.dense", "norm2": layer + "output.LayerNorm"}


def plain(config, tensors):
    b = Builder()
    heads, size = config["num_attention_heads"], config["hidden_size"] // config["num_attention_heads"]

    def integers(name, *values):
        return b.const(name, np.int64(values))

    def linear(x, name, out):
        product = b.node("MatMul", [x, b.const(name + ".w", np.float32(tensors[name + ".weight"].T))], out + ".product")
        return b.node("Add", [product, b.const(name + ".b", np.float32(tensors[name + ".bias"]))], out)

    def norm(x, name, out):
        return b.node("LayerNormalization", [x, b.const(name + ".g", np.float32(tensors[name + ".weight"])),
                                             b.const(name + ".b", np.float32(tensors[name + ".bias"]))], out,
                      epsilon=config["layer_norm_eps"], axis=-1)

    def split(x, out, order):
        parts = b.node("Reshape", [x, integers("split", 0, 0, heads, size)], out + ".split")
        return b.node("Transpose", [parts], out, perm=order)

    tables = {n: b.const(n, np.float32(tensors[f"embeddings.{n}.weight"]))
              for n in ("word_embeddings", "position_embeddings", "token_type_embeddings")}
    words = b.node("Gather", [tables["word_embeddings"], "input_ids"], "words")
    types = b.node("Gather", [tables["token_type_embeddings"], "segment_ids"], "types")
    shape = b.node("Shape", ["input_ids"], "length", start=1, end=2)
    rows = b.node("Slice", [tables["position_embeddings"], integers("zero", 0), shape, integers("rows", 0)], "positions")
    x = b.node("Add", [b.node("Add", [words, types], "words_and_types"), rows], "embedded")
    x = norm(x, "embeddings.LayerNorm", "x0")
    scale = b.const("scale", np.float32([1 / np.sqrt(size)]))
    for i in range(config["num_hidden_layers"]):
        names = layer_names(i)
        q = split(linear(x, names["query"], f"q{i}"), f"qh{i}", [0, 2, 1, 3])
        k = split(linear(x, names["key"], f"k{i}"), f"kh{i}", [0, 2, 3, 1])
        v = split(linear(x, names["value"], f"v{i}"), f"vh{i}", [0, 2, 1, 3])
        scores = b.node("Mul", [b.node("MatMul", [q, k], f"qk{i}"), scale], f"scores{i}")
        context = b.node("MatMul", [b.node("Softmax", [scores], f"p{i}", axis=-1), v], f"ch{i}")
        context = b.node("Transpose", [context], f"ct{i}", perm=[0, 2, 1, 3])
        context = b.node("Reshape", [context, integers("join", 0, 0, heads * size)], f"context{i}")
        attended = norm(b.node("Add", [linear(context, names["out"], f"o{i}"), x], f"r{i}"), names["norm1"], f"a{i}")
        inner = b.node("Gelu", [linear(attended, names["up"], f"h{i}")], f"g{i}")
        x = norm(b.node("Add", [linear(inner, names["down"], f"f{i}"), attended], f"s{i}"), names["norm2"], f"x{i + 1}")
    return finish(b, config, x, [helper.make_opsetid("", 20)])


def fused(config, tensors):
    b = Builder()
    eps, domain = config["layer_norm_eps"], FUSED_DOMAIN

    def const(name, array):
        return b.const(name, np.float32(array))

    tables = [const(n, tensors[f"embeddings.{n}.weight"]) for n in ("word_embeddings", "position_embeddings", "token_type_embeddings")]
    scale_and_shift = [const("embed.g", tensors["embeddings.LayerNorm.weight"]), const("embed.b", tensors["embeddings.LayerNorm.bias"])]
    b.node("EmbedLayerNormalization", ["input_ids", "segment_ids"] + tables + scale_and_shift, ["x0", "unused_mask"], domain=domain,
           epsilon=eps)
    x = "x0"

    def skip_norm(a, other, dense, norm, out):
        inputs = [a, other, const(norm + ".g", tensors[norm + ".weight"]), const(norm + ".b", tensors[norm + ".bias"]),
                  const(dense + ".b", tensors[dense + ".bias"])]
        return b.node("SkipLayerNormalization", inputs, out, domain=domain, epsilon=eps)

    for i in range(config["num_hidden_layers"]):
        names = layer_names(i)
        parts = [names[p] for p in ("query", "key", "value")]
        weight = np.concatenate([tensors[p + ".weight"].T for p in parts], axis=1)
        bias = np.concatenate([tensors[p + ".bias"] for p in parts])
        context = b.node("Attention", [x, const(f"qkv{i}.w", weight), const(f"qkv{i}.b", bias)], f"context{i}", domain=domain,
                         num_heads=config["num_attention_heads"])
        out = b.node("MatMul", [context, const(names["out"] + ".w", tensors[names["out"] + ".weight"].T)], f"o{i}")
        attended = skip_norm(out, x, names["out"], names["norm1"], f"a{i}")
        up = b.node("MatMul", [attended, const(names["up"] + ".w", tensors[names["up"] + ".weight"].T)], f"h{i}")
        inner = b.node("BiasGelu", [up, const(names["up"] + ".b", tensors[names["up"] + ".bias"])], f"g{i}", domain=domain)
        down = b.node("MatMul", [inner, const(names["down"] + ".w", tensors[names["down"] + ".weight"].T)], f"f{i}")
        x = skip_norm(down, attended, names["down"], names["norm2"], f"x{i + 1}")
    return finish(b, config, x, [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)])


def finish(b, config, out, opsets):
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT32, ["B", "S"]) for n in ("input_ids", "segment_ids")]
    outputs = [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["B", "S", config["hidden_size"]])]
    graph = helper.make_graph(b.nodes, "bert", inputs, outputs, b.constants)
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def read(folder):
    """The checkpoint's config and tensors."""
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    if config["hidden_act"] != "gelu":
        sys.exit("this peer knows hidden_act gelu only")
    return config, read_safetensors(os.path.join(folder, "model.safetensors"))
