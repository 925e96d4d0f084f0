# SPDX-License-Identifier: Apache-2.0
"""Checkpoints in the Hugging Face layout without torch: reading safetensors, and BERT with random weights for timing.

python bench/checkpoint.py OUT_DIR TOKENIZER_DIR     writes bert-base with random weights and that folder's tokenizer
"""
import json
import os
import shutil
import struct
import sys

import numpy as np

BERT_BASE = {
    "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 768,
    "intermediate_size": 3072, "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "num_attention_heads": 12,
    "num_hidden_layers": 12, "pad_token_id": 0, "position_embedding_type": "absolute", "type_vocab_size": 2,
    "vocab_size": 30522, "attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1, "initializer_range": 0.02,
}


def read_safetensors(path):
    """{name: array}; F32 and F16 only."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    (length,) = struct.unpack("<Q", raw[:8].tobytes())
    header = json.loads(raw[8:8 + length].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        dtype = {"F32": np.float32, "F16": np.float16, "I64": np.int64}[entry["dtype"]]
        tensors[name] = raw[begin:end].view(dtype).reshape(entry["shape"])
    return tensors


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            f.write(np.ascontiguousarray(array, dtype=np.float32).tobytes())


def random_bert(config, seed=1):
    rng = np.random.default_rng(seed)
    hidden, inner = config["hidden_size"], config["intermediate_size"]

    def normal(*shape):
        return rng.standard_normal(shape, dtype=np.float32) * np.float32(0.04)

    tensors = {
        "embeddings.word_embeddings.weight": normal(config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": normal(config["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": normal(config["type_vocab_size"], hidden),
    }

    def norm(name):
        tensors[name + ".weight"] = 1 + normal(hidden)
        tensors[name + ".bias"] = normal(hidden)

    def linear(name, out_size, in_size):
        tensors[name + ".weight"] = normal(out_size, in_size)
        tensors[name + ".bias"] = normal(out_size)

    norm("embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            linear(layer + "attention.self." + part, hidden, hidden)
        linear(layer + "attention.output.dense", hidden, hidden)
        norm(layer + "attention.output.LayerNorm")
        linear(layer + "intermediate.dense", inner, hidden)
        linear(layer + "output.dense", hidden, inner)
        norm(layer + "output.LayerNorm")
    linear("pooler.dense", hidden, hidden)
    return tensors


def main():
    out, tokenizer = sys.argv[1:3]
    os.makedirs(out, exist_ok=True)
    write_safetensors(os.path.join(out, "model.safetensors.part"), random_bert(BERT_BASE))
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        if os.path.exists(os.path.join(tokenizer, name)):
            shutil.copy(os.path.join(tokenizer, name), out)
    with open(os.path.join(out, "config.json"), "w") as f:
        json.dump(BERT_BASE, f, indent=1)
    os.replace(os.path.join(out, "model.safetensors.part"), os.path.join(out, "model.safetensors"))


if __name__ == "__main__":
    main()
