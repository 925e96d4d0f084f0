# SPDX-License-Identifier: Apache-2.0
"""The tokenizer equals Hugging Face's library on more than 100,000 lines. EGBERT_BUILD and EGBERT_MINILM say where the
build directory and the MiniLM folder are."""
import io
import os
import pathlib

import pytest

pytest.importorskip("tokenizers")
import tokenizer_equality  # noqa: E402
import tokenizer_random  # noqa: E402
import tokenizer_sentencepiece  # noqa: E402
import tokenizer_trained  # noqa: E402

BUILD = pathlib.Path(os.environ.get("EGBERT_BUILD", "build"))
MINILM = pathlib.Path(os.environ.get("EGBERT_MINILM", "build/models/all-MiniLM-L6-v2"))


def test_equality():
    assert (MINILM / "tokenizer.json").exists(), f"{MINILM} has no tokenizer.json; script/setup fetches it"
    report = io.StringIO()
    lines, least = (4000, 8000) if os.environ.get("EGBERT_SANITIZED") else (60000, 100_000)
    total = tokenizer_equality.run(BUILD, MINILM, lines=lines, out=report)
    assert total >= least, report.getvalue()


def test_trained_vocabularies():
    report = io.StringIO()
    lines, thin, least = (20, 10, 10_000) if os.environ.get("EGBERT_SANITIZED") else (80, 1, 50_000)
    total = tokenizer_trained.run(BUILD, lines=lines, out=report, thin=thin)
    assert total >= least, report.getvalue()


def test_sentencepiece():
    report = io.StringIO()
    lines, thin, least = (20, 200, 5_000) if os.environ.get("EGBERT_SANITIZED") else (60, 24, 20_000)
    total = tokenizer_sentencepiece.run(BUILD, lines=lines, out=report, thin=thin)
    assert total >= least, report.getvalue()


def test_random_tokenizers():
    report = io.StringIO()
    count, least = (20, 500) if os.environ.get("EGBERT_SANITIZED") else (200, 8000)
    total = tokenizer_random.run(BUILD, count, out=report)
    assert total >= least, report.getvalue()
