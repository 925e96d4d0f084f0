# SPDX-License-Identifier: Apache-2.0
"""What is printed and written, and what happens where it cannot be."""
import json
import math
import os
import re
import signal
import struct
import subprocess
import time

import numpy as np
import pytest
from command import BUILD, COMMAND, done, environment, lines, refused, run, terminal

PLACEMENT = re.compile(rb"^egbert: [a-z]+ \d+ ops(, [a-z]+ \d+ .*)?; \d+ copies.*; arena [0-9.]+ MiB$", re.M)


def test_one_placement_line(tiny):
    assert len(PLACEMENT.findall(run("embed", tiny, "the cat").stderr)) == 1
    assert run("embed", tiny, "the cat", "--quiet").stderr == b""
    assert all(line.startswith(b"egbert: ") for line in run("embed", tiny, "x", "--verbose").stderr.splitlines())


def test_a_model_without_modules_json_says_what_it_takes(tiny):
    assert b"mean" in run("embed", tiny, "the cat").stderr


# --- numbers -----------------------------------------------------------------------------------------------------------


def assert_shortest_floats(text):
    for number in re.findall(r"-?\d+\.[0-9.e-]*", text):
        value = np.float32(number)
        significant = number.lstrip("-").split("e")[0].replace(".", "").strip("0")
        shortest = np.format_float_scientific(value, unique=True).lstrip("-").split("e")[0].replace(".", "").strip("0")
        assert len(significant) == len(shortest), (number, shortest)


def test_floats_are_the_shortest_that_give_back_the_f32(tiny, tmp_path):
    text = done("run", tiny, "the cat sat on the mat", "--output", "hidden_states,attentions", "--json")
    assert_shortest_floats(text)
    npz, records = tmp_path / "golden.npz", tmp_path / "pairs.jsonl"
    done("run", tiny, "the cat", "--output", "hidden_states", "--npz", npz, "--backend", "reference")
    assert_shortest_floats(done("verify", tiny, "--golden", npz, "--json", "--backend", "cpu"))
    pairs = [("the cat", "a dog", 0.3), ("hello", "the mat", 0.9), ("cat", "cat", 0.7), ("dog .", "the", 0.1)]
    records.write_text("".join(json.dumps({"text": a, "pair": b, "label": x}) + "\n" for a, b, x in pairs))
    assert_shortest_floats(done("evaluate", tiny, "--input", records, "--json"))


def test_embed_prints_numbers(tiny):
    text = done("embed", tiny, "the cat", "a dog")
    rows = [[float(x) for x in line.split(" ")] for line in text.splitlines()]
    assert rows == [line["embedding"] for line in lines("embed", tiny, "the cat", "a dog")]
    assert [len(row) for row in rows] == [16, 16]


def test_npy(tiny, tmp_path):
    path = tmp_path / "e.npy"
    assert done("embed", tiny, "the cat", "a dog", "--npy", path) == ""
    array = np.load(path)
    assert array.dtype == np.float32 and array.shape == (2, 16)
    both = lines("embed", tiny, "the cat", "a dog", "--npy", path)
    assert np.array_equal(np.float32([line["embedding"] for line in both]), array)
    assert [p.name for p in tmp_path.iterdir()] == ["e.npy"]
    raw = path.read_bytes()
    assert raw[:8] == b"\x93NUMPY\x01\x00" and (10 + struct.unpack("<H", raw[8:10])[0]) % 64 == 0


def test_npz(tiny, tmp_path):
    path = tmp_path / "r.npz"
    names = "last_hidden_state,pooler_output,hidden_states,attentions,attentions.1"
    assert done("run", tiny, "the cat", "a dog sat", "--output", names, "--npz", path) == ""
    archive = np.load(path)
    cu = archive["cu_seqlens"]
    assert cu.dtype == np.int64 and cu.tolist() == [0, 4, 9]
    assert archive["input_ids"].dtype == np.int64 and archive["input_ids"].shape == (9,)
    assert archive["token_type_ids"].tolist() == [0] * 9
    shapes = {"last_hidden_state": (9, 16), "pooler_output": (2, 16), "hidden_states": (3, 9, 16), "attentions.0": (2, 2, 4, 4),
              "attentions.1.0": (2, 4, 4), "attentions.1.1": (2, 5, 5)}
    for name, shape in shapes.items():
        assert archive[name].shape == shape and archive[name].dtype == np.float32, name
    assert np.array_equal(archive["hidden_states"][-1], archive["last_hidden_state"])
    nested = lines("run", tiny, "the cat", "a dog sat", "--output", names)
    for i, line in enumerate(nested):
        assert list(line) == names.split(",")
        part = slice(cu[i], cu[i + 1])
        assert np.array_equal(np.float32(line["last_hidden_state"]), archive["last_hidden_state"][part])
        assert np.array_equal(np.float32(line["hidden_states"]), archive["hidden_states"][:, part])
        assert np.array_equal(np.float32(line["pooler_output"]), archive["pooler_output"][i])
        assert np.array_equal(np.float32(line["attentions.1"]), archive[f"attentions.1.{i}"])
    assert np.array_equal(np.float32(nested[0]["attentions"]), archive["attentions.0"])


