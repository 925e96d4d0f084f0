#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/instances: weights of heads that no checkpoint has, and what torch makes of them with the hidden states
of transformers' models. The instance files there are written by hand. Runs in the environment of script/setup --goldens."""

import pathlib

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import BertForMaskedLM, BertForSequenceClassification, BertModel

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "instances"
HIDDEN = 32


def randomise(module, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(0.3 * torch.randn(value.shape, generator=generator))
    return module.eval()


def texts_of(name):
    with np.load(HERE / f"{name}.npz") as archive:
        ids, types, cu = archive["input_ids"], archive["token_type_ids"], archive["cu_seqlens"]
    return [{"input_ids": torch.tensor(ids[a:b])[None], "token_type_ids": torch.tensor(types[a:b])[None]}
            for a, b in zip(cu, cu[1:])]


def model_of(kind, name):
    return kind.from_pretrained(HERE / "checkpoints" / name, attn_implementation="eager", dtype=torch.float32).eval()


@torch.no_grad()
def make_multi_task():
    severity = randomise(nn.Linear(HIDDEN, 2), 1)
    emotion = randomise(nn.Sequential(nn.Linear(HIDDEN, 8), nn.Tanh(), nn.Linear(8, 3)), 2)
    tagger = randomise(nn.Linear(HIDDEN, 5), 3)
    spam = randomise(nn.Linear(HIDDEN, 1), 4)
    tensors = {f"severity.dense1.{k}": v.contiguous() for k, v in severity.state_dict().items()}
    tensors |= {f"emotion.{k}": v.contiguous() for k, v in emotion.state_dict().items()}
    tensors |= {f"tagger.{k}": v.contiguous() for k, v in tagger.state_dict().items()}
    save_file(tensors, OUT / "heads.safetensors", metadata={"format": "pt"})
    torch.save(spam.state_dict(), OUT / "spam.pt")
    model = model_of(BertModel, "tiny-bert")
    want = {"severity.logits": [], "emotion.logits": [], "tagger.logits": [], "spam.logits": [], "spam.probability": []}
    for text in texts_of("tiny-bert"):
        states = model(**text).last_hidden_state
        want["severity.logits"].append(severity(states[:, 0]))
        want["emotion.logits"].append(emotion(states.mean(1)))
        want["tagger.logits"].append(tagger(states[0]))
        want["spam.logits"].append(spam(states[:, 0]))
        want["spam.probability"].append(torch.sigmoid(spam(states[:, 0])))
    np.savez(OUT / "multi-task.npz", **{k: torch.cat(v).numpy() for k, v in want.items()})


@torch.no_grad()
def make_swapped():
    """The last layer of a classifier in the place of the checkpoint's."""
    model = model_of(BertForSequenceClassification, "tiny-bert-classify")
    model.classifier = randomise(nn.Linear(HIDDEN, 4), 5)
    save_file({f"classifier.{k}": v.contiguous() for k, v in model.classifier.state_dict().items()},
              OUT / "classifier.safetensors", metadata={"format": "pt"})
    logits = [model(**text).logits for text in texts_of("tiny-bert-classify")]
    np.savez(OUT / "swapped.npz", **{"logits": torch.cat(logits).numpy()})


@torch.no_grad()
def make_splade():
    model = model_of(BertForMaskedLM, "tiny-bert-mlm")
    rows = [torch.log1p(torch.relu(model(**text).logits)).max(1).values for text in texts_of("tiny-bert-mlm")]
    np.savez(OUT / "splade.npz", **{"splade.logits": torch.cat(rows).numpy()})


if __name__ == "__main__":
    make_multi_task()
    make_swapped()
    make_splade()
