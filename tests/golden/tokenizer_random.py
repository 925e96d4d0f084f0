# SPDX-License-Identifier: Apache-2.0
"""Random tokenizers against Hugging Face's library: random components with random settings over small vocabularies, in
any order, whether a real tokenizer has them or not.

    tokenizer_random.py [--build DIR] [--count N] [--seed S] [--keep DIR]

Pipelines that the library refuses must be refused here too, but for those that it refuses only because of its own
bounds. --keep writes the first tokenizer.json that differs there. Needs `tokenizers` alone.
"""
import argparse
import array
import collections
import faulthandler
import json
import os
import pathlib
import pickle
import random
import signal
import sys
import tempfile

from tokenizers import Tokenizer, pre_tokenizers

import tokenizer_equality as equality
import tokenizer_sentencepiece as sentencepiece
import tokenizer_trained as trained
from tokenizer_equality import DECODE, NO_SPECIAL, PAIR, Difference, Egbert

LETTERS = list("aaabbcdeABCé1290") + ["ß", "İ", "ſ", "ß", "中", "文", "가", "ﬁ", "Ａ", "½", "Σ", "ς", "̇", "á"]
BLANKS = [" ", " ", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "▁", "_", "\u200b", "\u2028"]
SIGNS = list(".,!'\"-#&@|") + ["``", "''", "'s", "'LL", "</w>", "##", "…", "¿", "+", "<0x61>", "\u0301", "\u0323", "😀", "\0", "�"]
ADDED = ["[X]", "<s>", "a", "ab", "A", "é", "ß", " ", "  ", " a", "a ", "b c", "▁", "▁a", "中", ".", "1", "##a", "[x]", "É", "e\u0301", "\n"]


def maybe(rng, chance=0.5):
    return rng.random() < chance


def text(rng):
    out = []
    for _ in range(rng.choice([0, 1, 2, 4, 7, 12, 20])):
        kind = rng.random()
        if kind < 0.6:
            out += rng.choices(LETTERS, k=rng.randint(1, 4))
        elif kind < 0.8:
            out.append(rng.choice(BLANKS))
        elif kind < 0.9:
            out.append(rng.choice(SIGNS))
        else:
            out.append(rng.choice(ADDED))
    return "".join(out)


# ---- Components ----


def literal(rng):
    return rng.choice(["a", "aa", "aba", " ", "▁", "b", ".", "é", "ab", "  ", "1", "中"])


