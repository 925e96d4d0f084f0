#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the files of torch.save that the tests read: tests/golden/torch and the seeds of the fuzz target torch_file.

Run it with torch, safetensors and numpy installed; what it writes is committed. Other seeds stay.
- torch/{zip,pickles}.bin: a state dict with every type, views and shared storages; tensor NAME counts up from 0.
- torch/{zip,pickles,sharded,views,mixed}/: the weights of checkpoints/tiny-bert-f16, as torch saves them; mixed: in three types side by
  side, under the names of checkpoints that came from TensorFlow.
"""
import collections
import json
import pathlib
import shutil

import torch
from safetensors.torch import load_file

HERE = pathlib.Path(__file__).resolve().parent
OUT, SEEDS = HERE / "torch", HERE.parent / "fuzz" / "corpus" / "torch_file"
FORMATS = {"zip": True, "pickles": False}


def save(value, path, zipped):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path, _use_new_zipfile_serialization=zipped)


def every_kind():
    """A module's state dict, with the attribute that such have, and what may stand in it."""
    values = torch.nn.Linear(2, 2).state_dict()
    metadata = values._metadata
    values = collections.OrderedDict()
    values._metadata = metadata
    for kind in ("float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "int8"):
        values[kind] = torch.arange(6).to(getattr(torch, kind)).reshape(2, 3)
    values["bool"] = torch.tensor([False, True, True])
    base = torch.arange(24.0)
    values["part"] = base[4:10].reshape(2, 3)
    values["transposed"] = base.reshape(4, 6).t()
    values["tied"] = values["float32"]
    values["every_second"] = base[1::2]
    values["scalar"] = torch.tensor(3.5)
    values["empty"] = torch.empty(0, 3)
    values["rows_of_one"] = torch.arange(4).expand((1, -1))
    values["parameter"] = torch.nn.Parameter(torch.arange(3.0))
    return values


def weights():
    return collections.OrderedDict(sorted(load_file(HERE / "checkpoints" / "tiny-bert-f16" / "model.safetensors").items()))


def as_views(values):
    """Matrices as transposed views, vectors as every second element: the same numbers in other places."""
    out = collections.OrderedDict()
    for name, value in values.items():
        if value.dim() == 2:
            out[name] = value.t().contiguous().t()
        else:
            wide = torch.full((2 * len(value),), 7.0, dtype=value.dtype)
            wide[::2] = value
            out[name] = wide[::2]
    return out


def as_mixed(values):
    kinds = (torch.float16, torch.float32, torch.float64)
    out = collections.OrderedDict()
    for i, (name, value) in enumerate(values.items()):
        old = "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        out[old] = value.to(kinds[i % len(kinds)])
    return out


def save_sharded(values, folder):
    shards = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    names = list(values)
    place = {name: shards[i >= len(names) // 2] for i, name in enumerate(names)}
    for shard, zipped in zip(shards, (True, False)):
        save(collections.OrderedDict((n, values[n]) for n in names if place[n] == shard), folder / shard, zipped)
    index = {"metadata": {"total_size": sum(v.numel() * v.element_size() for v in values.values())}, "weight_map": place}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    for name, zipped in FORMATS.items():
        save(every_kind(), OUT / f"{name}.bin", zipped)
        save(every_kind(), SEEDS / f"{name}.bin", zipped)
        save(weights(), OUT / name / "pytorch_model.bin", zipped)
        two = {"a": torch.arange(2.0), "b": torch.arange(2.0).to(torch.float16)}
        save(two, SEEDS / f"small-{name}.bin", zipped)
        save({"state_dict": two, "epoch": 3, "loss": 0.5}, SEEDS / f"wrapped-{name}.bin", zipped)
    save_sharded(weights(), OUT / "sharded")
    save_sharded(as_mixed(weights()), OUT / "mixed")
    save(torch.nn.Linear(1, 1), SEEDS / "module-zip.bin", True)  # the older format would hold the source of the class
    save(as_views(weights()), OUT / "views" / "pytorch_model.bin", True)


if __name__ == "__main__":
    main()
