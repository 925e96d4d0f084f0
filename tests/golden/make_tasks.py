#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tasks: what the pipelines of transformers and sentence-transformers give for each task.

    make_tasks.py [NAME...]

Run it in the environment of script/setup --goldens; what it writes is committed. A model is one JSON file: its small files, the
names and shapes of its weights (random_weights.py makes the values from the seed), its inputs, one record a line as the command
reads them, and what the reference gave for each. Two real tokenizers, trained on the texts of tokenizer_trained.py, are shared.
References run one record at a time, unpadded, in float32.
"""

import json
import pathlib
import random
import shutil
import sys
import tempfile

import torch
import transformers
from random_weights import read_header, write_weights
from sentence_transformers import CrossEncoder, SparseEncoder
from sentence_transformers.sparse_encoder.modules import MLMTransformer, SpladePooling
from tokenizer_trained import SPECIALS, byte_level_bpe, corpus, doubled
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "tasks"
POSITIONS = 48
TEXTS = [
    "the simple model",
    "Straße und Größe: ein großes Haus, größer als der niño.",
    "дом и язык 言葉 文字 中文 语言模型 हिन्दी भाषा עברית",
    "",
    "read \N{GRINNING FACE} e\u0301t\u00e9 \ufb01n\u200bal\u00a0x",
    "We read and think about language, night and day; they speak and write about numbers. " * 6,
]
PAIRS = [
    ("the old house", "water in the night"),
    ("язык", "言葉 文字"),
    ("What is a token?", "A token is a small part of a text, such as a word. " * 8),
    ("We read and think about language, night and day. " * 8, "short"),
    ("", "the river"),
]


# --- tokenizers


def save_tokenizer(name, tokenizer, kind, **special):
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, **special)
    fast.save_pretrained(FOLDER / name)
    path = FOLDER / name / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["tokenizer_class"] = kind
    path.write_text(json.dumps(config, indent=2) + "\n")


def make_wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus(random.Random(1), 600), trainers.WordPieceTrainer(
        vocab_size=420, special_tokens=specials, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    save_tokenizer("wordpiece", tokenizer, "BertTokenizer", unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]",
                   cls_token="[CLS]", mask_token="[MASK]",
                   model_input_names=["input_ids", "token_type_ids", "attention_mask"])


def make_bpe():
    model = byte_level_bpe(random.Random(2), 480)
    tokenizer = Tokenizer.from_str(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [
            {"id": model["vocab"][token], "content": token, "single_word": False, "lstrip": token == "<mask>",
             "rstrip": False, "normalized": False, "special": True} for token in SPECIALS],
        "normalizer": None, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": doubled(model["vocab"], False, True),
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, "model": model}))
    save_tokenizer("bpe", tokenizer, "RobertaTokenizer", bos_token="<s>", eos_token="</s>", sep_token="</s>", cls_token="<s>",
                   unk_token="<unk>", pad_token="<pad>", mask_token="<mask>", model_input_names=["input_ids", "attention_mask"])


# --- models


def size_of(tokenizer):
    return Tokenizer.from_file(str(FOLDER / tokenizer / "tokenizer.json")).get_vocab_size()


def config_of(kind, **changes):
    """A small config of a family, and its tokenizer."""
    if kind == "bert":
        return "wordpiece", transformers.BertConfig(
            vocab_size=size_of("wordpiece"), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
            max_position_embeddings=POSITIONS, layer_norm_eps=1e-3, **changes)
    if kind == "roberta":
        return "bpe", transformers.RobertaConfig(
            vocab_size=size_of("bpe"), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
            max_position_embeddings=POSITIONS + 2, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
            layer_norm_eps=1e-3, **changes)
    return "wordpiece", transformers.DistilBertConfig(
        vocab_size=size_of("wordpiece"), dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=POSITIONS, **changes)


class Model:
    """A checkpoint's folder while it is made, and what of it is committed."""

    def __init__(self, folder, kind, architecture, seed, scale=None, **changes):
        tokenizer, config = config_of(kind, **changes)
        self.folder = folder
        kept = getattr(transformers, architecture)(config)
        kept.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        _, tensors = read_header(folder / "model.safetensors")
        write_weights(folder / "model.safetensors", tensors, seed, scale)
        for path in (FOLDER / tokenizer).iterdir():
            shutil.copy(path, folder)
        self.facts = {"tokenizer": tokenizer, "seed": seed, "scale": scale or {}, "tensors": tensors, "model": ".", "files": {}}

    def pipeline(self):
        return transformers.pipeline("text-classification", str(self.folder), device="cpu")

    def load(self, kind):
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.folder)
        return tokenizer, getattr(transformers, kind).from_pretrained(self.folder).eval()

    def commit(self, name, task, records, wants):
        for path in sorted(self.folder.rglob("*")):
            shared = (FOLDER / self.facts["tokenizer"] / path.name).exists()
            if path.is_file() and path.name != "README.md" and path.suffix != ".safetensors" and not shared:
                self.facts["files"][str(path.relative_to(self.folder))] = path.read_text()
        facts = {**self.facts, "task": task, "cases": [{"record": r, "want": w} for r, w in zip(records, wants, strict=True)]}
        (FOLDER / f"{name}.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def pair_records():
    return [{"text": a, "pair": b} for a, b in PAIRS]


# --- tasks


def classify(name, *made, **changes):
    def make(folder):
        model = Model(folder, *made, **changes)
        pipe = model.pipeline()
        records = [{"text": text} for text in TEXTS] + pair_records()
        inputs = [{"text": r["text"], "text_pair": r["pair"]} if "pair" in r else r["text"] for r in records]
        wants = [pipe(i, top_k=None, truncation=True) for i in inputs]
        model.commit(name, "classify", records, [w[0] if isinstance(w[0], list) else w for w in wants])
    return name, make


def rerank(name, *made, config=None, saved=False, **changes):
    """With the activation that `config` (more of config.json) names; saved: the folder as sentence-transformers writes it."""
    def make(folder):
        model = Model(folder, *made, num_labels=1, **changes)
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **(config or {})}, indent=2))
        encoder = CrossEncoder(str(folder), device="cpu")
        if saved:
            encoder.save_pretrained(str(folder), create_model_card=False)
            write_weights(folder / "model.safetensors", model.facts["tensors"], model.facts["seed"], model.facts["scale"])
        records = [{"query": "What is a token?", "documents": TEXTS}, {"query": "язык", "documents": [b for _, b in PAIRS]},
                   {"query": "empty", "documents": []}, {"query": "x " * 100, "documents": ["one"]}]
        wants = [encoder.rank(r["query"], r["documents"], return_documents=True, batch_size=1) if r["documents"] else []
                 for r in records]
        model.commit(name, "rerank", records, [
            [{"index": w["corpus_id"], "score": float(w["score"]), "text": w["text"]} for w in want] for want in wants])
    return name, make


