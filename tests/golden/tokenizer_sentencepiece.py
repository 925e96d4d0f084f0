# SPDX-License-Identifier: Apache-2.0
"""Tokenizers of SentencePiece: the charsmap (Precompiled), Replace with patterns, and folders with a .model alone.

    tokenizer_sentencepiece.py [--build DIR] [--lines N] [--only PATTERN] [--full]

The folders under sentencepiece/ were written by make_sentencepiece.py: a .model without its charsmap, tokenizer_config.json,
and as expected.json what transformers 5 builds of the two, which is what a folder without tokenizer.json is read as.
saved.json has the pipelines that transformers 4 writes into tokenizer.json for the same folders; both files are also read
as they stand. The charsmaps, which are SentencePiece's own, lie beside them once. Needs `tokenizers` alone.

--full takes every character and at least 100,000 lines in each case (tens of minutes).
"""
import argparse
import base64
import fnmatch
import itertools
import json
import lzma
import pathlib
import random
import struct
import sys
import tempfile
import time

from tokenizers import Tokenizer, models

import tokenizer_equality as equality
import tokenizer_trained as trained
from tokenizer_equality import Difference, one_after_another

STORE = pathlib.Path(__file__).resolve().parent / "sentencepiece"


def charsmap(name):
    return lzma.decompress((STORE / f"{name}.charsmap.xz").read_bytes())


def precompiled(blob):
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(blob).decode()}


def replace(pattern, content=" "):
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def literal(pattern, content):
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


def metaspace(scheme="always", mark="▁"):
    return {"type": "Metaspace", "replacement": mark, "prepend_scheme": scheme, "split": True}


# ---- Charsmaps made by hand ----


def first_byte_charsmap(replacement):
    """Every first byte is a key: what was looked up shows in the result as one replacement."""
    label, leaf, children = 0xFF, 1 << 8, 10
    units = [256 << children] + [0] * 767
    for byte in range(1, 256):
        at = 256 ^ byte
        units[at] = (byte & label) | leaf | (at ^ 512) << children
    units[512] = 1 << 31
    trie = struct.pack("<768I", *units)
    return struct.pack("<I", len(trie)) + trie + replacement.encode() + b"\0"


CLUSTERED = ["a", "\r", "\n", "\t", "\u00a0", "\u00ad", "\u0085", "\u0300", "\u0323", "\u0600", "\u0605", "\u06dd", "\u070f", "\u0890",
             "\u0903", "\u0e33", "\u200b", "\u200c", "\u200d", "\u034f", "\u00a9", "\u00ae", "\u231a", "\u2764", "\ufe0f", "\u20e3",
             "\u1100", "\u115f", "\u1161", "\u11a8", "\uac00", "\uac01", "\u0915", "\u0930", "\u094d", "\u093c", "\u0995", "\u09cd",
             "\u0d4d", "\u0d4e", "\u1039", "\u1000", "\u1780", "\u17d2", "\u0e01", "\u1a60", "\U0001f1e6", "\U0001f468", "\U0001f3fd",
             "\U000e0001", "\U000110bd", "\U0001f9d1", "\ud7fb", "\ua960", "\ud7b0", "é", "\u0b95", "\u0ccd", "\u0c4d", "\u0c15"]
AROUND = ["a{}", "{}\u0300", "\u0600{}", "a\u0300{}\u0300", "\u00a9\u200d{}\u0300", "\u0915\u094d{}\u0300", "\u0915\u094d\u200d{}\u0300",
          "\u0915{}\u0915\u0300", "{}\u00a9", "\r{}", "{}\n", "\u1100{}\u0300", "\u1161{}\u0300", "{}\u1161\u0300", "{}\u11a8\u0300",
          "{}\u200d\u00a9", "\u00a9{}\u200d\u00a9"]


def cluster_lines(rng, count, thin):
    """Characters of every class side by side, and every character where it would join or be joined."""
    for trio in itertools.product(CLUSTERED, repeat=3):
        if rng.random() * thin < 1:
            yield "".join(trio)
    for _ in range(count):
        yield "".join(rng.choice(CLUSTERED) for _ in range(rng.randint(4, 12)))
    chars = [chr(c) for c in range(1, 0x20000) if equality.is_text(c)]
    for around in AROUND:
        for at in range(rng.randrange(thin) * 12, len(chars), 12 * thin):
            yield "a".join(around.format(c) for c in chars[at:at + 12])


# ---- Cases of tokenizer.json ----


def unigram(rng):
    """The first model's vocabulary, and characters that only a normalizer makes visible."""
    model = json.loads((STORE / "xlm-roberta" / "expected.json").read_text())["model"]
    known = {token for token, _ in model["vocab"]}
    more = [chr(c) for c in (*range(0x21, 0x250), *range(0x300, 0x370), *range(0x1100, 0x1200), *range(0x3041, 0x3100))]
    return {**model, "vocab": model["vocab"] + [[c, -12.0 - rng.random()] for c in more if c not in known]}