def test_npz_is_a_sound_zip_and_always_the_same(tiny, tmp_path):
    import zipfile
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    for path in (a, b):
        done("run", tiny, "the cat", "--output", "pooler_output,attentions", "--npz", path)
    assert zipfile.ZipFile(a).testzip() is None and a.read_bytes() == b.read_bytes()
    again = lines("embed", tiny, "--ids-file", a)
    assert np.allclose(again[0]["embedding"], lines("embed", tiny, "the cat")[0]["embedding"], atol=1e-6)


def test_npz_of_many_arrays(tiny, tmp_path):
    """More than 65,535 entries need the larger end record of zip64."""
    path = tmp_path / "many.npz"
    done("run", tiny, "--output", "attentions.0", "--npz", path, "--batch-tokens", "65536", stdin=b"\n" * 65540, timeout=600)
    archive = np.load(path)
    assert len(archive.files) == 65540 + 3 and archive["attentions.0.65539"].shape == (2, 2, 2)
    assert archive["cu_seqlens"][-1] == 2 * 65540
    done("embed", tiny, "--ids-file", path, "--npy", tmp_path / "e.npy", "--quiet", timeout=600)
    assert np.load(tmp_path / "e.npy").shape == (65540, 16)


def test_stacks_of_as_many_layers_as_tokens(tiny):
    out = lines("run", tiny, "a", "the cat", "--output", "hidden_states")  # 3 states; the first text has 3 tokens
    assert np.shape(out[0]["hidden_states"]) == (3, 3, 16) and np.shape(out[1]["hidden_states"]) == (3, 4, 16)
    alone = lines("run", tiny, "a", "--output", "hidden_states")
    assert np.allclose(alone[0]["hidden_states"], out[0]["hidden_states"], atol=1e-6)


def test_run_prints_a_table(tiny):
    text = done("run", tiny, "the cat", "--output", "attentions,pooler_output")
    assert "text 1: 4 tokens" in text and "attentions [2, 2, 4, 4]" in text and "pooler_output [16]" in text


def test_no_output_named(tiny):
    refused(2, "run", tiny, "the cat", says="--output")
    refused(2, "run", tiny, "the cat", "--output", "last_hiden_state", says="did you mean 'last_hidden_state'?")
    refused(2, "run", tiny, "the cat", "--output", "logits", says="logits")


# --- where it cannot be written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["embed", "the cat"], ["tokenize", "the cat"], ["inspect"], ["compile"]])
def test_full_disk(tiny, words):
    with open("/dev/full", "wb") as full:
        result = subprocess.run([COMMAND, words[0], tiny, *words[1:], "--quiet"], stdout=full, stderr=subprocess.PIPE, env=environment())
    assert result.returncode == 1
    assert re.fullmatch(rb"egbert: error: standard output: .*No space left on device\n", result.stderr)


def test_closed_stdout(tiny, tmp_path):
    shell = f'exec "{COMMAND}" embed "{tiny}" "the cat" --quiet >&-'
    result = subprocess.run(["/bin/sh", "-c", shell], stderr=subprocess.PIPE, env=environment())
    assert result.returncode == 1 and result.stderr.startswith(b"egbert: error: standard output: ")
    shell = f'exec "{COMMAND}" embed "{tiny}" "the cat" --quiet --npy "{tmp_path}/e.npy" >&- <&-'
    assert subprocess.run(["/bin/sh", "-c", shell], env=environment()).returncode == 0
    assert np.load(tmp_path / "e.npy").shape == (1, 16)


def test_closed_stdin_and_stderr(tiny):
    result = subprocess.run(["/bin/sh", "-c", f'exec "{COMMAND}" embed "{tiny}" <&-'], capture_output=True, env=environment())
    assert result.returncode == 3 and b"standard input" in result.stderr
    result = subprocess.run(["/bin/sh", "-c", f'exec "{COMMAND}" embed "{tiny}" "the cat" 2>&-'], stdout=subprocess.PIPE, env=environment())
    assert result.returncode == 0 and len(result.stdout.split()) == 16


def test_a_reader_that_leaves(tiny):
    shell = f'yes "the cat" | head -n 20000 | "{COMMAND}" embed "{tiny}" --quiet | head -n 1 >/dev/null; echo "${{PIPESTATUS[2]}}"'
    result = subprocess.run(["bash", "-c", shell], capture_output=True, env=environment(), timeout=120)
    assert result.stdout == b"1\n" and result.stderr == b""


