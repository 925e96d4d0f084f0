# SPDX-License-Identifier: Apache-2.0
"""config.json is taken as transformers 4 and as transformers 5 write it, and with the keys that published checkpoints carry: no
key is unknown, and what decides the graph comes to the same whichever version wrote it.

configs/transformers-4.json and -5.json are made by make_configs.py; configs/published.json holds configs of the kind that is
published, with keys of many years."""
import json
import pathlib
import re

import pytest
from command import TOP, done

HERE = pathlib.Path(__file__).resolve().parent
V4, V5, PUBLISHED = (json.loads((HERE / "configs" / f"{name}.json").read_text()) for name in ("transformers-4", "transformers-5", "published"))
CASES = [
    pytest.param(config, id=f"{group}-{name}")
    for group, configs in (("4", V4), ("5", V5), ("published", PUBLISHED))
    for name, config in configs.items()
]
# Defaults that transformers changed between the two versions.
CHANGED = {}
EXAMPLE_OF = {"jina-bert": "jina-embeddings-v2-small-en"}


def inspected(config, folder):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return json.loads(done("inspect", folder, "--json", "--quiet"))


@pytest.mark.parametrize("config", CASES)
def test_is_taken(config, tmp_path):
    shown = inspected(config, tmp_path)
    assert [w for w in shown["warnings"] if "config" in w] == []
    assert shown["parameters"]["total"] > 0 and "last_hidden_state" in shown["outputs"]


@pytest.mark.parametrize("name", sorted(set(V4) & set(V5)))
def test_both_versions_say_the_same(name, tmp_path):
    old, new = inspected(V4[name], tmp_path / "4"), inspected(V5[name], tmp_path / "5")
    assert old["family"] == new["family"]
    changed = {key for key in old["config"] if old["config"][key] != new["config"].get(key)}
    assert changed == CHANGED.get(name, set()), {key: (old["config"][key], new["config"].get(key)) for key in changed}
    if not changed:
        assert old["parameters"] == new["parameters"] and old["outputs"] == new["outputs"] and old["values"] == new["values"]


def test_every_model_type_has_a_config():
    known = set(V4) | set(V5) | {config["model_type"] for config in PUBLISHED.values()}
    for path in (TOP / "models").glob("*.yaml"):
        for listed in re.findall(r"^model_types: \[([^]]*)\]", path.read_text(), re.M):
            assert {name.strip() for name in listed.split(",")} & known, f"{path.name}: no config of transformers is tested"


@pytest.mark.parametrize("family, name", EXAMPLE_OF.items())
def test_keys_decide_among_families_of_one_type(family, name, tmp_path):
    assert inspected(PUBLISHED[name], tmp_path)["family"] == family
