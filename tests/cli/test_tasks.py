# SPDX-License-Identifier: Apache-2.0
"""The commands of tasks: how input is given, what is refused and where, what is printed. Numbers are tests/golden/test_tasks_pipelines.py's."""
import json
import re

import pytest
import tiny_model
from command import done, lines, refused, run

# Heads without weights of their own: numbers of the first token's row.
HEADS = """egbert: 1
checkpoint: .
heads:
  mood: {task: classify, labels: [bad, "so so", gut ü], outputs: [logits], steps: [first_token, {slice: 3, begin: 0, as: logits}]}
  follows: {task: nsp, outputs: [logits], steps: [first_token, {slice: 5, begin: 3, as: logits}]}
  fits: {task: choose, outputs: [logits], steps: [first_token, {slice: 6, begin: 5, as: logits}]}
  ranks: {task: rerank, outputs: [logits], steps: [first_token, {slice: 7, begin: 6, as: logits}]}
  weighs: {task: sparse, outputs: [weights], steps: [relu, log1p, {max: null, as: weights}]}
"""
TOPICS = "  topics: {task: classify, outputs: [logits], steps: [mean, {slice: 9, begin: 7, as: logits}]}\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tiny_model.make(tmp_path_factory.mktemp("tasks"))
    (folder / "heads.yaml").write_text(HEADS)
    (folder / "two.yaml").write_text(HEADS + TOPICS)
    return folder / "heads.yaml"


@pytest.fixture
def two(model):
    return model.with_name("two.yaml")


def jsonl(*records):
    return b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in records)


# --- what is printed -----------------------------------------------------------------------------------------------------


def test_classify(model):
    out = lines("classify", model, "the cat", "a dog")
    assert [list(line) for line in out] == [["label", "score", "logits", "labels"]] * 2
    for line in out:
        assert {c["label"] for c in line["labels"]} == {"bad", "so so", "gut ü"} and len(line["logits"]) == 3
        scores = [c["score"] for c in line["labels"]]
        assert scores == sorted(scores, reverse=True) and sum(scores) == pytest.approx(1)
        assert (line["label"], line["score"]) == (line["labels"][0]["label"], scores[0])
    table = done("classify", model, "the cat", "a dog").splitlines()
    assert [row.split("\t") for row in table] == [[line["label"], json_number(line["score"])] for line in out]
    best = done("classify", model, "the cat", "--top-k", "2").rstrip("\n").split("\t")
    assert best[::2] == [c["label"] for c in out[0]["labels"][:2]]


def json_number(value):
    return re.search(r":(.*)}", json.dumps({"x": value}, separators=(",", ":"))).group(1)


def test_several_heads(two):
    out = lines("classify", two, "the cat")[0]
    assert list(out) == ["heads"] and list(out["heads"]) == ["mood", "topics"]
    assert list(out["heads"]["topics"]) == ["label", "score", "logits", "labels"]
    assert out["heads"]["topics"]["label"] in ("LABEL_0", "LABEL_1")
    rows = [row.split("\t") for row in done("classify", two, "the cat").splitlines()]
    assert [row[0] for row in rows] == ["mood", "topics"] and rows[0][1] == out["heads"]["mood"]["label"]
    assert list(lines("classify", two, "the cat", "--head", "mood")[0]) == ["label", "score", "logits", "labels"]


def test_nsp(model):
    out = lines("nsp", model, "the cat", "sat")[0]
    assert list(out) == ["is_next", "logits"] and 0 < out["is_next"] < 1
    assert lines("nsp", model, "the cat", "--pair", "sat") == [out]
    word, score = done("nsp", model, "the cat", "sat").rstrip("\n").split("\t")
    assert word == ("is next" if out["is_next"] >= 0.5 else "not next") and float(score) == out["is_next"]


def test_choose(model):
    out = lines("choose", model, "--prompt", "the cat", "sat", "on the mat", "world")[0]
    assert list(out) == ["choice", "scores", "logits"] and sum(out["scores"]) == pytest.approx(1)
    assert out["scores"][out["choice"]] == max(out["scores"])
    table = done("choose", model, "--prompt", "the cat", "sat", "on\tthe mat", "world").splitlines()
    assert len(table) == 3 and [row.startswith("*") for row in table].index(True) == out["choice"]
    assert table[1].endswith("on the mat")


