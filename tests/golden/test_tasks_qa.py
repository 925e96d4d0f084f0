# SPDX-License-Identifier: Apache-2.0
"""`egbert qa` answers what the question-answering pipeline of transformers answers, by four kinds of tokenizer and model."""
import gzip
import json
import pathlib

import pytest
import tasks_qa
from command import lines

GOLDENS = json.loads(gzip.decompress((pathlib.Path(__file__).parent / "tasks" / "qa.json.gz").read_bytes()))
RUNS = {"cpu": ["--backend", "cpu"], "reference, alone": ["--backend", "reference", "--batch-tokens", "1", "--fuse", "none"]}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qa")
    return {kind: tasks_qa.checkpoint(folder / kind, kind) for kind in tasks_qa.KINDS}


def flags_of(way):
    flags = []
    for name, value in tasks_qa.WAYS[way].items():
        flags += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return flags


def ask(model, records, *flags):
    text = "".join(json.dumps({"question": q, "context": c, "id": i}) + "\n" for i, (q, c) in enumerate(records))
    results = lines("qa", model, "--input", "-", "--input-format", "jsonl", "--quiet", *flags, stdin=text.encode())
    assert [result.pop("id") for result in results] == list(range(len(records)))
    return results


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("way", tasks_qa.WAYS)
@pytest.mark.parametrize("kind", tasks_qa.KINDS)
def test_answers(models, kind, way, run):
    records, wants = tasks_qa.chosen(way), GOLDENS[kind][way]
    assert len(wants) == len(records) and sum(want is not None for want in wants) > 0.9 * len(records)
    for record, got, want in zip(records, ask(models[kind], records, *flags_of(way), *RUNS[run]), wants):
        if want is None:
            continue
        got = got["answers"] if "top-k" in tasks_qa.WAYS[way] else [got]
        exact = [[answer["answer"], answer["start"], answer["end"]] for answer in got]
        assert exact == [[w[0], w[2], w[3]] for w in want], record
        assert all(abs(answer["score"] - w[1]) <= 1e-4 for answer, w in zip(got, want)), (record, got, want)