@pytest.mark.parametrize("flag, command", [("--npy", ["embed"]), ("--npz", ["run", "--output", "pooler_output"])])
def test_files_that_cannot_be_written(tiny, tmp_path, flag, command):
    refused(1, *command, tiny, "the cat", flag, tmp_path / "none" / "x", says=str(tmp_path / "none" / "x"))
    refused(1, *command, tiny, "the cat", flag, tmp_path, says="directory")
    refused(1, *command, tiny, "the cat", flag, "/dev/full", says=["/dev/full", "No space left"])


def test_an_old_file_stands_when_a_run_fails(tiny, tmp_path):
    path = tmp_path / "e.npy"
    path.write_bytes(b"old")
    refused(3, "embed", tiny, "--npy", path, stdin=b"ok\n\xff\n")
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    done("embed", tiny, "--npy", path, stdin=b"ok\n")
    assert np.load(path).shape == (1, 16)


def test_links_and_pipes_are_written_through(tiny, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    done("embed", tiny, "the cat", "--npy", tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and np.load(tmp_path / "target").shape == (1, 16)
    result = run("embed", tiny, "the cat", "--npy", "/dev/stdout")
    assert result.returncode == 0 and result.stdout.startswith(b"\x93NUMPY") and len(result.stdout) == 128 + 64


# --- signals -----------------------------------------------------------------------------------------------------------


def test_interrupt(tiny, tmp_path):
    path = tmp_path / "e.npy"
    process = subprocess.Popen([COMMAND, "embed", tiny, "--npy", path, "--json", "--quiet"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    process.stdin.write(b"the cat\n" * 1024)
    process.stdin.flush()
    assert process.stdout.readline()  # the first chunk is done, so signals are watched
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass
    rest, error = process.stdout.read(), process.stderr.read()
    assert process.wait(timeout=30) == 1 and rest.count(b"\n") == 1023
    assert error.startswith(b"egbert: error: ") and error.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


# --- descriptions ------------------------------------------------------------------------------------------------------


def test_inspect(tiny):
    described = lines("inspect", tiny)[0]
    assert set("family checkpoint dtype config parameters tokenizer pooling outputs heads warnings".split()) <= set(described)
    parameters = described["parameters"]
    assert parameters["total"] == sum(part["count"] for part in parameters["parts"]) == 6368
    assert math.isclose(sum(part["share"] for part in parameters["parts"]), 1.0)
    text = done("inspect", tiny)
    assert re.search(r"parameters +6,368\n", text) and re.search(r"embeddings +1,648 +25\.88 %", text)


def test_inspect_of_a_bare_config(tmp_path):
    config = {"model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
              "intermediate_size": 3072, "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2,
              "layer_norm_eps": 1e-12, "architectures": ["BertModel"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    text = done("inspect", tmp_path)
    assert "109,482,240" in text
    for part, share in (("embeddings", "21.77"), ("encoder", "77.69"), ("pooler", "0.54")):
        assert re.search(rf"{part} .* {share} %", text), text


def test_families():
    families = lines("families")[0]
    assert any(f["name"] == "bert" and "bert" in f["model_types"] for f in families)
    assert re.search(r"^bert\b.*\n  model types  bert", done("families"), re.M)


def test_backends():
    found = {b["name"]: b for b in lines("backends")[0]}
    assert {"cpu", "reference", "far", "null"} <= set(found)
    reference = found["reference"]
    assert {"name", "path", "version", "abi", "loaded", "why", "devices"} <= set(reference)
    assert reference["loaded"] and reference["abi"] == "1.0" and {"id", "name", "score"} <= set(reference["devices"][0])
    assert "reference    loaded" in done("backends")


def test_broken_plugins_on_the_path_are_shown(tmp_path):
    (tmp_path / "egbert-broken.so").write_bytes(b"no library")
    found = lines("backends", env={"EGBERT_PLUGIN_PATH": f":{tmp_path}:"})[0]
    broken = [b for b in found if "egbert-broken" in b["path"]]
    assert len(broken) == 1 and broken[0]["loaded"] is False and broken[0]["why"]


def test_compile(tiny):
    report = lines("compile", tiny, "--shape", "2,8")[0]
    assert {"passes", "placement", "memory", "kernels", "copies"} <= set(report)
    assert {"pass", "hits", "refused", "nodes", "bytes", "weight_bytes", "flops", "peak"} <= set(report["passes"][0])
    memory = report["memory"]
    assert memory["bound"] <= memory["arena"] <= memory["naive"]
    assert sum(p["ops"] for p in report["placement"]) >= report["kernels"] > 0
    assert report == {**json.loads(done("compile", tiny, "--shape", "2,8", "--format", "json")), "passes": report["passes"]}
    assert "kernels" in done("compile", tiny)


def test_compile_lengths(tiny, tmp_path):
    path = tmp_path / "lengths"
    path.write_text("8\n8\n")
    by_file, by_shape = lines("compile", tiny, "--lengths", path)[0], lines("compile", tiny, "--shape", "2,8")[0]
    assert by_file["memory"] == by_shape["memory"]
    for text, place in (("8\nx\n", ":2:1: "), ("0\n", ":1:1: "), ("8 \n", ":1:1: "), ("", ": ")):
        path.write_text(text)
        refused(3, "compile", tiny, "--lengths", path, says=str(path) + place)


def test_dump_ir(tiny):
    text = done("compile", tiny, "--dump-ir")
    assert text.startswith("graph ") and "layer_norm" in text
    assert "layer_norm" in done("compile", tiny, "--dump-ir=after:cse")
    assert lines("compile", tiny, "--dump-ir")[0]["ir"] == text
    refused(2, "compile", tiny, "--dump-ir=after:nothing", says="nothing")
    refused(2, "compile", tiny, "--dump-ir=cse", says="after:")


def test_bench(tiny, tmp_path):
    report = lines("bench", tiny, "--shape", "2,8", "--seconds", "0.05", "--threads", "1")[0]
    assert report["shape"] == [2, 8] and report["threads"] == 1 and report["precision"] == "f32" and report["backend"]
    latency = report["latency_ms"]
    assert 0 < latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"]
    assert report["tokens_per_s"] > 0 and report["cpu"] and report["cores"] >= 1 and report["libraries"] and report["thread_policy"]
    (tmp_path / "lengths").write_text("3\n9\n")
    report = lines("bench", tiny, "--lengths", tmp_path / "lengths", "--seconds", "0.05")[0]
    assert report["shape"] == [2, 9] and report["tokens"] == 12
    assert "tokens/s" in done("bench", tiny, "--seconds", "0.05", "--shape", "1,8", "--output", "last_hidden_state")
    cut = lines("bench", tiny, "--seconds", "0.05")[0]
    assert cut["shape"] == [1, 32], "the default shape is cut to what the model takes"
    refused(2, "bench", tiny, "--seconds", "-1", says="--seconds")


def test_conformance_needs_a_plugin():
    refused(2, "conformance", says="PLUGIN")


def test_conformance():
    plugin = BUILD / "plugin-dir" / "egbert-null.so"
    tap = done("conformance", plugin)
    assert tap.startswith("ok 1 - ") and " 0 failed" in tap.splitlines()[-1]
    report = lines("conformance", plugin)[0]
    assert report["failed"] == 0 and report["passed"] > 0 and len(report["tests"]) == tap.count("\nok ") + 1
    assert {"name", "result", "why"} == set(next(t for t in report["tests"] if t["result"] == "skip"))
    result = run("conformance", "/nonexistent.so")
    assert result.returncode == 4 and result.stdout == b"" and result.stderr.startswith(b"egbert: error: ")


# --- a terminal --------------------------------------------------------------------------------------------------------


def stderr_of_a_terminal(tiny, *flags):
    """What a terminal's stderr gets during a run that takes longer than a second."""
    master, slave = terminal()
    process = subprocess.Popen([COMMAND, "embed", tiny, "--npy", "/dev/null", *flags], stdin=subprocess.PIPE, stderr=slave, env=environment())
    os.close(slave)
    for _ in range(3):
        process.stdin.write(b"the cat sat on the mat\n" * 1024)
        process.stdin.flush()
        time.sleep(0.7)
    process.stdin.close()
    seen = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen += part
    os.close(master)
    assert process.wait(timeout=60) == 0
    return seen


def test_progress_on_a_terminal(tiny):
    seen = stderr_of_a_terminal(tiny)
    assert re.search(rb"\r\x1b\[Kegbert: \d+ texts, [0-9.e+]+/s", seen)
    assert seen.endswith(b"\r\x1b[K") and PLACEMENT.search(seen.replace(b"\r\n", b"\n"))
    assert stderr_of_a_terminal(tiny, "--quiet") == b""


def test_inspect_warns_of_nothing_where_nothing_is_wrong(tiny, tmp_path):
    assert lines("inspect", tiny)[0]["warnings"] == []
    (tmp_path / "config.json").write_text((tiny / "config.json").read_text())
    report = lines("inspect", tmp_path)[0]
    heads = {head["name"]: head for head in report["heads"]}
    # two heads that call tensors of different sizes classifier.weight
    assert heads["sequence_classification"]["parameters"] == 2 * (16 + 1)
    assert heads["multiple_choice"]["parameters"] == 16 + 1
    assert report["warnings"] == ["there are no weights: they read as zeros"]
