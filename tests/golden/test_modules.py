# SPDX-License-Identifier: Apache-2.0
"""What stands after the transformer gives what sentence-transformers gives: every pooling and module, SPLADE too, on reference
and cpu, fused and not, texts together and alone. make_modules.py makes the cases."""
import json
import pathlib
import shutil

import numpy as np
import pytest
from command import done, lines, run

HERE = pathlib.Path(__file__).resolve().parent
CASES = sorted(path.name for path in (HERE / "modules").iterdir())
TEXTS = json.loads((HERE / "texts.json").read_text())
WAYS = {
    "cpu": ["--backend", "cpu"],
    "cpu, not fused, alone": ["--backend", "cpu", "--fuse", "none", "--batch-tokens", "1"],
    "reference": ["--backend", "reference", "--fuse", "none"],
    "reference, fused, alone": ["--backend", "reference", "--batch-tokens", "1"],
}


def assemble(folder, name):
    case = HERE / "modules" / name
    shutil.copytree(HERE / "checkpoints" / (case / "base").read_text().strip(), folder, dirs_exist_ok=True)
    shutil.copytree(case, folder, dirs_exist_ok=True)
    return folder


def assert_equals(got, want, what):
    assert got.shape == want.shape and got.dtype == np.float32, f"{what}: {got.shape}, not {want.shape}"
    worst = np.abs(got - want).max()
    assert worst <= 1e-4 * max(1.0, np.abs(want).max() / 10), f"{what}: {worst}"
    a, b = got.ravel().astype(np.float64), want.ravel().astype(np.float64)
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert cosine >= 0.99999, f"{what}: cosine {cosine}"


@pytest.mark.parametrize("name", CASES)
def test_embeddings(name, tmp_path):
    model, path = assemble(tmp_path / "model", name), tmp_path / "e.npy"
    want = np.load(HERE / "modules" / name / "want.npy")
    for way, flags in WAYS.items():
        done("embed", model, "--npy", path, "--quiet", *flags, "--", *TEXTS)
        assert_equals(np.load(path), want, f"{name} on {way}")


def test_weighted_layers_that_are_not_given_are_said(tmp_path):
    shown = json.loads(done("inspect", assemble(tmp_path / "a", "layers-not-given"), "--json"))
    assert [w for w in shown["warnings"] if "output_hidden_states" in w]
    shown = json.loads(done("inspect", assemble(tmp_path / "b", "layers"), "--json"))
    assert shown["warnings"] == []


def test_splade_folders_have_a_sparse_head(tmp_path):
    model = assemble(tmp_path, "splade-max-relu")
    shown = json.loads(done("inspect", model, "--json"))
    assert shown["pooling"] == ["splade"] and shown["warnings"] == []
    assert {head["name"]: head["task"] for head in shown["heads"]} == {"masked_lm": "fill_mask", "splade": "sparse"}
    want = np.load(HERE / "modules" / "splade-max-relu" / "want.npy")
    got = lines("run", model, "--json", "--output", "splade.logits", TEXTS[0])[0]["splade.logits"]
    assert_equals(np.float32(got).ravel(), want[0], "splade.logits")


def test_another_pooling_does_not_go_with_splade(tmp_path):
    result = run("embed", assemble(tmp_path, "splade-max-relu"), "--pooling", "mean", "--quiet", TEXTS[0])
    assert result.returncode == 2 and b"SpladePooling" in result.stderr
