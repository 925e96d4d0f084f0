# SPDX-License-Identifier: Apache-2.0
"""Where texts come from, and what is wrong with them: status 3 with FILE:LINE:COLUMN; earlier lines stand."""
import json
import os

import numpy as np
import pytest
from command import done, lines, refused, run


def tokens(*args, **options):
    return [line["tokens"] for line in lines("tokenize", *args, "--no-special", **options)]


# --- lines -------------------------------------------------------------------------------------------------------------


def test_lines(tiny):
    assert tokens(tiny, stdin=b"the cat\na dog\n") == [["the", "cat"], ["a", "dog"]]
    assert tokens(tiny, "--input", "-", stdin=b"the cat\na dog") == [["the", "cat"], ["a", "dog"]]


def test_only_lf_separates(tiny):
    text = "a\r\nb\rc\x0bd\x0ce\u2028f\u0085g\n\n\n"
    out = tokens(tiny, stdin=text.encode())
    assert len(out) == 4 and out[0] == ["a"] and out[1][:2] == ["b", "c"] and out[2:] == [[], []]
    assert [t[0] for t in tokens(tiny, stdin=b"\r\r\na\r")[1:]] == ["a"]


def test_nul_is_a_character(tiny):
    assert tokens(tiny, stdin=b"a\0b\nc\n") == tokens(tiny, stdin=b"ab\nc\n")


def test_no_lines_no_results(tiny, tmp_path):
    assert run("embed", tiny, "--json", stdin=b"").stdout == b""
    done("embed", tiny, "--npy", tmp_path / "e.npy", stdin=b"")
    assert np.load(tmp_path / "e.npy").shape == (0, 16)