def nsp(name, *made):
    def make(folder):
        model = Model(folder, *made)
        tokenizer, net = model.load("BertForNextSentencePrediction")
        wants = []
        for a, b in PAIRS:
            with torch.no_grad():
                logits = net(**tokenizer(a, b, truncation=True, return_tensors="pt")).logits[0]
            wants.append({"is_next": torch.softmax(logits, -1)[0].item(), "logits": logits.tolist()})
        model.commit(name, "nsp", pair_records(), wants)
    return name, make


def choose(name, kind, architecture, seed):
    def make(folder):
        model = Model(folder, kind, architecture, seed)
        tokenizer, net = model.load(architecture)
        records = [{"prompt": "the old house", "choices": TEXTS}, {"prompt": TEXTS[1], "choices": ["дом", "the river"]},
                   {"prompt": "one", "choices": ["only"]}, {"prompt": "long " * 60, "choices": ["a", "water " * 60]}]
        wants = []
        for record in records:
            logits = []
            for choice in record["choices"]: # alone: padding takes no part; as lists, for which an empty second text is one
                encoded = tokenizer([record["prompt"]], [choice], truncation=True, return_tensors="pt")
                with torch.no_grad():
                    logits.append(net(**{k: v.unsqueeze(0) for k, v in encoded.items()}).logits[0, 0])
            logits = torch.stack(logits)
            wants.append({"choice": logits.argmax().item(), "scores": torch.softmax(logits, -1).tolist(), "logits": logits.tolist()})
        model.commit(name, "choose", records, wants)
    return name, make


SPLADE = """egbert: 1
checkpoint: .
heads:
  splade:
    task: sparse
    outputs: [weights]
    steps: [{from: masked_lm.logits}, relu, log1p, {max: null, as: weights}]
"""


def sparse(name, *made, instance=None, saved=False, **pooling):
    def make(folder):
        model = Model(folder, *made, scale={"*predictions.bias": 2, "*vocab_projector.bias": 2})
        encoder = SparseEncoder(modules=[MLMTransformer(str(folder)), SpladePooling(**pooling)], device="cpu")
        if saved:
            encoder.save_pretrained(str(folder), create_model_card=False)
            write_weights(folder / "model.safetensors", model.facts["tensors"], model.facts["seed"], model.facts["scale"])
        if instance:
            (folder / "splade.yaml").write_text(instance)
            model.facts["model"] = "splade.yaml"
        wants = []
        for text in TEXTS:
            weights = encoder.encode([text], batch_size=1, convert_to_sparse_tensor=False)[0]
            wants.append({encoder.tokenizer.convert_ids_to_tokens(i): weights[i].item() for i in weights.nonzero().flatten().tolist()})
        model.commit(name, "sparse", [{"text": text} for text in TEXTS], wants)
    return name, make


