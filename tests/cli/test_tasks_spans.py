# SPDX-License-Identifier: Apache-2.0
"""The commands qa and fill-mask: what is printed and refused. Numbers are tests/golden/test_tasks_qa.py's and test_tasks_fill_mask.py's."""
import json
import os

import pytest
import tiny_model
from command import done, lines, refused, run

# Heads without weights of their own: two columns of the last layer, and the whole row as logits of so many tokens.
HEADS = """egbert: 1
checkpoint: .
heads:
  spans:
    task: qa
    steps: [{slice: 2, begin: 0}, {split: 2, squeeze: true, as: [start_logits, end_logits]}]
  fills:
    task: fill_mask
    steps: [{linear: {weight: ["base:embeddings.word_embeddings.weight"], bias: false}, out: $vocab_size, as: logits}]
"""
QUESTION, CONTEXT = "cat?", "the cat sat on the mat, a dog. hello world"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tiny_model.make(tmp_path_factory.mktemp("spans"))
    (folder / "heads.yaml").write_text(HEADS)
    return folder / "heads.yaml"


def jsonl(*records):
    return b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in records)


def ask(model, *flags):
    return lines("qa", model, "--question", QUESTION, "--context", CONTEXT, *flags)[0]


# --- qa ------------------------------------------------------------------------------------------------------------------


def test_one_answer_and_several(model):
    one = ask(model)
    assert list(one) == ["answer", "score", "start", "end"] and one["answer"] == CONTEXT[one["start"]:one["end"]] != ""
    several = ask(model, "--top-k", "3")
    assert list(several) == ["answers"] and len(several["answers"]) == 3 and several["answers"][0] == one
    scores = [a["score"] for a in several["answers"]]
    assert scores == sorted(scores, reverse=True) and 0 < scores[-1] < 1
    assert ask(model, "--top-k", "1") == {"answers": [one]}


def test_answers_are_whole_words(model):
    """Words of the context have several tokens here: ##s and ##ing end them."""
    context = "cats sating dogs"
    for answer in lines("qa", model, "--question", "a", "--context", context, "--top-k", "100")[0]["answers"]:
        assert set(answer["answer"].split()) <= set(context.split()), answer


