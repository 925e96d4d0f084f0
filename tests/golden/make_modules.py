#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/modules: what stands after the transformer in a sentence-transformers folder, one folder a case.

A case holds the files that are put over one of checkpoints/ (`base`), and want.npy, what sentence-transformers makes of
texts.json with both together, one text at a time. Sparse cases hold the whole row, as wide as the vocabulary. Runs in the
environment of script/setup --goldens.
"""

import json
import pathlib
import shutil
import tempfile

import numpy as np
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer, SparseEncoder

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "modules"
TEXTS = json.loads((HERE / "texts.json").read_text())
HIDDEN, VOCAB, LAYERS = 32, 160, 3
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
FLAGS = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
PATHS = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "MLMTransformer": "sentence_transformers.sparse_encoder.models.MLMTransformer",
    "SpladePooling": "sentence_transformers.sparse_encoder.models.SpladePooling",
    "Pooling": "sentence_transformers.models.Pooling",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "LayerNorm": "sentence_transformers.models.LayerNorm",
    "Normalize": "sentence_transformers.models.Normalize",
    "Dropout": "sentence_transformers.models.Dropout",
    "WeightedLayerPooling": "sentence_transformers.models.WeightedLayerPooling",
}


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) + "\n")


def assemble(folder, case):
    base = HERE / "checkpoints" / (case / "base").read_text().strip()
    shutil.copytree(base, folder, dirs_exist_ok=True)
    shutil.copytree(case, folder, dirs_exist_ok=True)
    return folder


def encode(case, sparse):
    with tempfile.TemporaryDirectory() as temporary:
        folder = str(assemble(pathlib.Path(temporary), case))
        model = SparseEncoder(folder, device="cpu") if sparse else SentenceTransformer(folder, device="cpu")
        rows = [model.encode([text], convert_to_tensor=True)[0] for text in TEXTS]
    return np.stack([(row.to_dense() if sparse else row).numpy() for row in rows]).astype(np.float32)


def write_case(name, modules, first="Transformer", base="tiny-bert", sentence=None, general=None, config=None):
    """modules: (class, config or None, tensors or None) after the first."""
    case = OUT / name
    case.mkdir(parents=True)
    (case / "base").write_text(base + "\n")
    listed = [{"idx": 0, "name": "0", "path": "", "type": PATHS[first]}]
    for i, (kind, settings, tensors) in enumerate(modules, 1):
        listed.append({"idx": i, "name": str(i), "path": f"{i}_{kind}", "type": PATHS[kind]})
        if settings is not None:
            write_json(case / f"{i}_{kind}" / "config.json", settings)
        if tensors is not None:
            save_file(tensors, case / f"{i}_{kind}" / "model.safetensors", metadata={"format": "pt"})
    write_json(case / "modules.json", listed)
    write_json(case / "sentence_bert_config.json", {"max_seq_length": 24, **(sentence or {})})
    if general:
        write_json(case / "config_sentence_transformers.json", {"__version__": {}, **general})
    if config:
        write_json(case / "config.json", {**json.loads((HERE / "checkpoints" / base / "config.json").read_text()), **config})
    want = encode(case, first == "MLMTransformer" or (sentence or {}).get("transformer_task") == "fill-mask")
    assert np.isfinite(want).all()
    np.save(case / "want.npy", want)


def pooling(mode="mean", **more):
    return ("Pooling", {"embedding_dimension": HIDDEN, "pooling_mode": mode, **more}, None)


def dense(seed, out=20, bias=True, activation="torch.nn.modules.activation.Tanh", **more):
    generator = torch.Generator().manual_seed(seed)
    settings = {"in_features": HIDDEN, "out_features": out, "bias": bias, "activation_function": activation, **more}
    tensors = {"linear.weight": 0.3 * torch.randn(out, HIDDEN, generator=generator)}
    if bias:
        tensors["linear.bias"] = 0.3 * torch.randn(out, generator=generator)
    if more.get("use_residual") and out != HIDDEN:
        tensors["residual.weight"] = 0.3 * torch.randn(out, HIDDEN, generator=generator)
    return ("Dense", settings, tensors)


def layer_norm(seed):
    generator = torch.Generator().manual_seed(seed)
    tensors = {"norm.weight": 1 + 0.3 * torch.randn(HIDDEN, generator=generator),
               "norm.bias": 0.3 * torch.randn(HIDDEN, generator=generator)}
    return ("LayerNorm", {"dimension": HIDDEN}, tensors)


def make_poolings():
    for mode in MODES:
        write_case(f"pooling-{mode}", [pooling(mode)])
    write_case("pooling-all", [pooling(MODES[::-1])])
    flags = {"word_embedding_dimension": HIDDEN, **{f"pooling_mode_{flag}": True for flag in FLAGS}}
    write_case("pooling-flags", [("Pooling", flags, None)])
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    write_case("pooling-without-prompt", [pooling(MODES, include_prompt=False)], general=prompts)


def make_modules():
    activations = ["linear.Identity", "activation.ReLU", "activation.GELU", "activation.SiLU", "activation.Mish",
                   "activation.Sigmoid", "activation.Softmax", "activation.LeakyReLU", "activation.ReLU6", "activation.Hardtanh",
                   "activation.Hardsigmoid", "activation.Hardswish", "activation.Tanhshrink", "activation.Softsign",
                   "activation.Softplus", "activation.ELU"]
    for i, activation in enumerate(activations):
        name = activation.rsplit(".", 1)[1].lower()
        write_case(f"dense-{name}", [pooling(), dense(i, activation=f"torch.nn.modules.{activation}")])
    write_case("dense-no-bias", [pooling("cls"), dense(20, bias=False), ("Normalize", None, None)])
    write_case("dense-residual", [pooling(), dense(21, out=HIDDEN, use_residual=True)])
    write_case("dense-residual-projected", [pooling(), dense(22, use_residual=True)])
    write_case("dense-norm-dense", [pooling("max"), dense(23, out=HIDDEN), layer_norm(23), ("Dropout", {"dropout": 0.5}, None),
                                    dense(24), ("Normalize", {}, None)])
    write_case("truncated", [pooling(), ("Normalize", None, None)], general={"truncate_dim": 12})
    write_case("truncated-to-more", [pooling()], general={"truncate_dim": 1000})


def make_layers():
    weights = {"layer_weights": torch.tensor([0.5, 2.0, 1.25])}
    layers = ("WeightedLayerPooling", {"embedding_dimension": HIDDEN, "layer_start": 1, "num_hidden_layers": LAYERS}, weights)
    write_case("layers", [layers, pooling()], config={"output_hidden_states": True})
    write_case("layers-not-given", [layers, pooling()])


def make_splade():
    general = {"model_type": "SparseEncoder", "similarity_fn_name": "dot"}
    for strategy in ("max", "sum"):
        for activation in ("relu", "log1p_relu"):
            settings = {"pooling_strategy": strategy, "activation_function": activation, "embedding_dimension": VOCAB}
            write_case(f"splade-{strategy}-{activation}", [("SpladePooling", settings, None)], "MLMTransformer", "tiny-bert-mlm",
                       general=general)
    settings = {"pooling_strategy": "max", "activation_function": "relu", "embedding_dimension": None}
    task = {"transformer_task": "fill-mask", "module_output_name": "token_embeddings",
            "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}}}
    write_case("splade-fill-mask", [("SpladePooling", settings, None)], base="tiny-bert-mlm", sentence=task,
               general=general)


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    make_poolings()
    make_modules()
    make_layers()
    make_splade()
