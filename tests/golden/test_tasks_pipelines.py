# SPDX-License-Identifier: Apache-2.0
"""The commands of tasks give what the pipelines of transformers and sentence-transformers give (make_tasks.py made tests/golden/tasks):
the same labels in the same order, scores within 1e-4, on reference and cpu, records together and alone."""
import json
import pathlib
import shutil

import pytest
from command import lines
from random_weights import write_weights

TASKS = pathlib.Path(__file__).resolve().parent / "tasks"
WAYS = {
    "cpu": ["--backend", "cpu"],
    "cpu, alone": ["--backend", "cpu", "--batch-tokens", "1", "--threads", "1"],
    "reference, not fused": ["--backend", "reference", "--fuse", "none"],
}
CLOSE = 1e-4


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """name → (its facts, what the command takes as MODEL), each made when it is first asked for."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = write_model(tmp_path_factory.mktemp(name), json.loads((TASKS / f"{name}.json").read_text()))
        return made[name]

    return get


def write_model(folder, facts):
    for path in (TASKS / facts["tokenizer"]).iterdir():
        shutil.copy(path, folder)
    for name, text in facts["files"].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    write_weights(folder / "model.safetensors", facts["tensors"], facts["seed"], facts["scale"])
    if "own" in facts:
        write_weights(folder / "own.safetensors", facts["own"]["tensors"], facts["own"]["seed"])
    return facts, folder / facts["model"]


def run(command, model, records, *flags):
    stdin = "".join(json.dumps(record) + "\n" for record in records).encode()
    return lines(command, model, "--input-format", "jsonl", "--quiet", *flags, stdin=stdin)


def near(got, want, what=""):
    assert len(got) == len(want) and all(abs(g - w) <= CLOSE for g, w in zip(got, want)), f"{what}: {got}, not {want}"


# --- one result against the reference's, by task


def same_classes(got, want, record):
    assert [c["label"] for c in got["labels"]] == [c["label"] for c in want], record
    near([c["score"] for c in got["labels"]], [c["score"] for c in want], record)
    assert got["label"] == want[0]["label"] and got["score"] == got["labels"][0]["score"]
    assert len(got["logits"]) == len(want) and list(got) == ["label", "score", "logits", "labels"]


def same_heads(got, want, record):
    assert list(got) == ["heads"] and list(got["heads"]) == list(want)
    for name, head in want.items():
        by_score = sorted(head["scores"].items(), key=lambda pair: -pair[1])
        same_classes(got["heads"][name], [{"label": label, "score": score} for label, score in by_score], record)
        near(got["heads"][name]["logits"], head["logits"], record)


def same_next(got, want, record):
    assert list(got) == ["is_next", "logits"]
    near([got["is_next"]], [want["is_next"]], record)
    near(got["logits"], want["logits"], record)


def same_choice(got, want, record):
    assert list(got) == ["choice", "scores", "logits"] and got["choice"] == want["choice"], record
    near(got["scores"], want["scores"], record)
    near(got["logits"], want["logits"], record)


def same_ranking(got, want, record):
    assert list(got) == ["results"]
    got = got["results"]
    assert [(r["index"], r["text"]) for r in got] == [(r["index"], r["text"]) for r in want], record
    near([r["score"] for r in got], [r["score"] for r in want], record)


def same_weights(got, want, record):
    got = got["sparse"]
    sure = {token for token, weight in want.items() if weight > CLOSE}
    assert sure <= set(got) and all(weight <= CLOSE for token, weight in got.items() if token not in sure), record
    tokens = sorted(sure)
    near([got[t] for t in tokens], [want[t] for t in tokens], record)
    assert list(got.values()) == sorted(got.values(), reverse=True)


SAME = {"classify": same_classes, "heads": same_heads, "nsp": same_next, "choose": same_choice, "rerank": same_ranking,
        "sparse": same_weights}
COMMANDS = {"heads": "classify"}
NAMES = sorted(path.stem for path in TASKS.glob("*.json") if json.loads(path.read_text()).get("task") in SAME)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(models, name, way):
    facts, model = models(name)
    task = facts["task"]
    records = [case["record"] for case in facts["cases"]]
    got = run(COMMANDS.get(task, task), model, records, *WAYS[way])
    assert len(got) == len(records)
    for line, case in zip(got, facts["cases"]):
        SAME[task](line, case["want"], case["record"])


@pytest.mark.parametrize("name", NAMES)
def test_a_record_alone_is_the_same(models, name):
    facts, model = models(name)
    task = facts["task"]
    command = COMMANDS.get(task, task)
    records = [case["record"] for case in facts["cases"]]
    together = run(command, model, records, "--backend", "cpu")
    for i in (0, len(records) - 1):
        alone = run(command, model, [records[i]], "--backend", "cpu")
        assert round_numbers(alone[0]) == round_numbers(together[i])


def round_numbers(value):
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-6)
    if isinstance(value, dict):
        return {key: round_numbers(v) for key, v in value.items()}
    return [round_numbers(v) for v in value] if isinstance(value, list) else value


# --- the flags say the same as the records


def test_texts_as_arguments(models):
    facts, model = models("classify-3")
    cases = facts["cases"][:3]
    got = lines("classify", model, *(case["record"]["text"] for case in cases), "--quiet")
    for line, case in zip(got, cases, strict=True):
        same_classes(line, case["want"], case["record"])
    pair = facts["cases"][-2]
    same_classes(lines("classify", model, pair["record"]["text"], "--pair", pair["record"]["pair"], "--quiet")[0], pair["want"], pair)
    same_classes(lines("classify", model, cases[0]["record"]["text"], "--top-k", "2", "--quiet")[0] | {"logits": [0, 0]},
                 cases[0]["want"][:2], cases[0])


def test_a_pair_as_arguments(models):
    facts, model = models("nsp")
    for case in facts["cases"]:
        same_next(lines("nsp", model, "--quiet", "--", case["record"]["text"], case["record"]["pair"])[0], case["want"], case)


def test_choices_as_arguments(models):
    facts, model = models("choose-roberta")
    case = facts["cases"][0]
    got = lines("choose", model, "--prompt", case["record"]["prompt"], "--quiet", "--", *case["record"]["choices"])
    same_choice(got[0], case["want"], case)
    stdin = "".join(choice + "\n" for choice in case["record"]["choices"]).encode()
    assert lines("choose", model, "--prompt", case["record"]["prompt"], "--quiet", stdin=stdin) == got


def test_documents_as_arguments(models):
    facts, model = models("rerank-identity")
    case = facts["cases"][0]
    got = lines("rerank", model, "--query", case["record"]["query"], "--quiet", "--", *case["record"]["documents"])
    same_ranking({"results": got}, case["want"], case)
    best = lines("rerank", model, "--query", case["record"]["query"], "--top-k", "2", "--quiet", "--", *case["record"]["documents"])
    assert best == got[:2]


def test_the_heaviest_tokens(models):
    facts, model = models("sparse-instance")
    case = facts["cases"][0]
    got = lines("sparse", model, case["record"]["text"], "--top-k", "5", "--quiet")[0]["sparse"]
    assert list(got) == sorted(case["want"], key=lambda token: -case["want"][token])[:5]


def test_one_of_several_heads(models):
    facts, model = models("own-heads")
    case = facts["cases"][0]
    got = lines("classify", model, case["record"]["text"], "--head", "topics", "--quiet")[0]
    both = lines("classify", model, case["record"]["text"], "--quiet")[0]
    assert got == round_numbers(both["heads"]["topics"])
