# SPDX-License-Identifier: Apache-2.0
"""Tokenizers that no package ships, trained on made-up lines from a fixed seed: byte-level BPE and its relatives,
Unigram, WordLevel. Each is a folder with tokenizer.json that both sides read.

    tokenizer_trained.py [--build DIR] [--lines N] [--only NAME]
"""
import argparse
import json
import pathlib
import random
import sys
import tempfile
import time
import unicodedata

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import tokenizer_equality as equality
from tokenizer_equality import NO_SPECIAL, Difference, Egbert

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
STEMS = """learn read work think run speak write build light night water tree house stone river mountain language number
model token vector matrix attend embed search query answer question simple general natural deep small large good old new
Straße école niño größer дом язык читать слово λόγος γλώσσα 言葉 文字 中文 语言 模型 한국어 단어 हिन्दी भाषा עברית لغة""".split()
ENDINGS = ["", "", "s", "ing", "ed", "er", "ness", "ful", "able", "ly", "tion", "'s", "ого", "ами", "的", "です"]
CONTRACTIONS = ["don't", "it's", "we'll", "they've", "I'm", "you're", "he'd", "X'S", "I'LL", "'ſ", "12345", "!!\r\n", " \n \n x", "it’s", " 'll", "''", "'"]


def corpus(rng, lines):
    return [" ".join(rng.choice(STEMS) + rng.choice(ENDINGS) + rng.choice(["", "", ",", ".", "!", " 12", " 3.5"])
                     for _ in range(rng.randint(3, 14))) for _ in range(lines)]


def line(rng, pool, added):
    text = equality.mixed_line(rng, pool, added)
    if rng.random() < 0.5:
        text += " " + " ".join(rng.choice(STEMS) + rng.choice(ENDINGS) for _ in range(rng.randint(1, 6)))
    if rng.random() < 0.3:
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(CONTRACTIONS + ["  ", "   \n", "\n\n", " \t ", "\u3000 ", " \u00a0"]) + text[at:]
    return text


