# SPDX-License-Identifier: Apache-2.0
"""One model written in several ways: whatever the weights' layout and the steps, the numbers are those of the plain family."""
import numpy as np
import pytest
import tiny_model
from command import done, lines, refused

SIZE = tiny_model.HIDDEN // tiny_model.HEADS
TEXTS = ("the cat sat on the mat .", "hello")
# How the merged rows of query, key and value are read; {} is where its arguments stand.
QKV = "- attention: {{heads: $num_attention_heads, qkv: {{name: attention.self.qkv{}}}, output: attention.output.dense}}"
SPLIT = """\
- aside: [{weight: attention.self.qkv, rows: "3 * $hidden_size", out: $hidden_size},
          {split: 3, axis: 0, order: per_head, heads: $num_attention_heads, as: [wq, wk, wv]}]
- attention: {heads: $num_attention_heads, query: {weight: =wq, bias: attention.self.query.bias},
              key: {weight: =wk, bias: attention.self.key.bias}, value: {weight: =wv, bias: attention.self.value.bias},
              output: attention.output.dense}"""
# The values are named before they are used; a name that no round gives is listed all the same.
COMPUTED = """\
- aside: [{linear: attention.self.query, out: $hidden_size, as: q},
          {from: in, linear: attention.self.key, out: $hidden_size, as: k},
          {from: in, linear: attention.self.value, out: $hidden_size, as: v}, {tanh: , when: "i > 99", as: never}]
- {scores: [q, k], heads: $num_attention_heads, scale: "1 / sqrt($hidden_size / $num_attention_heads)", as: s}
- add: [s, never]
- {softmax: , as: p}
- {apply: [p, v], heads: $num_attention_heads}
- {linear: attention.output.dense, out: $hidden_size}"""


def family(path, steps):
    body = "".join(f"            {line}\n" for line in steps.splitlines())
    path.write_text('extends: bert\nignore_tensors: ["*.bias"]\ndefine:\n  attention:\n    steps:\n      - residual:\n          body:\n'
                    + body + "          norm_after: attention.output.LayerNorm\n")
    return path


def merged(parts, per_head, in_out):
    rows = [part[h * SIZE:(h + 1) * SIZE] for h in range(tiny_model.HEADS) for part in parts] if per_head else parts
    table = np.concatenate(rows)
    return np.ascontiguousarray(table.T) if in_out and table.ndim == 2 else table


def write_merged(folder, per_head, in_out):
    tensors = tiny_model.tensors()
    for i in range(tiny_model.LAYERS):
        layer = f"encoder.layer.{i}.attention.self."
        for kind in ("weight", "bias"):
            parts = [tensors[f"{layer}{name}.{kind}"] for name in ("query", "key", "value")]
            tensors[f"{layer}qkv.{kind}"] = merged(parts, per_head, in_out)
        for name in ("query", "key", "value"):
            del tensors[f"{layer}{name}.weight"]
    tiny_model.save_safetensors(folder / "model.safetensors", tensors)


def values(model, *flags):
    got = lines("run", model, *TEXTS, "--output", "last_hidden_state", *flags)
    return [np.array(line["last_hidden_state"]) for line in got]


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("steps, per_head, in_out", [
    (QKV.format(""), False, False), (QKV.format(", order: per_head"), True, False),
    (QKV.format(", layout: in_out"), False, True), (QKV.format(", order: per_head, layout: in_out"), True, True),
    (SPLIT, True, False),
])
def test_merged_rows(tiny, own_tiny, tmp_path, steps, per_head, in_out, backend):
    write_merged(own_tiny, per_head, in_out)
    got = values(own_tiny, "--family", family(tmp_path / "own.yaml", steps), "--backend", backend)
    for ours, plain in zip(got, values(tiny, "--backend", backend), strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-5)


def test_attention_in_steps(tiny, tmp_path):
    got = values(tiny, "--family", family(tmp_path / "own.yaml", COMPUTED))
    for ours, plain in zip(got, values(tiny), strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-5)


def test_a_mistake_is_placed_where_it_is_written(tiny, tmp_path):
    path = family(tmp_path / "own.yaml", QKV.format(", order: per_heed"))
    refused(3, "embed", tiny, "x", "--family", path, says=[f"{path}:8:", "order is 'per_heed'", "from use at", "blocks, per_head"])
    path = family(tmp_path / "own.yaml", "- {prepend: x}")
    refused(3, "embed", tiny, "x", "--family", path, says=[f"{path}:8:16: ", "'prepend'", "this build does not have"])


def test_a_head_with_a_slip_is_warned_of(tiny, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("extends: bert\nheads:\n  own: {task: classify, outputs: [logits], steps: [first_token, {from: nothing}]}\n")
    assert "the head 'own' is left out: " in done("inspect", tiny, "--family", path)
    refused(2, "run", tiny, "x", "--family", path, "--head", "own", "--output", "logits", says="there is no value 'nothing' here")
