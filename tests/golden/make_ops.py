# SPDX-License-Identifier: Apache-2.0
"""Writes ops.bin: small cases of every op of docs/ops.md with the results torch gives in float64.

Usage: python make_ops.py OUT.bin   (needs torch, transformers and numpy)

The format is a sequence of little-endian fields, read by tests/unit/op_cases.c:
  file:   "EGOPS1\0\0", u32 cases
  case:   str name, str op, f32 tolerance, u32 attrs { str name, u8 type, i64 | f64 | str },
          u32 B, u32 sets { B x u32[4] start, rows, valid, skip }, u32 inputs { value }, value output
  value:  u32 kind, dtype, set, window, is_weight, rank, rank x i64 k, u64 count, count x f32 | i32
  str:    u16 length, bytes
"""
import math
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

F32, I32 = 1, 5
TOKEN, TEXT, PAIR, TABLE = 1, 2, 3, 4
torch.manual_seed(7)
rng = np.random.default_rng(7)


class Batch:
    """Texts as (rows, valid, skip)."""

    def __init__(self, *texts):
        self.rows, start = [], 0
        for rows, valid, skip in texts:
            self.rows.append((start, rows, valid, skip))
            start += rows
        self.T, self.B = start, len(self.rows)

    def columns(self, n, window):
        return min(n, 2 * window + 1) if window else n

    def first(self, n, window, q):
        columns = self.columns(n, window)
        return 0 if columns == n else max(0, min(q - window, n - columns))


RAGGED = Batch((3, 3, 1), (1, 1, 0), (7, 7, 2), (2, 2, 0))
PADDED = Batch((6, 4, 1), (6, 6, 0), (6, 1, 0))
LONG = Batch((21, 21, 0), (10, 10, 3))


class Value:
    def __init__(self, kind, data, dims, dtype=F32, weight=False, window=0):
        self.kind, self.dtype, self.weight, self.window = kind, dtype, weight, window
        self.dims = list(dims)
        self.data = np.ascontiguousarray(np.asarray(data).reshape(-1), dtype=np.float32 if dtype == F32 else np.int32)


def token(x, dtype=F32):
    x = np.asarray(x)
    return Value(TOKEN, x, [1, *x.shape[1:]], dtype)


def text(x):
    x = np.asarray(x)
    return Value(TEXT, x, [1, *x.shape[1:]])


def table(x, weight=True, dtype=F32):
    x = np.asarray(x)
    return Value(TABLE, x, x.shape, dtype, weight)


def pair(blocks, heads, window=0):
    """blocks: per text an array [heads, n, columns]."""
    return Value(PAIR, np.concatenate([np.asarray(b).reshape(-1) for b in blocks]), [heads, 1], window=window)


def rand(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def d(x):
    return torch.from_numpy(np.asarray(x, dtype=np.float64))


cases = []


def case(name, op, batch, inputs, output, attrs=None, tol=2e-6):
    cases.append((name, op, batch, inputs, output, attrs or {}, tol))


def add_unary():
    x = np.concatenate([np.linspace(-12, 12, 11 * 13), [-0.0, 1e-30, -1e-30, 30, -30, 80, -80, 100, -100]])
    x = np.resize(x, (13, 12)).astype(np.float32)
    functions = {
        "relu": F.relu, "relu2": lambda v: F.relu(v) ** 2, "silu": F.silu, "mish": F.mish, "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
    }
    for name, f in functions.items():
        case(name, name, RAGGED, [token(x)], token(f(d(x))))
    for form, f in {None: F.gelu, "tanh": lambda v: F.gelu(v, approximate="tanh"),
                    "quick": lambda v: v * torch.sigmoid(1.702 * v)}.items():
        case(f"gelu {form or 'erf'}", "gelu", RAGGED, [token(x)], token(f(d(x))), {"form": form} if form else {})
    case("gelu of a table", "gelu", RAGGED, [table(x, weight=False)], table(F.gelu(d(x)), weight=False))
    case("log1p", "log1p", RAGGED, [token(abs(x))], token(torch.log1p(d(abs(x)))))
    case("scale", "scale", RAGGED, [token(x)], token(d(x) * 0.125), {"factor": 0.125})
    case("scale and offset", "scale", RAGGED, [token(x)], token(d(x) * -0.5 + 0.75), {"factor": -0.5, "offset": 0.75})
    y = text(rand(4, 9))
    case("tanh of texts", "tanh", RAGGED, [y], text(torch.tanh(d(y.data)).reshape(4, 9)))


def add_index():
    ids = np.array([5, 1, 1, 1, 7, 1, 8, 9, 1, 2, 3, 1, 4], dtype=np.int32).reshape(13, 1)
    for batch, name in ((RAGGED, "ragged"), (Batch((6, 4, 0), (7, 7, 0)), "padded")):
        plain, skipped = [], []
        for start, rows, _, _ in batch.rows:
            plain += range(rows)
            part = torch.from_numpy(ids[start:start + rows, 0].astype(np.int64))
            mask = part.ne(1).int()  # create_position_ids_from_input_ids of transformers
            skipped += (torch.cumsum(mask, 0) * mask + 1).tolist()
        column = Value(TOKEN, ids, [1], I32)
        case(f"positions {name}", "positions", batch, [column], Value(TOKEN, plain, [1], I32))
        case(f"positions skip {name}", "positions", batch, [column], Value(TOKEN, skipped, [1], I32), {"skip": 1})
    words = rand(10, 7)
    case("gather", "gather", RAGGED, [table(words), Value(TOKEN, ids, [1], I32)], token(words[ids[:, 0]]))


def add_linear():
    for name, batch, n, k in (("small", RAGGED, 5, 7), ("odd", LONG, 67, 41), ("one row", Batch((1, 1, 0)), 33, 129),
                              ("wide", RAGGED, 72, 48)):
        x, w = rand(batch.T, k), rand(n, k, scale=0.2)
        case(f"matmul {name}", "matmul", batch, [token(x), table(w)], token(d(x) @ d(w).T), tol=5e-6)
    x, w = rand(4, 20), rand(6, 20)
    case("matmul texts", "matmul", RAGGED, [text(x), table(w)], text(d(x) @ d(w).T), tol=5e-6)
    case("matmul tables", "matmul", RAGGED, [table(x, weight=False), table(w)], table(d(x) @ d(w).T, weight=False),
         tol=5e-6)
    x, b = rand(13, 19), rand(19)
    case("bias_add", "bias_add", RAGGED, [token(x), table(b)], token(d(x) + d(b)))


def add_binary():
    ops = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}
    batch = RAGGED
    a, b, per_text, column = rand(13, 10), rand(13, 10) + 3, rand(4, 10) + 3, rand(13, 1) + 3
    of_token = np.repeat(np.arange(4), [r[1] for r in batch.rows])
    for op, f in ops.items():
        case(f"{op} tokens", op, batch, [token(a), token(b)], token(f(d(a), d(b))))
        case(f"{op} token text", op, batch, [token(a), text(per_text)], token(f(d(a), d(per_text[of_token]))))
        case(f"{op} text token", op, batch, [text(per_text), token(a + 5)],
             token(f(d(per_text[of_token]), d(a + 5))))
        case(f"{op} table over rows", op, batch, [token(a), table(b[0])], token(f(d(a), d(b[0]))))
        case(f"{op} one row over rows", op, batch, [table(b[:1]), token(b)], token(f(d(b[0]), d(b))))
        case(f"{op} width 1", op, batch, [token(a), token(column)], token(f(d(a), d(column))))
        case(f"{op} scalar", op, batch, [token(a), table(b[0, :1])], token(f(d(a), d(b[0, 0]))))
        case(f"{op} tables", op, batch, [table(a, weight=False), table(b)], table(f(d(a), d(b)), weight=False))
        p = [rand(2, r[1], r[1]) for r in batch.rows]
        q = [rand(2, r[1], r[1]) + 3 for r in batch.rows]
        one = [rand(1, r[1], r[1]) + 3 for r in batch.rows]
        case(f"{op} pairs", op, batch, [pair(p, 2), pair(q, 2)], pair([f(d(x), d(y)) for x, y in zip(p, q)], 2))
        case(f"{op} pairs one head", op, batch, [pair(p, 2), pair(one, 1)],
             pair([f(d(x), d(y)) for x, y in zip(p, one)], 2))