def test_all_spans_of_so_many_tokens(model):
    context = "a b c d e"
    for most, count in ((1, 5), (2, 9), (5, 15), (100, 15)):
        found = lines("qa", model, "--question", "x", "--context", context, "--top-k", "1000", "--max-answer", most)[0]["answers"]
        assert len({(a["start"], a["end"]) for a in found}) == len(found) == count
        assert all((a["end"] - a["start"]) // 2 < most for a in found)


def test_no_answer(model):
    without = ask(model, "--top-k", "50")["answers"]
    answers = ask(model, "--top-k", "51", "--no-answer")["answers"]
    empty = [a for a in answers if a["answer"] == ""]
    assert len(empty) == 1 and (empty[0]["start"], empty[0]["end"]) == (0, 0)
    assert [a for a in answers if a["answer"]][:len(answers) - 1] == without[:len(answers) - 1]
    assert ask(model, "--no-answer") == answers[0]


def test_a_blank_context_has_only_the_empty_answer(model):
    args = ["qa", model, "--question", "a", "--context", " \t "]
    assert lines(*args) == [{"answer": "", "score": 0.0, "start": 0, "end": 0}]
    assert lines(*args, "--no-answer") == [{"answer": "", "score": 1.0, "start": 0, "end": 0}]


def test_questions_or_contexts_as_texts(model):
    want = ask(model)
    assert lines("qa", model, "--context", CONTEXT, QUESTION) == lines("qa", model, "--question", QUESTION, CONTEXT) == [want]
    record = {"question": QUESTION, "context": CONTEXT, "id": ["x", 1]}
    assert lines("qa", model, "--input-format", "jsonl", stdin=jsonl(record)) == [{"id": ["x", 1], **want}]
    contexts = (CONTEXT + "\n").encode() * 3
    assert lines("qa", model, "--question", QUESTION, "--input", "-", stdin=contexts) == [want] * 3


def test_for_people(model):
    score, start, end, answer = done("qa", model, "--question", QUESTION, "--context", CONTEXT).split(None, 3)
    want = ask(model)
    assert (int(start), int(end), answer.rstrip("\n")) == (want["start"], want["end"], want["answer"])
    assert abs(float(score) - want["score"]) < 1e-6
    assert done("qa", model, "--question", QUESTION, "--context", CONTEXT, "--top-k", "3").count("\n") == 3


def test_offsets_count_characters(model):
    """What stands before moves the answer by its characters, not by its bytes."""
    for before in ("\u200b" * 3, "\ufffd\u200b\u00ad"):
        moved = lines("qa", model, "--question", QUESTION, "--context", before + CONTEXT)[0]
        want = ask(model)
        assert (moved["start"], moved["end"]) == (want["start"] + 3, want["end"] + 3)
        assert moved["answer"] == want["answer"]


def windows_of(model, context, *flags):
    return lines("qa", model, "--question", "a", "--context", context, "--top-k", "3", *flags)[0]["answers"]


def test_windows(model):
    """A context of several windows has the best answers of each; how windows are run together does not count."""
    context = CONTEXT + ". " + " ".join(reversed(CONTEXT.split())) + " ! " + CONTEXT.upper() + " x y z" * 40
    want = windows_of(model, context)
    for flags in (["--batch-tokens", "1"], ["--batch-tokens", "100000"], ["--backend", "reference"]):
        for a, b in zip(windows_of(model, context, *flags), want):
            assert {**a, "score": 0} == {**b, "score": 0} and a["score"] == pytest.approx(b["score"], abs=1e-6)
    assert windows_of(model, context, "--max-length", "12", "--stride", "3") != want


def test_a_stride_beyond_the_window_is_cut(model):
    args = (CONTEXT * 3, "--max-length", "16")
    assert windows_of(model, *args, "--stride", "1000") == windows_of(model, *args, "--stride", "6")  # half of 16 - 4


def test_a_megabyte_of_context(model):
    """Windows go through the model some at a time, and places are counted in the whole text."""
    filler = "x " * (10_000 if os.environ.get("EGBERT_SANITIZED") else 500_000)
    found = lines("qa", model, "--input-format", "jsonl", "--stride", "1", "--top-k", "2",
                  stdin=jsonl({"question": QUESTION, "context": CONTEXT + " " + filler}))
    assert len(found) == 1 and len(found[0]["answers"]) == 2
    for answer in found[0]["answers"]:
        assert answer["answer"] == (CONTEXT + " " + filler)[answer["start"]:answer["end"]] != ""


# --- fill-mask -----------------------------------------------------------------------------------------------------------


def test_fills(model):
    one, two = lines("fill-mask", model, "the [MASK] sat", "a [MASK] on [MASK]")
    assert [list(one), len(one["fills"]), len(two["fills"])] == [["fills"], 1, 2]
    for fills in (*one["fills"], *two["fills"]):
        assert len(fills) == 5 and all(list(f) == ["token", "id", "score", "sequence"] for f in fills)
        assert [f["score"] for f in fills] == sorted((f["score"] for f in fills), reverse=True)
    assert "[CLS]" not in one["fills"][0][0]["sequence"]
    assert two["fills"][0][0]["sequence"].count("[MASK]") == 1 and two["fills"][0][0]["sequence"].startswith("[CLS]")
    for f in one["fills"][0]:
        assert tiny_model.VOCABULARY[f["id"]] == f["token"]


def test_scores_are_probabilities(model):
    everything = lines("fill-mask", model, "the [MASK] sat", "--top-k", "100000")[0]["fills"][0]
    assert len(everything) == len(tiny_model.VOCABULARY) and sum(f["score"] for f in everything) == pytest.approx(1)


def test_targets(model):
    everything = {f["id"]: f for f in lines("fill-mask", model, "the [MASK] sat", "--top-k", "100000")[0]["fills"][0]}
    result = run("fill-mask", model, "the [MASK] sat", "--json", "--targets", "dog,cat,doge,dog")
    fills = json.loads(result.stdout)["fills"][0]
    assert {f["token"] for f in fills} == {"dog", "cat"} and len(fills) == 2
    assert all(f == everything[f["id"]] for f in fills)
    assert "'doge' is not in the vocabulary; 'dog' is taken for it" in result.stderr.decode()
    assert len(lines("fill-mask", model, "the [MASK] sat", "--targets", "dog,cat", "--top-k", "1")[0]["fills"][0]) == 1


def test_fills_for_people(model):
    rows = done("fill-mask", model, "the [MASK] sat", "--top-k", "2").splitlines()
    want = lines("fill-mask", model, "the [MASK] sat", "--top-k", "2")[0]["fills"][0]
    assert len(rows) == 2
    for row, f in zip(rows, want):
        score, number, rest = row.split(None, 2)
        assert int(number) == f["id"] and rest == f"{f['token']}\t{f['sequence']}" and abs(float(score) - f["score"]) < 1e-6


def test_a_mask_that_is_cut_away(model):
    refused(3, "fill-mask", model, "x " * 100 + "[MASK]", says=["TEXT 1: has no mask token", "the first 32 tokens"])


# --- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args, says", [
    (["qa"], "MODEL"),
    (["qa", "MODEL", "a"], "no --context"),
    (["qa", "MODEL", "a", "--input", "x"], "contradict"),
    (["qa", "MODEL", "--question", "a", "--context", "b", "c"], "leave no place for more texts"),
    (["qa", "MODEL", "--question", "a", "--context", "b", "--stride", "0"], "--stride"),
    (["qa", "MODEL", "--question", "a", "--context", "b", "--max-answer", "x"], "--max-answer"),
    (["qa", "MODEL", "--question", "a", "--context", "b", "--top-k", "0"], "--top-k"),
    (["qa", "MODEL", "--question", "a", "--context", "b", "--head", "fills"], ["'fills'", "fill_mask", "not for qa"]),
    (["fill-mask", "MODEL", "[MASK]", "--head", "spans"], ["'spans'", "not for fill-mask"]),
    (["fill-mask", "MODEL", "[MASK]", "--targets", ""], "--targets"),
    (["fill-mask", "MODEL", "[MASK]", "--targets", "\u200b"], "none of the targets"),
    (["fill-mask", "MODEL", "[MASK]", "--question", "a"], "--question"),
    (["fill-mask", "MODEL", "[MASK]", "--no-answer"], "--no-answer"),
    (["classify", "MODEL", "a", "--context", "a"], "--context"),
])
def test_wrong_arguments(model, args, says):
    refused(2, *(model if a == "MODEL" else a for a in args), says=says, stdin=b"")