def special(vocab, token, **flags):
    return {"id": vocab[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True, **flags}


def byte_level_bpe(rng, size=1500, prefix=False):
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    trained.train_from_iterator(corpus(rng, 1500), trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    return json.loads(trained.to_str())["model"]


def char_bpe(rng, size=900, **options):
    trained = Tokenizer(models.BPE(unk_token="<unk>", **options))
    trained.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trained.train_from_iterator(corpus(rng, 1500), trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIALS, limit_alphabet=120, show_progress=False,
        **{k: v for k, v in options.items() if k in ("continuing_subword_prefix", "end_of_word_suffix")}))
    return json.loads(trained.to_str())["model"]


def byte_level(prefix, regex=True, trim=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": regex}


WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def doubled(vocab, prefix, trim):
    return {"type": "RobertaProcessing", "sep": ["</s>", vocab["</s>"]], "cls": ["<s>", vocab["<s>"]],
            "trim_offsets": trim, "add_prefix_space": prefix}


def sentence(vocab):
    def piece(token, type_id=0):
        return {"SpecialToken": {"id": token, "type_id": type_id}}

    def text(name, type_id=0):
        return {"Sequence": {"id": name, "type_id": type_id}}
    return {"type": "TemplateProcessing", "single": [piece("<s>"), text("A"), piece("</s>")],
            "pair": [piece("<s>"), text("A"), piece("</s>"), text("B", 1), piece("</s>", 1)],
            "special_tokens": {t: {"id": t, "ids": [vocab[t]], "tokens": [t]} for t in ("<s>", "</s>")}}


def tokens_of(model):
    vocab = model["vocab"]
    return vocab if isinstance(vocab, dict) else {token: i for i, (token, _) in enumerate(vocab)}


def spec(model, *, normalizer=None, pre=None, post=None, decoder=None, mask=None, more=()):
    vocab = tokens_of(model)
    listed = [special(vocab, t, **(mask or {}) if t == "<mask>" else {}) for t in SPECIALS]
    fresh = len(vocab)
    for token in more:  # one that the vocabulary has keeps its id
        known = vocab.get(token["content"], fresh)
        listed.append({"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False,
                       **token, "id": known})
        fresh += known == fresh
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": listed, "normalizer": normalizer,
            "pre_tokenizer": pre, "post_processor": post, "decoder": decoder, "model": model}


MORE = [{"content": "<ent>", "lstrip": True, "rstrip": True}, {"content": "dog", "single_word": True},
        {"content": "Café", "normalized": True}, {"content": "  "}, {"content": "new", "normalized": True, "lstrip": True}]


# As ModernBERT has them: runs of blanks that are tokens, and tokens that are met once the text is normalised.
BLANKS = [{"content": " " * n, "normalized": True} for n in range(8, 1, -1)] + [
    {"content": "|||IP_ADDRESS|||", "normalized": True}, {"content": "Cafe\u0301", "normalized": True, "rstrip": True},
    {"content": "dog", "normalized": True, "single_word": True}, {"content": "<ent>", "lstrip": True}]


def bpe_cases(rng):
    model = byte_level_bpe(rng)
    vocab = model["vocab"]
    pairs = {**model, "merges": [m.split(" ") if isinstance(m, str) else m for m in model["merges"]]}
    strings = {**model, "merges": [" ".join(m) for m in pairs["merges"]]}
    mask = {"lstrip": True}
    decoder = byte_level(True)
    for prefix in (False, True):
        for trim in (False, True):
            yield (f"roberta prefix {prefix} trim {trim}",
                   spec(strings if prefix else pairs, pre=byte_level(prefix), post=doubled(vocab, prefix, trim),
                        decoder=decoder, mask=mask, more=MORE if trim else ()))
    yield "gpt2", spec(pairs, pre=byte_level(False), post=byte_level(True, trim=True), decoder=decoder)
    yield "gpt-neox", spec({**pairs, "ignore_merges": True}, normalizer={"type": "NFC"}, pre=byte_level(False),
                           post={"type": "Sequence", "processors": [byte_level(False, trim=True), sentence(vocab)]},
                           decoder=decoder, more=MORE)
    yield "modernbert", spec(pairs, normalizer={"type": "NFC"}, pre=byte_level(False), post=sentence(vocab), decoder=decoder,
                             mask=mask, more=BLANKS)
    yield "no regex", spec(pairs, pre={"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, byte_level(False, regex=False)]}, decoder=decoder)
    yield "ByteLevel after words", spec(pairs, pre={"type": "Sequence", "pretokenizers": [
        {"type": "Punctuation"}, {"type": "WhitespaceSplit"}, byte_level(True)]}, decoder=decoder)
    yield "split words", spec({**pairs, "ignore_merges": True}, pre={"type": "Sequence", "pretokenizers": [
        split({"Regex": WORDS}), byte_level(False, regex=False)]}, post=sentence(vocab), decoder=decoder, more=MORE)
    plain = {"type": "WhitespaceSplit"}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True) if behavior in ("Removed", "MergedWithNext") else (False,):
            yield f"split at blanks, {behavior}, {invert}", spec(pairs, pre={"type": "Sequence", "pretokenizers": [
                split({"String": " "}, behavior, invert), byte_level(False, regex=False)]})
    clip = char_bpe(rng, end_of_word_suffix="</w>")
    yield "suffix", spec(clip, pre=plain, post=sentence(clip["vocab"]), decoder={"type": "BPEDecoder", "suffix": "</w>"})
    yield "suffix, fused", spec({**clip, "fuse_unk": True}, pre=plain, normalizer={"type": "Lowercase"})
    yield "no unknown", spec({**clip, "unk_token": None}, pre=plain)
    continuing = char_bpe(rng, continuing_subword_prefix="##")
    yield "prefix", spec(continuing, pre=plain, decoder={"type": "WordPiece", "prefix": "##", "cleanup": True})
    fallback = with_bytes(char_bpe(rng))
    for some in (False, True):
        for fuse in (False, True):
            if some:
                fallback = without_some_bytes(fallback)
            yield (f"byte fallback, some {some}, fused {fuse}",
                   spec({**fallback, "byte_fallback": True, "fuse_unk": fuse}, pre=plain, decoder={
                       "type": "Sequence", "decoders": [
                           {"type": "Replace", "pattern": {"String": "ing"}, "content": "ING "}, {"type": "ByteFallback"},
                           {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}))


def unigram(rng, **options):
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(corpus(rng, 1500), trainers.UnigramTrainer(
        vocab_size=700, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False))
    return {**json.loads(trained.to_str())["model"], **options}


def metaspace(scheme, split=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def unigram_cases(rng):
    model = unigram(rng)
    for scheme in ("always", "first", "never"):
        yield (f"unigram {scheme}", spec(
            model, pre=metaspace(scheme, split=scheme != "never"), post=sentence(tokens_of(model)),
            decoder=metaspace(scheme), mask={"lstrip": True}, more=MORE if scheme != "always" else ()))
    nmt = {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"},
                                               {"type": "Strip", "strip_left": True, "strip_right": True}]}
    yield "unigram, old Metaspace", spec(model, normalizer=nmt, pre={"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True, "str_rep": "▁"}]})
    yield "unigram, stripped", spec(model, normalizer=nmt, pre=metaspace("first"))
    yield "unigram, prepended", spec(
        model, normalizer={"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁▁x"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})
    ties = {"type": "Unigram", "unk_id": 3, "vocab": [[t, 0.0] for t in SPECIALS] + [
        ["a", -1.0], ["aa", -2.0], ["aaa", -3.0], ["b", -1.5], ["ab", -2.5], ["é", -1.0], ["e", -1.0], ["s", -4.0]]}
    yield "ties", spec(ties)
    fallback = {**ties, "byte_fallback": True,
                "vocab": ties["vocab"] + [[f"<0x{byte:02X}>", -9.0] for byte in range(256)]}
    yield "unigram, byte fallback", spec(fallback, decoder={"type": "Sequence", "decoders": [
        {"type": "ByteFallback"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True}]})
    words = {t: i for i, t in enumerate(SPECIALS + STEMS + ["don", "Café", "."])}
    yield "words", spec({"type": "WordLevel", "vocab": words, "unk_token": "<unk>"}, pre={"type": "Whitespace"},
                        post=sentence(words), more=MORE[:2])


def with_bytes(model):
    vocab = dict(model["vocab"])
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = len(vocab)
    return {**model, "vocab": vocab}


def without_some_bytes(model):
    vocab = {}
    for token in model["vocab"]:
        if token not in ("<0xE4>", "<0xF0>", "<0xCC>"):
            vocab[token] = len(vocab)
    return {**model, "vocab": vocab}


def all_cases(seed):
    yield from bpe_cases(random.Random(seed))
    yield from unigram_cases(random.Random(seed + 1))


EVERY = {"gpt2", "split words", "unigram, old Metaspace"}  # where each character is tried, not only some
LONG = {"gpt2", "split words", "modernbert"}  # where runs of many characters are
ADDED_TEXT = SPECIALS + ["|||IP_ADDRESS|||", "Cafe\u0301", "       ", " " * 21, "<mask>", " <mask>", "  <mask> ", "<ent>", "  <ent>  ", "dog", "dogs", "Café", "new", "  new", "    "]


def json_folder(name, data, scratch):
    folder = pathlib.Path(scratch) / name.replace(" ", "_")
    folder.mkdir()
    text = json.dumps(data, ensure_ascii=False)
    (folder / "tokenizer.json").write_text(text)
    return folder, Tokenizer.from_str(text)


def merges_folder(doubled_specials, prefix, scratch):
    """vocab.json and merges.txt, and what transformers' classes build of them."""
    name = f"merges {doubled_specials} {prefix}"
    model = byte_level_bpe(random.Random(5))
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    folder = pathlib.Path(scratch) / name.replace(" ", "_")
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in merges))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "RobertaTokenizer" if doubled_specials else "GPT2TokenizerFast", "add_prefix_space": prefix}))
    oracle = Tokenizer(models.BPE(vocab=model["vocab"], merges=merges))
    oracle.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    oracle.decoder = decoders.ByteLevel()
    specials = ["<s>", "</s>", "<unk>", "<pad>", "<mask>"] if doubled_specials else ["<|endoftext|>"]
    oracle.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in specials])
    if doubled_specials:
        oracle.post_processor = processors.RobertaProcessing(
            ("</s>", oracle.token_to_id("</s>")), ("<s>", oracle.token_to_id("<s>")), True, prefix)
    return name, folder, oracle


