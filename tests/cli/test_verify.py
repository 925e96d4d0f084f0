# SPDX-License-Identifier: Apache-2.0
"""egbert verify: every golden fits its checkpoint; a model made wrong on purpose is found out, with the right cause or pass."""
import json
import pathlib
import shutil

import numpy as np
import pytest
import tiny_model
from command import BUILD, TOP, done, refused, run

GOLDEN = TOP / "tests" / "golden"
NAMES = sorted(p.name for p in (GOLDEN / "checkpoints").iterdir())


def verify(model, golden, *flags, **options):
    """The JSON result and the exit status, which must agree."""
    result = run("verify", model, "--golden", golden, "--json", "--quiet", *flags, **options)
    assert result.returncode in (0, 1) and result.stdout, result.stderr.decode()
    out = json.loads(result.stdout)
    assert out["ok"] == (result.returncode == 0) and (out["first_bad"] is None) == out["ok"]
    assert result.stderr == b"", "what differs is said on stdout"
    return out


def copy(name, folder):
    return pathlib.Path(shutil.copytree(GOLDEN / "checkpoints" / name, folder / name))


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def archive(name):
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def save(path, arrays):
    np.savez(path, **arrays)
    return path


# --- models that are right ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("name", NAMES)
def test_the_goldens_fit(name, backend):
    out = verify(GOLDEN / "checkpoints" / name, GOLDEN / f"{name}.npz", "--backend", backend)
    assert out["ok"] and out["checked"] == len(out["tensors"]) == len(archive(name)) - 3


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-bert-mlm", "tiny-st-cls-dense"])
def test_all_compares_both_plans(name):
    out = verify(GOLDEN / "checkpoints" / name, GOLDEN / f"{name}.npz", "--all")
    assert out["ok"] and all(t["fused"]["ok"] and t["decomposed"]["ok"] for t in out["tensors"])


def test_what_run_writes_fits_and_interior_values_count_with_all(tiny, tmp_path):
    names = "pooler_output,query.1,scores.0,hidden_states.1,attentions.1"
    path = tmp_path / "own.npz"
    done("run", tiny, "the cat", "a dog sat on the mat", "--output", names, "--npz", path, "--quiet")
    out = verify(tiny, path)
    compared = {t["tensor"]: t["fused"] is not None for t in out["tensors"]}
    assert out["ok"] and compared["hidden_states.1"] and compared["attentions.1.0"] and not compared["query.1"]
    assert out["checked"] == sum(compared.values())
    every = verify(tiny, path, "--all")
    assert every["ok"] and every["checked"] == len(every["tensors"])
    arrays = dict(np.load(path))
    arrays["query.1"][3, 2] += 0.5
    save(path, arrays)
    assert verify(tiny, path)["ok"]
    bad = verify(tiny, path, "--all")["first_bad"]
    assert (bad["tensor"], bad["index"], bad["cause"], bad["pass"]) == ("query.1", [3, 2], None, None)
    assert bad["want"] == pytest.approx(bad["got"] + 0.5, abs=1e-5) and bad["scope"].startswith("encoder.1")


def test_the_table(tiny, tmp_path):
    path = tmp_path / "own.npz"
    done("run", tiny, "the cat", "--output", "last_hidden_state", "--npz", path, "--quiet")
    assert "fits: 1 of 1 tensors" in done("verify", tiny, "--golden", path)
    arrays = dict(np.load(path))
    arrays["last_hidden_state"][1, 5] += 1
    result = run("verify", tiny, "--golden", save(path, arrays), "--quiet")
    text = result.stdout.decode()
    assert result.returncode == 1 and not result.stderr
    for part in ("DIFFERS", "last_hidden_state[1,5]", "layer_norm in encoder.1", "cause  none of the usual ones"):
        assert part in text, text


# --- models that are wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change, cause, first", [
    ({"hidden_act": "gelu_new"}, "gelu: the erf form fits", 1),
    ({"hidden_act": "quick_gelu"}, "gelu: the erf form fits", 1),
    ({"hidden_act": "relu"}, "gelu: the erf form fits", 1),
    ({"layer_norm_eps": 1e-12}, "eps: 1e-3 fits", 0),
    ({"layer_norm_eps": 0.02}, "eps: 1e-3 fits", 0),
])
def test_a_wrong_config(tmp_path, change, cause, first):
    model = copy("tiny-bert", tmp_path)
    edit(model / "config.json", **change)
    bad = verify(model, GOLDEN / "tiny-bert.npz")["first_bad"]
    assert bad["cause"] == cause and bad["pass"] is None
    assert bad["tensor"] == "hidden_states" and bad["index"][0] == first and bad["value"] == ("hidden_states.1" if first else "embeddings")


