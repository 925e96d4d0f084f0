# SPDX-License-Identifier: Apache-2.0
"""The real all-MiniLM-L6-v2 and all-mpnet-base-v2 against sentence-transformers on a thousand varied texts (minilm_texts.py,
make_sentence_models.py). `script/setup` fetches the first, `script/setup --mpnet` the second too, which is 440 MB."""
import json
import os
import pathlib

import numpy as np
import pytest
from command import TOP, done, lines
from minilm_texts import texts

MODELS = TOP / "build/models"
MINILM = pathlib.Path(os.environ.get("EGBERT_MINILM", MODELS / "all-MiniLM-L6-v2"))
MPNET = pathlib.Path(os.environ.get("EGBERT_MPNET", MODELS / "all-mpnet-base-v2"))
GOLDENS = {MINILM: "minilm", MPNET: "mpnet"}
ALL = list(range(1000))
# Of a build with sanitizers, a tenth stands for all; so it does of a large model on the slow backends.
SANITIZED = bool(os.environ.get("EGBERT_SANITIZED"))
SOME = [i for i in ALL if i % 10 == 3 and len(texts()[i]) < 200]


def is_there(model):
    return (model / "model.safetensors").exists()


needs_minilm = pytest.mark.skipif(not is_there(MINILM), reason=f"{MINILM} is not there; run script/setup")
needs_mpnet = pytest.mark.skipif(not is_there(MPNET), reason=f"{MPNET} is not there; run script/setup --mpnet")


def case(model, backend, which, mark):
    return pytest.param(model, backend, which, id=f"{GOLDENS[model]}-{backend}", marks=mark)


@pytest.mark.parametrize("model, backend, which", [
    case(MINILM, "cpu", SOME if SANITIZED else ALL, needs_minilm),
    case(MINILM, "reference", SOME if SANITIZED else ALL, needs_minilm),
    case(MINILM, "far,reference", SOME[:50], needs_minilm),
    case(MPNET, "cpu", SOME[:5] if SANITIZED else ALL, needs_mpnet),
    case(MPNET, "reference", SOME[:5] if SANITIZED else SOME, needs_mpnet),
    case(MPNET, "far,reference", SOME[:5], needs_mpnet),
])
def test_embeddings(model, backend, which, tmp_path):
    want = np.load(pathlib.Path(__file__).parent / f"{GOLDENS[model]}.npz")["embeddings"]
    source, path = tmp_path / "texts.jsonl", tmp_path / "e.npy"
    source.write_text("".join(json.dumps({"text": texts()[i]}) + "\n" for i in which))
    done("embed", model, "--backend", backend, "--input", source, "--input-format", "jsonl", "--npy", path, "--quiet", timeout=1800)
    got = np.load(path)
    assert got.shape == (len(which), want.shape[1]) and got.dtype == np.float32
    worst = np.abs(got - want[which]).max(axis=1)
    assert worst.max() <= 1e-4, f"text {which[worst.argmax()]}: {worst.max()}"
    cosines = (got * want[which]).sum(axis=1, dtype=np.float64) / np.linalg.norm(got, axis=1) / np.linalg.norm(want[which], axis=1)
    assert cosines.min() >= 0.99999, f"text {which[cosines.argmin()]}: {cosines.min()}"


@needs_minilm
def test_neighbours_change_nothing():
    chosen = [texts()[i] for i in (3, 200, 77, 400)]
    together = [line["embedding"] for line in lines("embed", MINILM, "--quiet", "--", *chosen)]
    for text, embedding in zip(chosen, together):
        alone = lines("embed", MINILM, "--quiet", "--", text)[0]["embedding"]
        assert np.abs(np.float64(alone) - np.float64(embedding)).max() <= 1e-6


@needs_minilm
def test_similarity():
    table = lines("similarity", MINILM, "--quiet", "a cat sits on the mat", "a kitten is on a rug", "the stock market fell")[0]["similarity"]
    assert all(abs(table[i][i] - 1) < 1e-5 for i in range(3)) and table[0][1] == table[1][0]
    assert table[0][1] > 0.5 > table[0][2]
