# SPDX-License-Identifier: Apache-2.0
"""What instance files add to a checkpoint: heads with weights of their own give what torch gives (make_instances.py), poolings
what numpy makes of transformers' hidden states, in every way of running."""
import json
import pathlib

import numpy as np
import pytest
from command import done, refused, run

HERE = pathlib.Path(__file__).resolve().parent
INSTANCES = HERE / "instances"
WAYS = {
    "cpu": ["--backend", "cpu"],
    "cpu, not fused, alone": ["--backend", "cpu", "--fuse", "none", "--batch-tokens", "1"],
    "reference": ["--backend", "reference", "--fuse", "none"],
    "reference, fused, alone": ["--backend", "reference", "--batch-tokens", "1"],
}
# instance → (its golden, the checkpoint whose token ids were fed)
HEADS = {
    "multi-task": ("multi-task", "tiny-bert"),
    "swapped": ("swapped", "tiny-bert-classify"),
    "swapped-steps": ("swapped", "tiny-bert-classify"),
    "splade": ("splade", "tiny-bert-mlm"),
}


def assert_equals(got, want, what):
    assert got.shape == want.shape and got.dtype == np.float32, f"{what}: {got.shape}, not {want.shape}"
    worst = np.abs(got - want).max()
    assert worst <= 1e-4 * max(1.0, np.abs(want).max() / 10), f"{what}: {worst}"
    a, b = got.ravel().astype(np.float64), want.ravel().astype(np.float64)
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert cosine >= 0.99999, f"{what}: cosine {cosine}"


def outputs(model, source, names, folder, *flags):
    out = folder / "out.npz"
    done("run", model, "--ids-file", source, "--output", ",".join(names), "--npz", out, "--quiet", *flags)
    with np.load(out) as archive:
        return {key: archive[key] for key in archive.files}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HEADS)
def test_heads(name, way, tmp_path):
    golden, base = HEADS[name]
    with np.load(INSTANCES / f"{golden}.npz") as archive:
        want = {key: archive[key] for key in archive.files}
    got = outputs(INSTANCES / f"{name}.yaml", HERE / f"{base}.npz", want, tmp_path, *WAYS[way])
    for key, value in want.items():
        assert_equals(got[key], value, f"{name} {key} on {way}")


def test_heads_share_one_run_of_the_encoder(tmp_path):
    """Several heads cost their own operations only."""
    def operations(names):
        text = run("run", INSTANCES / "multi-task.yaml", "--fuse", "none", "--output", names, "a cat").stderr.decode()
        return int(text.split("cpu ")[1].split(" ops")[0])

    one, all_three = operations("severity.logits"), operations("severity.logits,tagger.logits,spam.probability")
    assert all_three == one + 2 + 3 # tagger: product, bias; spam: product, bias, sigmoid (first_token is shared)


def test_inspect_lists_the_heads():
    shown = json.loads(done("inspect", INSTANCES / "multi-task.yaml", "--json", "--quiet"))
    heads = {head["name"]: head for head in shown["heads"]}
    assert list(heads) == ["severity", "emotion", "tagger", "spam"] and shown["warnings"] == []
    assert heads["emotion"]["labels"] == ["joy", "anger", "fear"] and heads["tagger"]["task"] == "ner"
    assert heads["emotion"]["problem_type"] == "multi_label_classification"
    assert heads["spam"]["outputs"] == ["logits", "probability"] and heads["spam"]["parameters"] == 33
    assert "masked_lm" in {head["name"] for head in shown["missing_heads"]}


# --- poolings: (as the instance says, what numpy makes of one text's hidden states [L + 1, n, d])


def last(states, n):
    return states[-n:]


