# SPDX-License-Identifier: Apache-2.0
"""The checkpoints and texts of the named-entity goldens, for the maker and for the test."""
import random

import minilm_texts
import task_models

MODES = ("none", "simple", "first", "average", "max")
# Tags of both kinds, two hyphens in one, one without a kind, and one that ends up as O when it is grouped.
LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "I-X-Y", "MISC", "I-O", "Z-PER")


def checkpoint(folder, kind):
    return task_models.make(folder, kind, "TokenClassification", LABELS, seed=11, scales={"classifier.*": 3.0})


def texts(mode):
    """More than 200, of many scripts, some beyond the model's limit. `none` gives every token, so it gets every third."""
    rng = random.Random(5)
    everything = minilm_texts.texts()
    middle = everything[len(minilm_texts.ODD) + len(minilm_texts.SCRIPTS):]
    chosen = minilm_texts.ODD + minilm_texts.SCRIPTS + middle[:2] + middle[36:116] + rng.sample(middle[156:], 100)
    chosen += ["  two blanks  before", "A man\nof lines", "New York's Mayor, J.R.", "Microsoft-Google e.g. U.S.A.", "İİ ǅ ß ŒUVRE"]
    return chosen[::3] if mode == "none" else chosen
