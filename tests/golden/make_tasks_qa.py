#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tasks/qa.json.gz: what the question-answering pipeline of transformers 4.52.4 answers.

Later versions add up the scores of spans that give the same words, and 5 has no such pipeline; so it needs an environment of its
own: pip install transformers==4.52.4 torch. The checkpoints are those that test_tasks_qa.py makes again.
"""
import gzip
import json
import pathlib
import tempfile
import warnings

import tasks_qa
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
NAMES = {"top-k": "top_k", "max-answer": "max_answer_len", "no-answer": "handle_impossible_answer", "max-length": "max_seq_len",
         "stride": "doc_stride"}
NEAR = 1e-6  # scores that differ by less may come in either order


def ask(pipeline, question, context, way):
    """[[answer, score, start, end]…], or None where two answers are too near each other to be in a certain order."""
    flags = {NAMES[name]: value for name, value in tasks_qa.WAYS[way].items()}
    most = flags.pop("top_k", 1)
    found = pipeline(question=question, context=context, top_k=most + 1, **flags)
    found = [found] if isinstance(found, dict) else found
    scores = [answer["score"] for answer in found]
    if any(a > 0 and abs(a - b) < NEAR for a, b in zip(scores, scores[1:])):
        return None
    # where a window has fewer spans than are wanted, the pipeline fills up with ones that end before they begin, of score 0
    real = [answer for answer in found if answer["score"] > 0] or found[:1]
    return [[answer["answer"], float(answer["score"]), answer["start"], answer["end"]] for answer in real[:most]]


def answers(folder):
    pipeline = transformers.pipeline("question-answering", model=str(folder), tokenizer=str(folder), device="cpu")
    return {way: [ask(pipeline, question, context, way) for question, context in tasks_qa.chosen(way)] for way in tasks_qa.WAYS}


if __name__ == "__main__":
    assert transformers.__version__ == "4.52.4", transformers.__version__
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    goldens = {}
    for kind in tasks_qa.KINDS:
        with tempfile.TemporaryDirectory() as temporary:
            goldens[kind] = answers(tasks_qa.checkpoint(pathlib.Path(temporary) / kind, kind))
        for way, found in goldens[kind].items():
            print(kind, way, len(found), "of which unclear:", found.count(None))
    text = json.dumps(goldens, ensure_ascii=False, separators=(",", ":"))
    out = HERE / "tasks" / "qa.json.gz"
    out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(out.stat().st_size, "bytes")
