# SPDX-License-Identifier: Apache-2.0
"""Broken and odd model folders: status 3 with the file and, where there is one, the place; non-finite results are status 1."""
import json
import os
import struct

import numpy as np
import pytest
import tiny_model
from command import done, lines, refused, run


def edit_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    config.update(changes)
    (folder / "config.json").write_text(json.dumps(config, indent=2))


@pytest.mark.parametrize("command", [["embed", "x"], ["tokenize", "x"], ["inspect"], ["compile"], ["bench"], ["similarity", "x", "y"]])
def test_no_such_model(tmp_path, command):
    refused(3, command[0], tmp_path / "none", *command[1:], says="none")


def test_an_empty_folder(tmp_path):
    refused(3, "embed", tmp_path, "x", says="config.json")


@pytest.mark.parametrize("text, place", [
    ("", ":1:1: "), ("[]", ":1:1: "), ("{", ":1:2: "), ('{\n  "a": 1,\n  "a": 2}', ":3:3: "), ('{"model_type": "bert"} x', ":1:24: "),
    ('{"model_type": "b\\ud800"}', ":1:"), ('{"hidden_size": 1e999}', ":1:"),
])
def test_config_that_is_no_json(own_tiny, text, place):
    (own_tiny / "config.json").write_text(text)
    refused(3, "embed", own_tiny, "x", says="config.json" + place)


@pytest.mark.parametrize("key, value", [
    ("hidden_size", "16"), ("hidden_size", 0), ("hidden_size", -16), ("hidden_size", 16.5), ("num_attention_heads", 3),
    ("num_attention_heads", 0), ("num_hidden_layers", 10**9), ("num_hidden_layers", 2**63), ("hidden_act", "nonsense"),
    ("max_position_embeddings", 0), ("layer_norm_eps", "tiny"), ("vocab_size", 10**6), ("intermediate_size", 33),
])
def test_config_values(own_tiny, key, value):
    edit_config(own_tiny, **{key: value})
    refused(3, "embed", own_tiny, "x")


def test_unknown_config_keys(own_tiny):
    edit_config(own_tiny, hidden_sise=16)
    line = 1 + next(i for i, text in enumerate((own_tiny / "config.json").read_text().splitlines()) if "hidden_sise" in text)
    refused(3, "embed", own_tiny, "x", says=[f"config.json:{line}:", "hidden_sise", "hidden_size"])
    done("embed", own_tiny, "x", "--ignore-config", "hidden_sise")
    done("embed", own_tiny, "x", env={"EGBERT_IGNORE_CONFIG": "other,hidden_sise"})


def test_unknown_model_type(own_tiny):
    edit_config(own_tiny, model_type="nonsense")
    refused(3, "embed", own_tiny, "x", says="nonsense")
    with_family = run("embed", own_tiny, "x", "--family", "bert", "--json")
    assert with_family.returncode == 0 and b"nonsense" in with_family.stderr


def weights(folder, change):
    """Writes the weights after change(header bytes, data) and the length of the header."""
    path = folder / "model.safetensors"
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    path.write_bytes(change(raw, raw[8:8 + length], raw[8 + length:]))


@pytest.mark.parametrize("change", [
    lambda raw, header, data: b"",
    lambda raw, header, data: raw[:7],
    lambda raw, header, data: raw[:100],
    lambda raw, header, data: raw[:-1],
    lambda raw, header, data: raw + b"x",
    lambda raw, header, data: b"\0" * 8 + raw[8:],
    lambda raw, header, data: struct.pack("<Q", 2**63) + raw[8:],
    lambda raw, header, data: struct.pack("<Q", len(raw)) + raw[8:],
    lambda raw, header, data: raw[:8] + b"[" + raw[9:],
    lambda raw, header, data: raw[:8] + header.replace(b'"F32"', b'"F33"', 1) + data,
    lambda raw, header, data: raw[:8] + header.replace(b"[67, 16]", b"[67, 17]", 1) + data,
])
def test_broken_weights(own_tiny, change):
    weights(own_tiny, change)
    refused(3, "embed", own_tiny, "x", says="model.safetensors")


