# SPDX-License-Identifier: Apache-2.0
"""Tokenizers that a Python class of transformers makes, by what the classes gave: tokenizer_classes.py --write."""
import json
import pathlib
import shutil

import pytest
from command import run

FOLDER = pathlib.Path(__file__).resolve().parent / "classes"
NAMES = sorted(path.name for path in FOLDER.iterdir())
IN_PYTHON = ("phobert", "xlm", "flaubert", "esm")  # classes that have no offsets
STRATEGIES = ["longest_first", "only_first", "only_second"]


def egbert(*args):
    done = run("tokenize", *args, "--json")
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def rows(name, pairs):
    found = map(json.loads, (FOLDER / name / "expected.jsonl").read_text().split("\n")[:-1])
    return [row for row in found if ("pair" in row) == pairs]


@pytest.mark.parametrize("name", NAMES)
def test_lines(name, tmp_path):
    wanted = rows(name, False)
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in wanted))
    status, got, error = egbert(FOLDER / name, "--input", texts, "--input-format", "jsonl")
    assert status == 0, error
    for want, line in zip(wanted, got, strict=True):
        assert line["ids"] == want["ids"], want["text"]
        assert (line["offsets"] is None) == name.startswith(IN_PYTHON)
        if "offsets" in want:
            assert line["offsets"] == want["offsets"], want["text"]


@pytest.mark.parametrize("name", NAMES)
def test_pairs(name):
    for want in rows(name, True)[:12]:
        status, got, error = egbert(FOLDER / name, want["text"], "--pair", want["pair"])
        assert status == 0, error
        assert (got[0]["ids"], got[0]["type_ids"]) == (want["ids"], want["type_ids"]), want
        status, got, error = egbert(FOLDER / name, want["text"], "--pair", want["pair"], "--max-length",
                                    want["max_length"], "--truncation", STRATEGIES[want["strategy"]])
        if want["cut"] is None:
            assert status == 2, want
        else:
            assert status == 0 and got[0]["ids"] == want["cut"], (want, error)


@pytest.mark.parametrize("name", NAMES)
def test_decoding(name):
    for want in [row for row in rows(name, False)[:25] if row["ids"]]:
        ids = ",".join(map(str, want["ids"]))
        assert egbert(FOLDER / name, "--decode", ids)[1] == [{"text": want["decoded"]}], want
        assert egbert(FOLDER / name, "--decode", ids, "--no-special")[1] == [{"text": want["plain"]}], want


def test_padding_without_offsets():
    status, got, error = egbert(FOLDER / "phobert", "a", "--max-length", 8, "--pad", "max")
    assert status == 0, error
    assert got[0]["offsets"] is None and got[0]["ids"][-1] == 1 and sum(got[0]["attention_mask"]) < 8


@pytest.mark.parametrize("name, file, text, message", [
    ("phobert", "bpe.codes", "a b 5\na b\n", "bpe.codes:2:1: a merge is not two tokens and a count; two tokens"),
    ("phobert", "bpe.codes", None, "bpe.codes: the file is missing"),
    ("phobert", "vocab.txt", "a 5\nb\n", "vocab.txt:2:1: the line is not a token and a count"),
    ("phobert", "vocab.txt", "a 5\nb 4\na 3\n", "vocab.txt:1:1: the token 'a' is there twice"),
    ("phobert", "vocab.txt", "", "vocab.txt: a vocabulary of 0 lines"),
    ("xlm", "merges.txt", "a b c d\n", "merges.txt:1:1: a merge is not two tokens"),
    ("xlm", "merges.txt", b"a b\n\xff c\n", "merges.txt:2:1: the line is not valid UTF-8"),
    ("xlm", "merges.txt", b"a b\na \xc3", "merges.txt:2:3: the line is not valid UTF-8"),
    ("xlm", "vocab.json", '{"a": 0}', "vocab.json: the unknown token '<unk>' is not in the vocabulary"),
    ("herbert", "vocab.json", '{"<unk>": 0, "<s>": 1, "</s>": 2}', "merges.txt:2:1: the merge "),
    ("esm", "vocab.txt", "", "vocab.txt: a vocabulary of 0 lines"),
    ("esm", "vocab.txt", b"A\n\xff\n", "vocab.txt:2:1: the line is not valid UTF-8"),
    ("esm", "tokenizer_config.json", '{"tokenizer_class": "EsmTokenizer", "eos_token": ""}', "cls_token and eos_token must be there"),
    ("gpt2-by-type", "config.json", '{"model_type": "gpt3"}', "nothing tells the class by which vocab.json with merges.txt is read"),
    ("deberta", "tokenizer_config.json", '{"tokenizer_class": "BartTokenizer"}', "vocab.json with merges.txt of the class 'BartTokenizer' is not"),
    ("roberta-by-type", "special_tokens_map.json", '{"mask_token": 3}', "special_tokens_map.json:1:"),
    ("herbert", "merges.txt", "zz qq\n", "merges.txt:1:1: the merge 'zz qq': its first part is not in the vocabulary"),
])
def test_bad_files(name, file, text, message, tmp_path):
    folder = tmp_path / name
    shutil.copytree(FOLDER / name, folder)
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    status, got, error = egbert(folder, "a")
    assert status == 3 and not got and message in error and error.count("\n") == 1, error
