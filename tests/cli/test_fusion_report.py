# SPDX-License-Identifier: Apache-2.0
"""`fusion-report`: every mode of every fusion, numbers that agree with `compile`, outputs that agree with each other."""
import pytest
from command import done, lines, refused

QUICK = ["--shape", "2,12", "--seconds", "0.01"]


@pytest.fixture(scope="module")
def report(tiny):
    (only,) = lines("fusion-report", tiny, *QUICK)
    return only


def row(report, fusion, mode):
    (found,) = [r for r in report["rows"] if (r["fusion"], r["mode"]) == (fusion, mode)]
    return found


def rewrites(tiny):
    passes = {fuse: lines("compile", tiny, "--fuse", fuse)[0]["passes"] for fuse in ("all", "none")}
    off = {p["pass"] for p in passes["none"] if not p["enabled"]}
    return [p["pass"] for p in passes["all"] if p["enabled"] and p["pass"] in off]


def test_every_mode_of_every_rewrite(tiny, report):
    want = [("none", "none"), ("all", "all")]
    want += [(name, mode) for name in rewrites(tiny) for mode in ("only", "without")]
    assert [(r["fusion"], r["mode"]) for r in report["rows"]] == want
    keys = {"fusion", "mode", "sites", "latency_ms", "spread_ms", "arena", "kernels", "max_abs_diff", "gain_ms", "predicted_ms"}
    assert all(keys <= set(r) for r in report["rows"])
    assert report["steps"] == [] and report["rounds"] >= 5


def test_plans_are_those_of_compile(tiny, report):
    for r in report["rows"]:
        plan = lines("compile", tiny, "--shape", "2,12", "--fuse", r["fuse"])[0]
        assert (r["kernels"], r["arena"]) == (plan["kernels"], plan["memory"]["arena"])
        assert (r["bytes"], r["flops"]) == (plan["passes"][-1]["bytes"][1], plan["passes"][-1]["flops"][1])
    hits = {p["pass"]: p["hits"] for p in lines("compile", tiny, "--shape", "2,12")[0]["passes"]}
    assert all(row(report, name, "without")["sites"] == hits[name] for name in rewrites(tiny))
    assert row(report, "all", "all")["kernels"] < row(report, "none", "none")["kernels"]


def test_numbers(report):
    for r in report["rows"]:
        assert r["latency_ms"] > 0 and r["spread_ms"] >= 0
        assert r["max_abs_diff"] <= 2e-5
    none = row(report, "none", "none")
    assert none["gain_ms"] == none["predicted_ms"] == none["max_abs_diff"] == none["sites"] == 0
    every = row(report, "all", "all")
    saved = (none["bytes"] - every["bytes"]) / report["peak"]["gbps"] / 1e6 + (none["flops"] - every["flops"]) / report["peak"]["gflops"] / 1e6
    assert every["predicted_ms"] == pytest.approx(saved, rel=1e-3)


def test_same_plans_have_the_same_numbers(report):
    idle = [r for r in report["rows"] if r["mode"] == "without" and r["sites"] == 0]
    assert idle, "a model without gates has no place for a gated linear"
    every = row(report, "all", "all")
    for r in idle:
        assert (r["latency_ms"], r["gain_ms"]) == (every["latency_ms"], 0)


def test_table(tiny):
    text = done("fusion-report", tiny, *QUICK)
    assert max(map(len, text.splitlines())) <= 108
    for word in ("linear", "attention", "none", "all", "all against none", "rounds of", "GFLOP/s"):
        assert word in text


def test_outputs_by_name_and_lengths(tiny, tmp_path):
    path = tmp_path / "lengths"
    path.write_text("3\n9\n1\n")
    (report,) = lines("fusion-report", tiny, "--lengths", path, "--output", "last_hidden_state,attentions", "--seconds", "0.01")
    assert report["tokens"] == 13 and all(r["max_abs_diff"] <= 2e-5 for r in report["rows"])
    assert row(report, "attention", "only")["sites"] == 0, "attentions want the probabilities"


def test_passes_that_are_left_out_are_not_reported(tiny):
    (report,) = lines("fusion-report", tiny, *QUICK, "--fuse", "all,-linear")
    assert "linear" not in {r["fusion"] for r in report["rows"]}


def test_the_default_shape_is_what_the_model_takes(tiny):
    (report,) = lines("fusion-report", tiny, "--seconds", "0.01")
    assert report["shape"] == [1, 32]


def test_bad_usage(tiny, tmp_path):
    refused(2, "fusion-report", says="MODEL")
    refused(2, "fusion-report", tiny, "--shape", "1", says="--shape")
    refused(2, "fusion-report", tiny, "--html", says="--html")
    refused(1, "fusion-report", tiny, *QUICK, "--html", tmp_path / "no" / "report.html", says="report.html")