def test_weights_that_are_no_file(own_tiny, tmp_path):
    path = own_tiny / "model.safetensors"
    path.rename(tmp_path / "blob")
    refused(3, "embed", own_tiny, "x")
    path.symlink_to(tmp_path / "blob")  # as in a hub's cache
    done("embed", own_tiny, "x")
    path.unlink()
    os.mkfifo(path)
    refused(3, "embed", own_tiny, "x", says="model.safetensors", timeout=10)
    path.unlink()
    path.mkdir()
    refused(3, "embed", own_tiny, "x", says="model.safetensors")


def test_missing_and_surplus_tensors(own_tiny):
    arrays = tiny_model.tensors()
    surplus = {**arrays, "other.weight": np.zeros((2, 2), "<f4")}
    tiny_model.save_safetensors(own_tiny / "model.safetensors", surplus)
    done("embed", own_tiny, "x")
    assert any("other.weight" in warning for warning in map(str, lines("inspect", own_tiny)[0]["warnings"]))
    lacking = {k: v for k, v in arrays.items() if not k.startswith("pooler.")}
    tiny_model.save_safetensors(own_tiny / "model.safetensors", lacking)
    done("embed", own_tiny, "x")
    refused(3, "run", own_tiny, "x", "--output", "pooler_output", says="pooler")
    lacking.pop("encoder.layer.1.output.dense.bias")
    tiny_model.save_safetensors(own_tiny / "model.safetensors", lacking)
    refused(3, "embed", own_tiny, "x", says="encoder.layer.1.output.dense.bias")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_results(own_tiny, value):
    arrays = tiny_model.tensors()
    arrays["encoder.layer.1.output.LayerNorm.bias"][3] = value
    tiny_model.save_safetensors(own_tiny / "model.safetensors", arrays)
    refused(1, "embed", own_tiny, "x")
    refused(1, "run", own_tiny, "x", "--output", "last_hidden_state", "--json")


def test_tokenizer_needs_no_weights(own_tiny):
    (own_tiny / "model.safetensors").unlink()
    assert lines("tokenize", own_tiny, "the cat")[0]["tokens"] == ["[CLS]", "the", "cat", "[SEP]"]
    refused(3, "embed", own_tiny, "the cat")


@pytest.mark.parametrize("name, text", [("tokenizer_config.json", "{"), ("tokenizer.json", "[]"), ("tokenizer.json", '{"model": {}}')])
def test_broken_tokenizers(own_tiny, name, text):
    (own_tiny / name).write_text(text)
    refused(3, "tokenize", own_tiny, "x", says=name)


def test_no_tokenizer(own_tiny):
    (own_tiny / "vocab.txt").unlink()
    refused(3, "tokenize", own_tiny, "x")
    assert lines("embed", own_tiny, "--ids", "2,7,3")  # ids need none


# --- tokenizing, by the contract ------------------------------------------------------------------------------------------


def test_tokenize(tiny):
    out = lines("tokenize", tiny, "The  cat!")[0]
    assert list(out) == ["ids", "tokens", "type_ids", "offsets", "attention_mask"]
    assert out["tokens"] == ["[CLS]", "the", "cat", "!", "[SEP]"] and out["offsets"] == [[0, 0], [0, 3], [5, 8], [8, 9], [0, 0]]
    assert out["type_ids"] == [0] * 5 and out["attention_mask"] == [1] * 5
    assert done("tokenize", tiny, "The cat", "a") == "[CLS] the cat [SEP]\n[CLS] a [SEP]\n"


def test_offsets_count_characters(tiny):
    assert lines("tokenize", tiny, "é 😀 cat", "--no-special")[0]["offsets"][-1] == [4, 7]


