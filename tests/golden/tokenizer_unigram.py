# SPDX-License-Identifier: Apache-2.0
"""Unigram to the last bit against Hugging Face's library: sums of scores that are ties but for their rounding, scores of
any size, entries that are equal, empty or very long, text that is unknown, words longer than what the lattice keeps.

    tokenizer_unigram.py [--build DIR] [--lines N] [--only PATTERN]

Needs `tokenizers` alone. Lines are made from a fixed seed.
"""
import fnmatch
import itertools
import json
import pathlib
import random
import struct
import sys
import tempfile
import time

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import tokenizer_equality as equality
import tokenizer_trained as trained
from tokenizer_equality import NO_SPECIAL, Difference, Egbert
from tokenizer_sentencepiece import varint

SPECIALS = trained.SPECIALS
BYTES = [[f"<0x{byte:02X}>", -9.0] for byte in range(256)]
INPUT = 3  # the status of a text that can not be encoded


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def strings(letters, longest):
    for length in range(1, longest + 1):
        yield from map("".join, itertools.product(letters, repeat=length))


def sums(letters, longest, of, kept=1.0, rng=None):
    """Entries whose score is the sum of their letters' scores: all ways to cut a text are ties, but for rounding."""
    return [[text, sum(of[c] for c in text)] for text in strings(letters, longest)
            if len(text) == 1 or kept == 1.0 or rng.random() < kept]


def unigram(entries, unknown=3, **more):
    return {"type": "Unigram", "unk_id": unknown, "vocab": [[t, 0.0] for t in SPECIALS] + entries, **more}


def bare(model, pre=None):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": pre, "post_processor": None, "decoder": None, "model": model}


# ---- Lines ----


def letters_line(rng, letters, longest=24):
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, longest)))


def unknown_line(rng, letters):
    return "".join(rng.choice([*letters, *letters, "\u00e9", "\u6f22", "\U0001f600", "x", "\0"]) for _ in range(rng.randint(1, 20)))


def long_line(rng, letters):
    """Longer than what the lattice keeps, with stretches of one kind that are as long."""
    parts = []
    for _ in range(rng.randint(2, 6)):
        kind = rng.random()
        count = rng.choice([1, 100, 4095, 4096, 4097, 9000])
        parts.append(rng.choice(letters) * count if kind < 0.3 else rng.choice("\u00e9\u6f22x") * count if kind < 0.5 else
                     "".join(rng.choice(letters) for _ in range(count)))
    return "".join(parts)


# ---- Cases: name, tokenizer.json, how a line is made, its share of the lines ----


def score_cases(rng):
    exact = {c: -rng.uniform(1, 9) for c in "abcd"}
    few = {c: -rng.randint(1, 99) / 10 for c in "abcd"}
    single = {c: float32(-rng.uniform(1, 9)) for c in "abcd"}
    up = {c: rng.uniform(0, 2) for c in "abcd"}
    for name, of in (("sums", exact), ("sums of tenths", few), ("sums of floats", single), ("sums above zero", up)):
        yield name, bare(unigram(sums("abcd", 4, of))), lambda: letters_line(rng, "abcd"), 1
        yield name + ", some", bare(unigram(sums("abcd", 5, of, 0.2, rng))), lambda: letters_line(rng, "abcd"), 0.5
    wide = [[t, rng.choice([0.0, -0.0, -1e308, 1e308, 5e-324, 1e-310, 2.0**63, -1e25, -1.0, -123456789.123456789])]
            for t in strings("abc", 3)]
    yield "scores of any size", bare(unigram(wide)), lambda: unknown_line(rng, "abc"), 0.2
    integers = json.dumps(bare(unigram(wide))).replace("-1.0]", "-1]").replace("-1e+25", "-" + "9" * 25)
    yield "integers", json.loads(integers), lambda: unknown_line(rng, "abc"), 0.1
    words = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    marked = [["\u2581" + t, s - 0.25] for t, s in sums("abc", 3, exact)]
    yield ("sums in words", bare(unigram(sums("abc", 3, exact) + marked + [["\u2581", -1.5]]), words),
           lambda: " ".join(letters_line(rng, "abc", 8) for _ in range(rng.randint(1, 5))), 0.5)


def text_cases(rng):
    known = [["a", -1.0], ["b", -1.5], ["ab", -2.5], ["x\u00e9", -40.0], ["\u6f22\u6f22", -20.0], ["aa", -1.75]]
    lines = lambda: unknown_line(rng, "ab")  # noqa: E731
    yield "unknown", bare(unigram(known)), lines, 0.3
    above = [[t, s + 50] for t, s in known]  # unknown text is worth having: a run of it may be an entry
    yield "unknown above zero", bare({"type": "Unigram", "unk_id": 0, "vocab": [["?", 60.0], *above]}), lines, 0.3
    yield ("runs that are entries", bare({"type": "Unigram", "unk_id": 0, "vocab": [
        ["?", 20.0], ["xx", 20.0], ["xxx", 20.0], ["\u6f22x", 20.0], ["a", 20.0]]}), lines, 0.2)
    yield "bytes", bare(unigram(known + BYTES, byte_fallback=True)), lines, 0.3
    yield "some bytes", bare(unigram(known + BYTES[0x20:0xE0], byte_fallback=True)), lines, 0.2
    yield ("equal entries", bare(unigram([["a", -9.0], *known, ["a", -1.0], ["", -3.0], ["ab", -1.0], ["b", -7.0], ["", 5.0]])),
           lines, 0.2)
    yield "equal unknown", bare(unigram([*known, ["<unk>", -2.0]])), lambda: lines() + rng.choice(["<unk>", "<unk>x", ""]), 0.2
    yield "no unknown", bare(unigram(known, None)), lines, 0.3
    yield "zeros", bare(unigram(known + [["\0", -1.0], ["a\0", -1.0], ["\0\0b", -1.0]])), lines, 0.1