def test_rerank(model):
    documents = ["a dog sat", "the mat", "hello world"]
    out = lines("rerank", model, "--query", "the cat", *documents)
    assert all(list(line) == ["index", "score", "text"] and documents[line["index"]] == line["text"] for line in out)
    assert sorted(line["index"] for line in out) == [0, 1, 2]
    assert [line["score"] for line in out] == sorted((line["score"] for line in out), reverse=True)
    assert lines("rerank", model, "--query", "the cat", "--top-k", "1", *documents) == out[:1]
    record = lines("rerank", model, "--input-format", "jsonl", stdin=jsonl({"query": "the cat", "documents": documents, "id": [1]}))
    assert record == [{"id": [1], "results": out}]
    assert [row.split()[1] for row in done("rerank", model, "--query", "the cat", *documents).splitlines()] == [
        str(line["index"]) for line in out]


def test_sparse(model):
    out = lines("sparse", model, "the cat", "a dog")
    for line in out:
        weights = list(line["sparse"].values())
        assert list(line) == ["sparse"] and weights == sorted(weights, reverse=True) and weights[-1] > 0
        assert set(line["sparse"]) <= set(tiny_model.VOCABULARY)
    table = done("sparse", model, "the cat", "a dog").split("\n\n")
    assert [row.split("\t")[0] for row in table[0].splitlines()] == list(out[0]["sparse"])
    assert lines("sparse", model, "the cat", "--top-k", "1")[0]["sparse"] == dict([next(iter(out[0]["sparse"].items()))])


# --- how it is given -----------------------------------------------------------------------------------------------------


def test_ids_are_repeated(model):
    stdin = jsonl(b'{"text":"a","id":1.0e1}\n', {"text": "b"})
    assert run("classify", model, "--json", "--input-format", "jsonl", stdin=stdin).stdout.startswith(b'{"id":1.0e1,"label":')
    out = lines("choose", model, "--input-format", "jsonl", stdin=jsonl(
        {"prompt": "a", "choices": ["b", "c"], "id": "x"}, {"choices": ["d"], "id": None, "prompt": "e", "label": 0}))
    assert [line["id"] for line in out] == ["x", None] and [len(line["scores"]) for line in out] == [2, 1]


def test_lines_and_a_flag(model, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("a dog sat\nthe mat\n\n")
    documents = ["a dog sat", "the mat", ""]
    for command, flag in (("rerank", "--query"), ("choose", "--prompt")):
        given = lines(command, model, flag, "the cat", "--", *documents)
        assert lines(command, model, flag, "the cat", "--input", path) == given
        assert lines(command, model, flag, "the cat", stdin=path.read_bytes()) == given
        assert run(command, model, flag, "the cat", "--json", stdin=b"").stdout == b""
    assert len(lines("nsp", model, "--pair", "the cat", "--input", path)) == 3
    assert len(lines("classify", model, "--pair", "the cat", "--input", path)) == 3


def test_a_flag_for_all_records(model):
    stdin = jsonl({"documents": ["a"]}, {"documents": []}, {"documents": ["b", "c"]})
    out = lines("rerank", model, "--query", "the cat", "--input-format", "jsonl", stdin=stdin)
    assert [len(line["results"]) for line in out] == [1, 0, 2]
    assert out[0]["results"] == lines("rerank", model, "--query", "the cat", "a")
    out = lines("nsp", model, "--pair", "b", "--input-format", "jsonl", stdin=jsonl({"text": "a"}))
    assert out == lines("nsp", model, "a", "b")


def test_many_records(model):
    records = [{"query": "the cat", "documents": ["a dog"] * (i % 5), "id": i} for i in range(1500)]
    out = lines("rerank", model, "--input-format", "jsonl", stdin=jsonl(*records))
    assert [line["id"] for line in out] == list(range(1500))
    assert [len(line["results"]) for line in out] == [i % 5 for i in range(1500)]


# --- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args, says", [
    (["classify"], "MODEL"),
    (["classify", "MODEL", "a", "--query", "b"], "--query"),
    (["classify", "MODEL", "a", "--top-k", "0"], "--top-k"),
    (["classify", "MODEL", "a", "--top-k", "01"], "--top-k"),
    (["classify", "MODEL", "a", "--ids", "1"], "--ids"),
    (["classify", "MODEL", "a", "--input", "x"], "contradict"),
    (["nsp", "MODEL", "a"], "two"),
    (["nsp", "MODEL", "a", "b", "c"], "'c'"),
    (["nsp", "MODEL", "--input-format", "lines"], "no --pair"),
    (["choose", "MODEL", "a", "b"], "no --prompt"),
    (["choose", "MODEL", "--prompt", "a", "--pair", "b", "c"], "--pair"),
    (["rerank", "MODEL", "a"], "no --query"),
    (["rerank", "MODEL", "--input", "-"], "no --query"),
    (["rerank", "MODEL", b"--query", b"\xff", "a"], "--query is not valid UTF-8"),
    (["sparse", "MODEL", "a", "--npy", "x"], "--npy"),
])
def test_wrong_arguments(model, args, says):
    refused(2, *(model if a == "MODEL" else a for a in args), says=says)


