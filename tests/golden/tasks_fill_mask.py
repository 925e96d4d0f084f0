# SPDX-License-Identifier: Apache-2.0
"""The checkpoints and texts of the fill-mask goldens, for the maker and for the test."""
import random

import minilm_texts
import task_models

KINDS = ("wordpiece", "byte-level", "unigram", "distilbert")
MASKS = {"wordpiece": "[MASK]", "distilbert": "[MASK]", "byte-level": "<mask>", "unigram": "<mask>"}
# Words of the vocabularies and not; one whose first token stands for it; some that are the same token.
TARGETS = ["the", "lighthouse", "The", "the", "##ing", "Ġthe", "▁the", "zq", "a", "of the"]
# Flags of the command by way of asking
WAYS = {"plain": {}, "one": {"top-k": 1}, "many": {"top-k": 20}, "targets": {"targets": TARGETS}}


def checkpoint(folder, kind):
    if kind == "distilbert":
        return task_models.make_distilbert(folder, "MaskedLM", 41)
    return task_models.make(folder, kind, "MaskedLM", seed=41)


def texts(kind):
    """One mask or several, at all places, beside other special tokens and odd characters; some short enough to be whole."""
    rng = random.Random(12)
    mask = MASKS[kind]
    plain = [text for text in minilm_texts.texts()[300:420] if text.strip()]
    made = [mask, f" {mask} ", f"{mask}{mask}", f"a{mask}b", f"{mask}, {mask}.", f"x [SEP] {mask} </s> <pad> [PAD] y", f"naïve {mask} café 🙂"]
    for text in rng.sample(plain, 20) + minilm_texts.SCRIPTS[:8]:
        words = text.split()[:6]
        for _ in range(rng.choice([1, 1, 2, 3])):
            words[rng.randrange(len(words))] = mask
        made.append(" ".join(words))
    return made


def chosen(kind, way):
    return texts(kind) if way in ("plain", "targets") else texts(kind)[::4]