@pytest.mark.parametrize("record, says", [
    (b'{"question":"a"}', '1:1: a record without "context"'),
    (b'{"question":"a","text":"b"}', "1:17: unknown key"),
    (b'{"question":"a","context":null}', '1:27: "context" is not a string'),
    (b'{"question":"","context":"b"}', "1: has an empty question"),
    (b'{"question":"a","context":""}', "1: has an empty context"),
    (b'{"question":"%s","context":"b"}' % (b"a " * 40), "1: has 43 tokens without its pair, and a window takes 32"),
])
def test_bad_questions(model, record, says):
    refused(3, "qa", model, "--input-format", "jsonl", stdin=record + b"\n", says=f"standard input:{says}")


def test_earlier_lines_stand(model):
    """Whoever finds the fault, the reader of records or the library."""
    good = jsonl(*({"question": QUESTION, "context": CONTEXT, "id": i} for i in range(3)))
    args = ["qa", model, "--json", "--input-format", "jsonl"]
    stands = run(*args, stdin=good).stdout
    assert stands.count(b"\n") == 3
    for bad in (b'{"question":1}\n', b"\n", jsonl({"question": "a", "context": ""})):
        refused(3, *args, stdin=good + bad + good, says="standard input:4:", stdout=stands)
    texts = b"the [MASK]\n[MASK] sat\n"
    stands = run("fill-mask", model, stdin=texts).stdout
    refused(3, "fill-mask", model, stdin=texts + b"no mask\n[MASK]\n", stdout=stands,
            says=["standard input:3: has no mask token", "[MASK] stands for it"])


def test_a_window_that_is_not_finite_names_its_text(tmp_path):
    """The second of two texts, however many windows the first has."""
    folder = tiny_model.make(tmp_path)
    (folder / "heads.yaml").write_text(HEADS)
    tensors = tiny_model.tensors()
    tensors["embeddings.word_embeddings.weight"][tiny_model.VOCABULARY.index("dog")] = float("nan")
    tiny_model.save_safetensors(folder / "model.safetensors", tensors)
    records = jsonl({"question": "a", "context": "the cat sat " * 40}, {"question": "a", "context": "the cat " * 40 + "dog"})
    refused(1, "qa", folder / "heads.yaml", "--input-format", "jsonl", stdin=records, says="of text 2 is not finite")


def test_a_tokenizer_without_mask(tmp_path):
    folder = tiny_model.make(tmp_path)
    (folder / "heads.yaml").write_text(HEADS)
    vocabulary = {word.replace("[MASK]", "[GAP]"): i for i, word in enumerate(tiny_model.VOCABULARY)}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None,
        "decoder": None, "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                                   "max_input_chars_per_word": 100, "vocab": vocabulary}}))
    refused(3, "fill-mask", folder / "heads.yaml", "[MASK]", says=["has no mask token", "mask_token"])
