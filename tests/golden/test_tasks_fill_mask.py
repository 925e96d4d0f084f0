# SPDX-License-Identifier: Apache-2.0
"""`egbert fill-mask` finds what the fill-mask pipeline of transformers finds, by four kinds of tokenizer and model."""
import gzip
import json
import pathlib

import pytest
import tasks_fill_mask
from command import lines

GOLDENS = json.loads(gzip.decompress((pathlib.Path(__file__).parent / "tasks" / "fill-mask.json.gz").read_bytes()))
RUNS = {"cpu": ["--backend", "cpu"], "reference, alone": ["--backend", "reference", "--batch-tokens", "1", "--fuse", "none"]}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fill-mask")
    return {kind: tasks_fill_mask.checkpoint(folder / kind, kind) for kind in tasks_fill_mask.KINDS}


def flags_of(way):
    flags = []
    for name, value in tasks_fill_mask.WAYS[way].items():
        for one in value if isinstance(value, list) else [value]:
            flags += [f"--{name}", str(one)]
    return flags


def fill(model, texts, *flags):
    text = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    results = lines("fill-mask", model, "--input", "-", "--input-format", "jsonl", "--quiet", *flags, stdin=text.encode())
    assert len(results) == len(texts)
    return [result["fills"] for result in results]


def assert_equals(got, want, text):
    """Tokens of nearly the same score may come in either order."""
    assert len(got) == len(want), text
    for g, w in zip(got, want):
        assert abs(g["score"] - w[2]) <= 1e-4 * max(1, w[2]), (text, g, w)
    order = {g["id"]: [g["token"], g["id"], g["sequence"]] for g in got}
    for g, w in zip(got, want):
        if g["id"] != w[1]:
            assert abs(g["score"] - w[2]) <= 1e-6, (text, g, w)
        if w[1] in order:
            assert order[w[1]] == [w[0], w[1], w[3]], text


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("way", tasks_fill_mask.WAYS)
@pytest.mark.parametrize("kind", tasks_fill_mask.KINDS)
def test_fills(models, kind, way, run):
    texts, wants = tasks_fill_mask.chosen(kind, way), GOLDENS[kind][way]
    assert len(wants) == len(texts) and any(len(want) > 1 for want in wants)
    for text, got, want in zip(texts, fill(models[kind], texts, *flags_of(way), *RUNS[run]), wants):
        assert len(got) == len(want), text
        for mask_got, mask_want in zip(got, want):
            assert_equals(mask_got, mask_want, text)
