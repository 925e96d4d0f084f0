#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of families: tests/golden/X.yaml → tests/golden/families/X/.

    make_families.py [X …]          all families if none is named

A case of X.yaml is a `config` (a config.json, `model_type` in it) and the `heads` of models/X.yaml to make; a head may
have config keys of its own: `{token_classification: {num_labels: 5}}`. The encoder alone is always made, too, its
config.json as transformers writes it; those of heads are as the case has them. `scale` multiplies the weights whose names
match a pattern, `type_ids` says whether they are fed (if not given: if the config has more than one type). `published` is the
config.json to test with, where files in the wild have other keys than the class of transformers reads from `config`. `computed`
lists patterns of tensors that the file lacks, because the class computes them itself. `oracle` at the top is a module of this folder
that brings the classes, for models that transformers has none for. `transformers: 4` is for what version 5 has dropped: such a case
is made where transformers==4.57.6 is installed in place of 5 (a virtual environment with torch, numpy and pyyaml will do), and kept as
it is by every other run, as the other cases are by that one.

Written are checkpoints.json (configs, names and shapes of tensors; random_weights.py makes the weights of them) and one
npz for each checkpoint. Runs in the environment of script/setup --goldens.
"""

import importlib
import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import transformers
import yaml
from reference import class_for_head, load, random_texts, randomise, reference

HERE = pathlib.Path(__file__).resolve().parent


def make_checkpoint(out, name, more, head, case, seed):
    """Writes NAME.npz; returns what tests need to write the same checkpoint."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        path = folder / "config.json"
        config = {**case["config"], **more}
        path.write_text(json.dumps(config))
        if head is None:
            transformers.AutoConfig.from_pretrained(folder).save_pretrained(folder)
            kind = None
        else:
            kind = class_for_head(folder, head)
            path.write_text(json.dumps({**config, "architectures": [kind]}))
        scales, computed = case.get("scale", {}), case.get("computed", [])
        shapes = randomise(folder, seed, kind, scales, computed)
        model = load(folder, kind, computed)
        arrays = reference(model, random_texts(model.config, seed, case.get("type_ids")))
        kept = json.loads(path.read_text())
    if "published" in case:
        kept = {**case["published"], **more, **({"architectures": [kind]} if kind else {})}
    if head is not None: # the encoder's are compared where it stands alone
        arrays = {k: v for k, v in arrays.items() if not k.startswith("attentions") and k not in ("hidden_states", "last_hidden_state")}
    else:
        del arrays["last_hidden_state"] # it is the last of hidden_states
    np.savez(out / f"{name}.npz", **arrays)
    return {"name": name, "config": kept, "seed": seed, "scale": scales, "tensors": shapes}


def is_ours(case):
    return transformers.__version__.startswith(f"{case.get('transformers', 5)}.")


def kept_checkpoints(out, cases):
    """{label: (entry, npz)} of what another version has made."""
    if all(is_ours(case) for case in cases) or not (out / "checkpoints.json").exists():
        return {}
    entries = json.loads((out / "checkpoints.json").read_text())
    return {entry["name"]: (entry, (out / f"{entry['name']}.npz").read_bytes()) for entry in entries}


def make_family(family):
    written = yaml.safe_load((HERE / f"{family}.yaml").read_text())
    cases = written["cases"]
    if "oracle" in written:
        importlib.import_module(written["oracle"])
    out = HERE / "families" / family
    kept = kept_checkpoints(out, cases)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    checkpoints = []
    for i, case in enumerate(cases):
        for head in [None, *case.get("heads", [])]:
            name, more = next(iter(head.items())) if isinstance(head, dict) else (head, {})
            label = f"{i}-{name or 'encoder'}"
            if not is_ours(case):
                entry, archive = kept[label]
                (out / f"{label}.npz").write_bytes(archive)
                checkpoints.append(entry)
                continue
            checkpoints.append(make_checkpoint(out, label, more, name, case, 100 * i + len(checkpoints)))
    lines = ",\n".join(json.dumps(checkpoint) for checkpoint in checkpoints)
    (out / "checkpoints.json").write_text(f"[\n{lines}\n]\n")
    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{family}: {len(checkpoints)} checkpoints, {size // 1024} KiB")


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for family in sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.yaml")):
        make_family(family)
