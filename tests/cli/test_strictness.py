# SPDX-License-Identifier: Apache-2.0
"""What a checkpoint or an instance gets wrong is one error with its place and what would be right, or a warning that `inspect`
lists: through several families, each with a checkpoint of the sizes of its goldens."""
import json
import re

import numpy as np
import pytest
import tiny_model
from command import TOP, lines, run

GOLDEN = TOP / "tests" / "golden"
FAMILIES = ["bert", "distilbert", "roberta", "albert", "electra", "xlm", "gpt2", "megatron-bert"]


def case_of(family):
    return json.loads((GOLDEN / "families" / family / "checkpoints.json").read_text())[0]


def arrays_of(case):
    generator = np.random.default_rng(0)
    return {name: (0.1 * generator.standard_normal(shape)).astype("<f4") for name, shape in case["tensors"].items()}


@pytest.fixture(params=FAMILIES)
def checkpoint(request, tmp_path):
    """(folder, config, arrays) of a family's encoder, to break."""
    case = case_of(request.param)
    folder = tmp_path / "model"
    folder.mkdir()
    return write(folder, case["config"], arrays_of(case))


def write(folder, config, arrays):
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    tiny_model.save_safetensors(folder / "model.safetensors", arrays)
    return folder, config, arrays


def refused(status, *args):
    """The one line of a command that must fail with that status."""
    result = run(*args, "--quiet")
    said = result.stderr.decode().splitlines()
    assert result.returncode == status, said
    assert len(said) == 1 and said[0].startswith("egbert: error: "), said
    assert result.stdout == b""
    return said[0]


def line_of(folder, key):
    text = (folder / "config.json").read_text().splitlines()
    return next(i for i, line in enumerate(text, 1) if f'"{key}"' in line)


def inner_matrix(arrays):
    """A matrix of the encoder that is not square, so that its transpose is another."""
    return next(name for name, array in arrays.items()
                if array.ndim == 2 and array.shape[0] != array.shape[1] and re.search(r"\d", name))


# --- config.json


def test_unknown_model_types_are_refused(checkpoint):
    folder, config, arrays = checkpoint
    write(folder, {**config, "model_type": config["model_type"] + "x"}, arrays)
    said = refused(3, "inspect", folder)
    assert f"config.json:{line_of(folder, 'model_type')}:" in said and f"'{config['model_type']}'" in said
    assert f"did you mean '{config['model_type']}'?" in said


def test_unknown_config_keys_are_refused_and_may_be_let_pass(checkpoint):
    folder, config, arrays = checkpoint
    write(folder, {**config, "attention_temperature": 2.0}, arrays)
    said = refused(3, "inspect", folder)
    assert f"config.json:{line_of(folder, 'attention_temperature')}:3: 'attention_temperature' is a key that this family" in said
    assert "--ignore-config attention_temperature" in said
    assert lines("inspect", folder, "--ignore-config", "attention_temperature")[0]["warnings"] == []


def test_what_changes_the_numbers_never_passes(checkpoint):
    folder, config, arrays = checkpoint
    write(folder, {**config, "quantization_config": {"bits": 4}}, arrays)
    said = refused(3, "inspect", folder, "--ignore-config", "quantization_config")
    assert f"config.json:{line_of(folder, 'quantization_config')}:" in said and "quantization_config" in said


# --- tensors


def test_a_missing_tensor_is_named_with_who_asks(checkpoint):
    folder, config, arrays = checkpoint
    name = inner_matrix(arrays)
    write(folder, config, {k: v for k, v in arrays.items() if k != name})
    said = refused(3, "inspect", folder)
    assert "model.safetensors: the tensor '" in said and name.split(".", 1)[1] in said and "is missing" in said
    assert re.search(r"models/[\w-]+\.yaml:\d+:\d+ asks for it", said)


def test_a_misshapen_tensor_is_named_with_both_sizes(checkpoint):
    folder, config, arrays = checkpoint
    name = inner_matrix(arrays)
    rows, columns = arrays[name].shape
    write(folder, config, {**arrays, name: np.ascontiguousarray(arrays[name].T)})
    said = refused(3, "inspect", folder)
    assert f"the tensor '{name}' is [{columns}, {rows}]; [{rows}, {columns}] is expected" in said
    assert re.search(r"its size is said at \S+models/[\w-]+\.yaml:\d+:\d+", said)


