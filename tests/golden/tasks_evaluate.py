# SPDX-License-Identifier: Apache-2.0
"""The checkpoints and labelled texts of the evaluation goldens, for the maker and for the test.

A case is (checkpoint, records, flags); a record is a line of the input, but for `original`, which only the maker reads.
"""
import random

import minilm_texts
import task_models
import tasks_ner

CLASSES = ("low", "middle", "high", "never", "LABEL 5")
TOPICS = ("sport", "news", "art", "money")
GENERATOR_GOLDEN, WORD = 0x9E3779B97F4A7C15, 2**64 - 1


def sentences(count, seed):
    rng = random.Random(seed)
    return [minilm_texts.sentence(rng) for _ in range(count)]


def classes(count, seed):
    """One class each, by name or by index, some of pairs, of all scripts; the class `never` is never right."""
    rng = random.Random(seed)
    records = []
    for i in range(count):
        number = rng.choice((0, 0, 1, 2, 4))
        record = {"text": rng.choice(minilm_texts.SCRIPTS + minilm_texts.ODD + sentences(1, i)),
                  "label": CLASSES[number] if rng.random() < 0.5 else number}
        if rng.random() < 0.3:
            record["pair"] = sentences(1, 1000 + i)[0]
        records.append(record)
    return records


def topics(count, seed):
    """Any number of labels: names and indices, truths, numbers for each label, none at all."""
    rng = random.Random(seed)
    records = []
    for i, text in enumerate(sentences(count, seed)):
        true = [rng.random() < 0.4 for _ in TOPICS]
        chosen = [k for k, t in enumerate(true) if t]
        forms = ([TOPICS[k] for k in chosen], chosen[::-1], true, [float(t) for t in true])
        records.append({"text": text, "label": forms[i % 4]})
    return records


def scores(count, seed, labels=1):
    rng = random.Random(seed)
    numbers = [round(rng.random() * 5) / 2 if rng.random() < 0.5 else round(rng.random() * 5, 2) for _ in range(count * labels)]
    texts, pairs = sentences(count, seed), sentences(count, seed + 1)
    return [{"text": text, "pair": pair, "label": numbers[i] if labels == 1 else numbers[i * labels:(i + 1) * labels]}
            for i, (text, pair) in enumerate(zip(texts, pairs))]


def masks(count, seed):
    """Words of one token masked; targets as a text, a list, or the whole text."""
    known = task_models.wordpiece()["model"]["vocab"]
    rng = random.Random(seed)
    records = []
    for i, text in enumerate(sentences(count, seed)):
        words = text.split(" ")
        places = [k for k, word in enumerate(words) if word in known and word.isalpha()]
        chosen = sorted(rng.sample(places, min(len(places), rng.randint(1, 2))))
        masked = " ".join("[MASK]" if k in chosen else word for k, word in enumerate(words))
        targets = [words[k] for k in chosen]
        form = (" ".join(targets), targets, text)[i % 3]
        records.append({"text": masked, "label" if i % 5 == 0 else "target": form, "original": text})
    return records


def tags(count, seed):
    """A tag for each word between blanks, of odd blanks too; null where a word does not count."""
    rng = random.Random(seed)
    records = []
    texts = sentences(count, seed) + minilm_texts.SCRIPTS + ["  two  blanks\tand a\u00a0third  ", "", "x y " * 60, "\u200b a \ufeff b"]
    for text in texts:
        words = [rng.choice(tasks_ner.LABELS) if rng.random() < 0.8 else rng.randrange(len(tasks_ner.LABELS)) for _ in text.split()]
        records.append({"text": text, "label": [None if rng.random() < 0.1 else word for word in words]})
    return records


def plain(count, seed):
    return [{"text": text} for text in sentences(count, seed) + minilm_texts.SCRIPTS + minilm_texts.ODD[:40] + ["a b c " * 60]]


def make_case(name, folder):
    """(checkpoint, records, flags)"""
    make = task_models.make
    head = "SequenceClassification"
    sharp = {"classifier*": 3.0}
    if name == "one class":
        return make(folder, "wordpiece", head, CLASSES, seed=21, scales=sharp), classes(150, 1), []
    if name == "one class, said":
        return make(folder, "byte-level", head, CLASSES, seed=22, scales=sharp,
                    problem_type="single_label_classification"), classes(100, 2), []
    if name == "topics":
        return make(folder, "wordpiece", head, TOPICS, seed=23, scales=sharp), topics(80, 3), []
    if name == "topics, said":
        return make(folder, "unigram", head, TOPICS, seed=24, scales=sharp,
                    problem_type="multi_label_classification"), topics(60, 4), []
    if name == "score":
        return make(folder, "wordpiece", head, ("score",), seed=25, scales=sharp), scores(90, 5), []
    if name == "three scores":
        return make(folder, "wordpiece", head, ("a", "b", "c"), seed=26, problem_type="regression"), scores(30, 6, 3), []
    if name == "masks":
        return make(folder, "wordpiece", "MaskedLM", seed=27), masks(40, 7), []
    if name == "drawn":
        return make(folder, "wordpiece", "MaskedLM", seed=28), plain(60, 8), ["--seed", "7"]
    if name == "drawn, bytes":
        return make(folder, "byte-level", "MaskedLM", seed=29), plain(40, 9), ["--seed", str(2**40 + 3)]
    if name == "similarity":
        return make(folder, "wordpiece", seed=30), scores(80, 10), []
    assert name == "tags"
    return tasks_ner.checkpoint(folder, "wordpiece"), tags(60, 11), []


CASES = ("one class", "one class, said", "topics", "topics, said", "score", "three scores", "masks", "drawn", "drawn, bytes",
         "similarity", "tags")


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
    return z ^ z >> 31


def draw(seed, text, token, k):
    """The number that decides about a token, as engine/tasks/evaluate_masks.c says it."""
    state = mix(seed + GENERATOR_GOLDEN & WORD)
    for counter in (text, token, k):
        state = mix(state + (counter + 1) * GENERATOR_GOLDEN & WORD)
    return state