def test_truncation_and_padding(tiny):
    long = "the cat sat on the mat"
    assert len(lines("tokenize", tiny, "a " * 100)[0]["ids"]) == 102  # no limit here
    assert lines("tokenize", tiny, long, "--max-length", "4")[0]["tokens"] == ["[CLS]", "the", "cat", "[SEP]"]
    padded = lines("tokenize", tiny, long, "a", "--pad", "longest")
    assert [len(p["ids"]) for p in padded] == [8, 8] and padded[1]["attention_mask"] == [1] * 3 + [0] * 5
    assert padded[1]["tokens"][3:] == ["[PAD]"] * 5 and padded[1]["offsets"][3:] == [[0, 0]] * 5
    assert len(lines("tokenize", tiny, "a", "--pad", "max", "--max-length", "9")[0]["ids"]) == 9
    refused(2, "tokenize", tiny, "a", "--pad", "max", says="--max-length")
    refused(2, "tokenize", tiny, "a", "--pad", "min", says="--pad")
    refused(2, "tokenize", tiny, long, "--max-length", "1")
    refused(2, "tokenize", tiny, "a", "--truncation", "none", says="--truncation")
    both = ["--pair", long, "--max-length", "7"]
    assert lines("tokenize", tiny, "a", *both, "--truncation", "only_second")[0]["tokens"][:3] == ["[CLS]", "a", "[SEP]"]
    refused(2, "tokenize", tiny, "a", *both, "--truncation", "only_first")


def test_special_tokens_in_the_text(tiny):
    assert lines("tokenize", tiny, "a [SEP] b", "--no-special")[0]["tokens"] == ["a", "[SEP]", "b"]


def test_decode(tiny):
    ids = ",".join(map(str, lines("tokenize", tiny, "the cat sat")[0]["ids"]))
    assert json.loads(done("tokenize", tiny, "--decode", ids)) == {"text": "[CLS] the cat sat [SEP]"}
    assert json.loads(done("tokenize", tiny, "--decode", ids, "--no-special")) == {"text": "the cat sat"}
    for bad in ("1,,2", "x", "-1"):
        refused(2, "tokenize", tiny, "--decode", bad, says="--decode")
    refused(2, "tokenize", tiny, "text", "--decode", "1", says="--decode")


def test_limits(tiny):
    long = "a " * 100
    refused(3, "run", tiny, long, "--output", "last_hidden_state", says=["102", "32", "--max-length"])
    out = lines("run", tiny, long, "--output", "last_hidden_state", "--max-length", "10")[0]
    assert len(out["last_hidden_state"]) == 10
    assert lines("embed", tiny, long) == lines("embed", tiny, "a " * 30)


def test_similarity_is_per_call(tiny):
    table = lines("similarity", tiny, stdin=b"the cat\na dog\nthe cat\n")
    assert len(table) == 1 and np.shape(table[0]["similarity"]) == (3, 3)
    assert abs(table[0]["similarity"][0][2] - 1) < 1e-6
    assert "the cat" in done("similarity", tiny, "the cat", "a dog")
    refused(2, "similarity", tiny, "the cat", says="two or more")


def test_type_ids_can_be_switched(tiny):
    pair = ["the cat", "--pair", "a dog", "--output", "last_hidden_state"]
    assert lines("run", tiny, *pair) == lines("run", tiny, *pair, "--type-ids", "on")
    assert lines("run", tiny, *pair) != lines("run", tiny, *pair, "--type-ids", "off")


