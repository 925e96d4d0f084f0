# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import command  # noqa: E402
import tiny_model  # noqa: E402


def pytest_sessionstart(session):
    if not command.COMMAND.exists():
        raise pytest.UsageError(f"{command.COMMAND} is not built; run script/build or set EGBERT_BUILD")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A tiny checkpoint, not to be changed."""
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def own_tiny(tmp_path):
    """A tiny checkpoint of the test's own, to break."""
    return tiny_model.make(tmp_path / "model")
