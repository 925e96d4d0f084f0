# SPDX-License-Identifier: Apache-2.0
"""Arguments and their environment twins: status 2, the flag or variable named, the nearest one suggested."""
import json

import pytest
from command import done, lines, refused, run, terminal

COMMANDS = """embed similarity classify nsp choose rerank sparse ner qa fill-mask evaluate run tokenize inspect families backends compile
bench conformance profile compare fusion-report verify""".split()


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"]])
def test_overview(words):
    text = done(*words)
    assert all(f"\n  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(name):
    text = done(name, "--help")
    assert text == done("help", name)
    assert text.startswith(f"Usage: egbert {name} ")
    assert "--threads N" in text and max(map(len, text.splitlines())) <= 120


def test_version():
    text = done("--version")
    assert text.startswith("egbert 0.") and "plugin ABI 1.0" in text and "compiler " in text and "plugin reference" in text


def test_no_command():
    refused(2, says="no command")


def test_unknown_command():
    refused(2, "embedd", says=["'embedd'", "did you mean 'embed'?"])


@pytest.mark.parametrize("words, says", [
    (["--thread", "2"], ["--thread", "--threads"]),
    (["--bakend=cpu"], ["--bakend", "--backend"]),
    (["--npz", "x"], ["'egbert embed' takes no flag --npz"]),
    (["-x"], ["-x", "--"]),
    (["--threads"], ["--threads needs a value"]),
    (["--json=1"], ["--json takes no value"]),
    (["--verbose", "--quiet"], ["--verbose", "--quiet"]),
    (["--precision", "f16"], ["--precision", "f32|bf16|int8"]),
    (["--type-ids", "maybe"], ["--type-ids", "on|off"]),
    (["--ignore-config", "a,,b"], ["--ignore-config"]),
    (["--input", "x"], ["--input"]),
    (["--input-format", "jsonl"], ["--input-format"]),
    (["--ids", "1,2"], ["--ids"]),
    (["--no-prompt", "--prompt-text", "query: "], ["--no-prompt"]),
])
def test_bad_flags(tiny, words, says):
    refused(2, "embed", tiny, "the cat", *words, says=says)


def test_an_output_named_twice(tiny):
    refused(2, "run", tiny, "the cat", "--output", "attentions,last_hidden_state,attentions", says=["--output", "'attentions'", "twice"])


@pytest.mark.parametrize("value", "0 -1 99999999999 99999999999999999999999 010 0x10 1_000 4.0 +2 1e3 2a".split() + ["", " 2", "2 "])
def test_numbers_are_strict(tiny, value):
    refused(2, "embed", tiny, "the cat", "--threads", value, says="--threads")
    refused(2, "embed", tiny, "the cat", "--threads=" + value, says="--threads")
    if value:
        refused(2, "embed", tiny, "the cat", env={"EGBERT_THREADS": value}, says="EGBERT_THREADS")


@pytest.mark.parametrize("flag", ["--batch-tokens", "--max-length", "--truncate-dim", "--max-arena"])
def test_sizes_begin_at_one(tiny, flag):
    refused(2, "embed", tiny, "the cat", flag, "0", says=flag)


@pytest.mark.parametrize("name, value", [
    ("EGBERT_PRECISION", "f64"), ("EGBERT_TYPE_IDS", "yes"), ("EGBERT_JSON", "maybe"), ("EGBERT_MAX_LENGTH", "many"),
    ("EGBERT_BATCH_TOKENS", "0"),
])
def test_bad_variables_are_named(tiny, name, value):
    refused(2, "embed", tiny, "the cat", env={name: value}, says=name)


def test_a_flag_goes_before_its_variable(tiny):
    assert len(lines("embed", tiny, "x", "--backend", "reference", env={"EGBERT_BACKEND": "none"})) == 1
    refused(4, "embed", tiny, "x", env={"EGBERT_BACKEND": "none"}, says="none")
    done("embed", tiny, "x", "--threads", "1", env={"EGBERT_THREADS": "no number"})


def test_variables_set_what_flags_set(tiny):
    assert json.loads(done("embed", tiny, "the cat", env={"EGBERT_JSON": "1"})) == lines("embed", tiny, "the cat")[0]
    by_flag = lines("embed", tiny, "the cat", "--pooling", "cls")
    assert lines("embed", tiny, "the cat", env={"EGBERT_POOLING": "cls"}) == by_flag
    assert lines("embed", tiny, "the cat", env={"EGBERT_POOLING": ""}) != by_flag  # set to nothing is not set
    assert run("embed", tiny, "x", env={"EGBERT_QUIET": "1"}).stderr == b""
    assert run("embed", tiny, "x", "--verbose", env={"EGBERT_QUIET": "1"}).stderr != b""


def test_options_may_follow_texts(tiny):
    assert lines("embed", tiny, "a", "--pooling=cls", "b") == lines("embed", "--pooling", "cls", tiny, "a", "b")


def test_two_dashes_end_options(tiny):
    tokens = [line["tokens"] for line in lines("tokenize", tiny, "--no-special", "--", "--the", "-")]
    assert tokens == [["-", "-", "the"], ["-"]]


def test_an_empty_argument_is_an_empty_text(tiny):
    assert [line["ids"] for line in lines("tokenize", tiny, "")] == [[2, 3]]


def test_no_text_on_a_terminal(tiny):
    import os
    import subprocess

    from command import COMMAND, environment
    master, slave = terminal()
    result = subprocess.run([COMMAND, "embed", tiny], stdin=slave, capture_output=True, env=environment(), timeout=60)
    os.close(master)
    os.close(slave)
    assert result.returncode == 2 and result.stdout == b"" and b"no text" in result.stderr


def test_missing_model():
    refused(2, "embed", says="MODEL")


@pytest.mark.parametrize("words, status, says", [
    (["--backend", "cpx"], 4, "cpx"),
    (["--plugin", "/nonexistent.so"], 4, "/nonexistent.so"),
    (["--device", "gpu7"], 4, "gpu7"),
    (["--head", "nonsense"], 2, "nonsense"),
    (["--pooling", "meen"], 2, "did you mean 'mean'?"),
    (["--truncate-dim", "17"], 2, "16"),
    (["--fuse", "all,-nothing"], 2, "nothing"),
    (["--family", "nothing"], None, "nothing"),
])
def test_values_that_the_library_refuses(tiny, words, status, says):
    if status is None:
        result = run("embed", tiny, "the cat", *words)
        assert result.returncode in (2, 3) and says.encode() in result.stderr
    else:
        refused(status, "embed", tiny, "the cat", *words, says=says)


def test_strict_and_far(tiny):
    assert lines("embed", tiny, "x", "--backend", "reference", "--strict")
    refused(4, "embed", tiny, "x", "--backend", "null", "--strict", says="null")


def test_invalid_utf8_in_a_text(tiny):
    refused(2, "embed", tiny, b"ab\xff", says=["TEXT 1", "UTF-8", "3"])


@pytest.mark.parametrize("flag", [["--save", "x.eg"], ["--check"]])
def test_compile_refuses_what_is_not_built(tiny, flag):
    refused(2, "compile", tiny, *flag, says=["this build has no", flag[0]])


@pytest.mark.parametrize("shape", ["", "1", "1,", "1,2,3", "0,5", "a,b", "1, 5", "1,99999999999"])
def test_bad_shapes(tiny, shape):
    refused(2, "compile", tiny, "--shape", shape, says="--shape")


def test_long_errors_are_cut_and_escaped(tiny):
    line = refused(2, "embed", tiny, "x", "--pooling", "a\n\x1b[31m" + "é" * 5000)
    assert "\x1b" not in line and "\\n" in line
    assert refused(3, "embed", "/no/" + "x" * 4000, "x")


@pytest.mark.parametrize("options, says", [
    ("gpu:x=1", "no such backend"),
    ("isa=plain", "a backend's name"),
    ("cpu:prodcts=own", "no option 'prodcts'"),
])
def test_wrong_plugin_options(options, says, tiny):
    refused(2, "embed", tiny, "a", "--backend", "cpu", "--plugin-options", options, says=[says])


def test_plugin_options_reach_the_backend(tiny):
    assert len(done("embed", tiny, "a", "--backend", "cpu", env={"EGBERT_PLUGIN_OPTIONS": "cpu:isa=plain;far:delay_us=0"}))