def normalizer(rng, depth=0):
    kind = rng.choice(["none", "bert", "form", "form", "strip", "replace", "regex", "prepend", "nmt", "charsmap", "list", "list"])
    if kind == "list" and depth < 2:
        return {"type": "Sequence", "normalizers": [part for part in (normalizer(rng, depth + 1) for _ in range(rng.randint(0, 3))) if part]}
    if kind == "bert":
        return equality.bert(maybe(rng), maybe(rng), rng.choice([None, True, False]), maybe(rng))
    if kind == "form":
        return {"type": rng.choice(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"])}
    if kind == "strip":
        return {"type": "Strip", "strip_left": maybe(rng), "strip_right": maybe(rng)}
    if kind == "replace":
        return {"type": "Replace", "pattern": {"String": literal(rng)}, "content": rng.choice(["", "x", " ", "▁", "ab", "é", "a a"])}
    if kind == "regex":
        return {"type": "Replace", "pattern": {"Regex": rng.choice(
            [" {2,}", " +", "\\s+", "\\s{2,}", "\\s", "\\s{2,}|[\\n\\r\\t]", "[\\n\\r\\t]", "[\\n\\r\\t]+", "\\n", "\\n+", "\\t",
             "``|''", "''|``", "ab"])},
            "content": rng.choice(["", " ", "▁", "xy"])}
    if kind == "prepend":
        return {"type": "Prepend", "prepend": rng.choice(["▁", "a", " ", "xy", "é"])}
    if kind == "nmt":
        return {"type": "Nmt"}
    if kind == "charsmap":
        return sentencepiece.precompiled(sentencepiece.charsmap(rng.choice(["nmt_nfkc", "nmt_nfkc_cf"])))
    return None


BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def metaspace(rng):
    return {"type": "Metaspace", "replacement": rng.choice(["▁", "▁", "_", "a"]),
            "prepend_scheme": rng.choice(["always", "first", "never"]), "split": maybe(rng, 0.7)}


def byte_level(rng, trim=True):
    return {"type": "ByteLevel", "add_prefix_space": maybe(rng), "trim_offsets": trim, "use_regex": maybe(rng, 0.7)}


def pre_tokenizer(rng, depth=0):
    kind = rng.choice(["none", "plain", "plain", "bytes", "bytes", "metaspace", "metaspace", "punctuation", "digits", "split", "words", "list", "list"])
    if kind == "list" and depth < 2:
        return {"type": "Sequence", "pretokenizers": [part for part in (pre_tokenizer(rng, depth + 1) for _ in range(rng.randint(0, 3))) if part]}
    if kind == "plain":
        return {"type": rng.choice(["BertPreTokenizer", "Whitespace", "WhitespaceSplit"])}
    if kind == "bytes":
        return byte_level(rng)
    if kind == "metaspace":
        return metaspace(rng)
    if kind == "punctuation":
        return {"type": "Punctuation", "behavior": rng.choice(BEHAVIORS)}
    if kind == "digits":
        return {"type": "Digits", "individual_digits": maybe(rng)}
    if kind == "split":
        return trained.split({"String": literal(rng)}, rng.choice(BEHAVIORS), maybe(rng, 0.3))
    if kind == "words":
        return trained.split({"Regex": trained.WORDS}, rng.choice(BEHAVIORS), maybe(rng, 0.3))
    return None


def special_piece(rng, token):
    return {"SpecialToken": {"id": token, "type_id": rng.randint(0, 3)}}


def sequence_piece(rng, name):
    return {"Sequence": {"id": name, "type_id": rng.randint(0, 3)}}


def template(rng, vocab):
    names = rng.sample(sorted(vocab), 3)

    def around(*sequences):
        out = [special_piece(rng, rng.choice(names)) for _ in range(rng.randint(0, 2))]
        for name in sequences:
            out.append(sequence_piece(rng, name))
            out += [special_piece(rng, rng.choice(names)) for _ in range(rng.randint(0, 2))]
        return out
    several = {name: rng.sample(sorted(vocab), rng.randint(1, 3)) for name in names}
    return {"type": "TemplateProcessing", "single": around("A"), "pair": around(*rng.choice([("A", "B"), ("A", "B"), ("B", "A")])),
            "special_tokens": {name: {"id": name, "ids": [vocab[t] for t in tokens], "tokens": tokens}
                               for name, tokens in several.items()}}


def ends(rng, vocab):
    sep, cls = rng.sample(sorted(vocab), 2)
    return {"sep": [sep, vocab[sep]], "cls": [cls, vocab[cls]]}


def post_processor(rng, vocab, depth=0):
    kind = rng.choice(["none", "bert", "roberta", "bytes", "template", "template", "list"])
    if kind == "bert":
        return {"type": "BertProcessing", **ends(rng, vocab)}
    if kind == "roberta":
        return {"type": "RobertaProcessing", **ends(rng, vocab), "trim_offsets": maybe(rng), "add_prefix_space": maybe(rng)}
    if kind == "bytes":
        return byte_level(rng, trim=maybe(rng))
    if kind == "template":
        return template(rng, vocab)
    if kind == "list" and depth == 0:
        return {"type": "Sequence", "processors": rng.choice([
            [], [byte_level(rng, maybe(rng))], [byte_level(rng, maybe(rng)), template(rng, vocab)],
            [byte_level(rng, False), template(rng, vocab)], [template(rng, vocab)]])}
    return None


def without_trimming(post):
    if post and "processors" in post:
        return {**post, "processors": [without_trimming(part) for part in post["processors"]]}
    return {**post, "trim_offsets": False} if post and "trim_offsets" in post else post


def decoder(rng, depth=0):
    kind = rng.choice(["none", "wordpiece", "bytes", "fallback", "metaspace", "bpe", "fuse", "strip", "replace", "ctc", "list", "list", "list"])
    if kind == "list" and depth < 2:
        return {"type": "Sequence", "decoders": [part for part in (decoder(rng, depth + 1) for _ in range(rng.randint(0, 4))) if part]}
    if kind == "wordpiece":
        return {"type": "WordPiece", "prefix": rng.choice(["##", "##", "a", ""]), "cleanup": maybe(rng)}
    if kind == "bytes":
        return byte_level(rng)
    if kind == "fallback":
        return {"type": "ByteFallback"}
    if kind == "metaspace":
        return metaspace(rng)
    if kind == "bpe":
        return {"type": "BPEDecoder", "suffix": rng.choice(["</w>", "</w>", "a", "##"])}
    if kind == "fuse":
        return {"type": "Fuse"}
    if kind == "strip":
        return {"type": "Strip", "content": rng.choice([" ", "▁", "a", "é"]), "start": rng.randint(0, 2), "stop": rng.randint(0, 2)}
    if kind == "replace":
        return {"type": "Replace", "pattern": {"String": literal(rng)}, "content": rng.choice(["", " ", "x", "##"])}
    if kind == "ctc":
        return {"type": "CTC", "pad_token": rng.choice(["[X]", "a", "."]), "word_delimiter_token": rng.choice(["|", "▁", "b"]),
                "cleanup": maybe(rng)}
    return None


# ---- Models ----


def stems(rng, prefix="", suffix=""):
    """Pieces of the letters, some of blanks and stand-ins."""
    letters = LETTERS + ["▁", "_", "Ġ", "Ċ", "Ã", "©", " ", ".", "'"]
    out = []
    for _ in range(rng.choice([20, 60, 200])):
        word = "".join(rng.choices(letters, k=rng.choice([1, 1, 1, 2, 2, 3, 4])))
        out.append(rng.choice(["", prefix]) + word + rng.choice(["", suffix]))
    return out


def numbered(rng, tokens):
    tokens = list(dict.fromkeys(["<unk>", "<s>", "</s>", *tokens]))
    if maybe(rng, 0.3):
        rng.shuffle(tokens)
    return {token: i for i, token in enumerate(tokens)}


def some_bytes(rng):
    return [f"<0x{byte:02X}>" for byte in range(256) if maybe(rng, 0.9)] if maybe(rng) else []


def merge_model(rng):
    prefix, suffix = rng.choice([None, None, "", "##"]), rng.choice([None, None, "", "</w>"])
    letters = LETTERS + ["▁", "_", ".", "Ġ", "'"] + (sorted(pre_tokenizers.ByteLevel.alphabet()) if maybe(rng) else [])
    symbols = [letter for letter in letters if maybe(rng, 0.85)]
    symbols += [f"{prefix}{s}" for s in symbols] if prefix else []
    symbols += [f"{s}{suffix}" for s in symbols] if suffix else []
    known, merges = dict.fromkeys(symbols), []
    for _ in range(rng.choice([0, 10, 60, 300])):
        left, right = rng.choice(list(known)[-80:] or ["a"]), rng.choice(list(known)[-80:] or ["a"])
        if maybe(rng, 0.3):
            left, right = rng.choice(symbols or ["a"]), rng.choice(symbols or ["a"])
        product = left + right[len(prefix or ""):]
        if left in known and right in known and len(product) < 14:
            known[product] = None
            merges.append([left, right])
    rng.shuffle(merges)
    if maybe(rng, 0.3):
        merges = [" ".join(pair) for pair in merges if not any(" " in part for part in pair)]
    vocab = numbered(rng, [*known, *stems(rng, prefix or "", suffix or ""), *some_bytes(rng)])
    return {"type": "BPE", "dropout": None, "unk_token": rng.choice([None, "<unk>"]), "continuing_subword_prefix": prefix,
            "end_of_word_suffix": suffix, "fuse_unk": maybe(rng), "byte_fallback": maybe(rng) and not suffix and not prefix, "ignore_merges": maybe(rng, 0.3),
            "vocab": vocab, "merges": merges}


def model(rng):
    kind = rng.choice(["WordPiece", "BPE", "BPE", "Unigram", "Unigram", "WordLevel"])
    if kind == "BPE":
        return merge_model(rng)
    if kind == "WordPiece":
        prefix = rng.choice(["##", "##", "", "a"])
        return {"type": kind, "unk_token": "<unk>", "continuing_subword_prefix": prefix,
                "max_input_chars_per_word": rng.choice([3, 10, 100]), "vocab": numbered(rng, stems(rng, prefix))}
    if kind == "WordLevel":
        return {"type": kind, "unk_token": "<unk>", "vocab": numbered(rng, stems(rng, "▁"))}
    tokens = numbered(rng, stems(rng, "▁") + some_bytes(rng))
    repeated = rng.sample(list(tokens), 3) if maybe(rng, 0.1) else []
    return {"type": kind, "unk_id": rng.choice([tokens["<unk>"], tokens["<unk>"], None]), "byte_fallback": maybe(rng),
            "vocab": [[token, -rng.randint(0, 8) / rng.choice([1, 2, 3])] for token in [*tokens, *repeated]]}


def added_tokens(rng, vocab, fresh):
    out = []
    for content in rng.sample(ADDED, rng.choice([0, 0, 1, 3, 8])):
        known = vocab.get(content, fresh)
        out.append({"id": known, "content": content, **{flag: maybe(rng, 0.35) for flag in (
            "single_word", "lstrip", "rstrip", "normalized", "special")}})
        fresh += known == fresh
    return out


def tokenizer(rng):
    part = model(rng)
    vocab = trained.tokens_of(part)
    post = post_processor(rng, vocab)
    if part["type"] == "Unigram":  # its unknown tokens are named by their text, whose blanks only the library trims
        post = without_trimming(post)
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added_tokens(rng, vocab, len(part["vocab"])),
            "normalizer": normalizer(rng), "pre_tokenizer": pre_tokenizer(rng), "post_processor": post,
            "decoder": decoder(rng), "model": part}


# ---- Comparing ----

Answer = collections.namedtuple("Answer", "ids type_ids offsets special_tokens_mask tokens")
REFUSED = "refused"


def tried(action):
    """What the action gives, or REFUSED: a panic of the library is no Exception."""
    try:
        return action()
    except BaseException as refusal:
        if isinstance(refusal, KeyboardInterrupt):
            raise
        return REFUSED


def library_answer(oracle, line, pair, flags, length, strategy):
    if flags & DECODE:
        return oracle.decode(line, skip_special_tokens=bool(flags & NO_SPECIAL))
    oracle.no_truncation()
    if length:
        oracle.enable_truncation(length, strategy=equality.STRATEGIES[strategy])
    got = oracle.encode(line, pair, add_special_tokens=not flags & NO_SPECIAL)
    return Answer(got.ids, got.type_ids, got.offsets, got.special_tokens_mask, got.tokens)


def is_ambiguous(data, oracle):
    """Of added tokens that the normalizer makes equal the library finds any, now this, now that; one of which nothing is
    left it finds between all characters."""
    contents = [token["content"] for token in data["added_tokens"] if token["normalized"]]
    shown = {oracle.normalizer.normalize_str(content) if oracle.normalizer else content for content in contents}
    return len(shown) < len(contents) or "" in shown


def answer_all(data, requests, pipe):
    oracle = tried(lambda: Tokenizer.from_str(json.dumps(data)))
    pickle.dump(oracle != REFUSED, pipe)
    refuses = oracle != REFUSED and tried(lambda: is_ambiguous(data, oracle))
    for request in requests if oracle != REFUSED else ():
        pipe.flush()
        pickle.dump(REFUSED if refuses else tried(lambda request=request: library_answer(oracle, *request)), pipe)


def library_answers(data, requests):
    """None where the library refuses the tokenizer. It runs in a child, which it takes down where it cuts text within a
    character."""
    out = []
    while len(out) < len(requests):
        come, go = os.pipe()
        child = os.fork()
        if child == 0:
            faulthandler.disable()
            signal.alarm(20)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            with os.fdopen(go, "wb") as pipe:
                answer_all(data, requests[len(out):], pipe)
            os._exit(0)
        os.close(go)
        loaded = False
        with os.fdopen(come, "rb") as pipe:
            try:
                loaded = pickle.load(pipe)
                while loaded and len(out) < len(requests):
                    out.append(pickle.load(pipe))
            except (EOFError, pickle.UnpicklingError):
                out.append(REFUSED)
        os.waitpid(child, 0)
        if not loaded:
            return None
    return out


def requests_of(rng, data, texts):
    size = len(data["model"]["vocab"]) + len(data["added_tokens"])
    out = []
    for line in texts:
        pair = rng.choice(texts) if maybe(rng, 0.3) else None
        length = rng.randint(1, 9) if maybe(rng, 0.2) else 0  # special tokens do not go with a length below their number
        flags = (PAIR if pair is not None else 0) | (NO_SPECIAL if length or maybe(rng, 0.2) else 0)
        out.append((line, pair, flags, length, rng.randrange(3)))
    for _ in range(len(texts)):
        ids = [rng.randrange(size + 2) for _ in range(rng.randint(0, 9))]
        out.append((ids, None, DECODE | (NO_SPECIAL if maybe(rng) else 0), 0, 0))
    return out


def compare_answer(case, request, want, got):
    line, pair, flags, length, strategy = request
    if want == REFUSED:
        return  # the library's fault, not the text's
    if flags & DECODE:
        if got != (0, want):
            raise Difference(f"{case}: decode {line}, flags {flags}: want {want!r}, got {got!r}")
    else:
        equality.compare_one(case, line, pair, want, got, f"flags {flags}, {length} by strategy {strategy}")


def compare(case, data, folder, build, rng, texts):
    """How many answers were equal; None if both refuse the tokenizer."""
    (folder / "tokenizer.json").write_text(json.dumps(data))
    requests = requests_of(rng, data, texts)
    wants = library_answers(data, requests)
    blobs = [(length, strategy, flags, array.array("q", line).tobytes() if flags & DECODE else line.encode(), (pair or "").encode())
             for line, pair, flags, length, strategy in requests]
    try:
        answers = Egbert(build, folder).ask(blobs if wants else [])
    except AssertionError as refusal:
        if wants:
            raise Difference(f"{case}: refused here alone: {refusal}") from None
        return None
    if not wants:
        raise Difference(f"{case}: refused by the library alone")
    for request, want, got in zip(requests, wants, answers):
        compare_answer(case, request, want, got)
    return len(requests)


def run(build, count, seed=20240613, texts=25, out=sys.stdout, keep=None):
    total = refused = 0
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(count):
            rng = random.Random(seed * 100_000 + number)
            data = tokenizer(rng)
            try:
                equal = compare(f"random {number}", data, pathlib.Path(scratch), build, rng, [text(rng) for _ in range(texts)])
            except Difference:
                if keep:
                    (pathlib.Path(keep) / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False))
                raise
            total += equal or 0
            refused += equal is None
    print(f"{total} equal by {count - refused} tokenizers, {refused} refused by both", file=out)
    return total


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--build", default="build")
    args.add_argument("--count", type=int, default=2000)
    args.add_argument("--seed", type=int, default=20240613)
    args.add_argument("--keep")
    args = args.parse_args()
    try:
        run(args.build, args.count, args.seed, keep=args.keep)
    except Difference as difference:
        sys.exit(str(difference))


if __name__ == "__main__":
    main()