def test_heads_that_are_not_there(model, tiny):
    refused(2, "classify", tiny, "a", says=["no head for classify", "'classifier.weight' is missing"])
    refused(2, "nsp", model, "a", "b", "--head", "mood", says=["'mood'", "classify", "nsp"])
    refused(2, "sparse", model, "a", "--head", "nothing", says="nothing")
    error = refused(2, "ner", model, "a", says="no head for ner")
    for head in ("mood (classify)", "follows (nsp)", "fits (choose)", "ranks (rerank)", "weighs (sparse)"):
        assert head in error


@pytest.mark.parametrize("command, record, place, says", [
    ("classify", b'{"pair":"a"}', "1:1", 'without "text"'),
    ("classify", b'{"text":"a","pairs":"a"}', "1:13", 'did you mean "pair"'),
    ("nsp", b'{"text":"a"}', "1:1", 'without "pair"'),
    ("nsp", b'{"text":"a","pair":null}', "1:20", '"pair" is not a string'),
    ("choose", b'{"text":"a"}', "1:2", 'a record has "prompt" and "choices"'),
    ("choose", b'{"prompt":"a"}', "1:1", 'without "choices"'),
    ("choose", b'{"choices":["a"]}', "1:1", 'without "prompt"'),
    ("choose", b'{"prompt":"a","choices":[]}', "1:25", '"choices" is empty'),
    ("choose", b'{"prompt":"a","choices":"b"}', "1:25", "list of strings"),
    ("choose", b'{"prompt":"a","choices":["b",7]}', "1:30", "not a string"),
    ("rerank", b'{"query":["a"],"documents":[]}', "1:10", '"query" is not a string'),
    ("rerank", b'{"query":"a","documents":[null]}', "1:27", "not a string"),
    ("rerank", b'{"query":"a","documents":["\\udc00"]}', "1:28", "surrogate"),
    ("rerank", b'{"query":"a","dokuments":[]}', "1:14", 'did you mean "documents"'),
    ("rerank", b"[]", "1:1", '{"query": '),
    ("sparse", b"nonsense", "1:1", ""),
])
def test_bad_records(model, command, record, place, says):
    refused(3, command, model, "--input-format", "jsonl", stdin=record + b"\n", says=[f"standard input:{place}: ", says])


def test_a_field_twice(model):
    refused(3, "rerank", model, "--query", "a", "--input-format", "jsonl", stdin=jsonl({"query": "b", "documents": ["c"]}),
            says=['a "query" of its own', "--query"])


def test_earlier_lines_stand(model):
    good = jsonl({"query": "the cat", "documents": ["a dog", "b"], "id": 1}, {"query": "a", "documents": ["c"]})
    args = ["rerank", model, "--json", "--input-format", "jsonl"]
    stands = run(*args, stdin=good).stdout
    assert stands.count(b"\n") == 2
    refused(3, *args, stdin=good + b'{"query":"x","documents":[1]}\n' + good, says="standard input:3:27: ", stdout=stands)


def test_a_fault_of_the_library_names_the_record(tmp_path):
    """A tokenizer that puts nothing around a text leaves an empty one without tokens."""
    folder = tiny_model.make(tmp_path)
    (folder / "heads.yaml").write_text(HEADS)
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None,
        "decoder": None, "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                                   "max_input_chars_per_word": 100,
                                   "vocab": {word: i for i, word in enumerate(tiny_model.VOCABULARY)}}}))
    model = folder / "heads.yaml"
    first = jsonl({"query": "", "documents": ["a", "b"]})
    stands = done("rerank", model, "--input-format", "jsonl", "--json", stdin=first).encode()
    assert stands.count(b"\n") == 1
    refused(3, "rerank", model, "--input-format", "jsonl", "--json", says="standard input:2: has no tokens", stdin=first + jsonl(
        {"query": "", "documents": ["a", ""]}, {"query": "a", "documents": ["b"]}), stdout=stands)
    refused(3, "rerank", model, "--query", "", "--json", says="standard input:3: has no tokens", stdin=b"a\nb\n\nc\n")
    refused(3, "rerank", model, "--query", "", "--", "a", "", says="TEXT 2: has no tokens")
    refused(3, "classify", model, says="standard input:2: has no tokens", stdin=b"a\n\n",
            stdout=done("classify", model, "a").encode())