def test_surplus_tensors_are_warned_of(checkpoint):
    folder, config, arrays = checkpoint
    write(folder, config, {**arrays, "surplus.weight": np.zeros((2, 2), "<f4")})
    assert lines("inspect", folder)[0]["warnings"] == ["nobody asks for the tensor 'surplus.weight'"]


def test_heads_are_never_made_up(checkpoint):
    folder, _, _ = checkpoint
    shown = lines("inspect", folder)[0]
    there = ", ".join(f"{head['name']} ({head['task']})" for head in shown["heads"]) # a tied one needs no tensors of its own
    assert shown["missing_heads"] and len(shown["heads"]) <= 1
    for head in shown["missing_heads"]:
        said = refused(2, "run", folder, "--head", head["name"], "--output", "logits", "--ids", "1,2")
        assert f"the checkpoint has no head '{head['name']}': " in said and f"; it has {there or 'no head at all'}" in said
        said = refused(2, "run", folder, "--output", f"{head['name']}.logits", "--ids", "1,2")
        assert f"the checkpoint has no head '{head['name']}': " in said


@pytest.mark.parametrize("wrong", [{"attention_windows": [2, 0, 5]}, {"rope_theta": [50.0, 3000.0, 20.0]}])
def test_layers_of_a_kind_have_one_window_and_one_base(wrong, tmp_path):
    """transformers takes the first window and the last base for all of them: no numbers that only one of the two gives."""
    config = {"model_type": "ultrabert", "num_hidden_layers": 3, "attention_windows": [2, 0, 2], "rope_theta": [50.0, 3000.0, 50.0]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert lines("inspect", tmp_path)[0]["family"] == "ultrabert"
    (tmp_path / "config.json").write_text(json.dumps({**config, **wrong}))
    assert "differ" in refused(3, "inspect", tmp_path)


def test_a_head_that_is_not_there_names_those_that_are(tmp_path):
    folder = GOLDEN / "checkpoints" / "tiny-bert-classify"
    said = refused(2, "run", folder, "--head", "masked_lm", "--output", "logits", "a cat")
    assert "the tensor 'cls.predictions.transform.dense.weight' is missing" in said
    assert said.endswith("; it has sequence_classification (classify)")
    said = refused(2, "run", folder, "--output", "token_classification.logits", "a cat")
    assert "its tensors are those of the checkpoint's own head" in said
    assert "did you mean 'masked_lm'?" in refused(2, "run", folder, "--head", "maskedlm", "--output", "logits", "a cat")


# --- labels


def test_labels_agree(tmp_path):
    folder, config, arrays = write(tmp_path, *[case_of("bert")[key] for key in ("config",)], arrays_of(case_of("bert")))
    write(folder, {**config, "num_labels": 3, "id2label": {"0": "a", "1": "b"}}, arrays)
    assert f"config.json:{line_of(folder, 'num_labels')}:" in refused(3, "inspect", folder)
    write(folder, {**config, "id2label": {"0": "a", "2": "b"}}, arrays)
    assert "id2label has the key '2'; its 2 keys are the numbers from 0" in refused(3, "inspect", folder)
    write(folder, {**config, "problem_type": "multi_label"}, arrays)
    assert "multi_label_classification" in refused(3, "inspect", folder)


# --- sentence-transformers


def pipeline(folder, pooling, more=(), **files):
    tiny_model.make(folder)
    kinds = ["Transformer", "Pooling", *more]
    listed = [{"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
              for i, kind in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def test_a_pooling_file_that_disagrees_is_refused(tmp_path):
    model = pipeline(tmp_path, {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True})
    said = refused(3, "inspect", model)
    assert "1_Pooling/config.json:1:30: word_embedding_dimension is 384; what enters this module is 16 wide" in said


def test_dense_sizes_that_disagree_are_refused(tmp_path):
    model = pipeline(tmp_path, {"embedding_dimension": 16}, ["Dense"])
    dense = model / "2_Dense"
    dense.mkdir()
    (dense / "config.json").write_text('{"in_features": 20, "out_features": 4}')
    tiny_model.save_safetensors(dense / "model.safetensors", {"linear.weight": np.zeros((4, 20), "<f4"),
                                                              "linear.bias": np.zeros(4, "<f4")})
    assert "2_Dense/config.json:1:17: in_features is 20; what enters this module is 16 wide" in refused(3, "embed", model, "a")
    (dense / "config.json").write_text('{"in_features": 16, "out_features": 4}')
    assert "the tensor 'linear.weight' has not the size" in refused(3, "embed", model, "a")
    (dense / "config.json").write_text('{"in_features": 16, "out_featurs": 4}')
    assert "did you mean 'out_features'?" in refused(3, "embed", model, "a")


@pytest.mark.parametrize("kind", ["CNN", "LSTM", "BoW", "WordWeights", "SparseAutoEncoder"])
def test_modules_that_are_not_supported_are_refused_by_name(kind, tmp_path):
    said = refused(3, "embed", pipeline(tmp_path, {"embedding_dimension": 16}, [kind]), "a")
    assert re.search(rf"modules\.json:1:\d+: the module 'sentence_transformers\.models\.{kind}' is not supported", said)


def test_splade_needs_a_masked_lm(tmp_path):
    model = tiny_model.make(tmp_path)
    (model / "modules.json").write_text(json.dumps([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.sparse_encoder.models.MLMTransformer"},
        {"idx": 1, "name": "1", "path": "1_SpladePooling", "type": "sentence_transformers.sparse_encoder.models.SpladePooling"}]))
    (model / "1_SpladePooling").mkdir()
    (model / "1_SpladePooling" / "config.json").write_text('{"pooling_strategy": "max"}')
    assert "the tensor 'cls.predictions.transform.dense.weight' is missing" in refused(3, "inspect", model)
    (model / "1_SpladePooling" / "config.json").write_text('{"pooling_strategy": "mean"}')
    assert "pooling_strategy is 'mean'; max or sum is expected" in refused(3, "inspect", model)


def test_keys_that_nobody_reads_are_listed(tmp_path):
    model = pipeline(tmp_path, {"embedding_dimension": 16}, sentence_bert_config={"max_seq_length": 8, "speed": 9},
                     config_sentence_transformers={"model_type": "SentenceTransformer", "truncate_dims": 8})
    first, second = lines("inspect", model)[0]["warnings"]
    assert re.search(r"sentence_bert_config\.json:1:\d+: nobody reads the key 'speed'$", first)
    assert re.search(r"config_sentence_transformers\.json:1:\d+: nobody reads the key 'truncate_dims'$", second)


# --- instance files: (what stands in the file, the place, the message)

WEIGHTS = 'weights: heads.safetensors, prefix: "a."'
HEADS = {
    "  a: {task: classify, steps: [first_token, {linear: dense, out: 2}], WEIGHTS, prefix2: x}":
        ("4:", "unknown key 'prefix2'; did you mean 'prefix'?"),
    "  a: {task: clasify, WEIGHTS, steps: [first_token]}": ("4:13", "'clasify' is no task; there are classify, ner, qa"),
    "  a: {steps: [first_token]}": ("4:3", "the head 'a' has no task"),
    "  a: {task: classify}": ("4:3", "neither steps nor outputs, and the family 'bert' no head of that name"),
    "  mask_lm: {labels: [a]}": ("4:3", "did you mean 'masked_lm'?"),
    "  maskd_lm: null": ("4:3", "the family 'bert' has no head 'maskd_lm' that null could remove"),
    "  a.b: {task: none, steps: [first_token]}": ("4:3", "'a.b' is no name for a head"),
    "  query: {task: none, steps: [first_token]}": ("4:3", "'query' is no name for a head"),
    "  a: {task: classify, weights: none.safetensors, steps: [first_token]}": ("4:32", "there is no file"),
    "  a: {task: classify, WEIGHTS, steps: [first_token, {linear: dens, out: 2}]}":
        (None, "heads.safetensors: the tensor 'a.dens.weight' is missing; own.yaml:4:"),
    "  a: {task: classify, WEIGHTS, steps: [first_token, {linear: dense, out: 3}]}":
        (None, "the tensor 'a.dense.weight' is [2, 16]; [3, 16] is expected; its size is said at own.yaml:4:"),
    "  a: {task: classify, labels: [x], WEIGHTS, steps: [first_token, {linear: dense, out: 2}]}":
        ("4:23", "the head 'a' has 1 label, and its 'logits' is 2 wide"),
    "  a: {task: classify, labels: [x, x], WEIGHTS, steps: [first_token, {linear: dense, out: 2}]}":
        ("4:35", "the label 'x' is there twice"),
    "  a: {task: classify, problem_type: binary, WEIGHTS, steps: [first_token, {linear: dense, out: 2}]}":
        ("4:37", "it is regression, single_label_classification or multi_label_classification"),
    "  a: {task: classify, WEIGHTS, steps: [{linear: dense, out: 2}]}":
        ("4:3", "the task 'classify' takes text rows, and 'logits' of the head 'a' is token rows"),
    "  a: {task: ner, WEIGHTS, steps: [first_token, {linear: dense, out: 2}]}":
        ("4:3", "the task 'ner' takes token rows, and 'logits' of the head 'a' is text rows"),
    "  a: {task: choose, WEIGHTS, steps: [first_token, {linear: dense, out: 2}]}":
        ("4:3", "the task 'choose' takes rows of 1, and 'logits' of the head 'a' is 2 wide"),
    "  a: {task: qa, WEIGHTS, steps: [{linear: dense, out: 2}]}": ("4:6", "no step of the head 'a' gives the name 'start_logits'"),
    "  a: {task: classify, WEIGHTS, outputs: [logits], steps: [first_token, {linear: dense, out: 2, as: logit}]}":
        ("4:", "no step of the head 'a' gives the name 'logits' (`as: logits`)"),
    "  a: {task: sparse, steps: [{from: masked_lm.logits}, relu, log1p, max]}":
        (None, "the tensor 'cls.predictions.transform.dense.weight' is missing"),
}
POOLINGS = {
    "men": ("3:10", "there is no pooling 'men'"),
    "[]": ("3:10", "1 to 8 poolings are expected"),
    "{layers: 2}": ("3:10", "pooling has either 'mode' or 'steps'"),
    "{mode: cls, layer: 2}": ("3:", "did you mean 'layers'?"),
    "{mode: cls, layers: 0}": ("3:30", "0"),
    "{mode: cls, layers: [9]}": ("3:10", "there is no hidden state 9; there are 3"),
    "{mode: cls, layers: 2, join: sum}": ("3:39", "'join' is concat or mean"),
    "{mode: cls, join: mean}": ("3:22", "'join' says how 'layers' are joined, and there are none"),
    "{mode: cls, tokens: [0, 2]}": ("3:30", "cls takes one token"),
    "{mode: mean, tokens: 2}": ("3:31", "expected a list"),
    "{mode: pooler, layers: 2}": ("3:33", "the pooler has one layer"),
    "{steps: [tanh]}": ("3:18", "pooling ends with token rows; text rows are expected"),
}


def instance(folder, text):
    tiny_model.make(folder / "model")
    tiny_model.save_safetensors(folder / "heads.safetensors", {"a.dense.weight": np.zeros((2, 16), "<f4"),
                                                               "a.dense.bias": np.zeros(2, "<f4")})
    (folder / "own.yaml").write_text(f"egbert: 1\ncheckpoint: model\n{text}\n")
    return folder


def refused_in(folder, place, message):
    result = run("inspect", "own.yaml", "--quiet", cwd=folder)
    said = result.stderr.decode()
    assert result.returncode == 3 and said.count("\n") == 1, said
    assert (f"egbert: error: own.yaml:{place}" in said if place else True) and message in said, said


@pytest.mark.parametrize("head", HEADS)
def test_heads_of_instances_are_checked(head, tmp_path):
    refused_in(instance(tmp_path, "heads:\n" + head.replace("WEIGHTS", WEIGHTS)), *HEADS[head])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings_of_instances_are_checked(pooling, tmp_path):
    refused_in(instance(tmp_path, f"pooling: {pooling}"), *POOLINGS[pooling])


def test_surplus_tensors_of_a_heads_file_are_warned_of(tmp_path):
    folder = instance(tmp_path, "heads:\n  a: {task: classify, WEIGHTS, steps: [first_token, {linear: {name: dense, bias: false}, out: 2}]}"
                      .replace("WEIGHTS", WEIGHTS))
    shown = lines("inspect", "own.yaml", cwd=folder)[0]
    assert shown["warnings"] == ["nobody asks for the tensor 'a.dense.bias' of ./heads.safetensors"]