def add_norms():
    for width in (7, 16, 100):
        x, w, b = rand(13, width) * 3 + 1, rand(width), rand(width)
        case(f"layer_norm {width}", "layer_norm", RAGGED, [token(x), table(w), table(b)],
             token(F.layer_norm(d(x), (width,), d(w), d(b), 1e-12)), {"eps": 1e-12}, 5e-6)
        case(f"layer_norm no bias {width}", "layer_norm", RAGGED, [token(x), table(w)],
             token(F.layer_norm(d(x), (width,), d(w), None, 1e-5)), {"eps": 1e-5}, 5e-6)
        y = d(x)
        case(f"rms_norm {width}", "rms_norm", RAGGED, [token(x), table(w)],
             token(y / torch.sqrt((y * y).mean(-1, keepdim=True) + 1e-6) * d(w)), {"eps": 1e-6}, 5e-6)
        case(f"normalize {width}", "normalize", RAGGED, [token(x)], token(F.normalize(y, dim=-1)))
    x = rand(4, 33)
    x[2] = 0
    case("normalize zero text", "normalize", RAGGED, [text(x)], text(F.normalize(d(x), dim=-1)))
    x, w = rand(5, 24) + 100, rand(24)
    case("layer_norm far mean", "layer_norm", Batch((5, 5, 0)), [token(x), table(w), table(w)],
         token(F.layer_norm(d(x), (24,), d(w), d(w), 1e-12)), {"eps": 1e-12}, 5e-5)