POOLINGS = {
    "{mode: cls, layers: 2}": lambda s: np.concatenate([layer[0] for layer in last(s, 2)]),
    "{mode: cls, layers: 4, join: mean}": lambda s: np.mean([layer[0] for layer in last(s, 4)], axis=0),
    "{mode: mean, layers: 3, join: concat}": lambda s: np.concatenate([layer.mean(0) for layer in last(s, 3)]),
    "{mode: [max, cls], layers: [0, -1]}": lambda s: np.concatenate([s[0].max(0), s[0][0], s[-1].max(0), s[-1][0]]),
    "{mode: sum, layers: [-2, 1, 0], join: mean}": lambda s: (s[-2].sum(0) + s[1].sum(0) + s[0].sum(0)) / 3,
    "{mode: mean, tokens: [1, -1]}": lambda s: s[-1][1:-1].mean(0),
    "{mode: [max, sum], tokens: [null, 3]}": lambda s: np.concatenate([s[-1][:3].max(0), s[-1][:3].sum(0)]),
    "{mode: mean_sqrt_len_tokens, tokens: [-2, null]}": lambda s: s[-1][-2:].sum(0) / np.sqrt(2),
    "{mode: mean, layers: 2, join: mean, tokens: [1, 4]}": lambda s: (s[-1][1:4].mean(0) + s[-2][1:4].mean(0)) / 2,
    "{steps: [{mean: {begin: 1, end: -1}}]}": lambda s: s[-1][1:-1].mean(0),
    "{steps: [{from: [hidden_states.2, hidden_states.3]}, concat, {token: -1}]}":
        lambda s: np.concatenate([s[2][-1], s[3][-1]]),
    "sum": lambda s: s[-1].sum(0),
    "[cls, lasttoken]": lambda s: np.concatenate([s[-1][0], s[-1][-1]]),
    "weightedmean": lambda s: (s[-1] * np.arange(1, len(s[-1]) + 1)[:, None]).sum(0) / np.arange(1, len(s[-1]) + 1).sum(),
}


@pytest.fixture(scope="module")
def long_texts(tmp_path_factory):
    """The texts of tiny-bert.npz that have 4 tokens or more, and their hidden states."""
    with np.load(HERE / "tiny-bert.npz") as archive:
        cu, states = archive["cu_seqlens"], archive["hidden_states"]
        spans = [slice(a, b) for a, b in zip(cu, cu[1:]) if b - a >= 4]
        path = tmp_path_factory.mktemp("texts") / "texts.npz"
        np.savez(path, input_ids=np.concatenate([archive["input_ids"][span] for span in spans]),
                 token_type_ids=np.concatenate([archive["token_type_ids"][span] for span in spans]),
                 cu_seqlens=np.cumsum([0] + [span.stop - span.start for span in spans]))
        return path, [states[:, span] for span in spans]


def write_instance(folder, pooling):
    path = folder / "own.yaml"
    path.write_text(f"egbert: 1\ncheckpoint: {HERE / 'checkpoints' / 'tiny-bert'}\npooling: {pooling}\n")
    return path


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings(pooling, way, long_texts, tmp_path):
    source, states = long_texts
    got = outputs(write_instance(tmp_path, pooling), source, ["embedding"], tmp_path, *WAYS[way])["embedding"]
    want = np.stack([POOLINGS[pooling](text.astype(np.float64)) for text in states]).astype(np.float32)
    assert_equals(got, want, f"{pooling} on {way}")


def test_inspect_tells_the_pooling(tmp_path):
    shown = json.loads(done("inspect", write_instance(tmp_path, "{mode: mean, layers: 2, join: mean, tokens: [1, -1]}"), "--json"))
    assert shown["pooling"] == ["mean"] and shown["pooling_layers"] == [-2, -1] and shown["pooling_join"] == "mean"
    assert shown["pooling_tokens"] == {"begin": 1, "end": -1}
    plain = json.loads(done("inspect", write_instance(tmp_path, "[cls, max]"), "--json"))
    assert plain["pooling"] == ["cls", "max"] and "pooling_layers" not in plain


def test_the_pooler_is_a_pooling(tmp_path):
    with np.load(HERE / "tiny-bert.npz") as archive:
        want = archive["pooler_output"]
    got = outputs(write_instance(tmp_path, "pooler"), HERE / "tiny-bert.npz", ["embedding"], tmp_path)["embedding"]
    assert_equals(got, want, "pooler")


def test_a_text_without_a_row_of_the_span_is_refused(tmp_path):
    model = write_instance(tmp_path, "{mode: mean, tokens: [1, -1]}")
    says = ["TEXT 3: has 2 tokens, none of them where the pooling", "looks"]
    refused(3, "embed", model, "a", "b a b a b", "", "a b", "--quiet", says=says)
    refused(3, "embed", model, "a", "b a b a b", "", "a b", "--quiet", "--batch-tokens", "1", "--backend", "reference", says=says)
