#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What transformers computes for a checkpoint: the outputs that `egbert verify` and the golden tests compare with.

script/golden runs this file in the environment of script/setup --goldens (transformers 5.23.0, torch 2.15.0). Texts are run one at
a time, unpadded, in float32, so that no padding and no neighbour takes part.
"""

import argparse
import fnmatch
import inspect
import pathlib
import sys
import tempfile

import numpy as np
import torch
import transformers
from random_weights import read_header, write_weights

LENGTHS = (7, 1, 19, 12, 3)
RAW_ATTENTIONS = ("squeezebert",) # model types whose classes return scores as attentions
NAMED_BY_FILE = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")


class Refused(Exception):
    """A message for the user."""


def model_class(config, name=None):
    """The class called `name`, else the first of config.architectures, else the bare encoder."""
    name = name or (config.architectures or [None])[0]
    if name is None:
        return transformers.MODEL_MAPPING[type(config)]
    found = getattr(transformers, name, None)
    if found is None:
        raise Refused(f"transformers {transformers.__version__} has no class {name}")
    return found


def is_computed(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def load(folder, name=None, computed=()):
    """The model, every tensor of which must come from the file, but those that it computes itself."""
    config = transformers.AutoConfig.from_pretrained(folder)
    kind = model_class(config, name)
    model, info = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    missing = {key for key in info["missing_keys"] if not is_computed(key, computed)}
    # The bare encoder makes itself a random pooler where the file has none: nothing depends on it but pooler_output.
    model.has_own_pooler = not any("pooler" in key for key in missing)
    if kind is transformers.MODEL_MAPPING[type(config)]:
        missing = {key for key in missing if "pooler" not in key}
    if missing or info["mismatched_keys"]:
        wrong = sorted(missing) + [f"{key} (of another shape)" for key, *_ in info["mismatched_keys"]]
        raise Refused(f"{folder}: the file has no tensor for {', '.join(wrong)} of {kind.__name__}")
    return model.eval()


def shapes_of(kind, config):
    """The names and shapes that a checkpoint of this class has on disk."""
    with tempfile.TemporaryDirectory() as folder:
        kind(config).save_pretrained(folder)
        return read_header(pathlib.Path(folder) / "model.safetensors")[1]


def randomise(folder, seed, name=None, scales=None, computed=()):
    """Writes a folder's model.safetensors from a seed; returns its names and shapes."""
    path = folder / "model.safetensors"
    if any((folder / file).exists() for file in NAMED_BY_FILE) and not (path.exists() and "random_seed" in read_header(path)[0]):
        raise Refused(f"{folder} has weights; --random is for a config.json without them")
    config = transformers.AutoConfig.from_pretrained(folder)
    shapes = shapes_of(model_class(config, name), config)
    shapes = {key: shape for key, shape in shapes.items() if not is_computed(key, computed)}
    write_weights(path, shapes, seed, scales)
    return shapes


def random_texts(config, seed, type_ids=None):
    """Ids in texts of several lengths; one text has the padding id between others, another repeats one id."""
    generator = np.random.RandomState(seed)
    sizes = getattr(config, "type_vocab_size", None) or 0
    texts = []
    for n in LENGTHS:
        text = {"input_ids": generator.randint(0, config.vocab_size, n)}
        if sizes > 1 if type_ids is None else type_ids:
            text["token_type_ids"] = np.sort(generator.randint(0, max(sizes, 2), n))
        texts.append(text)
    pad = config.pad_token_id
    if pad is not None and 0 <= pad < config.vocab_size:
        texts[2]["input_ids"][5:7] = pad
    texts[3]["input_ids"][4:8] = texts[3]["input_ids"][3]
    return texts


