# SPDX-License-Identifier: Apache-2.0
"""The checkpoints, questions and contexts of the question-answering goldens, for the maker and for the test."""
import random

import minilm_texts
import task_models

KINDS = ("wordpiece", "byte-level", "unigram", "distilbert")
# Ways to ask, as flags of the command; the models take 40 tokens, so windows have at most so many.
WAYS = {
    "plain": {},
    "three": {"top-k": 3},
    "twelve or none": {"top-k": 12, "no-answer": True},
    "none": {"no-answer": True},
    "short answers": {"top-k": 4, "max-answer": 2},
    "long answers": {"top-k": 2, "max-answer": 100},
    "narrow windows": {"top-k": 3, "max-length": 34, "stride": 5},
}


def checkpoint(folder, kind):
    scales = {"qa_outputs.*": 4.0}
    if kind == "distilbert":
        return task_models.make_distilbert(folder, "QuestionAnswering", 31, scales)
    return task_models.make(folder, kind, "QuestionAnswering", seed=31, scales=scales)


def contexts():
    """Short and long ones, in many scripts; the same sentence over and over; words that windows cut."""
    rng = random.Random(9)
    plain = [text for text in minilm_texts.texts()[300:500] if text.strip()]
    odd = [text for text in minilm_texts.ODD + minilm_texts.SCRIPTS if text and "[CLS]" not in text]
    made = plain[:25] + odd
    made += [". ".join(rng.sample(plain, rng.randint(4, 14))) for _ in range(25)]
    made += [" ".join(rng.sample(odd, 6)) for _ in range(12)]
    made += [(rng.choice(plain) + " ") * rng.randint(5, 12) for _ in range(6)]
    made += ["donaudampfschifffahrtsgesellschaftskapitän " * 4, "supercalifragilisticexpialidocious-antidisestablishment" * 2]
    made += ["  two blanks  before\n\nand lines\n", "x [SEP] y [MASK] z", "\u200b", "  \t "]
    return made


def records():
    rng = random.Random(10)
    questions = ["Who?", "what is it", "Где?", "🙂", "x", "the price of salt", "Who follows?"]
    return [(rng.choice(questions), context) for context in contexts()]


def chosen(way):
    """Every record one way, some of them the others."""
    return records() if way == "plain" else records()[::3] if way == "narrow windows" else records()[1::4]
