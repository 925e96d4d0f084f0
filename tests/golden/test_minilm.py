# SPDX-License-Identifier: Apache-2.0
"""The real all-MiniLM-L6-v2 against sentence-transformers on a thousand varied texts (minilm_texts.py, make_minilm.py)."""
import json
import os
import pathlib

import numpy as np
import pytest
from command import TOP, done, lines
from minilm_texts import texts

MODEL = pathlib.Path(os.environ.get("EGBERT_MINILM", TOP / "build/models/all-MiniLM-L6-v2"))
ALL = list(range(1000))
# Of a build with sanitizers, a tenth stands for all.
SANITIZED = bool(os.environ.get("EGBERT_SANITIZED"))
SOME = [i for i in ALL if i % 10 == 3 and len(texts()[i]) < 200]

pytestmark = pytest.mark.skipif(not (MODEL / "model.safetensors").exists(), reason=f"{MODEL} is not there; run script/setup")


@pytest.fixture(scope="module")
def want():
    return np.load(pathlib.Path(__file__).parent / "minilm.npz")["embeddings"]


@pytest.mark.parametrize("backend, which", [
    pytest.param("cpu", SOME if SANITIZED else ALL, id="cpu"),
    pytest.param("reference", SOME if SANITIZED else ALL, id="reference"),
    pytest.param("far,reference", SOME[:50], id="far,reference"),
])
def test_embeddings(want, backend, which, tmp_path):
    source, path = tmp_path / "texts.jsonl", tmp_path / "e.npy"
    source.write_text("".join(json.dumps({"text": texts()[i]}) + "\n" for i in which))
    done("embed", MODEL, "--backend", backend, "--input", source, "--input-format", "jsonl", "--npy", path, "--quiet", timeout=1800)
    got = np.load(path)
    assert got.shape == (len(which), 384) and got.dtype == np.float32
    worst = np.abs(got - want[which]).max(axis=1)
    assert worst.max() <= 1e-4, f"text {which[worst.argmax()]}: {worst.max()}"
    cosines = (got * want[which]).sum(axis=1, dtype=np.float64) / np.linalg.norm(got, axis=1) / np.linalg.norm(want[which], axis=1)
    assert cosines.min() >= 0.99999, f"text {which[cosines.argmin()]}: {cosines.min()}"


def test_neighbours_change_nothing(want):
    chosen = [texts()[i] for i in (3, 200, 77, 400)]
    together = [line["embedding"] for line in lines("embed", MODEL, "--quiet", "--", *chosen)]
    for text, embedding in zip(chosen, together):
        alone = lines("embed", MODEL, "--quiet", "--", text)[0]["embedding"]
        assert np.abs(np.float64(alone) - np.float64(embedding)).max() <= 1e-6


def test_similarity():
    table = lines("similarity", MODEL, "--quiet", "a cat sits on the mat", "a kitten is on a rug", "the stock market fell")[0]["similarity"]
    assert all(abs(table[i][i] - 1) < 1e-5 for i in range(3)) and table[0][1] == table[1][0]
    assert table[0][1] > 0.5 > table[0][2]