def tokenized(folder, path):
    """The lines of a file through the checkpoint's tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = []
    for line in path.read_text(encoding="utf-8").splitlines():
        encoded = tokenizer(line, truncation=True)
        texts.append({k: np.array(encoded[k]) for k in ("input_ids", "token_type_ids") if k in encoded})
    if not texts:
        raise Refused(f"{path} has no line")
    return texts


def outputs_of(model, text):
    inputs = {key: torch.tensor(np.int64(value))[None] for key, value in text.items()}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"]) # some classes would make one from the padding id
    if type(model).__name__.endswith("ForMultipleChoice"):
        inputs = {key: value[None] for key, value in inputs.items()} # one choice
    accepted = inspect.signature(model.forward).parameters
    if unknown := set(inputs) - set(accepted):
        raise Refused(f"{type(model).__name__} takes no {', '.join(sorted(unknown))}")
    more = {"use_cache": False} if "use_cache" in accepted else {}
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True, output_attentions=True, return_dict=True, **more)
    found = {"hidden_states": torch.cat(out.hidden_states).numpy(), "attentions": torch.cat(out.attentions).numpy()}
    if model.config.model_type in RAW_ATTENTIONS:
        found["attentions"] = torch.softmax(torch.from_numpy(found["attentions"]), -1).numpy()
    found["last_hidden_state"] = found["hidden_states"][-1]
    for name, value in out.items():
        if name.endswith("logits") or name == "pooler_output" and model.has_own_pooler:
            found[name] = value[0].float().numpy()
    return found


def goes_with_the_tokens(model, text):
    """The outputs that have a row per token: those that grow with the text."""
    one = outputs_of(model, text)
    two = outputs_of(model, {key: value[:-1] if len(value) > 1 else np.repeat(value, 2) for key, value in text.items()})
    return {name for name in one if one[name].shape[:1] != two[name].shape[:1]}


def reference(model, texts):
    """The arrays of a golden, named and packed as `egbert run --npz` does it."""
    arrays = {key: np.concatenate([np.int64(text[key]) for text in texts]) for key in texts[0]}
    arrays["cu_seqlens"] = np.cumsum([0] + [len(text["input_ids"]) for text in texts]).astype(np.int64)
    outputs = [outputs_of(model, text) for text in texts]
    by_token = goes_with_the_tokens(model, texts[0])
    for name in outputs[0]:
        values = [out[name] for out in outputs]
        if name == "attentions":
            arrays.update({f"attentions.{i}": value for i, value in enumerate(values)})
        elif name == "hidden_states":
            arrays[name] = np.concatenate(values, axis=1)
        else:
            arrays[name] = np.concatenate(values) if name in by_token else np.stack(values)
    for name, value in arrays.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise Refused(f"{name} is not finite")
    return arrays


def class_for_head(folder, head):
    """--head names a class of transformers, or a head of models/X.yaml, whose `architectures` then name it."""
    if hasattr(transformers, head):
        return head
    import yaml

    config_class = type(transformers.AutoConfig.from_pretrained(folder))
    known = set()
    for path in sorted((pathlib.Path(__file__).resolve().parents[2] / "models").glob("*.yaml")):
        heads = yaml.safe_load(path.read_text()).get("heads") or {}
        for name, value in heads.items():
            for architecture in (value or {}).get("architectures", []):
                if getattr(getattr(transformers, architecture, None), "config_class", None) is config_class:
                    known.add(name)
                    if name == head:
                        return architecture
    heads = ", ".join(sorted(known)) or "none"
    raise Refused(f"no family has a head {head} for {config_class.__name__}; known: {heads}; a class such as BertForMaskedLM will do, too")


def main():
    parser = argparse.ArgumentParser(prog="script/golden", description="Reference outputs from transformers, for egbert verify --golden.")
    parser.add_argument("model", type=pathlib.Path, help="a checkpoint folder, or a bare config.json (with --random)")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the npz file to write")
    parser.add_argument("--texts", type=pathlib.Path, help="texts, one a line; random ids if not given")
    parser.add_argument("--head", help="a class such as BertForMaskedLM, or a head's name in models/; else what config.json says")
    parser.add_argument("--random", type=int, metavar="SEED", help="first give the folder of a bare config.json random weights")
    options = parser.parse_args()
    folder = options.model.parent if options.model.name == "config.json" else options.model
    try:
        if not (folder / "config.json").exists():
            raise Refused(f"{folder} has no config.json")
        name = class_for_head(folder, options.head) if options.head else None
        if options.random is not None:
            randomise(folder, options.random, name)
        elif not any((folder / file).exists() for file in NAMED_BY_FILE):
            raise Refused(f"{folder} has no weights; --random SEED writes some")
        model = load(folder, name)
        seed = options.random or 0
        texts = tokenized(folder, options.texts) if options.texts else random_texts(model.config, seed)
        np.savez(options.out, **reference(model, texts))
    except (Refused, OSError, ValueError) as error:
        print(f"script/golden: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    sys.exit(main())
