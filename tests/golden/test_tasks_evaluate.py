# SPDX-License-Identifier: Apache-2.0
"""`egbert evaluate` gives the losses of transformers' training code, scikit-learn's F1, SciPy's correlations, seqeval's
entities."""
import json
import math
import pathlib

import pytest
import task_models
import tasks_evaluate
from command import done, lines, refused

GOLDENS = json.loads((pathlib.Path(__file__).parent / "tasks" / "evaluate.json").read_text())
WAYS = {"cpu": ["--backend", "cpu"], "reference, alone": ["--backend", "reference", "--batch-tokens", "1", "--fuse", "none"]}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    return {name: tasks_evaluate.make_case(name, folder / name.replace(" ", "-")) for name in tasks_evaluate.CASES}


def stream(records):
    return "".join(json.dumps({k: v for k, v in r.items() if k != "original"}, ensure_ascii=False) + "\n" for r in records).encode()


def evaluate(case, *flags):
    model, records, own = case
    return lines("evaluate", model, "--input", "-", "--quiet", *own, *flags, stdin=stream(records))[0]


def assert_close(got, want, what):
    if isinstance(want, dict):
        assert set(got) >= set(want), what
        for key in want:
            assert_close(got[key], want[key], f"{what} {key}")
    elif isinstance(want, list):
        assert len(got) == len(want), what
        for i, (a, b) in enumerate(zip(got, want)):
            assert_close(a, b, f"{what} {i}")
    elif isinstance(want, float):
        assert abs(got - want) <= 1e-4 * max(1.0, abs(want) / 10), f"{what}: {got}, not {want}"
    else:
        assert got == want, f"{what}: {got}, not {want}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", tasks_evaluate.CASES)
def test_numbers(cases, name, way):
    want, got = dict(GOLDENS[name]), evaluate(cases[name], *WAYS[way])
    types = want.pop("types", None)
    assert_close(got, want, name)
    if types is not None:
        assert_close({entry["label"]: entry for entry in got["classes"] if entry["support"] or entry["label"] in types}, types, name)


def test_goldens_show_something():
    """Otherwise they would fit whatever is computed."""
    assert GOLDENS["one class"]["f1"]["macro"] != GOLDENS["one class"]["f1"]["micro"]
    assert 0 < GOLDENS["topics"]["f1"]["micro"] < 1 and 0 < GOLDENS["tags"]["f1"]["micro"] < 1
    assert GOLDENS["drawn"]["masked"] > 100 and abs(GOLDENS["score"]["pearson"] - GOLDENS["score"]["spearman"]) > 1e-3


def test_draws_have_their_shares():
    """15 % chosen, of these 80 % masked and 10 % changed, whatever the seed."""
    for seed in (0, 1, 2**63):
        chosen = [(t, k) for t in range(200) for k in range(100) if (tasks_evaluate.draw(seed, t, k, 0) >> 11) / 2**53 < 0.15]
        fates = [(tasks_evaluate.draw(seed, t, k, 1) >> 11) / 2**53 for t, k in chosen]
        assert abs(len(chosen) / 20000 - 0.15) < 0.01
        assert abs(sum(f < 0.8 for f in fates) / len(fates) - 0.8) < 0.03
        assert abs(sum(0.8 <= f < 0.9 for f in fates) / len(fates) - 0.1) < 0.02


def test_batches_change_no_draw(cases):
    """More texts than are read at once, in batches of all sizes: the same tokens are masked."""
    model, records, _ = cases["drawn"]
    case = model, records * 12, ["--seed", "3"]
    once = evaluate(case)
    assert once["count"] == len(records) * 12 > 1024
    for flags in (["--batch-tokens", "64"], ["--batch-tokens", "9999", "--threads", "1"]):
        assert_close(evaluate(case, *flags), once, str(flags))
    other = evaluate((model, records * 12, ["--seed", "4"]))
    assert other["masked"] != once["masked"] or other["loss"] != once["loss"]


def test_plain_lines_are_texts_to_mask(cases):
    model, records, flags = cases["drawn"]
    texts = [r["text"] for r in records if r["text"] and r["text"].isprintable()]
    as_lines = lines("evaluate", model, "--input", "-", "--input-format", "lines", "--quiet", *flags, stdin="\n".join(texts).encode())
    assert as_lines == [evaluate((model, [{"text": text} for text in texts], flags))]


def test_perplexity(cases):
    got = evaluate(cases["masks"])
    assert math.isclose(got["perplexity"], math.exp(got["loss"]), rel_tol=1e-6) and got["task"] == "fill_mask"


def test_targets_that_the_model_would_give(cases):
    """What fill-mask puts in the place is right, and its loss is minus the logarithm of its score."""
    model, records, _ = cases["masks"]
    records = [{"text": r["text"]} for r in records]
    fills = [line["fills"] for line in lines("fill-mask", model, "--input", "-", "--input-format", "jsonl", "--quiet", "--top-k", "1",
                                             stdin=stream(records))]
    texts = [line if isinstance(line[0], list) else [line] for line in fills]
    got = evaluate((model, [{**r, "target": [mask[0]["token"] for mask in line]} for r, line in zip(records, texts)], []))
    scores = [mask[0]["score"] for line in texts for mask in line]
    assert got["accuracy"] == 1 and got["masked"] == len(scores)
    assert math.isclose(got["loss"], -sum(map(math.log, scores)) / len(scores), rel_tol=1e-5)


def test_constant_scores_have_no_correlation(cases):
    model, records, _ = cases["score"]
    got = evaluate((model, [{**record, "label": 2} for record in records], []))
    assert got["pearson"] is None and got["spearman"] is None and got["loss"] > 0


def test_table(cases):
    model, records, _ = cases["one class"]
    text = done("evaluate", model, "--input", "-", "--quiet", stdin=stream(records))
    rows = text.splitlines()
    assert rows[0] == "task        classify (sequence_classification)" and rows[1] == "texts       150"
    matrix = [row for row in rows if row.startswith("middle ")][1]
    assert [int(x) for x in matrix.split()[1:]] == GOLDENS["one class"]["confusion"]["matrix"][1]


def test_several_heads(tmp_path):
    """A multi-task instance: --head says which, the labels are its own."""
    model = task_models.make(tmp_path / "model", "wordpiece", "SequenceClassification", ("x", "y"), seed=3)
    instance = tmp_path / "two.yaml"
    steps = "[{from: pooler_output}, {linear: classifier, out: 2, as: logits}]"
    instance.write_text("egbert: 1\ncheckpoint: ./model\nheads:\n  sequence_classification: null\n" + "".join(
        f"  {name}: {{task: classify, labels: [{labels}], outputs: [logits], steps: {steps}}}\n"
        for name, labels in (("severity", "low, high"), ("kind", "bug, wish"))))
    records = stream([{"text": "a", "label": "wish"}, {"text": "b", "label": 0}])
    got = lines("evaluate", instance, "--head", "kind", "--input", "-", "--quiet", stdin=records)[0]
    assert got["head"] == "kind" and got["confusion"]["labels"] == ["bug", "wish"]
    refused(2, "evaluate", instance, "--input", "-", stdin=records, says=("several heads", "severity", "kind", "--head"))
