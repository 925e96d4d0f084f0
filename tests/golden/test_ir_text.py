# SPDX-License-Identifier: Apache-2.0
"""The text form of whole models: what `compile --dump-ir` prints after any pass is read and written back to the same bytes."""
import json
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
# Under the sanitizers the finished graph alone: what else the text form may hold is test_text.c's.
STAGES = [""] if os.environ.get("EGBERT_SANITIZED") else [f"=after:{p}" for p in PASSES]


def written_again(text):
    result = subprocess.run([BUILD / "tests/unit/ir_rewrite"], input=text.encode(), capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def written_alike(model, stage, *options):
    text = done("compile", model, f"--dump-ir{stage}", *options)
    assert text.startswith("graph "), text[:80]
    assert written_again(text) == text, f"{model.name}{stage} {' '.join(options)}"
    return text


@pytest.mark.parametrize("name", MODELS)
def test_every_dump_is_read_and_written_alike(name):
    assert (MODELS[name] / "config.json").exists(), f"{MODELS[name]} is not there; script/setup fetches it"
    for stage in STAGES:
        written_alike(MODELS[name], stage, "--output", "embedding", "--pooling", "cls")
    written_alike(MODELS[name], "", "--output", "embedding", "--pooling", "mean")
    written_alike(MODELS[name], "", "--output", OUTPUTS)


@pytest.mark.parametrize("name", MODELS)
def test_rewrites_leave_their_ops(name):
    """What each rewrite makes is in the dump after it, and not in the one of the graph as it was built."""
    made = {"attention": "attention", "qkv": "columns", "embed_norm": "embed_norm", "add_norm": "add_norm", "linear": "linear"}
    ops = {p: set(re.findall(r" = (\w+)\(", written_alike(MODELS[name], f"=after:{p}", "--output", "embedding"))) for p in ("dce", *made)}
    for a_pass, op in made.items():
        assert op in ops[a_pass] and op not in ops["dce"], f"{name}: {op} after {a_pass}"
    plain = written_alike(MODELS[name], "", "--output", "embedding", "--fuse", "none")
    assert not set(made.values()) & set(re.findall(r" = (\w+)\(", plain))


def families():
    for path in sorted((TOP / "models").glob("*.yaml")):
        found = re.search(r"^model_types: \[(.*?)\]", path.read_text(), re.MULTILINE)
        if found:
            yield path.stem, re.split(r",\s*", found[1])[0]


# What a family has no default for.
NEEDED = {"esm": {"vocab_size": 33, "pad_token_id": 1}, "xmod": {"default_language": "en_XX"}}


@pytest.mark.parametrize("family,model_type", families())
def test_every_family_by_its_defaults(tmp_path, family, model_type):
    """The graph needs no weights: a config.json that says the family alone."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type, **NEEDED.get(family, {})}))
    for stage in STAGES:
        written_alike(tmp_path, stage, "--shape", "2,8", "--pooling", "cls")
    written_alike(tmp_path, "", "--shape", "2,8", "--pooling", "mean")
    written_alike(tmp_path, "", "--shape", "2,8", "--output", "last_hidden_state,hidden_states,attentions")


def test_the_passes_are_those_of_the_table():
    assert PASSES and set(PASSES) >= {"canonicalise", "fold", "cse", "dce"}