@pytest.mark.parametrize("name, cause", [("tiny-bert-gelu-new", "gelu: the tanh form fits"), ("tiny-bert-relu", "activation: relu fits")])
def test_the_exact_form_where_another_is_right(tmp_path, name, cause):
    model = copy(name, tmp_path)
    edit(model / "config.json", hidden_act="gelu")
    assert verify(model, GOLDEN / f"{name}.npz")["first_bad"]["cause"] == cause


def family(tmp_path, *changes):
    text = (TOP / "models" / "bert.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "bert.yaml"
    path.write_text(text)
    return ["--family", path]


def test_norms_on_the_other_side(tmp_path):
    flags = family(tmp_path, ("norm_after:", "norm_before:"))
    bad = verify(GOLDEN / "checkpoints" / "tiny-bert", GOLDEN / "tiny-bert.npz", *flags)["first_bad"]
    assert bad["cause"] == "norms: after each residual (post-norm) fits"
    # queries and keys are made before the residual: what enters the second layer is the first that is off
    assert (bad["tensor"], bad["index"][0]) == ("hidden_states", 1)


def test_norms_before(tiny, tmp_path):
    golden = tmp_path / "golden.npz"
    done("run", tiny, "the cat sat", "a dog", "--output", "hidden_states", "--npz", golden, "--quiet",
         *family(tmp_path, ("norm_after:", "norm_before:")))
    bad = verify(tiny, golden)["first_bad"]
    assert bad["cause"] == "norms: before the body of each residual (pre-norm) fits" and bad["value"] == "hidden_states.1"


@pytest.mark.parametrize("right, wrong, cause", [
    ("positions", "{positions: {skip: 1}}", "positions: an offset of 0 fits"),
    ("{positions: {skip: 1}}", "positions", "positions: an offset of 2 fits"),
])
def test_a_position_offset(tiny, tmp_path, right, wrong, cause):
    golden = tmp_path / "golden.npz"
    line = "index: positions\n"
    done("run", tiny, "the cat sat", "a dog", "--output", "hidden_states,pooler_output", "--npz", golden, "--quiet",
         *family(tmp_path, (line, f"index: {right}\n")))
    bad = verify(tiny, golden, *family(tmp_path, (line, f"index: {wrong}\n")))["first_bad"]
    assert (bad["cause"], bad["tensor"], bad["index"][0]) == (cause, "hidden_states", 0)


def test_a_position_offset_that_leaves_too_few_rows(tmp_path):
    flags = family(tmp_path, ("index: positions\n", "index: {positions: {skip: 1}}\n"))
    refused(3, "verify", GOLDEN / "checkpoints" / "tiny-bert", "--golden", GOLDEN / "tiny-bert.npz", *flags, "--quiet",
            says=["tiny-bert.npz", "40 tokens", "takes 38", "another first position"])


@pytest.mark.parametrize("right, wrong", [("mean", "cls"), ("cls", "mean"), ("max", "mean"), ("lasttoken", "cls"), ("weightedmean", "max")])
def test_pooling(tiny, tmp_path, right, wrong):
    golden = tmp_path / "golden.npz"
    texts = ["the cat sat on the mat", "a dog"]
    done("run", tiny, *texts, "--output", "embedding,last_hidden_state", "--pooling", right, "--npz", golden, "--quiet")
    instance = tmp_path / "instance.yaml"
    instance.write_text(f"egbert: 1\ncheckpoint: {tiny}\npooling: {wrong}\n")
    bad = verify(instance, golden)["first_bad"]
    assert (bad["tensor"], bad["cause"]) == ("embedding", f"pooling: {right} fits")


def test_a_length_of_one(tiny, tmp_path):
    golden = tmp_path / "golden.npz"
    done("embed", tiny, "the cat", "--npy", tmp_path / "e.npy", "--normalize", "--quiet")
    done("run", tiny, "the cat", "--output", "last_hidden_state", "--npz", golden, "--quiet")
    save(golden, {**dict(np.load(golden)), "embedding": np.load(tmp_path / "e.npy")})
    assert verify(tiny, golden)["first_bad"]["cause"] == "normalize: on fits"
    assert verify(tiny, golden, "--normalize")["ok"]


@pytest.mark.parametrize("tensor, value", [
    ("embeddings.word_embeddings.weight", "embeddings"),
    ("encoder.layer.0.attention.self.query.weight", "attentions.0"),
    ("encoder.layer.1.attention.self.value.bias", "last_hidden_state"),
    ("encoder.layer.1.output.dense.weight", "last_hidden_state"),
    ("pooler.dense.weight", "pooler_output"),
])
def test_noise_in_one_weight_has_no_cause(own_tiny, tmp_path, tensor, value):
    golden = tmp_path / "golden.npz"
    done("run", own_tiny, "the cat sat on", "a", "--output", "hidden_states,attentions,pooler_output,last_hidden_state", "--npz", golden,
         "--quiet")
    arrays = tiny_model.tensors()
    arrays[tensor] = arrays[tensor] + np.random.RandomState(1).standard_normal(arrays[tensor].shape).astype("<f4") * np.float32(0.05)
    tiny_model.save_safetensors(own_tiny / "model.safetensors", arrays)
    bad = verify(own_tiny, golden)["first_bad"]
    assert (bad["value"], bad["cause"], bad["pass"], bad["plan"]) == (value, None, None, "decomposed")


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_fits(own_tiny, tmp_path, number):
    golden = tmp_path / "golden.npz"
    done("run", own_tiny, "the cat", "--output", "hidden_states,last_hidden_state", "--npz", golden, "--quiet")
    saved = dict(np.load(golden))
    arrays = tiny_model.tensors()
    arrays["encoder.layer.0.output.LayerNorm.bias"][3] = number
    tiny_model.save_safetensors(own_tiny / "model.safetensors", arrays)
    bad = verify(own_tiny, golden)["first_bad"]
    assert (bad["value"], bad["index"][0], bad["index"][2], bad["got"]) == ("hidden_states.1", 1, 3, None)
    tiny_model.save_safetensors(own_tiny / "model.safetensors", tiny_model.tensors())
    saved["last_hidden_state"][0, 0] = number
    bad = verify(own_tiny, save(golden, saved))["first_bad"]
    assert (bad["tensor"], bad["index"], bad["want"]) == ("last_hidden_state", [0, 0], None)


# --- fused plans that are wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong, guilty", [("linear", "linear"), ("add-norm", "add_norm"), ("embed-norm", "embed_norm")])
def test_a_wrong_fused_kernel(tiny, tmp_path, wrong, guilty):
    golden = tmp_path / "golden.npz"
    plugin = BUILD / "tests" / "conformance" / f"egbert-faulty-{wrong}.so"
    done("run", tiny, "the cat sat", "a dog", "--output", "last_hidden_state,pooler_output", "--backend", "reference", "--npz", golden, "--quiet")
    bad = verify(tiny, golden, "--plugin", plugin, "--backend", "faulty,reference")["first_bad"]
    assert (bad["tensor"], bad["pass"], bad["cause"], bad["plan"]) == ("last_hidden_state", guilty, None, "fused")
    assert verify(tiny, golden, "--plugin", plugin, "--backend", "faulty,reference", "--fuse", f"all,-{guilty}")["ok"]


# --- tolerance ------------------------------------------------------------------------------------------------------------


def test_tolerance(tiny, tmp_path):
    golden = tmp_path / "golden.npz"
    done("run", tiny, "the cat", "--output", "last_hidden_state", "--npz", golden, "--quiet")
    arrays = dict(np.load(golden))
    arrays["last_hidden_state"][0, 0] += 5e-4
    save(golden, arrays)
    assert not verify(tiny, golden)["ok"]
    assert verify(tiny, golden, "--tolerance", "1e-3")["ok"] and verify(tiny, golden, "--tolerance", "0.001")["ok"]
    assert not verify(tiny, golden, "--tolerance", "4e-4")["ok"]
    arrays["last_hidden_state"] *= 1000  # far from 1, the tolerance grows with the numbers, and the cosine does not see a scale
    assert not verify(tiny, save(golden, arrays), "--tolerance", "0.1")["ok"]
    for bad in ("0", "-1", "x", "1e", "1e-400", "nan"):
        refused(2, "verify", tiny, "--golden", golden, "--tolerance", bad, says="--tolerance")


# --- goldens that do not belong to the model ------------------------------------------------------------------------------


@pytest.mark.parametrize("change, says", [
    (lambda a: a.pop("input_ids"), "input_ids"),
    (lambda a: a.pop("cu_seqlens"), "cu_seqlens"),
    (lambda a: a.update(input_ids=a["input_ids"] + 10000), "the token id"),
    (lambda a: a.update(input_ids=-a["input_ids"]), "the token id"),
    (lambda a: a.update(input_ids=a["input_ids"].astype("<f4")), "int64"),
    (lambda a: a.update(token_type_ids=a["token_type_ids"] + 7), "the type id"),
    (lambda a: a.update(cu_seqlens=a["cu_seqlens"][:-1]), "cu_seqlens"),
    (lambda a: a.update(last_hidden_state=a["last_hidden_state"][:, :-1]), ["'last_hidden_state' has the shape", "[97, 31]", "[97, 32]"]),
    (lambda a: a.update(last_hidden_state=a["last_hidden_state"][:-1]), "[96, 32]"),
    (lambda a: a.update(last_hidden_state=a["last_hidden_state"][None]), "[1, 97, 32]"),
    (lambda a: a.update(hidden_states=a["hidden_states"][1:]), "[3, 97, 32]"),
    (lambda a: a.update(pooler_output=a["pooler_output"].astype("<f8")), ["'pooler_output'", "<f8", "float32"]),
    (lambda a: a.update(pooler_output=a["pooler_output"].astype("<i8")), ["'pooler_output'", "integers", "float32"]),
    (lambda a: a.update(pooler_output=np.asfortranarray(a["pooler_output"])), ["'pooler_output'", "Fortran", "ascontiguousarray"]),
    (lambda a: a.update(pooler_output=np.float32(1)), "'pooler_output'"),
    (lambda a: a.update({"attentions.7": a["attentions.0"]}), ["'attentions.7'", "7 texts"]),
    (lambda a: a.update({"attentions.1": a["attentions.0"]}), ["'attentions.1'", "[3, 4, 1, 1]"]),
    (lambda a: a.update(attentions=a["attentions.0"]), ["'attentions'", "attentions.0"]),
    (lambda a: a.update(pooler_outputs=a["pooler_output"]), ["'pooler_outputs'", "did you mean 'pooler_output'"]),
    (lambda a: a.update(nonsense=a["pooler_output"], rubbish=a["pooler_output"]), ["'nonsense'", "'rubbish'"]),
    (lambda a: a.update(logits=a["pooler_output"]), ["'logits'", "head"]),
    (lambda a: [a.pop(k) for k in list(a) if k not in ("input_ids", "cu_seqlens", "token_type_ids")], "no arrays"),
])
def test_goldens_of_another_model(tmp_path, change, says):
    arrays = archive("tiny-bert")
    change(arrays)
    path = save(tmp_path / "golden.npz", arrays)
    refused(3, "verify", GOLDEN / "checkpoints" / "tiny-bert", "--golden", path, "--quiet",
            says=["golden.npz", *([says] if isinstance(says, str) else says)])


def test_files_that_are_no_golden(tiny, tmp_path):
    path = tmp_path / "golden.npz"
    refused(3, "verify", tiny, "--golden", path, says="golden.npz")
    path.write_bytes(b"PK not really")
    refused(3, "verify", tiny, "--golden", path, says="zip")
    np.savez_compressed(path, **archive("tiny-bert"))
    refused(3, "verify", tiny, "--golden", path, says="savez_compressed")
    whole = (GOLDEN / "tiny-bert.npz").read_bytes()
    for cut in (len(whole) // 2, len(whole) - 1, 30):
        path.write_bytes(whole[:cut])
        refused(3, "verify", tiny, "--golden", path, says="golden.npz")
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0x40
    path.write_bytes(damaged)
    refused(3, "verify", GOLDEN / "checkpoints" / "tiny-bert", "--golden", path, says="golden.npz")
    refused(3, "verify", tiny, "--golden", GOLDEN / "minilm.npz", says="input_ids")


def test_usage(tiny):
    refused(2, "verify", tiny, says="--golden")
    refused(2, "verify", says="golden")
    refused(2, "verify", tiny, "text", "--golden", "x.npz", says="text")
