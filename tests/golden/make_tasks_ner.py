#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tasks/ner.json.gz: what the token-classification pipeline of transformers 5.23 finds in many texts.

Runs in the environment of script/setup --goldens. The checkpoints are those that test_tasks_ner.py makes again.
"""
import gzip
import json
import pathlib
import tempfile
import warnings

import task_models
import tasks_ner
import transformers

HERE = pathlib.Path(__file__).resolve().parent


def row(entity):
    """[entity, score, word, start, end] and the index if there is one."""
    name = entity.get("entity_group", entity.get("entity"))
    kept = [name, round(float(entity["score"]), 7), entity["word"], entity["start"], entity["end"]]
    return kept + ([entity["index"]] if "index" in entity else [])


def entities(folder):
    """{mode: [entities of each text]}; NONE has the full list, and so needs fewer texts."""
    found = {}
    for mode in tasks_ner.MODES:
        pipeline = transformers.pipeline("token-classification", model=str(folder), tokenizer=str(folder), device="cpu",
                                         aggregation_strategy=mode)
        found[mode] = [[row(e) for e in pipeline(text)] for text in tasks_ner.texts(mode)]
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    goldens = {}
    for kind in task_models.KINDS:
        with tempfile.TemporaryDirectory() as temporary:
            goldens[kind] = entities(tasks_ner.checkpoint(pathlib.Path(temporary) / kind, kind))
            counts = {mode: sum(map(len, rows)) for mode, rows in goldens[kind].items()}
            print(kind, counts)
    out = HERE / "tasks"
    out.mkdir(exist_ok=True)
    text = json.dumps(goldens, ensure_ascii=False, separators=(",", ":"))
    (out / "ner.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print((out / "ner.json.gz").stat().st_size, "bytes")
