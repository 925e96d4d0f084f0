# SPDX-License-Identifier: Apache-2.0
"""Tiny checkpoints for the tests of tasks, the same on every machine: tokenizers made by hand, weights from a seed.

Three kinds of tokenizer, because tasks look at words and offsets: WordPiece (pieces inside a word are marked), byte-level
BPE (blanks belong to tokens, offsets are trimmed), and Unigram with Metaspace (no unknown-token rule but its own). Their
vocabularies come from the texts of minilm_texts.py, so that the odd scripts are partly known and partly not.
"""
import collections
import json
import re

import minilm_texts
from random_weights import write_weights

LENGTH = 40  # tokens that a text may have
HIDDEN, LAYERS, HEADS, INNER = 24, 2, 3, 40
WORD = re.compile(r"\w+|[^\w\s]")


def corpus():
    return minilm_texts.ODD + minilm_texts.SCRIPTS + minilm_texts.texts()[300:500]


def added(specials):
    return [{"id": i, "content": token, "single_word": False, "lstrip": token in ("[MASK]", "<mask>"), "rstrip": False,
             "normalized": False, "special": True} for i, token in specials]


def around(cls, sep, doubled=False):
    """What is put around a text, as a TemplateProcessing."""
    single = [{"SpecialToken": {"id": cls[0], "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": sep[0], "type_id": 0}}]
    second = 0 if doubled else 1
    between = [{"SpecialToken": {"id": sep[0], "type_id": 0}}] if doubled else []
    pair = [*single, *between, {"Sequence": {"id": "B", "type_id": second}},
            {"SpecialToken": {"id": sep[0], "type_id": second}}]
    tokens = {name: {"id": name, "ids": [number], "tokens": [name]} for name, number in (cls, sep)}
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}


def tokenizer_json(**parts):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, **parts}


def frequent(words, count):
    """The most frequent ones; of equally frequent ones those that sort first."""
    found = collections.Counter(words)
    return [word for word, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:count]]


def wordpiece(lower=False):
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    texts = [text.lower() if lower else text for text in corpus()]
    letters = sorted({c for text in texts for c in text if ord(c) < 0x500 or 0x900 <= ord(c) < 0xa00} - set(" \t\x00"))
    words = [word for text in texts for word in WORD.findall(text)]
    tails = [f"##{word[-3:]}" for word in words if len(word) > 5 and word.isascii()]
    vocabulary = list(dict.fromkeys(specials + letters + ["##" + c for c in letters if c.isalnum()] + frequent(words, 150) +
                                    frequent(tails, 60)))
    return tokenizer_json(
        added_tokens=added(enumerate(specials)),
        normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                    "lowercase": lower},
        pre_tokenizer={"type": "BertPreTokenizer"}, post_processor=around(("[CLS]", 2), ("[SEP]", 3)),
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
        model={"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
               "vocab": {token: i for i, token in enumerate(vocabulary)}})


