# SPDX-License-Identifier: Apache-2.0
"""`egbert evaluate` and `egbert ner`: what is refused, with what status and where, and what is printed. The numbers are those of
tests/golden/test_tasks_evaluate.py and test_tasks_ner.py."""
import json
import os
import subprocess
import sys

import pytest
import tiny_model
from command import COMMAND, done, environment, lines, refused

# Heads without weights of their own: numbers of the tokens' rows.
HEADS = {
    "classes": "{task: classify, labels: [low, high], outputs: [logits], steps: [first_token, {slice: 2, begin: 0, as: logits}]}",
    "several": "{task: classify, labels: [a, b, c], problem_type: multi_label_classification, outputs: [logits],"
               " steps: [first_token, {slice: 5, begin: 2, as: logits}]}",
    "number": "{task: classify, outputs: [logits], steps: [first_token, {slice: 6, begin: 5, as: logits}]}",
    "numbers": "{task: classify, problem_type: regression, labels: [x, y], outputs: [logits],"
               " steps: [first_token, {slice: 8, begin: 6, as: logits}]}",
    "tags": "{task: ner, labels: [B-X, I-X, O], outputs: [logits], steps: [{slice: 3, begin: 0, as: logits}]}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tiny_model.make(tmp_path_factory.mktemp("evaluate"))
    for name, head in HEADS.items():
        (made / f"{name}.yaml").write_text(f"egbert: 1\ncheckpoint: .\nheads:\n  {name}: {head}\n")
    return made


@pytest.fixture
def evaluate(folder, tmp_path):
    """Writes the lines to a file and evaluates: a function that refuses and says so, or gives the result."""

    def run(head, *records, says=None, status=3, flags=()):
        data = tmp_path / "data.jsonl"
        data.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
        model = folder / f"{head}.yaml" if head else folder
        if says is None:
            return lines("evaluate", model, "--input", data, "--quiet", *flags)[0]
        return refused(status, "evaluate", model, "--input", data, "--quiet", *flags, says=says)

    return run


LOW, TEXT = {"text": "a", "label": "low"}, {"text": "a"}


@pytest.mark.parametrize("head, records, says", [
    ("classes", [LOW, {"text": "a", "label": "hihg"}], ('data.jsonl:2: ', 'no label "hihg"', "low, high")),
    ("classes", [{"text": "a", "label": 2}], ("data.jsonl:1: ", "no label 2", "up to 1")),
    ("classes", [{"text": "a", "label": -1}], ("data.jsonl:1: ", "no label -1")),
    ("classes", [LOW, LOW, TEXT], ("data.jsonl:3: ", "no label", "a name or an index")),
    ("classes", [{**LOW, "label": None}], ("data.jsonl:1: ", "no label")),
    ("classes", [LOW, {"text": "a", "label": ["low"]}], ("data.jsonl:2: ", "one label")),
    ("classes", [LOW, '{"text": "a", "label": "low"'], "data.jsonl:2:"),
    ("classes", [LOW, {"text": "a", "lable": "low"}], ("data.jsonl:2:15: ", '"label"')),
    ("classes", [{"text": "a", "label": 0, "target": 0}], ("data.jsonl:1:", "both")),
    ("several", [{"text": "a", "label": "a"}], ("data.jsonl:1: ", "a list")),
    ("several", [{"text": "a", "label": [0, 0]}], ("data.jsonl:1: ", "each label once")),
    ("several", [{"text": "a", "label": [1.0, 0.5, 0.0]}], ("data.jsonl:1: ", "no label 1.0")),
    ("number", [{"text": "a", "label": 1}, {"text": "a", "label": "1"}], ("data.jsonl:2: ", "a number")),
    ("numbers", [{"text": "a", "label": [1]}], ("data.jsonl:1: ", "for each label")),
    ("tags", [{"text": "a b", "label": ["O"]}], ("data.jsonl:1: ", "2 words", "1 tags")),
    ("tags", [{"text": "a", "label": ["O"]}, {"text": "a b", "label": ["O", "B-Y"]}], ("data.jsonl:2: ", '"B-Y"', "B-X, I-X")),
    ("tags", [{"text": "a b", "label": "O"}], ("data.jsonl:1: ", "a tag for each word")),
    ("tags", [{"text": "a", "pair": "b", "label": ["O"]}], ("data.jsonl:1: ", "single texts")),
    ("", [{"text": "a", "pair": "b", "label": 1}, {"text": "a", "label": 1}], ("data.jsonl:2: ", "no pair")),
    ("", [{"text": "a", "pair": "b", "label": 1}, {"text": "a", "pair": "b", "label": "x"}], ("data.jsonl:2: ", "a number")),
    ("classes", [], ("data.jsonl: ", "no texts")),
])
def test_bad_records(evaluate, head, records, says):
    evaluate(head, *records, says=says)


def test_a_fault_far_down_names_its_line(evaluate):
    evaluate("classes", *[LOW] * 3000, {"text": "a", "label": "x"}, says="data.jsonl:3001: ")


def test_wrong_arguments(evaluate, folder):
    evaluate("", TEXT, status=2, says=("no head", "pairs with a number"))
    refused(2, "evaluate", folder, "word", says="unexpected argument")
    refused(2, "evaluate", folder, "--seed", "-1", says="--seed")
    refused(2, "evaluate", folder, "--seed", "0x1", says="--seed")
    refused(3, "evaluate", folder, "--input", folder / "none.jsonl", says="none.jsonl")
    refused(2, "ner", folder / "tags.yaml", "a", "--aggregation", "all", says=("--aggregation", "simple"))
    refused(2, "ner", folder / "classes.yaml", "a", says=("no head for ner", "classes"))
    refused(2, "ner", folder, "a", says="no head")
    refused(2, "embed", folder, "a", "--aggregation", "simple", says="--aggregation")


def test_head_without_an_evaluation(tmp_path):
    made = tiny_model.make(tmp_path)
    (made / "qa.yaml").write_text("egbert: 1\ncheckpoint: .\nheads:\n  follows: {task: nsp, outputs: [logits],"
                                  " steps: [first_token, {slice: 2, begin: 0, as: logits}]}\n")
    line = b'{"text": "a", "label": 0}\n'
    refused(2, "evaluate", made / "qa.yaml", "--input", "-", stdin=line, says=("no head", "follows (nsp)"))
    refused(2, "evaluate", made / "qa.yaml", "--head", "follows", "--input", "-", stdin=line, says=("'follows'", "nsp"))


def test_pair_in_ner(folder):
    refused(3, "ner", folder / "tags.yaml", "--input", "-", "--input-format", "jsonl", stdin=b'{"text": "a", "pair": "b"}\n',
            says=("standard input:1: ", "single texts"))


def test_keys(evaluate):
    got = evaluate("classes", LOW, {"text": "b", "label": 1}, {"text": "c", "label": "high"})
    assert list(got) == ["task", "head", "count", "loss", "accuracy", "f1", "classes", "confusion"]
    assert got["count"] == 3 and [sum(row) for row in got["confusion"]["matrix"]] == [1, 2]
    assert list(evaluate("number", {"text": "a", "label": 1}, {"text": "b", "label": 2})) == \
        ["task", "head", "count", "loss", "pearson", "spearman"]
    assert list(evaluate("numbers", {"text": "a", "label": [1, 2]})) == ["task", "head", "count", "loss"]
    assert list(evaluate("several", {"text": "a", "label": []})) == ["task", "head", "count", "loss", "accuracy", "f1", "classes"]
    got = evaluate("", {"text": "a", "pair": "b", "label": 1}, {"text": "a", "pair": "a", "label": 2})
    assert got == {"task": "similarity", "head": "embedding", "count": 2, "pearson": 1, "spearman": 1}


def test_tags_of_words(evaluate):
    """Words without tokens and words with null do not count; blank texts are texts."""
    got = evaluate("tags", {"text": "a  b c", "label": ["O", None, "B-X"]}, {"text": " ", "label": []},
                   {"text": "a\u200b \u200b b", "label": [0, 1, "I-X"]})
    assert (got["count"], got["words"]) == (3, 4)
    assert sum(map(sum, got["confusion"]["matrix"])) == 4 and [c["label"] for c in got["classes"]] == ["X"]


def test_ner_table(folder):
    found = lines("ner", folder / "tags.yaml", "the cat sat", "a dog", "--aggregation", "simple", "--quiet")
    table = done("ner", folder / "tags.yaml", "the cat sat", "a dog", "--aggregation", "simple", "--quiet")
    blocks = [[row.split("\t") for row in block.splitlines()] for block in table.split("\n\n")]
    shown = [[[e["entity"], e["word"], str(e["start"]), str(e["end"])] for e in line["entities"]] for line in found]
    assert [[[r[0], *r[2:]] for r in block] for block in blocks] == shown and any(shown)


def test_memory_does_not_grow_with_the_input(folder, tmp_path):
    """Texts are read, counted and forgotten."""

    def peak(count):
        data = tmp_path / f"{count}.jsonl"
        data.write_text('{"text": "%s", "label": "low"}\n' % ("a " * 1500) * count)
        script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
                  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)") # of this command and no other
        words = [sys.executable, "-c", script, COMMAND, "evaluate", folder / "classes.yaml", "--input", data, "--quiet",
                 "--max-length", "8", "--threads", "1"]
        # AddressSanitizer keeps freed memory for a while: little of it here.
        env = environment(ASAN_OPTIONS=f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=4".lstrip(":"))
        return int(subprocess.run(words, env=env, capture_output=True, check=True, timeout=120).stdout)

    few, many = peak(1000), peak(20000)
    assert many < few + 24 * 1024, f"{few} KiB for 3 MB, {many} KiB for 60 MB"
