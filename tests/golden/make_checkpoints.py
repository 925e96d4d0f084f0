#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tiny BERT checkpoints of tests/golden/checkpoints and their reference outputs, tests/golden/NAME.npz.

Run it with torch, transformers, sentence-transformers, safetensors and numpy installed; what it writes is committed.
Weights are random but not degenerate: norms, biases and eps all show in the outputs, so that a dropped bias or a wrong
eps fails a test. References are computed one text at a time, unpadded, in float32, by transformers and
sentence-transformers. Token-level outputs are packed [T, …], one value per text is [N, …], attentions of text I are
`attentions.I` [layers, heads, n, n].
"""

import json
import pathlib
import shutil

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    PreTrainedTokenizerFast,
)

HERE = pathlib.Path(__file__).resolve().parent
CHECKPOINTS = HERE / "checkpoints"
VOCAB, POSITIONS, HIDDEN = 160, 40, 32
LENGTHS = [5, 1, 40, 17, 2, 9, 23]
TEXTS = [
    "the cat sat on the mat.",
    "a",
    "hello world, this is a test of tokens and words that are cut into pieces",
    "Numbers 12 and 345!",
    "the the the the the the the the the the the the the the the the the the the the the the the the the the the "
    "the the the the the the the the the the the the the the the the the the",
    "query: what is a cat?",
]


# --- the tokenizer: a hand-made WordPiece vocabulary, so that nothing here depends on a trainer


def vocabulary():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz"
    words += list(".,!?:;'-0123456789") + list(letters)
    words += ["##" + c for c in letters + "0123456789"]
    words += "the a of and is on to in this that are what test token word cat mat sat hello world query passage".split()[2:]
    words += ["the", "##s", "##ing", "##ed", "##er"]
    words = list(dict.fromkeys(words))
    words += [f"[unused{i}]" for i in range(VOCAB - len(words))]
    assert len(words) == VOCAB
    return words


def write_tokenizer(folder):
    words = vocabulary()
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
        model_max_length=POSITIONS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    fast.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["tokenizer_class"] = "BertTokenizer"
    config["do_lower_case"] = True
    config["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


# --- models


def config_of(**changes):
    values = dict(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=56,
        max_position_embeddings=POSITIONS,
        type_vocab_size=2,
        initializer_range=0.2,
        layer_norm_eps=1e-3,
    )
    values.update(changes)
    config = BertConfig(**values)
    config._attn_implementation = "eager"
    return config


def randomise(model, seed):
    """Every bias and norm away from its start, with a generator of its own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if "LayerNorm.weight" in name:
                value.copy_(1 + 0.3 * noise)
            else:
                value.copy_(0.2 * noise)
    return model.eval()


def make_model(kind, seed, **changes):
    torch.manual_seed(seed)
    return randomise(kind(config_of(**changes)), seed)


def ids_of(seed):
    generator = np.random.default_rng(seed)
    texts = []
    for n in LENGTHS:
        ids = generator.integers(5, VOCAB, n)
        ids[0] = 2
        types = (np.arange(n) >= generator.integers(1, n + 1)).astype(np.int64)
        texts.append((ids.astype(np.int64), types))
    return texts


def run(model, texts, extra):
    """The outputs of each text, gathered as `run --npz` writes them."""
    arrays = {
        "input_ids": np.concatenate([ids for ids, _ in texts]),
        "token_type_ids": np.concatenate([types for _, types in texts]),
        "cu_seqlens": np.cumsum([0] + [len(ids) for ids, _ in texts]).astype(np.int64),
    }
    parts = {}
    for i, (ids, types) in enumerate(texts):
        inputs = {"input_ids": torch.tensor(ids)[None], "token_type_ids": torch.tensor(types)[None]}
        if isinstance(model, BertForMultipleChoice):
            inputs = {k: v[None] for k, v in inputs.items()}
        with torch.no_grad():
            out = model(**inputs, output_hidden_states=True, output_attentions=True)
        arrays[f"attentions.{i}"] = torch.cat(out.attentions).numpy()
        parts.setdefault("hidden_states", []).append(torch.cat(out.hidden_states).numpy())
        parts.setdefault("last_hidden_state", []).append(out.hidden_states[-1][0].numpy())
        for name in extra:
            parts.setdefault(name, []).append(getattr(out, name)[0].numpy())
    for name, values in parts.items():
        if name == "hidden_states":
            arrays[name] = np.concatenate(values, axis=1)
        elif values[0].ndim > 0 and all(len(v) == len(t[0]) for v, t in zip(values, texts)) and name in TOKEN_LEVEL:
            arrays[name] = np.concatenate(values)
        else:
            arrays[name] = np.stack(values)
    return arrays


