# SPDX-License-Identifier: Apache-2.0
"""Every name that `inspect` lists can be asked for, on every backend, as numbers and as arrays; a value that the passes would
make vanish is kept where it is asked for, and they say so."""
import json
import pathlib

import numpy as np
import pytest
from command import done, lines, refused
from test_family_goldens import TOKENS, write_checkpoint

HERE = pathlib.Path(__file__).resolve().parent
FAMILIES = sorted(path.name for path in (HERE / "families").iterdir())
IDS = "5,6,7,8,9,5,6,11"


def first_checkpoint(family, folder):
    checkpoint = json.loads((HERE / "families" / family / "checkpoints.json").read_text())[0]
    return write_checkpoint(folder, checkpoint)


def listed(model):
    shown = json.loads(done("inspect", model, "--json", "--quiet"))
    names = shown["outputs"] + shown["values"]
    assert len(set(names)) == len(names)
    return names


def arrays(model, names, folder, *flags):
    done("run", model, "--ids", IDS, "--output", ",".join(names), "--npz", folder / "out.npz", "--quiet", *flags)
    with np.load(folder / "out.npz") as archive:
        return {key: archive[key] for key in archive.files if key not in TOKENS}


def of_name(got, name):
    """NAME, or of a pair value NAME.0, that of the first text; attentions.0 itself is that of `attentions`."""
    return got[name] if name in got and not name.startswith("attentions.") else got[f"{name}.0"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_listed_name(family, tmp_path):
    model = first_checkpoint(family, tmp_path)
    names = listed(model)
    want = arrays(model, names, tmp_path, "--backend", "reference", "--fuse", "none")
    got = arrays(model, names, tmp_path, "--backend", "cpu")
    for name in names:
        a, b = of_name(got, name), of_name(want, name)
        assert a.shape == b.shape and np.isfinite(a).all() and np.isfinite(b).all(), name
        assert np.abs(a.astype(np.float64) - b).max() <= 1e-4 * max(1.0, np.abs(b).max() / 10), name
    (record,) = lines("run", model, "--ids", IDS, "--output", ",".join(names), "--quiet")
    assert set(record) >= set(names)
    for name in names[:: len(names) // 3]:  # alone, among passes that would rather fuse it away
        a, b = of_name(arrays(model, [name], tmp_path, "--backend", "cpu"), name), of_name(want, name)
        assert np.abs(a.astype(np.float64) - b).max() <= 1e-4 * max(1.0, np.abs(b).max() / 10), f"{name} alone"


def test_the_graph_as_built_has_no_other_names():
    """Whatever --dump-ir shows of rows of the input is in the list, and has the same name whatever else is asked for."""
    model = HERE / "checkpoints" / "tiny-bert-pretraining"
    names = set(listed(model))
    for outputs in ("prediction_logits", "pooler_output", "prediction_logits,pooler_output", "pooler_output,prediction_logits"):
        ir = done("compile", model, "--output", outputs, "--fuse", "none,-cse", "--dump-ir=after:canonicalise", "--quiet")
        shown = {line.split(" ")[0][1:] for line in ir.splitlines() if line.startswith("%")}
        assert shown <= names, shown - names


def test_a_value_that_is_asked_for_does_not_vanish():
    model = HERE / "checkpoints" / "tiny-bert"
    free, kept = (lines("compile", model, "--output", outputs)[0] for outputs in ("last_hidden_state", "last_hidden_state,scores.1"))
    refusals = [r for row in kept["passes"] if row["pass"] == "attention" for r in row["refused"]]
    hits = [next(row["hits"] for row in report["passes"] if row["pass"] == "attention") for report in (free, kept)]
    assert hits[0] == hits[1] + 1
    assert any("scores.1" in r["why"] and "output" in r["why"] for r in refusals), refusals


def test_scores_that_are_endless_by_their_meaning_are_not_listed(tmp_path):
    names = listed(first_checkpoint("gpt2", tmp_path))
    assert "attentions.0" in names and "query.0" in names
    assert not any(name.startswith("scores.") for name in names)


def test_unknown_names(tmp_path):
    model = HERE / "checkpoints" / "tiny-bert"
    refused(2, "run", model, "a", "--output", "encoder.0.matmul.1x", says=["encoder.0.matmul.1x", "did you mean 'encoder.0.matmul.1'"])
    refused(2, "run", model, "a", "--output", "querry.1", says="did you mean 'query.1'")
    refused(2, "run", model, "a", "--output", "encoder.layer.0.output.dense.weight", says="it is a table of weights")


def test_the_table_puts_rounds_together():
    shown = done("inspect", HERE / "checkpoints" / "tiny-bert", "--quiet")
    (outputs,) = [line for line in shown.splitlines() if line.startswith("outputs ")]
    assert "query.0 to query.2" in outputs and "hidden_states.0 to hidden_states.3" in outputs and "query.1," not in outputs
    (values,) = [line for line in shown.splitlines() if line.startswith("values ")]
    assert "more that --output takes, such as " in values
