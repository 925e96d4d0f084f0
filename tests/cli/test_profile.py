# SPDX-License-Identifier: Apache-2.0
"""`egbert profile` and `egbert compare`: what they tell adds up, and agrees with what the other commands say."""
import json

import pytest

from command import done, lines, refused

QUICK = ("--seconds", "0.05", "--threads", "2")


def profile(*args):
    (result,) = lines("profile", *args, *QUICK)
    return result


def compiled(*args):
    (result,) = lines("compile", *args)
    return result


# --- profile -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fuse", ["all", "none"])
def test_profile_tells_every_kernel_of_the_plan(tiny, fuse):
    got = profile(tiny, "--shape", "2,9", "--fuse", fuse)
    assert got["shape"] == [2, 9] and got["tokens"] == 18 and got["threads"] == 2 and got["runs"] >= 3
    assert got["total_ms"] > 0 and got["profiled_ms"] > 0
    assert got["peak"]["gflops"] > 0 and got["peak"]["gbps"] > 0 and got["peak"]["isa"]
    ops = got["ops"]
    assert len(ops) == compiled(tiny, "--shape", "2,9", "--fuse", fuse)["kernels"]
    assert len({op["name"] for op in ops}) == len(ops)
    for op in ops:
        assert {"op", "name", "backend", "calls", "ms", "gflops", "gbps", "peak_share"} <= op.keys()
        assert op["calls"] == 1 and op["ms"] >= 0 and op["backend"] == got["backend"]
    fused = [op for op in ops if op["origins"]]
    assert bool(fused) == (fuse == "all")
    for op in fused:
        assert len(op["origins"]) > 1
        # In execution order; the last one made what the fused one makes. A merge of several makes what they had apart.
        assert op["origins"][-1]["name"] == op["name"] or op["name"].endswith(".joined")


def test_profile_rates_follow_from_work_and_time(tiny):
    got = profile(tiny)
    for op in got["ops"]:
        if op["ms"] == 0:
            continue
        seconds, traffic = op["ms"] / 1e3, op["bytes"] + op["weight_bytes"]
        assert op["gflops"] == pytest.approx(op["flops"] / seconds / 1e9, rel=1e-4)
        assert op["gbps"] == pytest.approx(traffic / seconds / 1e9, rel=1e-4)
        # Achieved ÷ min(peak, intensity × bandwidth).
        at_best = max(op["flops"] / got["peak"]["gflops"], traffic / got["peak"]["gbps"]) / 1e9
        assert op["peak_share"] == pytest.approx(at_best / seconds, rel=1e-3)
    linear = next(op for op in got["ops"] if op["op"] in ("linear", "matmul"))
    assert linear["flops"] > 0 and linear["weight_bytes"] > 0


def test_profile_sums_by_kind_and_layer(tiny):
    got = profile(tiny)
    total = sum(op["ms"] for op in got["ops"])
    for key, name in (("kinds", "op"), ("layers", "scope")):
        sums = got[key]
        assert [s[name] for s in sums] == list(dict.fromkeys(op[name] for op in got["ops"]))
        for s in sums:
            mine = [op["ms"] for op in got["ops"] if op[name] == s[name]]
            assert s["calls"] == len(mine)
            assert s["ms"] == pytest.approx(sum(mine), rel=1e-4) and s["share"] == pytest.approx(sum(mine) / total, rel=1e-3)
    assert {"encoder.0", "encoder.1"} <= {layer["scope"] for layer in got["layers"]}
    assert [stage["timed"] for stage in got["stages"]] == ["nodes"]


def test_profile_of_texts_and_outputs(tiny):
    got = profile(tiny, "the cat", "dog", "--output", "last_hidden_state")
    assert got["shape"][0] == 2 and "embedding" not in {op["name"] for op in got["ops"]}


def test_profile_of_lengths(tiny, tmp_path):
    path = tmp_path / "lengths"
    path.write_text("3\n7\n5\n")
    got = profile(tiny, "--lengths", path)
    assert got["shape"] == [3, 7] and got["tokens"] == 15


def test_profile_of_a_backend_that_tells_no_times(tiny):
    got = profile(tiny, "--backend", "far,reference")
    assert {op["op"] for op in got["ops"]} >= {"stage", "copy"}
    assert all(op["backend"] == "far" and op["ms"] > 0 for op in got["ops"])
    assert {stage["timed"] for stage in got["stages"]} == {"stage"}


def test_profile_table_fits_the_terminal(tiny):
    table = done("profile", tiny, *QUICK, "--quiet")
    for part in ("by op", "by layer", "slowest", "encoder.1", "made of", "GFLOP/s", "of peak"):
        assert part in table
    assert max(map(len, table.splitlines())) <= 100


def test_trace_has_lanes_and_what_ran_on_them(tiny, tmp_path):
    path = tmp_path / "trace.json"
    got = profile(tiny, "--shape", "4,16", "--trace", path)
    trace = json.loads(path.read_text())
    events = trace["traceEvents"]
    processes = [e for e in events if e["name"] == "process_name"]
    assert [p["args"]["name"] for p in processes] == [got["backend"]]
    lanes = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert lanes == {tid: "caller" if tid == 0 else f"worker {tid}" for tid in range(len(lanes))} and lanes
    ops = [e for e in events if e["ph"] == "X" and e["cat"] == "op"]
    parts = [e for e in events if e["ph"] == "X" and e["cat"] == "part"]
    assert [e["name"] for e in ops] == [op["name"] for op in got["ops"]] and all(e["tid"] == 0 for e in ops)
    assert {"op", "flops", "bytes", "origins"} <= ops[0]["args"].keys()
    # On one lane nothing overlaps but for the parts inside their op.
    by_name = {e["name"]: e for e in ops}
    for before, after in zip(ops, ops[1:]):
        assert before["ts"] + before["dur"] <= after["ts"] + 0.002
    for part in parts:
        op = by_name[part["args"]["of"]]
        assert part["tid"] in lanes and part["dur"] >= 0
        assert op["ts"] - 0.002 <= part["ts"] and part["ts"] + part["dur"] <= op["ts"] + op["dur"] + 0.002