def test_files(tiny, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes(b"the cat\r\n\r\ndog")
    assert tokens(tiny, "--input", path) == [["the", "cat"], [], ["dog"]]
    refused(3, "embed", tiny, "--input", tmp_path / "none.txt", says="none.txt")
    refused(3, "embed", tiny, "--input", tmp_path, says=["directory", str(tmp_path)])


def test_invalid_utf8(tiny, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes("ok\nüb\n".encode() + b"\xff\n")
    done_lines = run("tokenize", tiny, "--input", path).stdout
    refused(3, "tokenize", tiny, "--input", path, says=f"{path}:3:1: ", stdout=done_lines)
    assert done_lines.count(b"\n") == 2
    for bad in (b"a\xc0\x80", b"a\xed\xa0\x80", b"a\xf4\x90\x80\x80", b"a\xe2\x82"):
        refused(3, "embed", tiny, stdin=bad + b"\n", says="standard input:1:2: ")


def test_many_lines_come_in_order(tiny):
    words = "the cat dog sat on mat hello world".split()
    texts = [" ".join(words[(i + j) % 8] for j in range(1 + i % 5)) for i in range(3000)]
    out = tokens(tiny, stdin="\n".join(texts).encode())
    assert [" ".join(t) for t in out] == texts
    embedded = lines("embed", tiny, stdin="\n".join(texts).encode())
    assert len(embedded) == 3000
    one = lines("embed", tiny, texts[2999])[0]["embedding"]
    assert np.allclose(embedded[2999]["embedding"], one, atol=1e-6)


def test_a_very_long_line(tiny):
    assert len(tokens(tiny, stdin=b"a " * 200000)[0]) == 200000
    assert len(lines("embed", tiny, stdin=b"a " * 200000)) == 1  # cut, as the reference does


# --- JSON lines --------------------------------------------------------------------------------------------------------


def records(tiny, *objects, status=None, says=(), stdout=b""):
    stdin = b"\n".join(o if isinstance(o, bytes) else json.dumps(o).encode() for o in objects) + b"\n"
    args = ("tokenize", tiny, "--input-format", "jsonl", "--json")
    if status is None:
        return lines(*args, stdin=stdin)
    return refused(status, *args, stdin=stdin, says=says, stdout=stdout)


def test_records(tiny):
    out = records(tiny, {"text": "the cat", "id": "x/1"}, {"id": 7, "text": "a", "pair": "b"}, {"text": "c", "pair": None, "label": 1})
    assert [line.get("id") for line in out] == ["x/1", 7, None]
    assert list(out[0])[0] == "id" and "id" not in out[2]
    assert out[1]["tokens"] == ["[CLS]", "a", "[SEP]", "b", "[SEP]"] and out[1]["type_ids"] == [0, 0, 0, 1, 1]
    assert out[2]["tokens"] == ["[CLS]", "c", "[SEP]"]


def test_ids_are_repeated_as_written(tiny):
    out = run("embed", tiny, "--json", "--input-format", "jsonl", stdin=b'{"id":1.50e3,"text":"a"}\n{"text":"a","id":{"k":["\\u00e9"]}}\n')
    assert [line.split(b',"embedding"')[0] for line in out.stdout.splitlines()] == [b'{"id":1.50e3', b'{"id":{"k":["\\u00e9"]}']
    assert records(tiny, b'{"id": null, "text": "a"}')[0]["id"] is None


def test_escapes(tiny):
    assert records(tiny, b'{"text":"\\u0063\\u0061t \\ud83d\\ude00 \\u0000\\n\\"\\/"}') == records(tiny, {"text": "cat \U0001f600 \0\n\"/"})


@pytest.mark.parametrize("line, place, says", [
    (b"nonsense", "1:1", ""),
    (b"", "1:1", ""),
    (b'{"text":"a"', "1:12", ""),
    (b'{"text":"a"} x', "1:14", ""),
    (b'["a"]', "1:1", "object"),
    (b'"a"', "1:1", "object"),
    (b"{}", "1:1", "text"),
    (b'{"text":1}', "1:9", "string"),
    (b'{"text":null}', "1:9", "string"),
    (b'{"text":"a","pair":[]}', "1:20", "string"),
    (b'{"text":"a","text":"b"}', "1:13", "duplicate"),
    (b'{"text":"a","txet":"b"}', "1:13", "did you mean"),
    (b'{"text":"\\ud800"}', "1:10", "surrogate"),
    (b'{"text":"\\ud800\\u0041"}', "1:10", "surrogate"),
    (b'{"text":"\\udc00"}', "1:10", "surrogate"),
    (b'{"text":"\\x"}', "1:11", "escape"),
    (b'{"text":"a\tb"}', "1:11", "control"),
    (b'{"text":"\xc3\xbc\xff"}', "1:11", "UTF-8"),
    (b'{"text":"a","id":01}', "1:18", ""),
    (b'{"text":"a","id":1.}', "1:18", ""),
    (b'{"text":"a","id":NaN}', "1:18", ""),
    (b'{"text":"a","id":' + b"[" * 70 + b"]" * 70 + b"}", "1:81", "64"),
    (b'{"text":"a",}', "1:13", ""),
    (b"\xef\xbb\xbf{}", "1:1", ""),
])
def test_bad_records(tiny, line, place, says):
    records(tiny, line, status=3, says=["standard input:" + place + ": ", says])


def test_lines_before_a_bad_record_stand(tiny, tmp_path):
    good = b'{"text":"the cat"}\n{"text":"a dog"}\n'
    args = ["--input-format", "jsonl", "--json"]
    for command in (["tokenize", tiny], ["embed", tiny], ["run", tiny, "--output", "pooler_output"]):
        stands = run(*command, *args, stdin=good).stdout
        assert stands.count(b"\n") == 2
        refused(3, *command, *args, stdin=good + b'{"text":"\\udead"}\n{"text":"x"}\n', says="standard input:3:10: ", stdout=stands)
    # A file is written whole or not at all.
    refused(3, "embed", tiny, "--npy", tmp_path / "e.npy", "--input-format", "jsonl", stdin=good + b"x\n")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_library_names_the_line(tiny):
    long = "the cat " * 40
    stdin = ("a\n" * 40 + long + "\n").encode()
    result = run("run", tiny, "--output", "pooler_output", "--json", stdin=stdin)
    assert result.returncode == 3 and b"standard input:41: has 82 tokens" in result.stderr
    assert result.stdout.count(b"\n") == 32  # the chunk before


def test_pair_flag(tiny):
    assert lines("tokenize", tiny, "a", "--pair", "b")[0]["type_ids"] == [0, 0, 0, 1, 1]
    refused(3, "tokenize", tiny, "--pair", "b", "--input-format", "jsonl", stdin=b'{"text":"a","pair":"c"}\n', says="pair")


# --- ids ---------------------------------------------------------------------------------------------------------------


def test_ids(tiny):
    ids = lines("tokenize", tiny, "the cat")[0]["ids"]
    by_ids = lines("embed", tiny, "--ids", ",".join(map(str, ids)))
    assert np.allclose(by_ids[0]["embedding"], lines("embed", tiny, "the cat")[0]["embedding"], atol=1e-6)


@pytest.mark.parametrize("ids", ["", "1,", "1,,2", "a", "-1", "1.5", "01", "67", "99999999999999", " 1"])
def test_bad_ids(tiny, ids):
    refused(2, "embed", tiny, "--ids", ids, says="--ids")


def test_too_many_ids(tiny):
    assert run("embed", tiny, "--ids", ",".join(["5"] * 32)).returncode == 0
    refused(2, "embed", tiny, "--ids", ",".join(["5"] * 33), says=["33", "32"])


def save(path, **arrays):
    np.savez(path, **{k: np.asarray(v, v.dtype if hasattr(v, "dtype") else np.int64) for k, v in arrays.items()})
    return path


def test_ids_file(tiny, tmp_path):
    path = save(tmp_path / "ids.npz", input_ids=[2, 7, 3, 2, 3], cu_seqlens=[0, 3, 5])
    out = lines("embed", tiny, "--ids-file", path)
    assert len(out) == 2 and out[1] == lines("embed", tiny, "--ids", "2,3")[0]
    path32 = save(tmp_path / "ids32.npz", input_ids=np.int32([2, 7, 3, 2, 3]), cu_seqlens=np.int32([0, 3, 5]))
    assert lines("embed", tiny, "--ids-file", path32) == out
    typed = save(tmp_path / "t.npz", input_ids=[2, 7, 3, 2, 3], cu_seqlens=[0, 3, 5], token_type_ids=[0, 1, 1, 0, 0])
    with_types = lines("embed", tiny, "--ids-file", typed)
    assert with_types[0] != out[0] and np.allclose(with_types[1]["embedding"], out[1]["embedding"], atol=1e-6)


@pytest.mark.parametrize("arrays", [
    dict(input_ids=[2, 3]),
    dict(cu_seqlens=[0, 2]),
    dict(input_ids=[2, 3], cu_seqlens=[0, 3]),
    dict(input_ids=[2, 3], cu_seqlens=[0, 1]),
    dict(input_ids=[2, 3], cu_seqlens=[1, 2]),
    dict(input_ids=[2, 3], cu_seqlens=[0, 0, 2]),
    dict(input_ids=[2, 3], cu_seqlens=[0, 3, 2]),
    dict(input_ids=[2, 3], cu_seqlens=[]),
    dict(input_ids=[[2, 3]], cu_seqlens=[0, 2]),
    dict(input_ids=np.float32([2, 3]), cu_seqlens=[0, 2]),
    dict(input_ids=[2, 3], cu_seqlens=[0, 2], token_type_ids=[0]),
    dict(input_ids=[2, -3], cu_seqlens=[0, 2]),
    dict(input_ids=[2, 67], cu_seqlens=[0, 2]),
    dict(input_ids=[2, 2**40], cu_seqlens=[0, 2]),
    dict(input_ids=[2, 3], cu_seqlens=[0, 2], token_type_ids=[0, 2]),
])
def test_bad_ids_files(tiny, tmp_path, arrays):
    refused(3, "embed", tiny, "--ids-file", save(tmp_path / "ids.npz", **arrays), says="ids.npz")


def test_damaged_ids_files(tiny, tmp_path):
    good = save(tmp_path / "good.npz", input_ids=[2, 7, 3], cu_seqlens=[0, 3]).read_bytes()
    path = tmp_path / "bad.npz"
    for cut in list(range(0, len(good), 13)) + [len(good) - 1]:
        path.write_bytes(good[:cut])
        refused(3, "embed", tiny, "--ids-file", path, says="bad.npz")
    at = good.index(b"\x93NUMPY") + 128
    path.write_bytes(good[:at] + b"\x05" + good[at + 1:])
    refused(3, "embed", tiny, "--ids-file", path, says="check sum")
    np.savez_compressed(path, input_ids=[2, 3], cu_seqlens=[0, 2])
    refused(3, "embed", tiny, "--ids-file", path, says=["compressed", "numpy.savez"])
    refused(3, "embed", tiny, "--ids-file", tmp_path, says="regular file")
    os.mkfifo(tmp_path / "fifo")
    refused(3, "embed", tiny, "--ids-file", tmp_path / "fifo", says="regular file")