@pytest.mark.parametrize("modes", ["cls", "pooler", "mean", "max", "sum", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_poolings(tiny, modes):
    outputs = lines("run", tiny, "the cat sat", "--output", "last_hidden_state,pooler_output")[0]
    x = np.array(outputs["last_hidden_state"])
    weight = np.arange(1, len(x) + 1)[:, None]
    want = {"cls": x[0], "pooler": outputs["pooler_output"], "mean": x.mean(0), "max": x.max(0), "sum": x.sum(0),
            "mean_sqrt_len_tokens": x.sum(0) / np.sqrt(len(x)), "weightedmean": (x * weight).sum(0) / weight.sum(), "lasttoken": x[-1]}
    got = lines("embed", tiny, "the cat sat", "--pooling", modes)[0]["embedding"]
    assert np.allclose(got, want[modes], atol=1e-5)
    both = lines("embed", tiny, "the cat sat", "--pooling", "cls," + modes)[0]["embedding"] if modes != "cls" else None
    assert both is None or np.allclose(both, np.concatenate([x[0], want[modes]]), atol=1e-5)
    normed = lines("embed", tiny, "the cat sat", "--pooling", modes, "--normalize")[0]["embedding"]
    assert abs(np.linalg.norm(normed) - 1) < 1e-5


def test_compile_needs_no_weights(own_tiny):
    with_weights = lines("compile", own_tiny)[0]
    (own_tiny / "model.safetensors").unlink()
    of_shapes = lines("compile", own_tiny)[0]["memory"]
    assert of_shapes and of_shapes.keys() <= with_weights["memory"].keys()  # scratch is known to compiled kernels alone
    assert of_shapes == {key: with_weights["memory"][key] for key in of_shapes}


@pytest.mark.parametrize("name", ["modules.json", "tokenizer.json", "config.json", "tokenizer_config.json", "sentence_bert_config.json"])
def test_a_file_that_cannot_be_read_is_not_taken_as_absent(own_tiny, name):
    (own_tiny / name).unlink(missing_ok=True)
    (own_tiny / name).symlink_to("no-such-blob")  # a cache whose blob was not fetched
    refused(3, "embed", own_tiny, "x", says=[name, "No such file"])
    (own_tiny / name).unlink()
    os.mkfifo(own_tiny / name)
    refused(3, "embed", own_tiny, "x", says=[name, "FIFO"])


def test_a_pipeline_without_pooling_says_what_it_takes(own_tiny):
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    (own_tiny / "modules.json").write_text(json.dumps([module]))
    assert b"the embedding is the mean, not normalised" in run("embed", own_tiny, "x").stderr


# --- instance files: passes and precision ----------------------------------------------------------


def instance(folder, checkpoint, line):
    path = folder / "instance.yaml"
    path.write_text(f"egbert: 1\ncheckpoint: {checkpoint}\n{line}\n")
    return path


def fused_ops(*args, **options):
    (compiled,) = lines("compile", *args, **options)
    return sum(compiled["placement"][0]["by_op"].get(op, 0) for op in ("linear", "attention", "add_norm"))


def test_passes_come_from_flag_variable_and_instance_in_this_order(tiny, tmp_path):
    plain = instance(tmp_path, tiny, "fuse: none")
    assert fused_ops(tiny) > 0
    assert fused_ops(plain) == 0
    assert fused_ops(plain, env={"EGBERT_FUSE": "all"}) > 0
    assert fused_ops(plain, "--fuse", "none", env={"EGBERT_FUSE": "all"}) == 0
    assert fused_ops(tiny, "--fuse", "all", env={"EGBERT_FUSE": "none"}) > 0


def test_wrong_passes_are_told_with_their_place(tiny, tmp_path):
    path = instance(tmp_path, tiny, "fuse: all,-atention")
    refused(3, "embed", path, "x", says=[f"{path}:3:7: ", "'atention'", "attention"])
    refused(2, "embed", tiny, "x", "--fuse", "all,-atention", says=["--fuse: ", "'atention'", "attention"])
    refused(2, "embed", tiny, "x", env={"EGBERT_FUSE": "all,,cse"}, says=["EGBERT_FUSE: ", "empty entry"])
    refused(2, "tokenize", tiny, "x", env={"EGBERT_FUSE": "atention"}, says=["EGBERT_FUSE: ", "'atention'"])


def test_a_precision_that_is_not_there_is_refused_in_an_instance_too(tiny, tmp_path):
    path = instance(tmp_path, tiny, "precision: bf16")
    refused(3, "embed", path, "x", says=[str(path), "bf16"])
    done("embed", instance(tmp_path, tiny, "precision: f32"), "x")


@pytest.mark.parametrize("limit, words", [(1, "not even one text fits"), (100_000_000, "the batch in 1 run")])
def test_compile_tells_what_a_limit_means_even_when_it_is_quiet(tiny, limit, words):
    table = done("compile", tiny, "--quiet", "--max-arena", str(limit))
    (row,) = [line for line in table.splitlines() if line.startswith("  max arena")]
    assert row.endswith(words)


def test_unused_constants_count_as_hits(tiny):
    """The first weights and biases of query, key and value are read by nobody once they are merged."""
    passes = {row["pass"]: row for row in lines("compile", tiny)[0]["passes"]}
    assert passes["qkv"]["hits"] == 2 and passes["tidy"]["hits"] >= 2 * 6
    assert lines("compile", tiny, "--fuse", "none")[0]["passes"][-4]["hits"] == 0
