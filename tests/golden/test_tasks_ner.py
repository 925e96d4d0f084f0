# SPDX-License-Identifier: Apache-2.0
"""`egbert ner` finds what the token-classification pipeline of transformers finds, in all modes, by three kinds of tokenizer."""
import gzip
import json
import pathlib

import pytest
import task_models
import tasks_ner
from command import lines

GOLDENS = json.loads(gzip.decompress((pathlib.Path(__file__).parent / "tasks" / "ner.json.gz").read_bytes()))
WAYS = {"cpu": ["--backend", "cpu"], "reference, alone": ["--backend", "reference", "--batch-tokens", "1", "--fuse", "none"]}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ner")
    return {kind: tasks_ner.checkpoint(folder / kind, kind) for kind in task_models.KINDS}


def entities(model, texts, mode, *flags):
    records = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    results = lines("ner", model, "--input", "-", "--input-format", "jsonl", "--aggregation", mode, "--quiet", *flags,
                    stdin=records.encode())
    assert len(results) == len(texts)
    return [result["entities"] for result in results]


def assert_equals(got, want, mode, text):
    keys = ["entity", "score", "word", "start", "end"]
    exact = [[*(e[k] for k in keys if k != "score"), e.get("index")] for e in got]
    assert exact == [[w[0], *w[2:5], w[5] if mode == "none" else None] for w in want], repr(text)
    for e, w in zip(got, want):
        assert abs(e["score"] - w[1]) <= 1e-4, f"{text!r}: {e}, not {w}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", tasks_ner.MODES)
@pytest.mark.parametrize("kind", task_models.KINDS)
def test_entities(models, kind, mode, way):
    texts, want = tasks_ner.texts(mode), GOLDENS[kind][mode]
    assert len(want) == len(texts) and sum(map(len, want)) > 200
    for text, got, expected in zip(texts, entities(models[kind], texts, mode, *WAYS[way]), want):
        assert_equals(got, expected, mode, text)


def test_texts_of_the_goldens():
    """Otherwise they would show less than they are said to."""
    texts = tasks_ner.texts("simple")
    assert len(texts) >= 200 and max(map(len, texts)) > 1000 and len({ord(c) >> 8 for text in texts for c in text}) > 40


@pytest.mark.parametrize("kind", task_models.KINDS)
def test_offsets_count_characters(models, kind):
    """The text at [start, end) is where the word comes from, whatever stands before it."""
    text = "🙂 👩‍👧 naïve Zürich x é Москва the old clock repairs it"
    compared = 0
    for e in entities(models[kind], [text], "none")[0]:
        word = e["word"].lstrip("Ġ▁").removeprefix("##")
        if word and word.isascii():
            assert text[e["start"]:e["end"]].strip() == word
            compared += 1
    assert compared > 3


def test_default_is_none(models):
    record = b'{"text": "New York", "id": 7}\n'
    flags = ("ner", models["wordpiece"], "--input", "-", "--input-format", "jsonl", "--quiet")
    plain = lines(*flags, stdin=record)
    assert plain == lines(*flags, "--aggregation", "none", stdin=record) and plain[0]["id"] == 7


def test_long_texts_are_cut(models):
    """As the pipeline cuts them: what is beyond the limit does not count, however long it is."""
    short = "New York and Москва are cities " * 8
    for mode in ("none", "average"):
        assert entities(models["wordpiece"], [short], mode) == entities(models["wordpiece"], [short + "x y " * 100000], mode)