OWN_HEADS = """egbert: 1
checkpoint: .
heads:
  severity:
    task: classify
    labels: [low, high]
    weights: own.safetensors
    prefix: "severity."
    outputs: [logits]
    steps: [first_token, {linear: dense, out: 2, as: logits}]
  topics:
    task: classify
    labels: [house, river, word]
    problem_type: multi_label_classification
    weights: own.safetensors
    outputs: [logits]
    steps: [mean, {linear: topics.inner, out: 12}, tanh, {linear: topics.outer, out: 3, as: logits}]
"""
OWN_TENSORS = {"severity.dense.weight": [2, 32], "severity.dense.bias": [2], "topics.inner.weight": [12, 32],
               "topics.inner.bias": [12], "topics.outer.weight": [3, 12], "topics.outer.bias": [3]}


def own_heads(name, *made):
    """Two heads of one's own on one encoder, in torch."""
    def linear(net, values, x):
        return torch.nn.functional.linear(x, torch.from_numpy(values[net + ".weight"]), torch.from_numpy(values[net + ".bias"]))

    def make(folder):
        from safetensors.numpy import load_file
        model = Model(folder, *made)
        write_weights(folder / "own.safetensors", OWN_TENSORS, 11)
        (folder / "heads.yaml").write_text(OWN_HEADS)
        model.facts.update(model="heads.yaml", own={"tensors": OWN_TENSORS, "seed": 11})
        values = load_file(folder / "own.safetensors")
        tokenizer, net = model.load("BertModel")
        wants = []
        for text in TEXTS:
            with torch.no_grad():
                hidden = net(**tokenizer(text, truncation=True, return_tensors="pt")).last_hidden_state[0]
            severity = linear("severity.dense", values, hidden[0])
            topics = linear("topics.outer", values, torch.tanh(linear("topics.inner", values, hidden.mean(0))))
            wants.append({"severity": {"logits": severity.tolist(), "scores": dict(zip(["low", "high"], torch.softmax(severity, -1).tolist()))},
                          "topics": {"logits": topics.tolist(), "scores": dict(zip(["house", "river", "word"], torch.sigmoid(topics).tolist()))}})
        model.commit(name, "heads", [{"text": text} for text in TEXTS], wants)
    return name, make


MADE = [
    classify("classify-3", "bert", "BertForSequenceClassification", 1, id2label={0: "bad", 1: "so-so", 2: "gut ü"},
             label2id={"bad": 0, "so-so": 1, "gut ü": 2}),
    classify("classify-1", "bert", "BertForSequenceClassification", 2, num_labels=1),
    classify("classify-regression", "bert", "BertForSequenceClassification", 3, num_labels=1, problem_type="regression"),
    classify("classify-regression-2", "bert", "BertForSequenceClassification", 4, num_labels=2, problem_type="regression"),
    classify("classify-multi", "roberta", "RobertaForSequenceClassification", 5, num_labels=4, problem_type="multi_label_classification"),
    classify("classify-single", "roberta", "RobertaForSequenceClassification", 6, num_labels=5, problem_type="single_label_classification"),
    classify("classify-2", "distilbert", "DistilBertForSequenceClassification", 7, num_labels=2),
    rerank("rerank-default", "bert", "BertForSequenceClassification", 8),
    rerank("rerank-identity", "bert", "BertForSequenceClassification", 9,
           config={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1.0"}}),
    rerank("rerank-sigmoid-old", "roberta", "RobertaForSequenceClassification", 10,
           config={"sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"}),
    rerank("rerank-tanh-old", "distilbert", "DistilBertForSequenceClassification", 11,
           config={"sbert_ce_default_activation_function": "torch.nn.modules.activation.Tanh"}),
    rerank("rerank-saved", "bert", "BertForSequenceClassification", 12, saved=True,
           config={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "5.0.0"}}),
    nsp("nsp", "bert", "BertForNextSentencePrediction", 13),
    choose("choose-bert", "bert", "BertForMultipleChoice", 14),
    choose("choose-roberta", "roberta", "RobertaForMultipleChoice", 15),
    sparse("sparse-instance", "bert", "BertForMaskedLM", 16, instance=SPLADE),
    sparse("sparse-saved", "distilbert", "DistilBertForMaskedLM", 17, saved=True, pooling_strategy="max"),
    sparse("sparse-saved-sum", "bert", "BertForMaskedLM", 18, saved=True, pooling_strategy="sum", activation_function="log1p_relu"),
    own_heads("own-heads", "bert", "BertModel", 19),
]


def main():
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:]
    if not wanted:
        make_wordpiece()
        make_bpe()
    for name, make in MADE:
        if not wanted or name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                make(pathlib.Path(folder))
            print(name, (FOLDER / f"{name}.json").stat().st_size)


if __name__ == "__main__":
    main()
