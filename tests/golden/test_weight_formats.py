# SPDX-License-Identifier: Apache-2.0
"""The same weights stored otherwise give what transformers gives for them: in every family as f64, in shards, with and without
the base's prefix, with the norms' names of TensorFlow; and in types of many kinds side by side, where these hold every number."""
import json
import os
import pathlib
import re

import numpy as np
import pytest
from command import TOP, done
from random_weights import values_of
from test_family_goldens import TOKENS, assert_equals

HERE = pathlib.Path(__file__).resolve().parent
FAMILIES = sorted(path.name for path in (HERE / "families").iterdir())
BACKENDS = ("cpu",) if os.environ.get("EGBERT_SANITIZED") else ("cpu", "reference")
NAMES = {"<f4": "F32", "<f8": "F64", "<f2": "F16", "bf16": "BF16"}


# --- files of any type: {name: (type, array of f32)}


def as_bytes(kind, values):
    if kind == "bf16":  # the upper half of an f32
        return (np.ascontiguousarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return np.ascontiguousarray(values).astype(kind).tobytes()


def write_file(path, tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (kind, values) in tensors.items():
        blob = as_bytes(kind, values)
        header[name] = {"dtype": NAMES[kind], "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(blob)]}
        data += blob
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def read_file(path):
    """The arrays of a file, as f32."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header, data, found = json.loads(raw[8 : 8 + length]), raw[8 + length :], {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        blob = data[slice(*entry["data_offsets"])]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(blob, "<u2").astype("<u4") << 16).view("<f4")
        else:
            values = np.frombuffer(blob, {"F16": "<f2", "F32": "<f4"}[entry["dtype"]]).astype("<f4")
        found[name] = values.reshape(entry["shape"])
    return found


def write_whole(folder, tensors):
    write_file(folder / "model.safetensors", tensors)


def write_shards(folder, tensors):
    names = list(tensors)
    third = -(-len(names) // 3)
    place = {}
    for shard in range(3):
        part = {name: tensors[name] for name in names[shard * third : (shard + 1) * third]}
        path = f"model-{shard + 1:05d}-of-00003.safetensors"
        write_file(folder / path, part)
        place.update(dict.fromkeys(part, path))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": place}))


# --- the goldens of the families


def checkpoints(family):
    return json.loads((HERE / "families" / family / "checkpoints.json").read_text())


def family_file(name):
    return (TOP / "models" / f"{name}.yaml").read_text()


def inherited(family, key):
    """What the family says under a key, or its base does."""
    text = family_file(family)
    said = re.search(rf"^{key}: (.*?)(?: #.*)?$", text, re.M)
    base = re.search(r"^extends: (\S+)", text, re.M)
    return said.group(1) if said else inherited(base.group(1), key) if base else ""


def prefixes(family):
    return [p for p in re.findall(r'"([^"]*)"', inherited(family, "prefix")) if p]


def weights_of(checkpoint):
    return {name: ("<f4", values_of(name, tuple(shape), checkpoint["seed"], checkpoint["scale"]))
            for name, shape in checkpoint["tensors"].items()}


def check(family, checkpoint, folder, tensors, write=write_whole):
    (folder / "config.json").write_text(json.dumps(checkpoint["config"]))
    write(folder, tensors)
    source = HERE / "families" / family / f"{checkpoint['name']}.npz"
    with np.load(source) as archive:
        want = {key: archive[key] for key in archive.files if key not in TOKENS}
    names = {"attentions" if key.startswith("attentions.") else key for key in want}
    for backend in BACKENDS:
        out = folder / "out.npz"
        done("run", folder, "--ids-file", source, "--output", ",".join(sorted(names)), "--npz", out, "--quiet", "--backend", backend)
        with np.load(out) as archive:
            for key, value in want.items():
                assert_equals(archive[key], value, f"{key} on {backend}")
    assert json.loads(done("inspect", folder, "--json", "--quiet"))["warnings"] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_f64(family, tmp_path):
    checkpoint = checkpoints(family)[0]
    check(family, checkpoint, tmp_path, {name: ("<f8", values) for name, (_, values) in weights_of(checkpoint).items()})


@pytest.mark.parametrize("family", FAMILIES)
def test_shards_of_several_types(family, tmp_path):
    checkpoint = checkpoints(family)[0]
    tensors = {name: ("<f8" if i % 2 else "<f4", values) for i, (name, (_, values)) in enumerate(weights_of(checkpoint).items())}
    check(family, checkpoint, tmp_path, tensors, write_shards)


def turned(tensors, prefix):
    """Base tensors without their prefix where they have it, and with it where they do not."""
    if any(name.startswith(prefix) for name in tensors):
        return {name.removeprefix(prefix): stored for name, stored in tensors.items()}
    return {prefix + name: stored for name, stored in tensors.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_with_and_without_prefix(family, tmp_path):
    """A base checkpoint and, if there is one, that of a head, whose own tensors stay where they are."""
    tried = 0
    for i, checkpoint in enumerate(checkpoints(family)[:2]):
        tensors = weights_of(checkpoint)
        prefix = next((p for p in prefixes(family) if any(name.startswith(p) for name in tensors)), (prefixes(family) or [None])[0])
        # A head beside base tensors without a prefix could not be told from them: such a file has the prefix.
        if prefix is None or (i and not any(name.startswith(prefix) for name in tensors)):
            continue
        folder = tmp_path / checkpoint["name"]
        folder.mkdir()
        check(family, checkpoint, folder, turned(tensors, prefix))
        tried += 1
    assert tried or not prefixes(family)


def old_name(name):
    """As converted from TensorFlow: a norm's weight is gamma, its bias beta."""
    if not re.search(r"norm|ln_|/ln|\bln", name, re.I):
        return name
    return re.sub(r"\.weight$", ".gamma", re.sub(r"\.bias$", ".beta", name))


@pytest.mark.parametrize("family", [family for family in FAMILIES if "gamma" in inherited(family, "rename")])
def test_names_of_tensorflow(family, tmp_path):
    checkpoint = checkpoints(family)[0]
    tensors = {old_name(name): stored for name, stored in weights_of(checkpoint).items()}
    assert any(name.endswith(".gamma") for name in tensors)
    check(family, checkpoint, tmp_path, tensors)


# --- types of less precision, whose numbers are what the reference computed with


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name, kind", [("tiny-bert-f16", "<f2"), ("tiny-bert-bf16", "bf16")])
def test_types_side_by_side(name, kind, backend, tmp_path):
    """Matrices, biases and norms in turn in each type that holds the checkpoint's numbers, single and in shards."""
    source = HERE / "checkpoints" / name
    kinds = [kind, "<f4", "<f8"]
    parts = {"LayerNorm.bias": 0, "LayerNorm.weight": 0, ".bias": 0, ".weight": 0}
    tensors = {}
    for n, values in read_file(source / "model.safetensors").items():
        part = next(part for part in parts if n.endswith(part))
        tensors[n] = (kinds[parts[part] % 3], values)
        parts[part] += 1
    assert min(parts.values()) >= 3
    with np.load(HERE / f"{name}.npz") as archive:
        want = {key: archive[key] for key in archive.files if key not in TOKENS}
    for number, write in enumerate((write_whole, write_shards)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "config.json").write_text((source / "config.json").read_text())
        write(folder, tensors)
        done("run", folder, "--ids-file", HERE / f"{name}.npz", "--output", ",".join(want), "--npz", tmp_path / "out.npz", "--quiet",
             "--backend", backend)
        with np.load(tmp_path / "out.npz") as archive:
            for key, value in want.items():
                assert_equals(archive[key], value, f"{key} on {backend}")
