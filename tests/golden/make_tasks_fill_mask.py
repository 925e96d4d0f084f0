#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tasks/fill-mask.json.gz: what the fill-mask pipeline of transformers 5.23 finds in some texts.

Runs in the environment of script/setup --goldens. The checkpoints are those that test_tasks_fill_mask.py makes again.
"""
import gzip
import json
import pathlib
import tempfile
import warnings

import task_models
import tasks_fill_mask
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent


def fills(pipeline, text, way):
    """[[[token, id, score, sequence]…] of each mask]."""
    flags = {name.replace("-", "_"): value for name, value in tasks_fill_mask.WAYS[way].items()}
    found = pipeline(text, tokenizer_kwargs={"truncation": True, "max_length": task_models.LENGTH}, **flags)
    found = [found] if isinstance(found[0], dict) else found
    return [[[f["token_str"], f["token"], float(f["score"]), f["sequence"]] for f in mask] for mask in found]


def all_fills(folder, kind):
    pipeline = transformers.pipeline("fill-mask", model=str(folder), tokenizer=str(folder), device="cpu")
    return {way: [fills(pipeline, text, way) for text in tasks_fill_mask.chosen(kind, way)] for way in tasks_fill_mask.WAYS}


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    goldens = {}
    for kind in tasks_fill_mask.KINDS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = tasks_fill_mask.checkpoint(pathlib.Path(temporary) / kind, kind)
            goldens[kind] = all_fills(folder, kind)
            print(kind, {way: len(found) for way, found in goldens[kind].items()})
    text = json.dumps(goldens, ensure_ascii=False, separators=(",", ":"))
    out = HERE / "tasks" / "fill-mask.json.gz"
    out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(out.stat().st_size, "bytes")
