# SPDX-License-Identifier: Apache-2.0
"""Unigram equals Hugging Face's library where only the last bit of a score decides. EGBERT_BUILD says where the build
directory is."""
import io
import os
import pathlib

import pytest

pytest.importorskip("tokenizers")
import tokenizer_unigram  # noqa: E402

BUILD = pathlib.Path(os.environ.get("EGBERT_BUILD", "build"))


def test_unigram():
    report = io.StringIO()
    lines, least = (500, 6_000) if os.environ.get("EGBERT_SANITIZED") else (9000, 100_000)
    total = tokenizer_unigram.run(BUILD, lines=lines, out=report)
    assert total >= least, report.getvalue()