TOKEN_LEVEL = {"last_hidden_state", "prediction_logits", "start_logits", "end_logits", "token_logits"}


def write(name, model, seed, extra=(), token_logits=False, full=False):
    """Saves a checkpoint and its reference."""
    folder = CHECKPOINTS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    write_tokenizer(folder)
    if token_logits:
        TOKEN_LEVEL.add("logits")
    arrays = run(model.float(), ids_of(seed), extra)
    TOKEN_LEVEL.discard("logits")
    if not full:
        arrays = {k: v for k, v in arrays.items() if not k.startswith("attentions") and k != "hidden_states"}
    save_arrays(name, arrays)
    return folder


def save_arrays(name, arrays):
    arrays = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in arrays.items()}
    assert all(np.isfinite(v).all() for v in arrays.values())
    np.savez(HERE / f"{name}.npz", **arrays)


def rename_tensors(folder, rename):
    path = folder / "model.safetensors"
    save_file({rename(k): v.contiguous() for k, v in load_file(path).items()}, path, metadata={"format": "pt"})


def old_norm_names(name):
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def make_bases():
    base = make_model(BertModel, 1, num_hidden_layers=3)
    write("tiny-bert", base, 1, ["pooler_output"], full=True)

    old = write("tiny-bert-gamma", make_model(BertModel, 2), 2, ["pooler_output"])
    rename_tensors(old, lambda k: "bert." + old_norm_names(k))
    tensors = load_file(old / "model.safetensors")
    tensors["bert.embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    save_file(tensors, old / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((old / "config.json").read_text())
    config = {k: v for k, v in config.items() if k not in ("dtype", "architectures")}
    config.update(directionality="bidi", gradient_checkpointing=False, position_embedding_type="absolute")
    (old / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    write("tiny-bert-f16", make_model(BertModel, 3).half(), 3, ["pooler_output"])
    write("tiny-bert-bf16", make_model(BertModel, 4).bfloat16(), 4, ["pooler_output"])
    write("tiny-bert-gelu-new", make_model(BertModel, 5, hidden_act="gelu_new"), 5, ["pooler_output"])
    write("tiny-bert-relu", make_model(BertModel, 6, hidden_act="relu", layer_norm_eps=1e-12), 6, ["pooler_output"])

    model = make_model(BertModel, 7)
    sharded = write("tiny-bert-sharded", model, 7, ["pooler_output"])
    (sharded / "model.safetensors").unlink()
    model.save_pretrained(sharded, max_shard_size="40KB")

    torch.manual_seed(8)
    write("tiny-bert-no-pooler", randomise(BertModel(config_of(), add_pooling_layer=False), 8), 8)


def make_heads():
    write("tiny-bert-mlm", make_model(BertForMaskedLM, 11), 11, ["logits"], token_logits=True)
    write("tiny-bert-mlm-untied", make_model(BertForMaskedLM, 12, tie_word_embeddings=False), 12, ["logits"], token_logits=True)
    write("tiny-bert-nsp", make_model(BertForNextSentencePrediction, 13), 13, ["logits"])
    labels = {0: "negative", 1: "neutral", 2: "positive"}
    names = {v: k for k, v in labels.items()}
    classify = make_model(BertForSequenceClassification, 14, id2label=labels, label2id=names)
    write("tiny-bert-classify", classify, 14, ["logits"])
    tags = {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC", 4: "I-LOC"}
    ner = make_model(BertForTokenClassification, 15, id2label=tags, label2id={v: k for k, v in tags.items()})
    write("tiny-bert-ner", ner, 15, ["logits"], token_logits=True)
    write("tiny-bert-qa", make_model(BertForQuestionAnswering, 16), 16, ["start_logits", "end_logits"])
    write("tiny-bert-choice", make_model(BertForMultipleChoice, 17), 17, ["logits"])
    write("tiny-bert-pretraining", make_model(BertForPreTraining, 18), 18, ["prediction_logits", "seq_relationship_logits"])


# --- sentence-transformers folders


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_sentence_model(name, seed, modules, pooling, config=None, prompt=None):
    """modules: the class paths after the transformer; pooling: 1_Pooling/config.json."""
    folder = CHECKPOINTS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make_model(BertModel, seed).save_pretrained(folder)
    write_tokenizer(folder)
    listed = [{"idx": 0, "name": "0", "path": "", "type": modules[0]}]
    for i, kind in enumerate(modules[1:], 1):
        last = kind.rsplit(".", 1)[1]
        listed.append({"idx": i, "name": str(i), "path": f"{i}_{last}", "type": kind})
        if last == "Normalize":
            (folder / f"{i}_{last}").mkdir()
    write_json(folder / "modules.json", listed)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    write_json(folder / "config_sentence_transformers.json", {"__version__": {}, **(config or {})})
    for i, kind in enumerate(modules[1:], 1):
        if kind.endswith("Dense"):
            write_dense(folder / f"{i}_Dense", seed, pooling_width(pooling))
        if kind.endswith("LayerNorm"):
            write_layer_norm(folder / f"{i}_LayerNorm", seed)
    embed(name, folder, prompt)


def pooling_width(pooling):
    modes = pooling.get("pooling_mode")
    if modes is None:
        return HIDDEN * max(1, sum(v is True for k, v in pooling.items() if k.startswith("pooling_mode_")))
    return HIDDEN * (1 if isinstance(modes, str) else len(modes))


def write_dense(folder, seed, width):
    generator = torch.Generator().manual_seed(seed)
    write_json(
        folder / "config.json",
        {"in_features": width, "out_features": 20, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"},
    )
    weights = {
        "linear.weight": 0.3 * torch.randn(20, width, generator=generator),
        "linear.bias": 0.3 * torch.randn(20, generator=generator),
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def write_layer_norm(folder, seed):
    generator = torch.Generator().manual_seed(seed)
    write_json(folder / "config.json", {"dimension": HIDDEN})
    weights = {
        "norm.weight": 1 + 0.3 * torch.randn(HIDDEN, generator=generator),
        "norm.bias": 0.3 * torch.randn(HIDDEN, generator=generator),
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def embed(name, folder, prompt):
    model = SentenceTransformer(str(folder), device="cpu")
    vectors = np.stack([model.encode([text], convert_to_numpy=True)[0] for text in TEXTS])
    tokens = [model.tokenize([(prompt or "") + text]) for text in TEXTS]
    ids = [t["input_ids"][0].numpy() for t in tokens]
    arrays = {
        "input_ids": np.concatenate(ids).astype(np.int64),
        "token_type_ids": np.zeros(sum(map(len, ids)), np.int64),
        "cu_seqlens": np.cumsum([0] + [len(i) for i in ids]).astype(np.int64),
        "embedding": vectors,
    }
    save_arrays(name, arrays)


def make_sentence_models():
    old = "sentence_transformers.models."
    new = "sentence_transformers.base.modules.transformer."
    flags = {
        "word_embedding_dimension": HIDDEN,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    base = [old + "Transformer", old + "Pooling"]
    write_sentence_model("tiny-st-mean", 21, base + [old + "Normalize"], flags)
    write_sentence_model("tiny-st-concat", 22, base, {**flags, "pooling_mode_max_tokens": True})
    write_sentence_model(
        "tiny-st-cls-dense",
        23,
        base + [old + "Dense", old + "Normalize"],
        {**flags, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        {"similarity_fn_name": "dot"},
    )
    modern = [
        new + "Transformer",
        "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
        "sentence_transformers.sentence_transformer.modules.layer_norm.LayerNorm",
    ]
    new_schema = {"embedding_dimension": HIDDEN, "pooling_mode": "lasttoken", "include_prompt": True}
    write_sentence_model("tiny-st-new-schema", 24, modern, new_schema)
    many = {"embedding_dimension": HIDDEN, "pooling_mode": ["weightedmean", "mean_sqrt_len_tokens"], "include_prompt": True}
    write_sentence_model("tiny-st-many", 25, modern[:2], many)
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "query"}
    without = {"embedding_dimension": HIDDEN, "pooling_mode": "mean", "include_prompt": False}
    write_sentence_model("tiny-st-prompt", 26, modern[:2], without, prompts, "query: ")


def main():
    make_bases()
    make_heads()
    make_sentence_models()
    write_json(HERE / "texts.json", TEXTS)


if __name__ == "__main__":
    main()
