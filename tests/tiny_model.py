# SPDX-License-Identifier: Apache-2.0
"""A tiny random BERT checkpoint, made without any library, for tests that need some model and may break it."""
import json
import struct

import numpy as np

HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 16, 2, 2, 32, 32
WORDS = ("[PAD] [UNK] [CLS] [SEP] [MASK] a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9 . , ! ? - '"
         " the cat dog sat on mat hello world ##a ##b ##c ##d ##e ##i ##n ##o ##r ##s ##t ##ing ##s").split()
VOCABULARY = list(dict.fromkeys(WORDS))
CONFIG = {
    "architectures": ["BertModel"], "model_type": "bert", "vocab_size": len(VOCABULARY), "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": INNER, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "max_position_embeddings": POSITIONS,
    "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0,
}


def shapes():
    yield "embeddings.word_embeddings.weight", (len(VOCABULARY), HIDDEN)
    yield "embeddings.position_embeddings.weight", (POSITIONS, HIDDEN)
    yield "embeddings.token_type_embeddings.weight", (2, HIDDEN)
    yield from norm("embeddings.LayerNorm")
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            yield from linear(layer + "attention.self." + part, HIDDEN, HIDDEN)
        yield from linear(layer + "attention.output.dense", HIDDEN, HIDDEN)
        yield from norm(layer + "attention.output.LayerNorm")
        yield from linear(layer + "intermediate.dense", INNER, HIDDEN)
        yield from linear(layer + "output.dense", HIDDEN, INNER)
        yield from norm(layer + "output.LayerNorm")
    yield from linear("pooler.dense", HIDDEN, HIDDEN)


def linear(name, rows, columns):
    yield name + ".weight", (rows, columns)
    yield name + ".bias", (rows,)


def norm(name):
    yield name + ".weight", (HIDDEN,)
    yield name + ".bias", (HIDDEN,)


def tensors(seed=0):
    rng = np.random.RandomState(seed)
    return {name: (rng.standard_normal(shape) * 0.3 + (1.0 if "LayerNorm.weight" in name else 0.0)).astype("<f4")
            for name, shape in shapes()}


def save_safetensors(path, arrays):
    header, at, blobs = {}, 0, []
    for name, array in arrays.items():
        blob = array.tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def make(folder, **config):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}, indent=2))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": POSITIONS}))
    save_safetensors(folder / "model.safetensors", tensors())
    return folder