def clusters_case():
    pieces = [["<s>", 0], ["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["<mask>", 0], ["x", -1.5], ["y", -2.0]]
    model = {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": False}
    return trained.spec(model, normalizer=precompiled(first_byte_charsmap("xy")))


def json_cases(rng):
    model = unigram(rng)
    nfkc, folded = precompiled(charsmap("nmt_nfkc")), precompiled(charsmap("nmt_nfkc_cf"))

    def case(*normalizers, pre, model=model):
        return trained.spec(model, normalizer=one_after_another("normalizers", *normalizers), pre=pre,
                            post=trained.doubled(trained.tokens_of(model), False, False), decoder=metaspace())

    def split(*settings):
        return one_after_another("pretokenizers", {"type": "WhitespaceSplit"}, metaspace(*settings))
    words = split()
    yield "charsmap", case(nfkc, pre=words)
    yield "charsmap folded", case(folded, pre=metaspace())
    yield "charsmap stripped", case(nfkc, {"type": "Strip", "strip_left": False, "strip_right": True},
                                    replace(" {2,}", "▁"), pre=metaspace())
    yield "accents off", case(literal("``", '"'), literal("''", '"'), {"type": "NFKD"}, {"type": "StripAccents"},
                              {"type": "Lowercase"}, nfkc, replace(" {2,}"), pre=words)
    prepended = {"type": "Prepend", "prepend": "\u3000x "}
    yield "words first", case(nfkc, pre=split("first"))
    yield "words of letters", case(prepended, replace("\\n", "a "), pre=split("first", "a"))
    yield "words never", case({"type": "Strip", "strip_left": True, "strip_right": False}, pre=split("never", "_"))
    fallback = {**model, "byte_fallback": True, "vocab": model["vocab"] + [[f"<0x{byte:02X}>", -15.0] for byte in range(256)]}
    yield "words in bytes", case(replace(" {2,}"), pre=words, model=fallback)
    yield "marks in bytes", case(replace(" {2,}"), pre=metaspace("first"), model=fallback)
    for pattern, content in (("\\s{2,}|[\\n\\r\\t]", " "), ("\\s+", " "), (" +", "▁"), ("[\\n\\r\\t]", ""), ("``|''", '"'),
                             ("\\s{2,}", "ab"), ("\\n", "n"), ("\\s", "_"), ("ab", "")):
        yield f"replace {len(pattern)} {content}", case(replace(pattern, content), pre=metaspace())


# ---- Folders with a .model ----


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def with_charsmap(model, blob):
    """Appends a normalizer_spec with the charsmap: protobuf merges equal messages."""
    inside = b"\x12" + varint(len(blob)) + blob
    return model + b"\x1a" + varint(len(inside)) + inside


def expected_files():
    """(name, charsmap or None, tokenizer.json of transformers 5, and of 4)"""
    saved = json.loads((STORE / "saved.json").read_text())
    for name, charsmap_name in json.loads((STORE / "charsmaps.json").read_text()).items():
        expected = json.loads((STORE / name / "expected.json").read_text())
        files = [json.dumps(file, ensure_ascii=False) for file in (expected, {**expected, **saved[name]})]
        blob = charsmap(charsmap_name) if charsmap_name else None
        if blob:
            files = [file.replace(f'"{charsmap_name}"', json.dumps(base64.b64encode(blob).decode())) for file in files]
        yield name, blob, *files


def written_cases(scratch):
    """Folders with the tokenizer.json of either version."""
    for name, _, *files in expected_files():
        for version, file in zip((5, 4), files):
            yield f"{name} json {version}", *trained.json_folder(f"{name} {version}", json.loads(file), scratch)


def with_scores(expected):
    """transformers gives the library a model's scores as they are; reading them from text, the library rounds them."""
    oracle, model = Tokenizer.from_str(expected), json.loads(expected)["model"]
    oracle.model = models.Unigram([(piece, score) for piece, score in model["vocab"]], model["unk_id"], model["byte_fallback"])
    return oracle


def model_cases(scratch):
    for name, blob, expected, _ in expected_files():
        folder = pathlib.Path(scratch) / name
        folder.mkdir()
        file, = (STORE / name).glob("*.model")
        data = file.read_bytes()
        if blob:
            data = with_charsmap(data, blob)
        (folder / file.name).write_bytes(data)
        (folder / "tokenizer_config.json").write_bytes((STORE / name / "tokenizer_config.json").read_bytes())
        yield name, folder, with_scores(expected)


EVERY = ("clusters", "charsmap", "charsmap folded", "accents off", "words first", "xlm-roberta", "camembert", "albert", "deberta-v2")
SAMPLE = ("xlm-roberta json 4", "albert json 4", "deberta-v2-punct json 4", "big-bird json 4")  # where thin > 1
FULL = 60_000  # lines of words; characters and pairs make them more than 100,000


def run(build, lines, out=sys.stdout, only=None, thin=1, full=False):
    """thin: one in so many of the characters and of the clusters. full: every character in each case."""
    rng = random.Random(20240614)
    total = 0
    every = list(equality.every_char(thin=1 if full else 97))[::thin]
    with tempfile.TemporaryDirectory() as scratch:
        cases = [(name, *trained.json_folder(name, data, scratch), every) for name, data in json_cases(rng)]
        cases += [(name, folder, oracle, every) for name, folder, oracle in model_cases(scratch)]
        cases += [(name, folder, oracle, every if full else every[::8]) for name, folder, oracle in written_cases(scratch)
                  if thin == 1 or name in SAMPLE]
        cases.append(("clusters", *trained.json_folder("clusters", clusters_case(), scratch),
                      list(cluster_lines(rng, lines * 5, thin))))
        for name, folder, oracle, more in cases:
            if only and not fnmatch.fnmatchcase(name, only):
                continue
            begin = time.time()
            some = more if full or name in EVERY else more[::7]
            count = trained.compare(name, folder, oracle, build, lines, some, rng)
            total += count
            print(f"{name}: {count} equal, {time.time() - begin:.1f} s", file=out, flush=True)
    print(f"{total} equal", file=out)
    return total


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--build", default="build")
    args.add_argument("--lines", type=int)
    args.add_argument("--only", metavar="PATTERN", help="only cases of such a name, such as 'albert*'")
    args.add_argument("--full", action="store_true")
    args = args.parse_args()
    try:
        run(args.build, args.lines or (FULL if args.full else 3000), only=args.only, full=args.full)
    except Difference as difference:
        sys.exit(str(difference))


if __name__ == "__main__":
    main()
