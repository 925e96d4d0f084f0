# SPDX-License-Identifier: Apache-2.0
"""Every tiny checkpoint gives what transformers and sentence-transformers give, on every backend, however it is batched."""
import json
import pathlib

import numpy as np
import pytest
from command import done, lines

HERE = pathlib.Path(__file__).resolve().parent
NAMES = sorted(p.name for p in (HERE / "checkpoints").iterdir())
MODELS = [n for n in NAMES if not n.startswith("tiny-st-")]
SENTENCE_MODELS = [n for n in NAMES if n.startswith("tiny-st-")]
TEXTS = json.loads((HERE / "texts.json").read_text())
TOKENS = ("input_ids", "cu_seqlens", "token_type_ids")
# far keeps its memory out of reach, finishes late and takes small buffers; --alternate gives it every other operation.
BACKENDS = {
    "reference": ["--backend", "reference"],
    "cpu": ["--backend", "cpu"],
    "far": ["--backend", "far,reference"],
    "far-reference": ["--backend", "far,reference", "--alternate"],
    "far-cpu": ["--backend", "far,cpu", "--alternate"],
}


def checkpoint(name):
    return HERE / "checkpoints" / name


def golden(name):
    with np.load(HERE / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive.files}


def output_names(want):
    """The names to ask for: attentions.0, attentions.1, … are one per text of `attentions`."""
    return sorted({"attentions" if key.startswith("attentions.") else key for key in want if key not in TOKENS})


def run(name, folder, *flags, source=None):
    """The arrays of a run on the golden's token ids, or on those of another archive."""
    out = folder / "out.npz"
    names = ",".join(output_names(golden(name)))
    done("run", checkpoint(name), "--ids-file", source or HERE / f"{name}.npz", "--output", names, "--npz", out, "--quiet", *flags)
    with np.load(out) as archive:
        return {key: archive[key] for key in archive.files}


def assert_equals_reference(got, want, what):
    assert got.shape == want.shape and got.dtype == np.float32, what
    worst = np.abs(got - want).max()
    assert worst <= 1e-4 * max(1.0, np.abs(want).max() / 10), f"{what}: {worst}"
    a, b = got.ravel().astype(np.float64), want.ravel().astype(np.float64)
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert cosine >= 0.99999, f"{what}: cosine {cosine}"


def assert_same(got, want, what):
    """The same computation however it is batched, padded or threaded."""
    worst = np.abs(got.astype(np.float64) - want).max()
    assert got.shape == want.shape and worst <= 1e-6 * max(1.0, np.abs(want).max()), f"{what}: {worst}"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", MODELS)
def test_outputs(name, backend, tmp_path):
    want = golden(name)
    got = run(name, tmp_path, *BACKENDS[backend])
    assert set(got) == set(want)
    for key in want:
        if key in TOKENS:
            assert np.array_equal(got[key], want[key])
        else:
            assert_equals_reference(got[key], want[key], f"{name} {key} on {backend}")


@pytest.mark.parametrize("backend", ["reference", "cpu", "far-cpu"])
@pytest.mark.parametrize("name", MODELS)
def test_texts_alone(name, backend, tmp_path):
    """Each text in a run of its own (--batch-tokens 1) gives what it gives beside the others."""
    together = run(name, tmp_path, *BACKENDS[backend])
    alone = run(name, tmp_path, *BACKENDS[backend], "--batch-tokens", "1")
    for key, value in together.items():
        assert_same(alone[key], value, f"{name} {key} on {backend}")


def test_a_call_for_each_text(tmp_path):
    want = run("tiny-bert", tmp_path)
    cu = want["cu_seqlens"]
    for i in range(len(cu) - 1):
        part = slice(cu[i], cu[i + 1])
        source = tmp_path / "text.npz"
        np.savez(source, input_ids=want["input_ids"][part], cu_seqlens=np.int64([0, cu[i + 1] - cu[i]]),
                 token_type_ids=want["token_type_ids"][part])
        got = run("tiny-bert", tmp_path, source=source)
        assert_same(got["hidden_states"], want["hidden_states"][:, part], f"hidden_states of text {i}")
        assert_same(got["pooler_output"][0], want["pooler_output"][i], f"pooler_output of text {i}")
        assert_same(got["attentions.0"], want[f"attentions.{i}"], f"attentions of text {i}")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["tiny-bert", "tiny-bert-qa", "tiny-bert-classify"])
def test_padded_equals_packed(name, backend, tmp_path):
    packed = run(name, tmp_path, *BACKENDS[backend])
    padded = run(name, tmp_path, *BACKENDS[backend], "--padded")
    assert set(packed) == set(padded)
    for key, value in packed.items():
        assert_same(padded[key], value, f"{name} {key} on {backend}")


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-bert-mlm"])
def test_the_number_of_threads_changes_nothing(name, tmp_path):
    one = run(name, tmp_path, "--backend", "cpu", "--threads", "1")
    for threads in ("2", "3"):
        more = run(name, tmp_path, "--backend", "cpu", "--threads", threads)
        for key, value in one.items():
            assert_same(more[key], value, f"{name} {key} with {threads} threads")


@pytest.mark.parametrize("passes", ["cse", "all,-canonicalise", "all,-fold,-dce"])
def test_passes_change_nothing(passes, tmp_path):
    want = golden("tiny-bert")
    got = run("tiny-bert", tmp_path, "--fuse", passes)
    for key in output_names(want):
        if key != "attentions":
            assert_equals_reference(got[key], want[key], f"{key} with --fuse {passes}")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", SENTENCE_MODELS)
def test_embeddings(name, backend, tmp_path):
    want = golden(name)
    path = tmp_path / "e.npy"
    done("embed", checkpoint(name), "--npy", path, "--quiet", *BACKENDS[backend], "--", *TEXTS)
    got = np.load(path)
    for i, text in enumerate(TEXTS):
        assert_equals_reference(got[i], want["embedding"][i], f"{name} {text!r} on {backend}")
    out = lines("embed", checkpoint(name), "--quiet", *BACKENDS[backend], TEXTS[0])
    assert_same(np.float32(out[0]["embedding"]), got[0], f"{name} alone on {backend}")


def test_truncated_embeddings_are_normalised_only_if_asked():
    name, text = "tiny-st-mean", TEXTS[0]
    whole = np.float32(lines("embed", checkpoint(name), text)[0]["embedding"])
    cut = np.float32(lines("embed", checkpoint(name), text, "--truncate-dim", "8")[0]["embedding"])
    assert np.array_equal(cut, whole[:8])
    normed = np.float32(lines("embed", checkpoint(name), text, "--truncate-dim", "8", "--normalize")[0]["embedding"])
    assert np.allclose(normed, cut / np.linalg.norm(cut), atol=1e-6)


def test_prompts():
    name = checkpoint("tiny-st-prompt")
    default, none = lines("embed", name, TEXTS[0])[0], lines("embed", name, TEXTS[0], "--no-prompt")[0]
    assert default != none
    prompts = json.loads((name / "config_sentence_transformers.json").read_text())
    prompt_name = prompts["default_prompt_name"]
    prompt = prompts["prompts"][prompt_name]
    assert lines("embed", name, TEXTS[0], "--prompt-name", prompt_name)[0] == default
    assert lines("embed", name, TEXTS[0], "--prompt-text", prompt)[0] == default