def byte_letters():
    """The character that byte-level BPE writes for each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in shown]
    return {**{b: chr(b) for b in shown}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def merges_of(words, count):
    """Byte-pair merges, the most frequent pair first; of equally frequent ones the one that sorts first."""
    parts = {word: list(word) for word in words}
    merges = []
    for _ in range(count):
        pairs = collections.Counter()
        for word, frequency in words.items():
            for pair in zip(parts[word], parts[word][1:]):
                pairs[pair] += frequency
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, pieces in parts.items():
            i = 0
            while i < len(pieces) - 1:
                if (pieces[i], pieces[i + 1]) == best:
                    pieces[i:i + 2] = ["".join(best)]
                i += 1
    return merges


def byte_level():
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters = byte_letters()
    words = collections.Counter("".join(letters[b] for b in word.encode())
                                for text in corpus() for word in re.findall(r" ?\w+| ?[^\w\s]+", text))
    merges = merges_of(words, 160)
    vocabulary = specials + sorted(letters.values()) + ["".join(pair) for pair in merges]
    return tokenizer_json(
        added_tokens=added(enumerate(specials)),
        pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        post_processor={"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
                        "add_prefix_space": False},
        decoder={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        model={"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
               "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
               "vocab": {token: i for i, token in enumerate(dict.fromkeys(vocabulary))}, "merges": [list(p) for p in merges]})


def unigram():
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    words = ["▁" + word for text in corpus() for word in text.split()]
    letters = sorted({c for text in corpus() for c in text if c.isalpha() and ord(c) < 0x3000})
    pieces = frequent([w for w in words if 3 < len(w) < 9], 120) + frequent([w[-3:] for w in words if len(w) > 5], 60)
    entries = list(dict.fromkeys(["▁", *letters, *".,!?:-'", *pieces]))
    scores = {piece: -2.0 - 0.01 * i if len(piece) > 1 else -6.0 - 0.001 * i for i, piece in enumerate(entries)}
    vocabulary = [[token, 0.0] for token in specials] + [[piece, scores[piece]] for piece in entries] + [["<mask>", 0.0]]
    mask = len(vocabulary) - 1
    blanks = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return tokenizer_json(
        added_tokens=added([*enumerate(specials), (mask, "<mask>")]),
        normalizer={"type": "NFKC"}, pre_tokenizer=blanks, post_processor=around(("<s>", 0), ("</s>", 2), doubled=True),
        decoder=blanks, model={"type": "Unigram", "unk_id": 3, "vocab": vocabulary, "byte_fallback": False})


KINDS = {"wordpiece": (wordpiece, "bert"), "byte-level": (byte_level, "roberta"), "unigram": (unigram, "xlm-roberta")}


def vocabulary_size(tokenizer):
    return len(tokenizer["model"]["vocab"])


def base_shapes(prefix, vocabulary, types, positions):
    yield from (((prefix + "embeddings.word_embeddings.weight"), (vocabulary, HIDDEN)),
                ((prefix + "embeddings.position_embeddings.weight"), (positions, HIDDEN)),
                ((prefix + "embeddings.token_type_embeddings.weight"), (types, HIDDEN)))
    yield from norm(prefix + "embeddings.LayerNorm")
    for i in range(LAYERS):
        layer = f"{prefix}encoder.layer.{i}."
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            yield from linear(layer + "attention." + part, HIDDEN, HIDDEN)
        yield from norm(layer + "attention.output.LayerNorm")
        yield from linear(layer + "intermediate.dense", INNER, HIDDEN)
        yield from linear(layer + "output.dense", HIDDEN, INNER)
        yield from norm(layer + "output.LayerNorm")


def linear(name, rows, columns):
    yield name + ".weight", (rows, columns)
    yield name + ".bias", (rows,)


def norm(name):
    yield name + ".weight", (HIDDEN,)
    yield name + ".bias", (HIDDEN,)


def head_shapes(prefix, head, labels, vocabulary):
    bert = prefix == "bert."
    if head == "TokenClassification":
        return [*linear("classifier", labels, HIDDEN)]
    if head == "SequenceClassification":
        if bert:
            return [*linear("bert.pooler.dense", HIDDEN, HIDDEN), *linear("classifier", labels, HIDDEN)]
        return [*linear("classifier.dense", HIDDEN, HIDDEN), *linear("classifier.out_proj", labels, HIDDEN)]
    if head == "MaskedLM":
        if bert:
            return [*linear("cls.predictions.transform.dense", HIDDEN, HIDDEN), *norm("cls.predictions.transform.LayerNorm"),
                    ("cls.predictions.bias", (vocabulary,))]
        return [*linear("lm_head.dense", HIDDEN, HIDDEN), *norm("lm_head.layer_norm"), ("lm_head.bias", (vocabulary,))]
    if head == "QuestionAnswering":
        return [*linear("qa_outputs", 2, HIDDEN)]
    assert head == "Model"
    return []


def make(folder, kind, head="Model", labels=(), seed=1, scales=None, **config):
    """Writes a checkpoint: kind of KINDS, head as in BertForHEAD ("Model": the encoder alone), names of the labels."""
    folder.mkdir(parents=True, exist_ok=True)
    build, family = KINDS[kind]
    tokenizer = build(**({"lower": True} if config.pop("lower", False) else {}))
    offset = 0 if family == "bert" else 2
    names = {"bert": "Bert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta"}
    special = {"bert": "[UNK] [SEP] [PAD] [CLS] [MASK]"}.get(family, "<unk> </s> <pad> <s> <mask>").split()
    vocabulary = vocabulary_size(tokenizer)
    values = {
        "architectures": [names[family] + (head if head == "Model" else f"For{head}")], "model_type": family,
        "vocab_size": vocabulary, "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "intermediate_size": INNER, "max_position_embeddings": LENGTH + offset, "type_vocab_size": 2 if family == "bert" else 1,
        "layer_norm_eps": 1e-5, "hidden_act": "gelu", "pad_token_id": 0 if family == "bert" else 1, **config,
    }
    if labels:
        values["id2label"] = {str(i): label for i, label in enumerate(labels)}
        values["label2id"] = {label: i for i, label in enumerate(labels)}
    (folder / "config.json").write_text(json.dumps(values))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    inputs = ["input_ids", "attention_mask"] + (["token_type_ids"] if family == "bert" else [])
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": LENGTH, "model_input_names": inputs,
        **dict(zip(("unk_token", "sep_token", "pad_token", "cls_token", "mask_token"), special))}))
    prefix = "" if head == "Model" else "bert." if family == "bert" else "roberta."
    shapes = dict(base_shapes(prefix, vocabulary, values["type_vocab_size"], LENGTH + offset))
    shapes.update(head_shapes(prefix or "bert.", head, len(labels) or 2, vocabulary))
    write_weights(folder / "model.safetensors", shapes, seed, scales)
    return folder


def distilbert_shapes(head, vocabulary):
    prefix = "distilbert."
    yield from ((prefix + "embeddings.word_embeddings.weight", (vocabulary, HIDDEN)),
                (prefix + "embeddings.position_embeddings.weight", (LENGTH, HIDDEN)), *norm(prefix + "embeddings.LayerNorm"))
    for i in range(LAYERS):
        layer = f"{prefix}transformer.layer.{i}."
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            yield from linear(layer + "attention." + part, HIDDEN, HIDDEN)
        yield from norm(layer + "sa_layer_norm")
        yield from linear(layer + "ffn.lin1", INNER, HIDDEN)
        yield from linear(layer + "ffn.lin2", HIDDEN, INNER)
        yield from norm(layer + "output_layer_norm")
    if head == "QuestionAnswering":
        yield from linear("qa_outputs", 2, HIDDEN)
    else:
        yield from (*linear("vocab_transform", HIDDEN, HIDDEN), *norm("vocab_layer_norm"), ("vocab_projector.bias", (vocabulary,)))


def make_distilbert(folder, head, seed, scales=None):
    """A DistilBertForHEAD with the lower-casing WordPiece tokenizer: no type ids, names of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = wordpiece(lower=True)
    vocabulary = vocabulary_size(tokenizer)
    (folder / "config.json").write_text(json.dumps({
        "architectures": [f"DistilBertFor{head}"], "model_type": "distilbert", "vocab_size": vocabulary, "dim": HIDDEN,
        "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": INNER, "max_position_embeddings": LENGTH, "pad_token_id": 0}))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": LENGTH,
        "model_input_names": ["input_ids", "attention_mask"], "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
        "cls_token": "[CLS]", "mask_token": "[MASK]"}))
    write_weights(folder / "model.safetensors", dict(distilbert_shapes(head, vocabulary)), seed, scales)
    return folder
