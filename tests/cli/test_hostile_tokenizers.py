# SPDX-License-Identifier: Apache-2.0
"""Tokenizers and vocabularies that lie or are too much: one error with the file and place, quickly and in little memory."""
import json
import os
import resource
import shutil
import subprocess
import time

import pytest
from command import COMMAND, environment

SECONDS, BYTES = 10, 2 << 30
TOKENS = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "ab": 5}


def bpe(**fields):
    return {"type": "BPE", "vocab": dict(TOKENS), "merges": [["a", "b"]], **fields}


def words(**fields):
    return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": dict(TOKENS), **fields}


def unigram(pieces, **fields):
    return {"type": "Unigram", "unk_id": 0, "vocab": pieces, **fields}


def tokenizer(model, **parts):
    return json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
                       "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model, **parts})


def template(token):
    special = {"SpecialToken": {"id": token, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {"type": "TemplateProcessing", "single": [special, text], "pair": [special, text, special], "special_tokens": {}}


def nested(depth):
    return '{"type":"Sequence","normalizers":[' * depth + '{"type":"NFC"}' + "]}" * depth


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def precompiled(charsmap):
    return {"type": "Precompiled", "precompiled_charsmap": charsmap}


def limits():
    """Not under AddressSanitizer, which maps terabytes for itself."""
    if not os.environ.get("EGBERT_SANITIZED"):
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def tokenize(folder, *args):
    begin = time.monotonic()
    done = subprocess.run([COMMAND, "tokenize", folder, *(args or ("ab",)), "--json"], capture_output=True, text=True,
                          env=environment(), timeout=60, check=False, preexec_fn=limits)
    assert time.monotonic() - begin < SECONDS
    return done


def refused(folder, *fragments):
    done = tokenize(folder)
    assert done.returncode == 3 and done.stdout == "", (done.returncode, done.stderr)
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("egbert: error: ") and len(done.stderr) <= 2100
    for fragment in fragments:
        assert fragment in done.stderr, done.stderr


HUGE = "x" * (1 << 20)
# number of the case, name, tokenizer.json, what the error has
TOKENIZERS = [
    (39, "the product of a merge is missing", tokenizer(bpe(merges=[["a", "b"], ["ab", "a"]])), ["merge 1", "not in the vocabulary"]),
    (40, "a merge longer than any token", tokenizer(bpe(merges=[["a" * 5000, "b"]])), ["merge 0", "not in the vocabulary"]),
    (41, "two entries of one id", tokenizer(words(vocab={**TOKENS, "c": 5})), ["id 5", "another entry's"]),
    (41, "an id of 2^31", tokenizer(words(vocab={**TOKENS, "c": 2**31})), ["id 2147483648"]),
    (41, "an id far beyond the entries", tokenizer(words(vocab={**TOKENS, "c": 10**9})), ["id 1000000000"]),
    (41, "an id below 0", tokenizer(words(vocab={**TOKENS, "c": -1})), ["id -1"]),
    (41, "an id of 10^400", tokenizer(words()).replace('"ab": 5', '"ab": 1' + "0" * 400), [":1:"]),
    (42, "no unknown token", tokenizer(words(unk_token="[NONE]")), ["unknown token '[NONE]'"]),
    (42, "no unknown token of BPE", tokenizer(bpe(unk_token="[NONE]")), ["unknown token '[NONE]'"]),
    (42, "an unknown id out of range", tokenizer(unigram([["a", -1.0]], unk_id=7)), ["unk_id"]),
    (42, "a special token that no vocabulary has",
     tokenizer(words(), post_processor={"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 77]}), ["77"]),
    (43, "base64 that is none", tokenizer(words(), normalizer=precompiled("!!!!")), ["not base 64"]),
    (43, "base64 cut short", tokenizer(words(), normalizer=precompiled("AAAA")), [":1:"]),
    (44, "a trie larger than its bytes", tokenizer(words(), normalizer=precompiled("AP///wAAAAA=")), [":1:"]),
    (45, "an evil pattern", tokenizer(words(), pre_tokenizer=split("(a+)+$")), ["(a+)+$", "not"]),
    (45, "an evil pattern in Replace",
     tokenizer(words(), normalizer={"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}), ["(a+)+$"]),
    (47, "a stride as long as its window",
     tokenizer(words(), truncation={"max_length": 8, "stride": 8, "strategy": "LongestFirst", "direction": "Right"}), ["stride"]),
    (48, "a template that names an absent token", tokenizer(words(), post_processor=template("[GONE]")), ["[GONE]"]),
    (49, "a score that is NaN", tokenizer(unigram([["a", -1.0]])).replace("-1.0", "NaN"), [":1:"]),
    (49, "a score beyond any number", tokenizer(unigram([["a", -1.0]])).replace("-1.0", "1e999"), [":1:"]),
    (49, "a score that is text", tokenizer(unigram([["a", "x"]])), [":1:"]),
    (50, "deep Sequences", tokenizer(words()).replace('"normalizer": null', '"normalizer": ' + nested(20)), ["Sequence"]),
    (50, "very deep Sequences", tokenizer(words()).replace('"normalizer": null', '"normalizer": ' + nested(10**5)), [":1:"]),
]


@pytest.mark.parametrize("number, what, text, fragments", TOKENIZERS, ids=[f"{n}-{what}" for n, what, _, _ in TOKENIZERS])
def test_tokenizer_json(number, what, text, fragments, tmp_path):
    (tmp_path / "tokenizer.json").write_text(text)
    refused(tmp_path, "tokenizer.json:1:", *fragments)


def test_a_piece_of_a_megabyte(tmp_path):
    """46: it is a token like others."""
    (tmp_path / "tokenizer.json").write_text(tokenizer(unigram([["<unk>", 0.0], ["a", -1.0], ["b", -1.0], [HUGE, -2.0]])))
    done = tokenize(tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["ids"] == [1, 2], done.stderr
    texts = tmp_path / "texts"
    texts.write_text("\n".join([HUGE[1:], HUGE, HUGE + HUGE + "xx"]))
    done = tokenize(tmp_path, "--input", texts)
    found = [json.loads(line)["ids"] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and found == [[0], [3], [0, 3, 3]], done.stderr


def test_pieces_of_every_length(tmp_path):
    """Of a text of one letter, every place is the end of as many pieces as there are."""
    pieces = [["<unk>", 0.0], *(["x" * n, -float(n)] for n in range(1, 1000))]
    (tmp_path / "tokenizer.json").write_text(tokenizer(unigram(pieces)))
    texts = tmp_path / "texts"
    texts.write_text("x" * 100000)
    done = tokenize(tmp_path, "--input", texts)
    assert done.returncode == 0 and json.loads(done.stdout)["ids"] == [100] + [999] * 100, done.stderr


SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARIES = [
    ("51-CRLF", "\r\n".join([*SPECIALS, "a", "b", ""]), [2, 5, 6, 3]),
    ("51-no final newline", "\n".join([*SPECIALS, "a", "b"]), [2, 5, 6, 3]),
    ("51-a blank line", "\n".join([*SPECIALS, "", "a", "b", ""]), [2, 6, 7, 3]),
    ("52-repeated", "\n".join([*SPECIALS, "a", "b", "a", ""]), [2, 7, 6, 3]),
]


@pytest.mark.parametrize("what, text, ids", VOCABULARIES, ids=[what for what, _, _ in VOCABULARIES])
def test_vocab_txt(what, text, ids, tmp_path):
    """As Python reads it: lines end in any way, and of equal ones the last counts."""
    (tmp_path / "vocab.txt").write_bytes(text.encode())
    done = tokenize(tmp_path, "a b")
    assert done.returncode == 0 and json.loads(done.stdout)["ids"] == ids, done.stderr


@pytest.mark.parametrize("text, fragments", [
    (b"", ["vocab.txt: a vocabulary of 0 lines"]),
    (b"a\n\xff\n", ["vocab.txt:2:1: the line is not valid UTF-8"]),
    (b"[PAD]\na\n", ["vocab.txt: the unknown token '[UNK]'"]),
])
def test_bad_vocab_txt(text, fragments, tmp_path):
    (tmp_path / "vocab.txt").write_bytes(text)
    refused(tmp_path, *fragments)


def merges_folder(folder, merges):
    (folder / "vocab.json").write_text(json.dumps({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4, "a": 5, "b": 6, "ab": 7}))
    (folder / "merges.txt").write_text(merges)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')


@pytest.mark.parametrize("merges", ["a b\n", "a b", "#version: 0.2\na b\n", "a b\r\n"])
def test_merges(merges, tmp_path):
    """51, 53: with and without a version and a last end of line."""
    merges_folder(tmp_path, merges)
    done = tokenize(tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["ids"] == [0, 7, 2], done.stderr


@pytest.mark.parametrize("merges, fragments", [
    ("a b c\n", ["merges.txt:1:1: a merge is not two tokens"]),
    ("a b\na\n", ["merges.txt:2:1: a merge is not two tokens"]),
    ("a ab\n", ["merges.txt:1:1: ", "not in the vocabulary"]),
    ("a zz\n", ["merges.txt:1:1: ", "not in the vocabulary"]),
])
def test_bad_merges(merges, fragments, tmp_path):
    merges_folder(tmp_path, merges)
    refused(tmp_path, *fragments)


@pytest.mark.parametrize("config, fragments", [
    ('{"tokenizer_class": "NobodysTokenizer"}', ["tokenizer_config.json:1:", "NobodysTokenizer"]),
    ('{"tokenizer_class": 5}', ["tokenizer_config.json:1:"]),
    ('{"model_max_length": -1}', ["tokenizer_config.json:1:", "model_max_length"]),
    ('{"added_tokens_decoder": {"4294967296": {"content": "x"}}}', ["tokenizer_config.json:1:"]),
    ('{"added_tokens_decoder": {"x": {"content": "x"}}}', ["tokenizer_config.json:1:", "'x' is no id"]),
    ("[]", ["tokenizer_config.json:1:1"]),
])
def test_bad_config(config, fragments, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join([*SPECIALS, "a", "b"]))
    (tmp_path / "tokenizer_config.json").write_text(config)
    refused(tmp_path, *fragments)


# ---- JSON that is none, in each file; files that are none ----

JSON_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json"]
BROKEN = {
    "empty": b"", "an array": b"[]", "text behind": b"{} x", "a second value": b"{}{}", "a NUL": b'{"a":"\0"}',
    "half a surrogate": b'{"a":"\\ud800"}', "bytes that are no UTF-8": b'{"a":"\xff"}', "UTF-16": "{}".encode("utf-16"),
    "cut short": b'{"a":', "deep": b'{"a":' + b"[" * 10**5, "a key twice": b'{"a":1,"a":2}', "NaN": b'{"a":NaN}',
}


def words_folder(folder):
    (folder / "vocab.txt").write_text("\n".join([*SPECIALS, "a", "b"]))


@pytest.mark.parametrize("name", JSON_FILES)
@pytest.mark.parametrize("what", BROKEN)
def test_broken_json(name, what, tmp_path):
    if name == "vocab.json":
        (tmp_path / "merges.txt").write_text("a b\n")
    else:
        words_folder(tmp_path)
    (tmp_path / name).write_bytes(BROKEN[what])
    refused(tmp_path, f"{name}:1:" if what != "empty" else name)


@pytest.mark.parametrize("name", [*JSON_FILES[:4], "vocab.txt"])
@pytest.mark.parametrize("kind", ["a folder", "a FIFO", "a device"])
def test_files_that_are_none(name, kind, tmp_path):
    words_folder(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    if kind == "a folder":
        (tmp_path / name).mkdir()
    elif kind == "a FIFO":
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).symlink_to("/dev/zero")
    refused(tmp_path, name)


# ---- Files beside the vocabulary ----


@pytest.mark.parametrize("name, text, fragments", [
    ("special_tokens_map.json", '{"cls_token": 5}', [":1:15: ", "a token"]),
    ("special_tokens_map.json", '{"cls_token": {}}', [":1:15: ", "content"]),
    ("special_tokens_map.json", '{"cls_token": {"content": 3}}', [":1:27: "]),
    ("special_tokens_map.json", '{"additional_special_tokens": 5}', [":1:31: "]),
    ("added_tokens.json", '{"x": -1}', [":1:7: ", "an id"]),
    ("added_tokens.json", '{"x": "7"}', [":1:7: ", "an id"]),
    ("added_tokens.json", '{"x": 7.5}', [":1:7: ", "an id"]),
    ("added_tokens.json", '{"x": 2147483648}', [":1:7: ", "an id"]),
    ("added_tokens.json", '{"x": 1000000000}', [":1:7: ", "its place in the vocabulary is 7"]),
    ("added_tokens.json", '{"x": 2}', [":1:7: ", "its place in the vocabulary is 7"]),
    ("tokenizer_config.json", '{"do_lower_case": "yes"}', [":1:19: ", "true or false"]),
    ("tokenizer_config.json", '{"padding_side": "up"}', [":1:18: ", "left"]),
    ("tokenizer_config.json", '{"model_input_names": "input_ids"}', [":1:23: "]),
    ("tokenizer_config.json", '{"added_tokens_decoder": []}', [":1:26: "]),
    ("tokenizer_config.json", '{"added_tokens_decoder": {"7": {"content": ["x"]}}}', [":1:44: "]),
    ("tokenizer_config.json", '{"added_tokens_decoder": {"5": {"content": "x"}}}', [":1:", "its place in the vocabulary is 7"]),
])
def test_bad_files_beside_the_vocabulary(name, text, fragments, tmp_path):
    words_folder(tmp_path)
    (tmp_path / name).write_text(text)
    refused(tmp_path, name, *fragments)


# ---- What tokenizer.json says that is not there, or is not read ----


@pytest.mark.parametrize("text, fragments", [
    (tokenizer(words()).replace('"1.0"', '"2.0"'), ["unknown version"]),
    (tokenizer(bpe(dropout=0.1)), ["dropout"]),
    (tokenizer(words(), normalizer={"type": "Imaginary"}), ["the normalizer 'Imaginary' is not supported"]),
    (tokenizer(words(), pre_tokenizer={"type": "UnicodeScripts"}), ["the pre-tokenizer 'UnicodeScripts' is not supported"]),
    (tokenizer(words(), post_processor={"type": "Imaginary"}), ["the post-processor 'Imaginary' is not supported"]),
    (tokenizer(words(), decoder={"type": "Imaginary"}), ["the decoder 'Imaginary' is not supported"]),
    (tokenizer({"type": "Imaginary"}), ["the model 'Imaginary' is not supported"]),
    (tokenizer(words(), pre_tokenizer=split("[a-z]+")), ["'[a-z]+'"]),
    (tokenizer(words(), pre_tokenizer={**split("x"), "pattern": {"String": ""}}), ["an empty string"]),
    (tokenizer(words(), normalizer={"type": "Replace", "pattern": {"String": ""}, "content": "x"}), ["an empty string"]),
    (tokenizer(words(), decoder={"type": "Replace", "pattern": {"Regex": "a+"}, "content": "x"}), ["Regex"]),
    (tokenizer(words(), pre_tokenizer={"type": "Punctuation", "behavior": "isolated"}), ["'isolated'", "Isolated"]),
    (tokenizer(words(), pre_tokenizer={"type": "Metaspace", "replacement": "__"}), ["one character"]),
    (tokenizer(words(), pre_tokenizer={"type": "Metaspace", "replacement": "_", "prepend_scheme": "Always"}), ["'Always'", "always"]),
    (tokenizer(words(), pre_tokenizer={"type": "Digits", "individual_digits": 1}), ["true or false"]),
    (tokenizer(words(), truncation={"max_length": 8, "stride": 0, "strategy": "All", "direction": "Right"}), ["strategy 'All'"]),
    (tokenizer(words(), padding={"strategy": "BatchLongest", "direction": "Up"}), ["direction 'Up'"]),
    (tokenizer(words(), added_tokens=[{"id": 9, "content": "x"}]), ["its place in the vocabulary is 6"]),
    (tokenizer(words(), added_tokens=[{"content": "x"}]), ["without an id"]),
    (tokenizer(words()).replace('"added_tokens": []', '"added_tokens": {}'), ["an array"]),
])
def test_what_is_not_there(text, fragments, tmp_path):
    (tmp_path / "tokenizer.json").write_text(text)
    refused(tmp_path, "tokenizer.json:1:", *fragments)


# ---- 54: texts ----

TEXTS = {
    "empty": "", "blanks": " \t\u3000\u00a0 " * 1000, "ten megabytes of a letter": "a" * 10_000_000,
    "a megabyte of marks": "\u0301" * 500_000, "a NUL": "a\0b", "special tokens": "[CLS] [SEP][MASK] <s></s><unk>" * 1000,
    "blanks and marks": " \u0301" * 100_000, "no characters": "\ufffe\uffff\U0010ffff" * 1000,
}
LEAST = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0], ["aa", -1.5], ["\u2581", -2.0]]}
KINDS = {
    "WordPiece": tokenizer(words(), normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                                                "strip_accents": None, "lowercase": True},
                           pre_tokenizer={"type": "BertPreTokenizer"}),
    "BPE": tokenizer(bpe(unk_token="[UNK]"), pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False}),
    "BPE of words": tokenizer(bpe(unk_token="[UNK]", fuse_unk=True), normalizer={"type": "NFKC"},
                              pre_tokenizer={"type": "WhitespaceSplit"}),
    "Unigram": tokenizer(LEAST, normalizer={"type": "NFD"}, pre_tokenizer={"type": "Metaspace"}),
}


@pytest.mark.parametrize("what", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_texts(kind, what, tmp_path):
    (tmp_path / "tokenizer.json").write_text(KINDS[kind])
    text = TEXTS[what].encode()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([COMMAND, "tokenize", tmp_path, "--json", "--max-length", "8"], input=text + b"\n", capture_output=True,
                          env=environment(), timeout=120, check=False, preexec_fn=limits)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0 and len(json.loads(done.stdout)["ids"]) <= 8, done.stderr
    if not os.environ.get("EGBERT_SANITIZED"):
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_is_no_utf8(kind, tmp_path):
    (tmp_path / "tokenizer.json").write_text(KINDS[kind])
    done = subprocess.run([COMMAND, "tokenize", tmp_path, "--json"], input=b"a\nb\xc3\n", capture_output=True,
                          env=environment(), timeout=60, check=False)
    assert done.returncode == 3 and b"2: " in done.stderr and b"UTF-8" in done.stderr, done.stderr


# ---- The commands that read a model ----


@pytest.mark.parametrize("command", ["inspect", "embed"])
@pytest.mark.parametrize("number", [39, 41, 43, 45, 50])
def test_other_commands(command, number, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "model")
    text, fragments = next((text, fragments) for n, _, text, fragments in TOKENIZERS if n == number)
    (folder / "tokenizer.json").write_text(text)
    done = subprocess.run([COMMAND, command, folder, *(["a"] if command == "embed" else [])], capture_output=True, text=True,
                          env=environment(), timeout=60, check=False, preexec_fn=limits)
    if command == "embed":
        assert done.returncode == 3 and done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
    said = done.stderr if command == "embed" else done.stdout  # inspect shows the rest, and what is wrong
    for fragment in ["tokenizer.json:1:", *fragments]:
        assert fragment in said, said


def test_more_tokens_than_the_model_has_rows(tiny, tmp_path):
    """18: the id that no row stands for is named with its text."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    with open(folder / "vocab.txt", "a", encoding="utf-8") as vocabulary:
        vocabulary.write("".join(f"more{i}\n" for i in range(100)))
    done = subprocess.run([COMMAND, "embed", folder, "more99"], capture_output=True, text=True, env=environment(), timeout=60,
                          check=False)
    assert done.returncode == 3 and done.stdout == "" and done.stderr.count("\n") == 1, (done.returncode, done.stderr)