def test_profile_refuses_wrong_arguments(tiny, tmp_path):
    refused(2, "profile", says="no MODEL")
    refused(2, "profile", tiny, "x", "--shape", "1,8", says="--shape")
    refused(2, "profile", tiny, "--shape", "1,0", says="--shape")
    refused(2, "profile", tiny, "--shape", "1,4096", says="32")
    refused(2, "profile", tiny, "--seconds", "-1", says="--seconds")
    refused(2, "profile", tiny, "--output", "nonesuch", says="nonesuch")
    refused(2, "profile", tiny, "--input-format", "jsonl", says="--input")
    refused(2, "profile", tiny, "--backends", "a,b", says="--backends")
    refused(3, "profile", tmp_path / "none")
    refused(3, "profile", tiny, "--lengths", tmp_path / "none")
    refused(3, "profile", tiny, "--input", tmp_path / "none")
    refused(1, "profile", tiny, *QUICK, "--trace", tmp_path / "no" / "such" / "folder", says="folder")
    refused(4, "profile", tiny, "--backend", "nonesuch")


def test_a_broken_text_has_its_place(tiny, tmp_path):
    path = tmp_path / "texts"
    path.write_bytes(b"good\n\xff\n")
    refused(3, "profile", tiny, "--input", path, says=f"{path}:2:")


# --- compare -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fuse", ["all", "none"])
def test_compare_finds_two_backends_alike(tiny, fuse):
    (got,) = lines("compare", tiny, "the cat sat", "dog", "--backends", "reference,cpu", "--fuse", fuse)
    assert got["backends"] == ["reference", "cpu"] == got["ran_on"]
    assert got["only"] == [[], []] and got["fuse"] == fuse
    kernels = compiled(tiny, "--fuse", fuse, "--shape", "2,5")["kernels"]
    assert len(got["ops"]) == kernels
    for op in got["ops"]:
        limit = 2e-5 * max(1, op["scale"])
        assert op["isolated"] <= limit and op["end_to_end"] <= 4 * limit, op
        assert len(op["ms"]) == 2 and all(ms >= 0 for ms in op["ms"])
    assert any(op["end_to_end"] > 0 for op in got["ops"]), "two implementations differ in the last bits"
    (output,) = got["outputs"]
    assert output["name"] == "embedding" and output["max_abs"] <= 1e-4 and output["cosine"] >= 0.99999


def test_a_backend_beside_itself_differs_in_nothing(tiny):
    (got,) = lines("compare", tiny, "--shape", "3,7", "--backends", "reference,reference")
    assert got["shape"] == [3, 7]
    assert all(op["isolated"] == 0 and op["end_to_end"] == 0 for op in got["ops"]) and got["ops"]


def test_compare_of_outputs_by_name(tiny):
    (got,) = lines("compare", tiny, "a b", "--backends", "reference,cpu", "--output", "hidden_states,attentions")
    assert [o["name"] for o in got["outputs"]] == ["hidden_states", "attentions"]
    assert all(o["max_abs"] <= 1e-4 and o["cosine"] >= 0.99999 for o in got["outputs"])


def test_compare_with_a_device_that_keeps_its_memory(tiny):
    (got,) = lines("compare", tiny, "the cat sat", "--backends", "cpu,far")
    assert got["ran_on"] == ["cpu", "far"]
    assert all(op["isolated"] <= 2e-5 * max(1, op["scale"]) for op in got["ops"]) and got["ops"]


def test_compare_table_fits_the_terminal(tiny):
    table = done("compare", tiny, "x", "--backends", "reference,cpu", "--quiet")
    for part in ("isolated", "ms a", "cosine", "embedding", "last_hidden_state"):
        assert part in table
    assert max(map(len, table.splitlines())) <= 100


def test_compare_says_where_a_backend_that_takes_nothing_ran(tiny):
    heading = done("compare", tiny, "x", "--backends", "null,cpu", "--quiet").split("\n\n")[0]
    assert heading.splitlines()[1:] == ["null ran on cpu"]


def test_compare_refuses_wrong_arguments(tiny, tmp_path):
    refused(2, "compare", tiny, "x", says="no --backends")
    refused(2, "compare", tiny, "x", "--backends", "cpu", says="names one backend, not two")
    refused(2, "compare", tiny, "x", "--backends", "cpu,reference,far", says="names 3 backends, not two")
    refused(2, "compare", tiny, "x", "--backends", "cpu,reference", "--shape", "1,8", says="--shape")
    refused(2, "compare", tiny, "x", "--backends", "cpu,reference", "--padded", says="padded")
    refused(2, "compare", tiny, "x", "--backends", "cpu,reference", "--output", "nonesuch", says="nonesuch")
    refused(3, "compare", tmp_path / "none", "--backends", "cpu,reference")
    refused(4, "compare", tiny, "x", "--backends", "cpu,nonesuch", says="nonesuch")
