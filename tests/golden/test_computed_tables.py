# SPDX-License-Identifier: Apache-2.0
"""Tables that depend on weights alone are computed once, when a model is loaded, by the backends that run it: the numbers are
those of numpy, on every backend, and nothing of it is left for the runs."""
import json
import re

import numpy as np
import pytest
import tiny_model
from command import TOP, done, refused

FAMILY = TOP / "tests" / "computed-tables.yaml"
EPS = 1e-12
BACKENDS = {
    "reference": ["--backend", "reference"],
    "cpu": ["--backend", "cpu"],
    "far": ["--backend", "far,reference"],
    "far-reference": ["--backend", "far,reference", "--alternate"],
    "far-cpu": ["--backend", "far,cpu", "--alternate"],
    "cpu, not fused": ["--backend", "cpu", "--fuse", "none"],
    "cpu, in each run": ["--backend", "cpu", "--fuse", "all,-precompute"],
}
# A norm for all layers; a product, a bias and a sum in each.
NODES, TABLES = 1 + 3 * tiny_model.LAYERS, tiny_model.LAYERS
BYTES = TABLES * tiny_model.POSITIONS * tiny_model.HIDDEN * 4


def norm(x, weights, name):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS)
    return x * weights[name + ".weight"] + weights[name + ".bias"]


def recalled(x, weights, layer):
    """What comes of a layer's rows before its attention."""
    memory = norm(weights["embeddings.position_embeddings.weight"].astype(np.float64), weights, "embeddings.LayerNorm")
    key = f"encoder.layer.{layer}.attention.self.key"
    keys = memory @ weights[key + ".weight"].T + weights[key + ".bias"] + memory
    scores = x @ keys.T
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return x + shares / shares.sum(-1, keepdims=True) @ keys


def run(model, folder, *flags):
    outputs = "hidden_states,recalled.0,recalled.1"
    done("run", model, "--family", FAMILY, "the cat sat on the mat.", "a dog", "--output", outputs, "--npz", folder / "out.npz",
         "--quiet", *flags)
    with np.load(folder / "out.npz") as archive:
        return {key: archive[key] for key in archive.files}


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers(backend, tiny, tmp_path):
    got, weights = run(tiny, tmp_path, *BACKENDS[backend]), tiny_model.tensors()
    for layer in range(tiny_model.LAYERS):
        want = recalled(got["hidden_states"][layer].astype(np.float64), weights, layer)
        assert np.abs(got[f"recalled.{layer}"] - want).max() <= 1e-4, layer


def compiled(model, *flags):
    return json.loads(done("compile", model, "--family", FAMILY, "--json", "--quiet", "--backend", "cpu", *flags))


def row(report, name):
    return next(row for row in report["passes"] if row["pass"] == name)


def test_the_report_tells_of_it(tiny):
    once, each = compiled(tiny), compiled(tiny, "--fuse", "all,-precompute")
    assert once["constants"] == {"computed": NODES, "bytes": BYTES}
    assert each["constants"] == {"computed": 0, "bytes": 0}
    assert row(once, "precompute")["hits"] == NODES and not row(each, "precompute")["enabled"]
    assert once["kernels"] < each["kernels"]
    table = done("compile", tiny, "--family", FAMILY, "--quiet")
    assert re.search(rf"at load +{NODES} ops +computed once, from weights alone: 4\.0 KiB", table), table


def test_the_placement_line_tells_of_it(tiny):
    from command import run as command
    said = command("embed", tiny, "--family", FAMILY, "a cat").stderr.decode()
    assert f"; {NODES} ops computed at load, 0.0 MB; arena" in said


def test_a_config_alone_has_the_same_plan(tiny, tmp_path):
    (tmp_path / "config.json").write_text((tiny / "config.json").read_text())
    bare, whole = compiled(tmp_path), compiled(tiny)
    assert bare["constants"] == {"computed": NODES, "bytes": 0}
    assert bare["kernels"] == whole["kernels"]


def test_the_graph_shows_constants(tiny):
    ir = done("compile", tiny, "--family", FAMILY, "--dump-ir", "--quiet")
    assert "const %keys.0 : table f32" in ir and "const %keys.1 : table f32" in ir
    assert "%keys.0 =" not in ir and "%memory" not in ir


def test_no_run_computes_it(tiny):
    profile = json.loads(done("profile", tiny, "--family", FAMILY, "--shape", "1,8", "--json", "--quiet", "--seconds", "1"))
    names = " ".join(op["name"] for op in profile["ops"])
    assert "recalled.0" in names or "encoder.0" in names
    assert "keys." not in names and "memory" not in names


def test_a_table_that_is_not_finite_is_an_error(tmp_path):
    """Row 31 belongs to no short text: only the table holds it."""
    model = tiny_model.make(tmp_path / "model")
    weights = tiny_model.tensors()
    weights["embeddings.position_embeddings.weight"][31, 0] = np.inf
    tiny_model.save_safetensors(model / "model.safetensors", weights)
    done("run", model, "a cat", "--output", "last_hidden_state", "--quiet")
    refused(1, "run", model, "a cat", "--family", FAMILY, "--output", "last_hidden_state", "--quiet",
            says=["keys.0", "which is computed from the weights, is not finite"])
