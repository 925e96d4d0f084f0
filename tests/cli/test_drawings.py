# SPDX-License-Identifier: Apache-2.0
"""What `compile` draws: well-formed, the same twice, with all that the plan has, nothing over its edge."""
import json
import re
import xml.etree.ElementTree as ET

import pytest
from command import done, lines, refused

SVG = "{http://www.w3.org/2000/svg}"
WIDTH = 0.62  # em, the widest of the monospaced faces that the drawings name


def svg_of(text):
    root = ET.fromstring(text)
    assert root.tag == SVG + "svg"
    assert not re.search(r'(href|src|url\()', text), "a drawing refers to nothing outside"
    return root


def drawn(model, *words):
    text = done("compile", model, "--format", "svg", *words)
    assert text == done("compile", model, "--format", "svg", *words)
    return svg_of(text)


def titles(root):
    return [g.find(SVG + "title").text for g in root.iter(SVG + "g") if g.find(SVG + "title") is not None]


@pytest.mark.parametrize("fuse", ["all", "none"])
def test_svg_has_every_node(tiny, fuse):
    report = lines("compile", tiny, "--fuse", fuse)[0]
    root = drawn(tiny, "--fuse", fuse)
    ops = [title for title in titles(root) if "\nop " in title]
    assert sum(" on " in title.split("\nop ")[1].splitlines()[0] for title in ops) == report["kernels"]
    names = re.findall(r"^%(\S+) =", done("compile", tiny, "--fuse", fuse, "--dump-ir"), re.M)
    assert [title.split(" : ")[0] for title in ops] == names
    scopes = [text.text for text in root.iter(SVG + "text") if text.get("class") == "scope"]
    assert scopes == [row["scope"] for row in report["scopes"] if row["scope"]]


def test_fused_nodes_show_what_they_were_made_of(tiny):
    fused = drawn(tiny)
    chips = {text.text for text in fused.iter(SVG + "text") if text.get("class") == "chip-text"}
    assert {"matmul ×3", "bias_add", "scores", "softmax", "apply", "layer_norm"} <= chips
    assert not [text for text in drawn(tiny, "--fuse", "none").iter(SVG + "text") if text.get("class") == "chip-text"]


SIZES = {"op": 13, "soft": 10.5, "weight": 9.5, "chip-text": 9.5, "output-text": 10}


def edges_of(text):
    width = WIDTH * SIZES[text.get("class")] * len(text.text)
    x = float(text.get("x"))
    return (x - width, x) if text.get("text-anchor") == "end" else (x, x + width)


@pytest.mark.parametrize("words", [[], ["--fuse", "none"], ["--output", "hidden_states,attentions,last_hidden_state"]])
def test_no_text_passes_its_box(tiny, words):
    boxes = 0
    for group in drawn(tiny, *words).iter(SVG + "g"):
        rect = group.find(SVG + "rect")
        if group.find(SVG + "title") is None or rect is None:
            continue
        boxes += 1
        left, top = float(rect.get("x")), float(rect.get("y"))
        right, bottom = left + float(rect.get("width")), top + float(rect.get("height"))
        for text in group.iter(SVG + "text"):
            low, high = edges_of(text)
            assert left <= low and high <= right + 0.5, (text.text, low, high, left, right)
            assert top < float(text.get("y")) < bottom, text.text
        for inner in list(group.iter(SVG + "rect"))[1:]:
            assert left <= float(inner.get("x")) and float(inner.get("x")) + float(inner.get("width")) <= right
            assert float(inner.get("y")) + float(inner.get("height")) <= bottom
    assert boxes > 10


@pytest.mark.parametrize("words", [[], ["--fuse", "none"]])
def test_no_box_covers_another(tiny, words):
    boxes = []
    for group in drawn(tiny, *words).iter(SVG + "g"):
        rect = group.find(SVG + "rect")
        if group.find(SVG + "title") is not None and rect is not None:
            boxes.append([float(rect.get(key)) for key in ("x", "y", "width", "height")])
    for i, (x, y, w, h) in enumerate(boxes):
        for u, v, s, t in boxes[:i]:
            assert x >= u + s or u >= x + w or y >= v + t or v >= y + h


def test_outputs_are_marked(tiny):
    root = drawn(tiny, "--output", "pooler_output,last_hidden_state")
    marks = {text.text for text in root.iter(SVG + "text") if text.get("class") == "output-text"}
    assert marks == {"output pooler_output", "output last_hidden_state"}


def test_backends_have_their_colours(tiny):
    root = drawn(tiny, "--backend", "reference,far", "--alternate")
    classes = {rect.get("class").split()[1] for rect in root.iter(SVG + "rect") if rect.get("class").startswith("box ")}
    assert {"t0", "t1"} <= classes
    labels = {text.text for text in root.iter(SVG + "text")}
    assert {"reference", "far"} <= labels


