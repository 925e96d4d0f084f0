# SPDX-License-Identifier: Apache-2.0
"""What `inspect` tells of a tokenizer: files, components, and whether the quick path applies or why not; what `tokenize`
prints and refuses."""
import json
import re
import shutil

import pytest
from command import TOP, done, lines, refused

TOKENS = {"<unk>": 0, "a": 1, "b": 2, "\u2581a": 3, "\u0120a": 4}
BPE = {"type": "BPE", "unk_token": "<unk>", "vocab": TOKENS, "merges": []}
# A vocabulary with the stand-ins of all bytes: printable Latin-1 as it is, the others from U+0100 on.
PRINTABLE = [chr(b) for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
ALL_BYTES = PRINTABLE + [chr(256 + i) for i in range(256 - len(PRINTABLE))]
BYTE_BPE = {**BPE, "vocab": {token: i for i, token in enumerate(["<unk>", *ALL_BYTES])}}
WORD_PIECE = {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": TOKENS}
UNIGRAM = {"type": "Unigram", "unk_id": 0, "vocab": [[token, -float(i)] for token, i in TOKENS.items()]}
BERT = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
META = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}


def sequence(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def added(content, **flags):
    return {"id": TOKENS.get(content, len(TOKENS)), "content": content, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False, "special": False, **flags}


@pytest.fixture
def inspected(tiny, tmp_path):
    """inspect's words on a checkpoint with this tokenizer.json."""
    def inspect(model, **parts):
        folder = tmp_path / "model"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tiny, folder, ignore=shutil.ignore_patterns("tokenizer*", "vocab*", "special*"))
        (folder / "tokenizer.json").write_text(json.dumps(
            {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
             "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model, **parts}))
        return lines("inspect", folder)[0]["tokenizer"]
    return inspect


def test_components_are_listed_in_the_order_of_work(inspected):
    got = inspected(BPE, normalizer=sequence("normalizers", {"type": "NFC"}, sequence("normalizers", {"type": "Lowercase"})),
                    pre_tokenizer=sequence("pretokenizers", {"type": "WhitespaceSplit"}, META), decoder=META,
                    post_processor={"type": "RobertaProcessing", "sep": ["b", 2], "cls": ["a", 1], "trim_offsets": False,
                                    "add_prefix_space": True},
                    added_tokens=[added("<x>", special=True)])
    assert got["source"] == "tokenizer.json"
    assert got["normalizer"] == ["NFC", "Lowercase"]
    assert got["pre_tokenizer"] == ["WhitespaceSplit", "Metaspace"]
    assert got["decoder"] == ["Metaspace"]
    assert got["template"] == {"single": "a $A b", "pair": "a $A b b $B b"}
    assert got["added_tokens"] == 1


@pytest.mark.parametrize("model, parts", [
    (WORD_PIECE, {"normalizer": BERT, "pre_tokenizer": {"type": "BertPreTokenizer"}}),
    (BYTE_BPE, {"pre_tokenizer": BYTES}),
    (UNIGRAM, {"pre_tokenizer": META}),
])
def test_quick_paths(inspected, model, parts):
    got = inspected(model, **parts)
    assert (got["path"], got["path_why"]) == ("fused", None)


@pytest.mark.parametrize("model, parts, why", [
    (WORD_PIECE, {"normalizer": BERT, "pre_tokenizer": {"type": "Whitespace"}}, "BertPreTokenizer alone"),
    (WORD_PIECE, {"normalizer": BERT, "pre_tokenizer": {"type": "BertPreTokenizer"},
                  "added_tokens": [added("ab", normalized=True)]}, "normalised text"),
    (BPE, {"pre_tokenizer": {"type": "Digits", "individual_digits": True}}, "the pre-tokenizer Digits"),
    (BPE, {}, "no pre-tokenizer"),
    (BPE, {"pre_tokenizer": BYTES}, "the model BPE, as it is set"),
])
def test_why_a_path_is_not_quick(inspected, model, parts, why):
    got = inspected(model, **parts)
    assert got["path"] == "generic"
    assert why in got["path_why"]


def test_a_normalizer_that_is_always_run_is_named(inspected):
    got = inspected(BYTE_BPE, pre_tokenizer=BYTES, normalizer={"type": "Nmt"})
    assert got["path"] == "fused"
    assert "Nmt" in got["path_why"]


def test_files(tiny):
    files = lines("inspect", tiny)[0]["tokenizer"]["files"]
    assert files and all((tiny / name).exists() for name in files)
    assert "files " in done("inspect", tiny)


def test_table(tiny):
    wanted = lines("tokenize", tiny, "the cat", "--pair", "sat")[0]
    table = done("tokenize", tiny, "the cat", "--pair", "sat", "--table").splitlines()
    assert table[0].split() == ["id", "type", "offsets", "token"] and table[-1] == ""
    rows = [row.split() for row in table[1:-1]]
    assert rows == [[str(id), str(type), f"{begin}-{end}", json.dumps(token)] for id, type, (begin, end), token in
                    zip(wanted["ids"], wanted["type_ids"], wanted["offsets"], wanted["tokens"])]
    padded = done("tokenize", tiny, "the cat", "the", "--table", "--pad", "longest")
    assert padded.count("(padding)") == 1
    refused(2, "tokenize", tiny, "a", "--table", "--json", says="contradict")


def test_a_text_that_cannot_be_cut_is_named(tiny, tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"text": "the", "pair": "cat sat the cat"}\n{"text": "the cat sat the cat", "pair": "the"}\n')
    flags = ["--max-length", "5", "--truncation", "only_second"]
    refused(2, "tokenize", tiny, "--input", file, "--input-format", "jsonl", *flags,
            says=[f"{file}:2: ", "the second text is too short", "longest_first"])
    refused(2, "tokenize", tiny, "the", "--max-length", "1", says="TEXT 1: ")


@pytest.mark.parametrize("config, left", [({}, True), ({"truncation_side": "right", "padding_side": "right"}, False)])
def test_sides_that_were_saved(tmp_path, config, left):
    """The sides of tokenizer.json's own truncation and padding hold where tokenizer_config.json says none."""
    (tmp_path / "tokenizer.json").write_text(json.dumps(
        {"version": "1.0", "truncation": {"max_length": 4, "stride": 0, "strategy": "LongestFirst", "direction": "Left"},
         "padding": {"strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
                     "pad_token": "<unk>"},
         "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": None,
         "decoder": None, "model": WORD_PIECE}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<unk>", **config}))
    cut, = lines("tokenize", tmp_path, "a b a b b", "--max-length", 2)
    assert cut["ids"] == ([2, 2] if left else [1, 2])
    padded, = lines("tokenize", tmp_path, "a", "--max-length", 3, "--pad", "max")
    assert padded["attention_mask"] == ([0, 0, 1] if left else [1, 0, 0])


# ---- The tables of docs/tokenizers.md ----

CODE = TOP / "frontend" / "tokenizer"


def documented(row):
    """The names in the table's row that begins so."""
    text = (TOP / "docs" / "tokenizers.md").read_text()
    cells = re.findall(rf"^\| {re.escape(row)} \| (.*) \|$", text, re.MULTILINE)
    assert len(cells) == 1, row
    return sorted(re.findall(r"`(\w+)`", cells[0]))


def listed(name):
    """The names of the components in a list of parts.c."""
    types = {}
    for path in CODE.glob("*.c"):
        types.update(re.findall(r"eg_(?:part|model)_type (eg_\w+) = \{\s*\.name = \"(\w+)\"", path.read_text()))
    body = re.search(rf"const {name}\[\] = \{{(.*?)\}};", (CODE / "parts.c").read_text(), re.DOTALL)[1]
    return sorted(types[variable] for variable in re.findall(r"&(\w+)", body))


@pytest.mark.parametrize("row, name", [("normalizers", "normalizers"), ("pre-tokenizers", "pretokenizers"),
                                       ("models", "models"), ("decoders", "decoders")])
def test_documented_components(row, name):
    assert documented(row) == listed(name)


def test_documented_post_processors():
    body = re.search(r"\} types\[\] = \{(.*?)\};", (CODE / "post.c").read_text(), re.DOTALL)[1]
    assert documented("post-processors") == sorted(re.findall(r'"(\w+)"', body))


def test_documented_classes():
    rows = {"`vocab.txt`": r"BERT(?:_DOUBLED)?", "`vocab.txt` of letters": r"LETTERS", "`vocab.txt`, `bpe.codes`": r"CODES",
            "`vocab.json`, `merges.txt`, on bytes": r"BYTES \+ \w+",
            "`vocab.json`, `merges.txt`, on words": r"(?:LOWER_)?WORDS|MOSES(?:_FRENCH)?",
            "SentencePiece model": r"SENTENCEPIECE \+ \w+"}
    table = re.search(r"\} classes\[\] = \{(.*?)\n\};", (CODE / "config.c").read_text(), re.DOTALL)[1]
    for row, files in rows.items():
        assert documented(row) == sorted(re.findall(rf'"(\w+)", (?:{files}),', table)), row
    read = re.findall(r'"(\w+)", (?!OTHER)', table)
    assert sorted(read) == sorted(name for row in rows for name in documented(row))