def scores_of(batch, q, k, heads, key_heads, scale, causal, window):
    """Per text [heads, n, columns] with masked keys at -inf; the window's columns slide inside the text."""
    size, blocks = q.shape[1] // heads, []
    for start, n, _, _ in batch.rows:
        qt = d(q[start:start + n]).reshape(n, heads, size).transpose(0, 1)
        kt = d(k[start:start + n]).reshape(n, key_heads, size).transpose(0, 1)
        s = qt @ kt.repeat_interleave(heads // key_heads, 0).transpose(1, 2) * scale
        i, j = torch.arange(n)[:, None], torch.arange(n)[None]
        if causal:
            s = s.masked_fill(j > i, -math.inf)
        if window:
            s = s.masked_fill((i - j).abs() > window, -math.inf)
        columns = batch.columns(n, window)
        blocks.append(torch.stack([s[:, r, (f := batch.first(n, window, r)):f + columns] for r in range(n)], 1))
    return blocks


def add_attention():
    variants = [("plain", RAGGED, 3, 3, 8, 0, 0), ("causal", RAGGED, 2, 2, 5, 1, 0), ("grouped", RAGGED, 4, 2, 16, 0, 0),
                ("window 1", RAGGED, 2, 2, 8, 0, 1), ("window 3", RAGGED, 2, 1, 8, 1, 3), ("long", LONG, 1, 1, 32, 0, 0),
                ("long window", LONG, 1, 1, 64, 0, 5), ("padded", PADDED, 2, 2, 8, 0, 0),
                ("padded window", PADDED, 2, 2, 8, 0, 1), ("odd", LONG, 2, 1, 20, 1, 0)]
    for name, batch, heads, key_heads, size, causal, window in variants:
        q, k, v = rand(batch.T, heads * size), rand(batch.T, key_heads * size), rand(batch.T, key_heads * size)
        scale = 1 / math.sqrt(size)
        blocks = scores_of(batch, q, k, heads, key_heads, scale, causal, window)
        attrs = {"heads": heads, "scale": scale}
        if key_heads != heads:
            attrs["key_heads"] = key_heads
        if causal:
            attrs["causal"] = 1
        if window:
            attrs["window"] = window
        case(f"scores {name}", "scores", batch, [token(q), token(k)], pair(blocks, heads, window), attrs, 5e-6)
        probs, outs = [], []
        for (start, n, valid, _), s in zip(batch.rows, blocks):
            columns = batch.columns(n, window)
            firsts = torch.tensor([batch.first(n, window, r) for r in range(n)])
            keys = firsts[:, None] + torch.arange(columns)[None]
            p = torch.softmax(s.masked_fill(keys >= valid, -math.inf), -1).nan_to_num(0.0)
            vt = d(v[start:start + n]).reshape(n, key_heads, size).transpose(0, 1).repeat_interleave(
                heads // key_heads, 0)
            p32 = d(p.numpy().astype(np.float32))
            full = torch.zeros(heads, n, n, dtype=torch.float64)
            full.scatter_(2, keys[None].expand(heads, n, columns), p32)
            probs.append(p)
            outs.append((full @ vt).transpose(0, 1).reshape(n, heads * size))
        pairs = pair(probs, heads, window)
        case(f"softmax {name}", "softmax", batch, [pair(blocks, heads, window)], pairs)
        attrs = {key: attrs[key] for key in ("heads", "key_heads") if key in attrs}
        case(f"apply {name}", "apply", batch, [pairs, token(v)], token(torch.cat(outs)), attrs, 5e-6)
    x = rand(13, 17) * 4
    case("softmax tokens", "softmax", RAGGED, [token(x)], token(torch.softmax(d(x), -1)))
    x = rand(4, 1)
    case("softmax one column", "softmax", RAGGED, [text(x)], text(np.ones((4, 1))))


def add_pooling():
    for batch, name in ((RAGGED, "ragged"), (PADDED, "padded"), (LONG, "long")):
        x = rand(batch.T, 21)
        for skip in (0, 1):
            attrs = {"skip_prompt": 1} if skip else {}
            rows = [(d(x[s + (k if skip else 0):s + v]), (k if skip else 0)) for s, _, v, k in batch.rows]
            weights = [torch.arange(k + 1, k + len(r) + 1, dtype=torch.float64)[:, None] for r, k in rows]
            results = {
                "first_token": [r[0] for r, _ in rows], "last_token": [r[-1] for r, _ in rows],
                "mean": [r.mean(0) for r, _ in rows], "max": [r.max(0).values for r, _ in rows],
                "sum": [r.sum(0) for r, _ in rows], "mean_sqrt_len": [r.sum(0) / math.sqrt(len(r)) for r, _ in rows],
                "weighted_mean": [(r * w).sum(0) / w.sum() for (r, _), w in zip(rows, weights)],
            }
            for op, out in results.items():
                case(f"{op} {name} skip {skip}", op, batch, [token(x)], text(torch.stack(out)), attrs)
        case(f"token -1 {name}", "token", batch, [token(x)],
             text(np.stack([x[s + v - 1] for s, _, v, _ in batch.rows])), {"index": -1})


def add_moves():
    a, b, c = rand(13, 4), rand(13, 1), rand(13, 6)
    case("concat tokens", "concat", RAGGED, [token(a), token(b), token(c)], token(np.concatenate([a, b, c], 1)))
    case("concat texts", "concat", RAGGED, [text(a[:4]), text(c[:4])], text(np.concatenate([a[:4], c[:4]], 1)))
    case("concat tables 0", "concat", RAGGED, [table(a), table(a[:3])], table(np.concatenate([a, a[:3]]), False),
         {"axis": 0})
    e, f = rand(2, 3, 4), rand(2, 5, 4)
    case("concat tables 1", "concat", RAGGED, [table(e), table(f)], table(np.concatenate([e, f], 1), False), {"axis": 1})
    case("slice tokens", "slice", RAGGED, [token(c)], token(c[:, 2:5]), {"begin": 2, "end": 5})
    case("slice begin", "slice", RAGGED, [token(c)], token(c[:, :5]), {"end": 5})
    case("slice table 0", "slice", RAGGED, [table(c)], table(c[3:9], False), {"begin": 3, "end": 9, "axis": 0})
    case("slice table 1", "slice", RAGGED, [table(f)], table(f[:, 1:3], False), {"begin": 1, "end": 3, "axis": 1})
    case("transpose", "transpose", RAGGED, [table(c)], table(c.T, False))
    case("squeeze", "squeeze", RAGGED, [token(b)], Value(TOKEN, b, [1]))
    ids = rng.integers(-5, 5, (13, 3))
    case("cast to f32", "cast", RAGGED, [token(ids, I32)], token(ids), {"to": "f32"})
    case("cast to i32", "cast", RAGGED, [token(a * 10)], token(torch.from_numpy(a * 10).int(), I32), {"to": "i32"})


ACTIVATIONS = {
    "gelu": F.gelu, "gelu_tanh": lambda v: F.gelu(v, approximate="tanh"), "gelu_quick": lambda v: v * torch.sigmoid(1.702 * v),
    "relu": F.relu, "relu2": lambda v: F.relu(v) ** 2, "silu": F.silu, "mish": F.mish, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "log1p": torch.log1p,
}


def add_fused_linear():
    x, w, b, r = rand(13, 29), rand(19, 29, scale=0.4), rand(19), rand(13, 19)
    y = d(x) @ d(w).T
    case("linear", "linear", RAGGED, [token(x), table(w)], token(y), {}, 5e-6)
    case("linear bias", "linear", RAGGED, [token(x), table(w), table(b)], token(y + d(b)), {"bias": 1}, 5e-6)
    case("linear residual", "linear", RAGGED, [token(x), table(w), token(r)], token(y + d(r)), {"residual": 1}, 5e-6)
    case("linear bias residual", "linear", RAGGED, [token(x), table(w), table(b), token(r)], token(y + d(b) + d(r)),
         {"bias": 1, "residual": 1}, 5e-6)
    for name, f in ACTIVATIONS.items():
        if name == "log1p":  # of numbers above 0
            px, pw, pb = abs(x), abs(w), abs(b)
            case("linear log1p", "linear", RAGGED, [token(px), table(pw), table(pb)],
                 token(f(d(px) @ d(pw).T + d(pb))), {"bias": 1, "activation": name}, 5e-6)
            continue
        case(f"linear {name}", "linear", RAGGED, [token(x), table(w), table(b)], token(f(y + d(b))),
             {"bias": 1, "activation": name}, 5e-6)
        case(f"linear {name} residual", "linear", RAGGED, [token(x), table(w), table(b), token(r)],
             token(f(y + d(b)) + d(r)), {"bias": 1, "activation": name, "residual": 1}, 5e-6)
    case("linear gelu without bias", "linear", RAGGED, [token(x), table(w), token(r)], token(F.gelu(y) + d(r)),
         {"activation": "gelu", "residual": 1}, 5e-6)
    for name, batch, n, k in (("odd", LONG, 67, 41), ("one row", Batch((1, 1, 0)), 33, 129), ("wide", RAGGED, 72, 48)):
        x, w, b, r = rand(batch.T, k), rand(n, k, scale=0.3), rand(n), rand(batch.T, n)
        case(f"linear {name}", "linear", batch, [token(x), table(w), table(b), token(r)],
             token(F.gelu(d(x) @ d(w).T + d(b)) + d(r)), {"bias": 1, "activation": "gelu", "residual": 1}, 1e-5)
    x, w, b = rand(4, 20), rand(6, 20), rand(6)
    case("linear texts", "linear", RAGGED, [text(x), table(w), table(b)], text(torch.tanh(d(x) @ d(w).T + d(b))),
         {"bias": 1, "activation": "tanh"}, 5e-6)
    case("linear tables", "linear", RAGGED, [table(x, False), table(w), table(b)], table(d(x) @ d(w).T + d(b), False),
         {"bias": 1}, 5e-6)


def add_fused_glu():
    x, w, u, b, c = rand(13, 31), rand(21, 31, scale=0.3), rand(21, 31, scale=0.3), rand(21), rand(21)
    gate, up = d(x) @ d(w).T, d(x) @ d(u).T
    for name in ("gelu", "gelu_tanh", "silu", "relu", "sigmoid"):
        f = ACTIVATIONS[name]
        case(f"glu_linear {name}", "glu_linear", RAGGED, [token(x), table(w), table(u)], token(f(gate) * up),
             {"activation": name}, 1e-5)
        case(f"glu_linear {name} bias", "glu_linear", RAGGED, [token(x), table(w), table(u), table(b), table(c)],
             token(f(gate + d(b)) * (up + d(c))), {"activation": name, "bias": 1}, 1e-5)
    case("glu_linear without activation", "glu_linear", RAGGED, [token(x), table(w), table(u)], token(gate * up), {},
         1e-5)
    x, w, u = rand(4, 40), rand(9, 40, scale=0.3), rand(9, 40, scale=0.3)
    case("glu_linear texts", "glu_linear", RAGGED, [text(x), table(w), table(u)],
         text(F.silu(d(x) @ d(w).T) * (d(x) @ d(u).T)), {"activation": "silu"}, 1e-5)


def dense_bias(batch, heads, window, scale=2.0):
    """A pair value with its blocks, and the same as [heads, n, n] for each text."""
    blocks, full = [], []
    for _, n, _, _ in batch.rows:
        dense = d(rand(heads, n, n, scale=scale))
        columns = batch.columns(n, window)
        blocks.append(torch.stack([dense[:, r, (f := batch.first(n, window, r)):f + columns] for r in range(n)], 1))
        full.append(dense)
    return pair(blocks, heads, window), full


def attention_of(batch, q, k, v, heads, key_heads, scale, causal, window, bias):
    """By torch's own attention with an additive mask, text by text; zeros where no key is left. Token rows."""
    out = []
    for b, (start, n, valid, _) in enumerate(batch.rows):
        split = lambda x, h: d(x[start:start + n]).reshape(n, h, -1).transpose(0, 1)
        group = heads // key_heads
        i, j = torch.arange(n)[:, None], torch.arange(n)[None]
        hidden = (j >= valid) | ((j > i) & bool(causal)) | (((i - j).abs() > window) & bool(window))
        mask = torch.zeros(heads, n, n, dtype=torch.float64) + (0 if bias is None else bias[b])
        mask = mask.masked_fill(hidden, -math.inf)
        y = F.scaled_dot_product_attention(split(q, heads), split(k, key_heads).repeat_interleave(group, 0),
                                           split(v, key_heads).repeat_interleave(group, 0), mask, scale=scale)
        y = y.masked_fill(hidden.all(1)[None, :, None], 0.0)
        out.append(y.transpose(0, 1).reshape(n, -1))
    return torch.cat(out)


def add_fused_attention():
    # batch, heads, key heads, head size, value size, causal, window, heads of the bias
    variants = [("plain", RAGGED, 3, 3, 8, 8, 0, 0, 0), ("causal", RAGGED, 2, 2, 5, 5, 1, 0, 0),
                ("grouped", RAGGED, 4, 2, 16, 16, 0, 0, 0), ("narrow values", LONG, 2, 2, 8, 3, 0, 0, 0),
                ("grouped wide values", LONG, 4, 1, 4, 11, 0, 0, 0), ("bias", RAGGED, 3, 3, 8, 8, 0, 0, 3),
                ("bias of one head", LONG, 4, 2, 8, 8, 0, 0, 1), ("window 1", RAGGED, 2, 2, 8, 8, 0, 1, 0),
                ("causal window", LONG, 2, 1, 8, 8, 1, 3, 0), ("window bias", LONG, 2, 2, 8, 8, 0, 4, 2),
                ("long", LONG, 1, 1, 32, 32, 0, 0, 0), ("padded", PADDED, 2, 2, 8, 8, 0, 0, 0),
                ("padded bias", PADDED, 2, 2, 8, 8, 0, 0, 2), ("padded window", PADDED, 2, 2, 8, 8, 0, 1, 0),
                ("one token", Batch((1, 1, 0)), 2, 2, 8, 8, 0, 0, 0), ("odd", LONG, 2, 1, 20, 20, 1, 0, 0),
                ("many keys", Batch((70, 70, 0), (131, 131, 0)), 1, 1, 16, 16, 0, 0, 0),
                ("long causal", Batch((67, 67, 0)), 1, 1, 40, 40, 1, 0, 0),
                ("long window bias", Batch((90, 90, 0)), 2, 2, 8, 8, 0, 9, 1)]
    for name, batch, heads, key_heads, size, value_size, causal, window, bias_heads in variants:
        q, k, v = rand(batch.T, heads * size), rand(batch.T, key_heads * size), rand(batch.T, key_heads * value_size)
        scale = 2 / math.sqrt(size)
        attrs = {"heads": heads, "scale": scale}
        for key, value, neutral in (("key_heads", key_heads, heads), ("causal", causal, 0), ("window", window, 0),
                                    ("bias", int(bias_heads > 0), 0)):
            if value != neutral:
                attrs[key] = value
        inputs, full = [token(k), token(v)], None
        if bias_heads:
            p, full = dense_bias(batch, bias_heads, window)
            inputs.append(p)
        y = attention_of(batch, q, k, v, heads, key_heads, scale, causal, window, full)
        case(f"attention {name}", "attention", batch, [token(q), *inputs], token(y), attrs, 1e-5)
        starts = [start for start, _, _, _ in batch.rows]
        case(f"attention {name}, text q", "attention", batch, [text(q[starts]), *inputs], text(y[starts]), attrs, 1e-5)


def add_fused_norms():
    for width in (7, 16, 100):
        a, c, w, b = rand(13, width) * 3 + 1, rand(13, width), rand(width), rand(width)
        y = d(a) + d(c)
        case(f"add_norm {width}", "add_norm", RAGGED, [token(a), token(c), table(w), table(b)],
             token(F.layer_norm(y, (width,), d(w), d(b), 1e-12)), {"eps": 1e-12}, 1e-5)
        case(f"add_norm no bias {width}", "add_norm", RAGGED, [token(a), token(c), table(w)],
             token(F.layer_norm(y, (width,), d(w), None, 1e-5)), {"eps": 1e-5}, 1e-5)
        case(f"add_norm rms {width}", "add_norm", RAGGED, [token(a), token(c), table(w)],
             token(F.rms_norm(y, (width,), d(w), 1e-6)), {"eps": 1e-6, "norm": "rms"}, 1e-5)
    a, c, w = rand(4, 18), rand(4, 18), rand(18)
    case("add_norm texts", "add_norm", RAGGED, [text(a), text(c), table(w), table(w)],
         text(F.layer_norm(d(a) + d(c), (18,), d(w), d(w), 1e-5)), {"eps": 1e-5}, 1e-5)
    for count, width, rms in ((1, 9, False), (2, 24, False), (3, 33, False), (2, 17, True)):
        tables = [rand(size, width) for size in (11, 7, 3)[:count]]
        ids = [rng.integers(0, len(t), 13) for t in tables]
        w, b = rand(width), rand(width)
        y = sum(d(t[i]) for t, i in zip(tables, ids))
        inputs = [v for t, i in zip(tables, ids) for v in (table(t), Value(TOKEN, i, [1], I32))]
        attrs = {"eps": 1e-6, "tables": count}
        if rms:
            case(f"embed_norm rms {count}", "embed_norm", RAGGED, [*inputs, table(w)],
                 token(F.rms_norm(y, (width,), d(w), 1e-6)), {**attrs, "norm": "rms"}, 1e-5)
        else:
            case(f"embed_norm {count}", "embed_norm", RAGGED, [*inputs, table(w), table(b)],
                 token(F.layer_norm(y, (width,), d(w), d(b), 1e-6)), attrs, 1e-5)
            case(f"embed_norm no bias {count}", "embed_norm", RAGGED, [*inputs, table(w)],
                 token(F.layer_norm(y, (width,), d(w), None, 1e-6)), attrs, 1e-5)


def add_fused_pooling():
    for batch, name in ((RAGGED, "ragged"), (PADDED, "padded"), (LONG, "long")):
        x = rand(batch.T, 21)
        for skip in (0, 1):
            rows = [(d(x[s + (k if skip else 0):s + v]), (k if skip else 0)) for s, _, v, k in batch.rows]
            weights = [torch.arange(k + 1, k + len(r) + 1, dtype=torch.float64)[:, None] for r, k in rows]
            results = {
                "first_token": [r[0] for r, _ in rows], "last_token": [r[-1] for r, _ in rows],
                "mean": [r.mean(0) for r, _ in rows], "max": [r.max(0).values for r, _ in rows],
                "sum": [r.sum(0) for r, _ in rows], "mean_sqrt_len": [r.sum(0) / math.sqrt(len(r)) for r, _ in rows],
                "weighted_mean": [(r * w).sum(0) / w.sum() for (r, _), w in zip(rows, weights)],
            }
            for pool, out in results.items():
                attrs = {"pool": pool, **({"skip_prompt": 1} if skip else {})}
                case(f"pool_normalize {pool} {name} skip {skip}", "pool_normalize", batch, [token(x)],
                     text(F.normalize(torch.stack(out), dim=-1)), attrs, 5e-6)
    x = rand(13, 6, scale=1e-3)
    case("pool_normalize eps", "pool_normalize", RAGGED, [token(x)],
         text(F.normalize(d(x[[0, 3, 4, 11]]), dim=-1, eps=0.5)), {"pool": "first_token", "eps": 0.5}, 5e-6)


def add_spread():
    for name, batch in (("ragged", RAGGED), ("padded", PADDED)):
        x, like = rand(batch.B, 5), rand(batch.T, 3)
        of_token = np.repeat(np.arange(batch.B), [r[1] for r in batch.rows])
        case(f"spread {name}", "spread", batch, [text(x), token(like)], token(x[of_token]))


def rotate_half(x):
    return torch.cat((-x[..., x.shape[-1] // 2:], x[..., :x.shape[-1] // 2]), -1)


def rotate_every_two(x):
    return torch.stack((-x[..., 1::2], x[..., ::2]), -1).flatten(-2)


def add_rotary():
    """Angles and turns as the modeling files of ModernBERT (half) and RoFormer (interleaved) write them, in float64."""
    for name, batch, width, theta, divide in (("small", RAGGED, 2, 10000.0, 1.0), ("wide", LONG, 64, 160000.0, 1.0),
                                              ("divided", RAGGED, 12, 1000.0, 2.5), ("odd half", LONG, 38, 10.0, 1.0)):
        ids = np.concatenate([np.arange(n) * (1 if b else 137) for b, (_, n, _, _) in enumerate(batch.rows)])
        frequencies = 1.0 / theta ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
        angles = (d(ids) / divide)[:, None] * frequencies
        attrs = {"theta": theta, "width": width, **({"divide": divide} if divide != 1 else {})}
        case(f"rotary_table {name}", "rotary_table", batch, [Value(TOKEN, ids, [1], I32)],
             token(torch.cat((angles.cos(), angles.sin()), -1)), attrs)
    # heads, head size, width that turns
    for name, batch, heads, size, width in (("small", RAGGED, 3, 2, 2), ("whole", LONG, 2, 64, 64), ("part", RAGGED, 4, 20, 6),
                                            ("odd half", LONG, 1, 47, 46), ("padded", PADDED, 2, 16, 16)):
        for per_text in (False, True):
            rows = batch.B if per_text else batch.T
            put = text if per_text else token
            x, angles = rand(rows, heads * size), d(rand(rows, width // 2, scale=3.0))
            t = torch.cat((angles.cos(), angles.sin()), -1).float()
            cos, sin = d(t)[:, None, :width // 2], d(t)[:, None, width // 2:]
            y = d(x).reshape(rows, heads, size)
            half = y[..., :width] * torch.cat((cos, cos), -1) + rotate_half(y[..., :width]) * torch.cat((sin, sin), -1)
            pairs = (y[..., :width] * cos.repeat_interleave(2, -1) +
                     rotate_every_two(y[..., :width]) * sin.repeat_interleave(2, -1))
            kind = " of texts" if per_text else ""
            for style, turned in (("half", half), ("interleaved", pairs)):
                out = torch.cat((turned, y[..., width:]), -1).reshape(rows, -1)
                attrs = {"heads": heads, **({"style": style} if style != "half" else {})}
                case(f"rotary {style} {name}{kind}", "rotary", batch, [put(x), put(t)], put(out), attrs)


def alibi_slopes(heads):
    """get_slopes of the published ALiBi code."""
    def of_power(n):
        start = 2 ** -(2 ** -(math.log2(n) - 3))
        return [start * start ** i for i in range(n)]

    if math.log2(heads).is_integer():
        return of_power(heads)
    closest = 2 ** math.floor(math.log2(heads))
    return of_power(closest) + alibi_slopes(2 * closest)[0::2][:heads - closest]


def add_alibi():
    for batch, name in ((RAGGED, "ragged"), (PADDED, "padded"), (LONG, "long")):
        for heads in (1, 2, 3, 8, 12):
            blocks = []
            for _, n, _, _ in batch.rows:
                distance = (torch.arange(n)[None] - torch.arange(n)[:, None]).abs().double()
                blocks.append(-torch.tensor(alibi_slopes(heads), dtype=torch.float64)[:, None, None] * distance)
            ids = Value(TOKEN, np.zeros(batch.T), [1], I32)
            case(f"alibi {heads} {name}", "alibi", batch, [ids if heads % 2 else token(rand(batch.T, 5))],
                 pair(blocks, heads), {"heads": heads})


def add_choices():
    batch = RAGGED
    ids = np.array([5, 1, 1, 1, 7, 1, 8, 9, 1, 2, 3, 1, 4], dtype=np.int32)
    case("equal", "equal", batch, [Value(TOKEN, ids, [1], I32)], token(torch.from_numpy(ids).eq(1).float()[:, None]), {"to": 1})
    of_token = np.repeat(np.arange(4), [r[1] for r in batch.rows])
    a, b, per_text = rand(13, 10), rand(13, 10), rand(4, 10)
    column, full, of_texts = (rng.integers(0, 2, shape).astype(np.float32) for shape in ((13, 1), (13, 10), (4, 1)))
    where = lambda c, x, y: torch.where(d(c) != 0, d(x), d(y))
    case("where a column", "where", batch, [token(column), token(a), token(b)], token(where(column, a, b)))
    case("where all columns", "where", batch, [token(full), token(a), token(b)], token(where(full, a, b)))
    case("where other numbers", "where", batch, [token(full - 1.5 * column), token(a), token(b)],
         token(where(full - 1.5 * column, a, b)))
    case("where texts and a number", "where", batch, [token(column), text(per_text), table(b[0, :1])],
         token(where(column, per_text[of_token], b[0, 0])))
    case("where the condition is of texts", "where", batch, [text(of_texts), token(a), table(b[0])],
         token(where(of_texts[of_token], a, b[0])))
    case("where tables", "where", batch, [table(full, weight=False), table(a), table(b[:1])],
         table(where(full, a, b[:1]), weight=False))
    p, q = ([rand(2, r[1], r[1]) for r in batch.rows] for _ in range(2))
    c = [rng.integers(0, 2, (1, r[1], r[1])).astype(np.float32) for r in batch.rows]
    case("where pairs", "where", batch, [pair(c, 1), pair(p, 2), pair(q, 2)],
         pair([where(x, y, z) for x, y, z in zip(c, p, q)], 2))


def add_groups():
    for name, batch, groups, k, n in (("small", RAGGED, 2, 6, 10), ("wide", LONG, 4, 64, 96), ("narrow", LONG, 7, 21, 14),
                                      ("one column", RAGGED, 9, 27, 9), ("one", RAGGED, 1, 12, 20)):
        x, w = rand(batch.T, k), rand(n, k // groups, scale=0.3)
        y = F.conv1d(d(x).T[None], d(w)[:, :, None], groups=groups)[0].T
        case(f"grouped_matmul {name}", "grouped_matmul", batch, [token(x), table(w)], token(y), {"groups": groups}, 5e-6)
    x, w = rand(4, 24), rand(30, 8)
    case("grouped_matmul texts", "grouped_matmul", RAGGED, [text(x), table(w)],
         text(F.conv1d(d(x).T[None], d(w)[:, :, None], groups=3)[0].T), {"groups": 3}, 5e-6)


def neighbours(batch, x, before, count):
    """Rows side by side, [T, d, count]: of each text the valid rows alone, zeros on both sides as far as they are looked for."""
    parts = []
    for start, rows, valid, _ in batch.rows:
        padded = F.pad(d(x[start:start + valid]).T, (max(before, 0), rows - valid + max(count, 1) + abs(before)))
        parts.append(padded[:, max(-before, 0):].unfold(1, count, 1)[:, :rows].transpose(0, 1))
    return torch.cat(parts)


def add_neighbours():
    for batch, name in ((RAGGED, "ragged"), (PADDED, "padded"), (LONG, "long")):
        x = rand(batch.T, 5)
        for by in (1, -1, 3, -2, 0, -40):
            case(f"shift {by} {name}", "shift", batch, [token(x)], token(neighbours(batch, x, -by, 1)[:, :, 0]), {"by": by})
        for kernel in (1, 2, 3, 4, 9):
            y = neighbours(batch, x, (kernel - 1) // 2, kernel).reshape(batch.T, 5 * kernel)
            case(f"unfold {kernel} {name}", "unfold", batch, [token(x)], token(y), {"kernel": kernel})


def add_ranges():
    for batch, name, ranges in ((RAGGED, "ragged", ((0, 1), (0, 2), (-1, None), (-2, None), (-3, 5))),
                                (LONG, "long", ((2, -2), (-5, -1), (1, 6), (6, None)))):
        x = rand(batch.T, 11)
        for skip in (0, 1):
            for begin, end in ranges:
                attrs = {**({"begin": begin} if begin else {}), **({} if end is None else {"end": end}),
                         **({"skip_prompt": 1} if skip else {})}
                kept = [np.arange(v)[k if skip else 0:][begin:end] for _, _, v, k in batch.rows]
                rows = [d(x[s + i]) for (s, _, _, _), i in zip(batch.rows, kept)]
                weights = [torch.from_numpy(i + 1.0)[:, None] for i in kept]
                results = {
                    "mean": [r.mean(0) for r in rows], "max": [r.max(0).values for r in rows], "sum": [r.sum(0) for r in rows],
                    "mean_sqrt_len": [r.sum(0) / math.sqrt(len(r)) for r in rows],
                    "weighted_mean": [(r * w).sum(0) / w.sum() for r, w in zip(rows, weights)],
                }
                for op, out in results.items():
                    label = f"{name} {begin} {end} skip {skip}"
                    case(f"{op} {label}", op, batch, [token(x)], text(torch.stack(out)), attrs)
                    case(f"pool_normalize {op} {label}", "pool_normalize", batch, [token(x)],
                         text(F.normalize(torch.stack(out), dim=-1)), {"pool": op, **attrs}, 5e-6)


def distances(n):
    """query - key, [n, n]."""
    return torch.arange(n)[:, None] - torch.arange(n)[None]


def add_relative_bias():
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder
    for name, batch, buckets, most, heads in (("small", RAGGED, 8, 5, 2), ("mpnet", PADDED, 32, 128, 3), ("least", LONG, 4, 3, 1),
                                              ("odd", LONG, 7, 9, 2), ("long", Batch((150, 150, 0), (3, 3, 0)), 32, 60, 1)):
        biases = rand(buckets, heads)
        blocks = [d(biases)[MPNetEncoder.relative_position_bucket(-distances(n), buckets, most)].permute(2, 0, 1)
                  for _, n, _, _ in batch.rows]
        case(f"relative_bias {name}", "relative_bias", batch, [table(biases), token(rand(batch.T, 3))], pair(blocks, heads),
             {"max_distance": most}, 0)
    biases = rand(8, 2)
    blocks = [d(biases)[MPNetEncoder.relative_position_bucket(-distances(n), 8, 5)].permute(2, 0, 1) for _, n, _, _ in RAGGED.rows]
    case("relative_bias of a computed table and ids", "relative_bias", RAGGED,
         [table(biases, weight=False), Value(TOKEN, rng.integers(0, 9, 13), [1], I32)], pair(blocks, 2), {"max_distance": 5}, 0)


def add_relative_scores():
    from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position
    # batch, heads, head size, rows of the table, offset, buckets, largest distance
    variants = [("own", RAGGED, 2, 8, 14, 7, 0, 0), ("clamped", LONG, 3, 5, 12, 6, 0, 0), ("one row", RAGGED, 1, 7, 1, 0, 0, 0),
                ("far off", RAGGED, 1, 4, 3, 40, 0, 0), ("negative offset", LONG, 2, 3, 9, -4, 0, 0),
                ("buckets", LONG, 2, 16, 16, 8, 8, 20), ("few buckets", LONG, 1, 8, 8, 4, 4, 9), ("steep", LONG, 2, 4, 16, 8, 8, 6),
                ("padded", PADDED, 2, 6, 8, 4, 4, 8), ("buckets off centre", LONG, 1, 6, 9, 2, 8, 12),
                ("long", Batch((117, 117, 0), (49, 49, 0)), 1, 20, 64, 32, 32, 90), ("long own", Batch((130, 130, 0)), 1, 32, 260, 130, 0, 0)]
    for name, batch, heads, size, count, offset, buckets, most in variants:
        x, rows = rand(batch.T, heads * size), rand(count, heads * size)
        of_heads = d(rows).reshape(count, heads, size).transpose(0, 1)
        attrs = {"heads": heads, "scale": 1 / math.sqrt(3 * size)}
        if offset:
            attrs["offset"] = offset
        if buckets:
            attrs |= {"buckets": buckets, "max_distance": most}
        for of in ("query", "key"):
            blocks = []
            for start, n, _, _ in batch.rows:
                index = distances(n)
                if buckets:
                    index = make_log_bucket_position(index, buckets, most).long()
                index = torch.clamp(index + offset, 0, count - 1)
                products = d(x[start:start + n]).reshape(n, heads, size).transpose(0, 1) @ of_heads.transpose(1, 2)
                if of == "key":  # as the models do: by key first, then turned
                    s = torch.gather(products, -1, index.T[None].expand(heads, n, n)).transpose(1, 2)
                else:
                    s = torch.gather(products, -1, index[None].expand(heads, n, n))
                blocks.append(s * attrs["scale"])
            more = {"rows": of} if of == "key" else {}
            case(f"relative_scores {name}, {of}", "relative_scores", batch, [token(x), table(rows)], pair(blocks, heads),
                 {**attrs, **more}, 5e-6)
    case("relative_scores of a computed table", "relative_scores", batch, [token(x), table(rows, weight=False)], pair(blocks, heads),
         {**attrs, **more}, 5e-6)


def add_frequencies():
    for name, batch, width in (("ragged", RAGGED, 6), ("long", LONG, 20)):
        positions = np.concatenate([np.arange(rows) for _, rows, _, _ in batch.rows])
        frequencies = rand(width // 2)
        angles = d(positions)[:, None] / 1.5 * d(frequencies)
        case(f"rotary_table of frequencies {name}", "rotary_table", batch,
             [Value(TOKEN, positions, [1], I32), table(frequencies)], token(torch.cat([angles.cos(), angles.sin()], -1)),
             {"width": width, "divide": 1.5})


def put_str(out, s):
    s = s.encode()
    out += struct.pack("<H", len(s)) + s


def put_value(out, v):
    out += struct.pack("<6I", v.kind, v.dtype, 0, v.window, v.weight, len(v.dims))
    out += struct.pack(f"<{len(v.dims)}q", *v.dims) + struct.pack("<Q", v.data.size) + v.data.tobytes()


def put_case(out, name, op, batch, inputs, output, attrs, tol):
    put_str(out, name)
    put_str(out, op)
    out += struct.pack("<fI", tol, len(attrs))
    for key, value in sorted(attrs.items()):
        put_str(out, key)
        if isinstance(value, str):
            out += b"s"
            put_str(out, value)
        else:
            out += struct.pack("<cq", b"i", value) if isinstance(value, int) else struct.pack("<cd", b"f", value)
    out += struct.pack("<2I", batch.B, 1)
    for row in batch.rows:
        out += struct.pack("<4I", *row)
    out += struct.pack("<I", len(inputs))
    for v in inputs:
        put_value(out, v)
    put_value(out, output)


def main():
    for add in (add_unary, add_index, add_linear, add_binary, add_norms, add_attention, add_pooling, add_moves,
                add_fused_linear, add_fused_glu, add_fused_attention, add_fused_norms, add_fused_pooling, add_spread,
                add_rotary, add_alibi, add_choices, add_groups, add_neighbours, add_ranges, add_frequencies,
                add_relative_bias, add_relative_scores):
        add()
    out = bytearray(b"EGOPS1\0\0" + struct.pack("<I", len(cases)))
    for c in cases:
        put_case(out, *c)
    with open(sys.argv[1], "wb") as f:
        f.write(out)
    print(f"{len(cases)} cases, {len(out)} bytes")


main()