def long_runs(size=20_000):
    """What a pattern that looks back or ahead would take long for."""
    for part in ("7", "a", "é", "中", "'", "'s", "'LL", "!", " ", "\t", "\n", "\r\n", " \n", "\n ", "!\n", " a", "7a", "\u3000",
                 "\u0301", "e\u0301", "a\u0323\u0301", "\u1100\u1161", "가"):
        run = part * (size // len(part))
        yield run
        yield f"x{run}\n"
        yield f" {run} x"


def composed():
    """Characters that NFC takes apart or puts together, with marks between and behind."""
    parts = []
    for c in map(chr, range(0x110000)):
        apart = unicodedata.normalize("NFD", c) if equality.is_text(ord(c)) else c
        if apart != c and not 0xAE00 <= ord(c) < 0xD7A4:
            parts += [c, apart, f"{c}\u0323", f"{apart[0]}\u0323{apart[1:]}", f"{apart}\u0331a{apart[-1]}"]
    return [" ".join(parts[at:at + 60]) for at in range(0, len(parts), 60)]


def compare(name, folder, oracle, build, lines, every, rng):
    egbert = Egbert(build, folder)
    mixed = [line(rng, STEMS, ADDED_TEXT) for _ in range(lines)]
    count = equality.compare_lines(name, oracle, egbert, mixed)
    count += equality.compare_lines(name, oracle, egbert, every)
    if name in LONG:
        count += equality.compare_lines(name, oracle, egbert, list(long_runs()))
    if name == "modernbert":
        count += equality.compare_lines(name, oracle, egbert, composed())
    count += equality.compare_lines(name, oracle, egbert, mixed[:300], NO_SPECIAL)
    count += equality.compare_pairs(name, oracle, egbert, list(zip(mixed[:200], mixed[200:400])), rng)
    count += equality.compare_windows(name, oracle, egbert, list(zip(mixed[:200], mixed[200:400])), rng)
    count += equality.compare_truncated(name, oracle, egbert, mixed[:300], "right")
    config = folder / "tokenizer_config.json"
    kept = json.loads(config.read_text()) if config.exists() else {}
    config.write_text(json.dumps({**kept, "truncation_side": "left"}))
    count += equality.compare_truncated(name, oracle, egbert, mixed[:300], "left")
    count += equality.compare_windows(name, oracle, egbert, list(zip(mixed[:200], mixed[200:400])), rng, "left")
    return count + equality.compare_decode(name, oracle, egbert, mixed[:200], False, rng)


def run(build, lines, out=sys.stdout, only=None, thin=1):
    """thin: one in so many of the characters."""
    rng = random.Random(20240611)
    every = list(equality.every_char(thin=97))[::thin]
    some = every[::7]
    total = 0
    with tempfile.TemporaryDirectory() as scratch:
        cases = [(name, *json_folder(name, data, scratch)) for name, data in all_cases(20240611)]
        cases += [merges_folder(doubled, prefix, scratch) for doubled in (True, False) for prefix in (True, False)]
        for name, folder, oracle in cases:
            if only and not name.startswith(only):
                continue
            begin = time.time()
            count = compare(name, folder, oracle, build, lines, every if name in EVERY else some, rng)
            total += count
            print(f"{name}: {count} equal, {time.time() - begin:.1f} s", file=out, flush=True)
    print(f"{total} equal", file=out)
    return total


def main(runs, doc, lines):
    args = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--build", default="build")
    args.add_argument("--lines", type=int, default=lines)
    args.add_argument("--only")
    args = args.parse_args()
    try:
        runs(args.build, args.lines, only=args.only)
    except Difference as difference:
        sys.exit(str(difference))


if __name__ == "__main__":
    main(run, __doc__, 2000)