def length_cases(rng):
    nested = [["a" * n, -float(n)] for n in range(1, 60)] + [["b", -1.0], ["a" * 4500 + "b", -1.0]]
    yield "nested", bare(unigram(nested)), lambda: long_line(rng, "aaab"), 0.001
    yield "long", bare(unigram(sums("ab", 5, {"a": -1.1, "b": -2.3}))), lambda: long_line(rng, "ab"), 0.002
    deep = sums("ab", 2, {"a": -1.1, "b": -2.3}) + [["ab" * 3000, -3.0], ["ba" * 2200 + "a", -5000.0], ["b" * 4500, -1.0]]
    yield "deep", bare(unigram(deep)), lambda: rng.choice(["", "a"]) + "ab" * rng.randint(1, 6500) + long_line(rng, "ab"), 0
    yield ("long bytes", bare(unigram([["a", -1.0], ["b", -1.0]] + BYTES, byte_fallback=True)),
           lambda: long_line(rng, "ab"), 0.002)


def trained_cases(rng):
    for size in (300, 1000, 4000):
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.train_from_iterator(trained.corpus(rng, 3000), trainers.UnigramTrainer(
            vocab_size=size, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False))
        model = json.loads(tokenizer.to_str())["model"]
        words = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
        yield f"trained {size}", bare(model, words), lambda: trained.line(rng, trained.STEMS, SPECIALS), 1


# ---- A SentencePiece model, whose floats the classes of transformers give to the library as they are ----


def field(number, data):
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def model_file(pieces):
    out = bytearray()
    for text, score, kind in pieces:
        out += field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind]))
    return bytes(out) + field(2, b"\x18\x01")


def model_case(rng, scratch):
    of = {c: float32(-rng.uniform(1, 9)) for c in "abc"}
    pieces = [(text, float32(score)) for text, score in sums("abc", 4, of)]
    pieces += [("\u2581" + text, float32(score - 0.1)) for text, score in pieces] + [("\u2581", -2.0)]
    folder = pathlib.Path(scratch) / "model"
    folder.mkdir()
    (folder / "sentencepiece.bpe.model").write_bytes(
        model_file([("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), *((t, s, 1) for t, s in pieces)]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "XLMRobertaTokenizer"}))
    vocab = [(t, 0.0) for t in ("<s>", "<pad>", "</s>", "<unk>")] + pieces + [("<mask>", 0.0)]
    oracle = Tokenizer(models.Unigram(vocab, 3, False))
    oracle.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    oracle.decoder = decoders.Metaspace()
    oracle.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)])
    return folder, oracle, lambda: " ".join(letters_line(rng, "abc", 10) for _ in range(rng.randint(1, 5)))


# ---- Comparing ----


def compare_or_refuse(case, oracle, egbert, lines):
    """Where the vocabulary has no unknown token, some texts are errors on both sides."""
    answers = egbert.ask([(0, 0, NO_SPECIAL, text.encode(), b"") for text in lines])
    for text, got in zip(lines, answers):
        try:
            want = oracle.encode(text, add_special_tokens=False)
        except Exception:
            if got[0] != INPUT:
                raise Difference(f"{case}: the library refuses {text!r}, status {got[0]}") from None
            continue
        equality.compare_one(case, text, None, want, got, "line")
    return len(lines)


def compare_decode(case, oracle, egbert):
    """Each entry is decoded, those that others are equal to as well, and an id is the library's own."""
    size = oracle.get_vocab_size()
    for i, (status, got) in enumerate(egbert.ask([(0, 0, equality.DECODE, struct.pack("<q", i), b"") for i in range(size)])):
        if status != 0 or got != oracle.decode([i]):
            raise Difference(f"{case}: id {i} is {oracle.decode([i])!r}, got {got!r}")
    return size


def compare(name, folder, oracle, make, count, build):
    egbert = Egbert(build, folder)
    lines = [make() for _ in range(max(count, 4))]
    if name == "no unknown":
        return compare_or_refuse(name, oracle, egbert, lines)
    return equality.compare_lines(name, oracle, egbert, lines) + compare_decode(name, oracle, egbert)


def run(build, lines, out=sys.stdout, only=None):
    rng = random.Random(20240617)
    total = 0
    with tempfile.TemporaryDirectory() as scratch:
        cases = [(name, *trained.json_folder(name, data, scratch), make, share) for name, data, make, share in
                 (*score_cases(rng), *text_cases(rng), *length_cases(rng), *trained_cases(rng))]
        cases.append(("model", *model_case(rng, scratch), 1))
        for name, folder, oracle, make, share in cases:
            if only and not fnmatch.fnmatchcase(name, only):
                continue
            begin = time.time()
            count = compare(name, folder, oracle, make, int(lines * share), build)
            total += count
            print(f"{name}: {count} equal, {time.time() - begin:.1f} s", file=out, flush=True)
    print(f"{total} equal", file=out)
    return total


if __name__ == "__main__":
    trained.main(run, __doc__, 12000)
