#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what transformers puts into config.json for every model type that models/ knows: tests/golden/configs/transformers-N.json,
N being the installed version's first number. Each type's default config, with every key, one type a line.

Run it once with a transformers of version 4 and once with one of version 5; types that a version does not know are left out.
"""
import json
import pathlib
import re

import transformers
from transformers import CONFIG_MAPPING

HERE = pathlib.Path(__file__).resolve().parent
FAMILIES = HERE.parent.parent / "models"
# What a model cannot do without and a default config lacks.
SETTINGS = {"esm": {"vocab_size": 33, "pad_token_id": 1}, "xmod": {"default_language": "en_XX"}}


def model_types():
    found = set()
    for path in FAMILIES.glob("*.yaml"):
        for listed in re.findall(r"^model_types: \[([^]]*)\]", path.read_text(), re.M):
            found.update(name.strip() for name in listed.split(","))
    return sorted(found)


def default_config(model_type):
    config = json.loads(CONFIG_MAPPING[model_type](**SETTINGS.get(model_type, {})).to_json_string(use_diff=False))
    return {**config, "model_type": model_type}


def main():
    version = transformers.__version__.split(".")[0]
    lines = [f"{json.dumps(name)}: {json.dumps(default_config(name), sort_keys=True)}" for name in model_types() if name in CONFIG_MAPPING]
    (HERE / "configs" / f"transformers-{version}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