def test_dot(tiny):
    report, text = lines("compile", tiny)[0], done("compile", tiny, "--format", "dot")
    assert text == done("compile", tiny, "--format", "dot")
    assert text.startswith("digraph ") and text.rstrip().endswith("}")
    nodes = set(re.findall(r"^ +(n\d+) \[label=", text, re.M))
    edges = re.findall(r"^ +(n\d+) -> (n\d+);", text, re.M)
    assert len(nodes) >= report["kernels"] and edges
    assert {end for edge in edges for end in edge} <= nodes
    assert text.count("subgraph cluster_") == sum(bool(row["scope"]) for row in report["scopes"])


def test_memory_svg(tiny, tmp_path):
    path, again = tmp_path / "memory.svg", tmp_path / "again.svg"
    report = lines("compile", tiny, "--shape", "3,16", "--memory-svg", path)[0]
    done("compile", tiny, "--shape", "3,16", "--memory-svg", again)
    assert path.read_bytes() == again.read_bytes()
    root = svg_of(path.read_text())
    plot = next(rect for rect in root.iter(SVG + "rect") if rect.get("class") == "plot")
    top, height = float(plot.get("y")), float(plot.get("height"))
    values = [g.find(SVG + "rect") for g in root.iter(SVG + "g")]
    assert values
    for rect in values:
        assert top - 0.1 <= float(rect.get("y"))
        assert float(rect.get("y")) + float(rect.get("height")) <= top + height + 0.1
    bound = next(line for line in root.iter(SVG + "line") if line.get("class") == "bound")
    share = (top + height - float(bound.get("y1"))) / height
    assert share == pytest.approx(report["memory"]["bound"] / report["memory"]["arena"], abs=1e-3)


def lifetimes(root):
    """Of the rectangles: (x from, x to, y from, y to)."""
    for g in root.iter(SVG + "g"):
        r = g.find(SVG + "rect")
        x, y, w, h = (float(r.get(key)) for key in ("x", "y", "width", "height"))
        yield x, x + w, y, y + h


def test_values_in_memory_overlap_in_place_only(tiny, tmp_path):
    """Two values share memory at most in the step in which one is written over the other."""
    path = tmp_path / "memory.svg"
    done("compile", tiny, "--memory-svg", path)
    root = svg_of(path.read_text())
    found = list(lifetimes(root))
    steps = int(re.search(r"steps, (\d+) in all", path.read_text()).group(1))
    step = float(next(r for r in root.iter(SVG + "rect") if r.get("class") == "plot").get("width")) / steps
    for i, (x0, x1, y0, y1) in enumerate(found):
        for u0, u1, v0, v1 in found[:i]:
            if min(y1, v1) - max(y0, v0) > 0.05:
                assert min(x1, u1) - max(x0, u0) <= step + 0.05


def test_a_picture_that_cannot_be_written(tiny, tmp_path):
    refused(1, "compile", tiny, "--memory-svg", tmp_path / "no" / "memory.svg", says="memory.svg")


@pytest.mark.parametrize("words", [["--json"], ["--dump-ir"]])
def test_a_picture_and_text_contradict_each_other(tiny, words):
    refused(2, "compile", tiny, "--format", "svg", *words, says=["--format svg", words[0]])


def test_one_scope(tiny):
    whole, part = drawn(tiny), drawn(tiny, "--scope", "encoder.0")
    ops = [title for title in titles(part) if "\nop " in title]
    assert ops and set(ops) < set(titles(whole))
    assert float(part.get("height")) < float(whole.get("height"))
    refused(2, "compile", tiny, "--format", "svg", "--scope", "decoder.0", says="decoder.0")
    refused(2, "compile", tiny, "--scope", "encoder.0", says=["--scope", "--format svg"])


# --- the table -------------------------------------------------------------------------------------


def test_table_fits(tiny):
    for words in ([], ["--fuse", "none"], ["--backend", "reference,far", "--alternate"], ["--output", "attentions,pooler_output"]):
        text = done("compile", tiny, *words)
        assert max(map(len, text.splitlines())) <= 104, text


def test_table_shows_what_is_off(tiny):
    none = done("compile", tiny, "--fuse", "none")
    assert re.search(r"^  linear +off$", none, re.M)


def test_table_folds_reasons_that_differ_by_layer(own_tiny):
    config = json.loads((own_tiny / "config.json").read_text())
    (own_tiny / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    (own_tiny / "model.safetensors").unlink()
    words = ["compile", own_tiny, "--output", "attentions,last_hidden_state"]
    refusals = next(row for row in lines(*words)[0]["passes"] if row["pass"] == "attention")["refused"]
    assert len(refusals) == 3, "attentions keep the probabilities"
    (line,) = [line for line in done(*words).splitlines() if refusals[0]["why"] in line]
    assert f"3 × such as {refusals[0]['at']}: " in line
    assert refusals[1]["why"] not in done(*words)


def test_scopes_add_up(tiny):
    report = lines("compile", tiny)[0]
    assert sum(row["kernels"] for row in report["scopes"]) == report["kernels"]
