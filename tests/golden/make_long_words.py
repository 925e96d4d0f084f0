# SPDX-License-Identifier: Apache-2.0
"""Words of thousands of symbols and what Hugging Face's `tokenizers` makes of them, by small BPE vocabularies.

    python tests/golden/make_long_words.py

writes tests/golden/long-words/NAME.json, a tokenizer.json, and NAME.txt: a word, its ids, a word, its ids …, a line each.
The trainer is not deterministic: what it made once is kept.

    trained     merges of a trainer; a word is longer than what is done at once
    ended       the same with </w> at a word's end
    bytes       bytes, by ByteLevel
    doubling    each merge doubles a run, up to tokens longer than what is done at once
    unordered   a merge joins a token that only a later one makes
"""
import itertools
import json
import pathlib
import random

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).resolve().parent / "long-words"


def random_word(rng, letters, length):
    """Random letters, runs and repetitions in turns."""
    word = ""
    while len(word) < length:
        part = "".join(rng.choice(letters) for _ in range(rng.randint(1, 6)))
        word += rng.choice([part, part[0] * rng.randint(1, 200), part * rng.randint(1, 60)])
    return word[:length]


def trained(rng, letters, entries, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    lines = [random_word(rng, letters, 300) for _ in range(400)]
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=entries, show_progress=False, max_token_length=40, **options))
    return tokenizer


def of_merges(letters, merges):
    vocab = {}
    for token in itertools.chain(letters, (left + right for left, right in merges)):
        vocab.setdefault(token, len(vocab))
    return Tokenizer(models.BPE(vocab=vocab, merges=merges))


def byte_level(rng):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator([random_word(rng, "aé漢", 300) for _ in range(400)], trainers.BpeTrainer(
        vocab_size=400, show_progress=False, max_token_length=40, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def cases():
    rng = random.Random(11)
    words = [random_word(rng, "abc", length) for length in (2047, 2048, 2049, 4097, 9000)]
    words += ["a" * 5000, "ab" * 3000, "b" + "a" * 4999]
    yield "trained", trained(rng, "abc", 300), words
    yield "ended", trained(rng, "abc", 300, end_of_word_suffix="</w>"), words[2:5]
    yield "bytes", byte_level(rng), [random_word(rng, "aé漢", length) for length in (1500, 5000)]
    doubling = [("a" * 2**i, "a" * 2**i) for i in range(12)]
    yield "doubling", of_merges("ab", doubling), ["a" * 4095, "a" * 9001, "a" * 3000 + "b" + "a" * 6000]
    unordered = [("ab", "ab"), ("b", "c"), ("a", "b"), ("abab", "ab"), ("c", "a")]
    yield "unordered", of_merges("abc", unordered), words[2:7]


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, tokenizer, words in cases():
        lines = itertools.chain.from_iterable((word, " ".join(map(str, tokenizer.encode(word).ids))) for word in words)
        (FOLDER / f"{name}.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, indent=0), encoding="utf-8")
        (FOLDER / f"{name}.txt").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
