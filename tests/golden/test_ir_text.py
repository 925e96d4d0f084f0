# SPDX-License-Identifier: Apache-2.0
"""The text form of whole models: what `compile --dump-ir` prints after any pass is read and written back to the same bytes."""
import os
import pathlib
import re
import subprocess

import pytest
from command import BUILD, TOP, done

HERE = pathlib.Path(__file__).resolve().parent
PASSES = re.findall(r"^EG_PASS\((\w+)\)", (TOP / "graph/passes/passes.def").read_text(), re.MULTILINE)
MINILM = pathlib.Path(os.environ.get("EGBERT_MINILM", TOP / "build/models/all-MiniLM-L6-v2"))
MODELS = {p.name: p for p in sorted((HERE / "checkpoints").iterdir())} | {MINILM.name: MINILM}
OUTPUTS = "last_hidden_state,hidden_states,attentions,embedding"


def written_again(text):
    result = subprocess.run([BUILD / "tests/unit/ir_rewrite"], input=text.encode(), capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


@pytest.mark.parametrize("name", MODELS)
def test_every_dump_is_read_and_written_alike(name):
    assert (MODELS[name] / "config.json").exists(), f"{MODELS[name]} is not there; script/setup fetches it"
    for stage in ("", *(f"=after:{p}" for p in PASSES)):
        for outputs in ("embedding", OUTPUTS):
            text = done("compile", MODELS[name], f"--dump-ir{stage}", "--output", outputs)
            assert text.startswith("graph "), text[:80]
            assert written_again(text) == text, f"{name}{stage} --output {outputs}"


def test_the_passes_are_those_of_the_table():
    assert PASSES and set(PASSES) >= {"canonicalise", "fold", "cse", "dce"}
