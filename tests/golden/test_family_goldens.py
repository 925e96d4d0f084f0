# SPDX-License-Identifier: Apache-2.0
"""Every family of models/ gives what transformers gives, its heads included: on reference and cpu, fused and not, texts together
and alone. A family's goldens are made from tests/golden/X.yaml by make_families.py."""
import json
import os
import pathlib
import re

import numpy as np
import pytest
from command import TOP, done
from random_weights import write_weights

HERE = pathlib.Path(__file__).resolve().parent
FAMILIES = sorted(path.parent.name for path in (HERE / "families").glob("*/checkpoints.json"))
SANITIZED = bool(os.environ.get("EGBERT_SANITIZED"))


def checkpoints_of(family):
    """Under the sanitizers the encoders and one head: heads are steps that other families have, too."""
    every = json.loads((HERE / "families" / family / "checkpoints.json").read_text())
    heads = [checkpoint for checkpoint in every if not checkpoint["name"].endswith("encoder")]
    return [checkpoint for checkpoint in every if not SANITIZED or checkpoint not in heads[1:]]


CHECKPOINTS = [
    pytest.param(family, checkpoint, id=f"{family}-{checkpoint['name']}")
    for family in FAMILIES
    for checkpoint in checkpoints_of(family)
]
TOKENS = ("input_ids", "cu_seqlens", "token_type_ids")
WAYS = {
    "cpu": ["--backend", "cpu"],
    "cpu, not fused, alone": ["--backend", "cpu", "--fuse", "none", "--batch-tokens", "1", "--threads", "1"],
    "reference": ["--backend", "reference", "--fuse", "none"],
    "reference, fused, alone": ["--backend", "reference", "--batch-tokens", "1"],
}


def ways_of(checkpoint):
    """All; under the sanitizers one, not the same one for every checkpoint."""
    turn = checkpoint["seed"] % len(WAYS)
    return list(WAYS.items())[turn : turn + 1] if SANITIZED else WAYS.items()


def write_checkpoint(folder, checkpoint):
    (folder / "config.json").write_text(json.dumps(checkpoint["config"]))
    write_weights(folder / "model.safetensors", checkpoint["tensors"], checkpoint["seed"], checkpoint["scale"])
    return folder


def assert_equals(got, want, what):
    assert got.shape == want.shape and got.dtype == np.float32, f"{what}: {got.shape}, not {want.shape}"
    worst = np.abs(got - want).max()
    assert worst <= 1e-4 * max(1.0, np.abs(want).max() / 10), f"{what}: {worst}"
    a, b = got.ravel().astype(np.float64), want.ravel().astype(np.float64)
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert cosine >= 0.99999, f"{what}: cosine {cosine}"


@pytest.mark.parametrize("family, checkpoint", CHECKPOINTS)
def test_outputs(family, checkpoint, tmp_path):
    model = write_checkpoint(tmp_path, checkpoint)
    source, out = HERE / "families" / family / f"{checkpoint['name']}.npz", tmp_path / "out.npz"
    with np.load(source) as archive:
        want = {key: archive[key] for key in archive.files}
    names = {"attentions" if key.startswith("attentions.") else key for key in want if key not in TOKENS}
    for way, flags in ways_of(checkpoint):
        done("run", model, "--ids-file", source, "--output", ",".join(sorted(names)), "--npz", out, "--quiet", *flags)
        with np.load(out) as archive:
            got = {key: archive[key] for key in archive.files}
        for key in set(want) - set(TOKENS):
            assert_equals(got[key], want[key], f"{key} on {way}")


@pytest.mark.parametrize("flags", [[], ["--padded"], ["--padded", "--fuse", "none"]])
def test_a_window_is_given_with_all_keys(flags, tmp_path):
    """Pair values of a window lie in a narrow block; what comes out is the whole matrix, whatever rows a text has."""
    folder = HERE / "families" / "modernbert"
    checkpoint = json.loads((folder / "checkpoints.json").read_text())[0]
    model, out = write_checkpoint(tmp_path, checkpoint), tmp_path / "out.npz"
    reach = checkpoint["config"]["local_attention"] // 2
    done("run", model, "--ids-file", folder / "0-encoder.npz", "--output", "attentions,scores.1", "--npz", out, "--quiet", *flags)
    with np.load(folder / "0-encoder.npz") as want, np.load(out) as got:
        longest = np.diff(want["cu_seqlens"]).argmax()
        assert_equals(got[f"attentions.{longest}"], want[f"attentions.{longest}"], "attentions")
        scores = got[f"scores.1.{longest}"]
    n = scores.shape[-1]
    outside = abs(np.arange(n)[:, None] - np.arange(n)) > reach
    assert n > 2 * reach + 1 and np.isneginf(scores[:, outside]).all() and np.isfinite(scores[:, ~outside]).all()


@pytest.mark.parametrize("family, checkpoint", CHECKPOINTS)
def test_every_weight_has_its_place(family, checkpoint, tmp_path):
    model = write_checkpoint(tmp_path, checkpoint)
    shown = json.loads(done("inspect", model, "--json", "--quiet"))
    assert shown["family"] == family and shown["warnings"] == []


def test_every_family_has_goldens():
    written = {path.stem for path in (TOP / "models").glob("*.yaml")} - {"common"}
    assert {path.stem for path in HERE.glob("*.yaml")} == written == set(FAMILIES)


def test_every_family_is_installed():
    listed = re.findall(r"'([^']+\.yaml)'", (TOP / "models" / "meson.build").read_text())
    assert sorted(listed) == sorted(path.name for path in (TOP / "models").glob("*.yaml"))
