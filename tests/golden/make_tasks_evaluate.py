#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tasks/evaluate.json: losses by the loss functions of transformers 5.23, F1 and the confusion matrix by
scikit-learn, correlations by SciPy, entities by seqeval. Runs in the environment of script/setup --goldens with these three.
"""
import json
import pathlib
import sys
import tempfile
import warnings

import numpy as np
import torch
import transformers
from scipy import stats
from seqeval import metrics as entities
from sklearn import metrics
from transformers.loss import loss_utils

import task_models
import tasks_evaluate
from tasks_evaluate import draw

HERE = pathlib.Path(__file__).resolve().parent
IGNORED = -100


class Oracle:
    def __init__(self, folder):
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        config = transformers.AutoConfig.from_pretrained(folder)
        kind = getattr(transformers, config.architectures[0])
        self.model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()

    def encode(self, text, pair=None, **more):
        return self.tokenizer(text, pair, truncation=True, max_length=task_models.LENGTH, return_tensors="pt", **more)

    def run(self, encoded):
        accepted = {key: encoded[key] for key in ("input_ids", "attention_mask", "token_type_ids") if key in encoded}
        with torch.no_grad():
            return self.model(**accepted)

    def logits(self, records):
        return torch.cat([self.run(self.encode(r["text"], r.get("pair"))).logits for r in records])


def reports(truth, found, names, labels=None):
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, found, labels=labels, zero_division=0)
    return [{"label": n, "precision": p, "recall": r, "f1": f, "support": int(s)}
            for n, p, r, f, s in zip(names, precision, recall, f1, support)]


def number_of(label, names):
    return names.index(label) if isinstance(label, str) else label


def one_class(oracle, records):
    config = oracle.model.config
    names = list(config.id2label.values())
    logits = oracle.logits(records)
    truth = [number_of(r["label"], names) for r in records]
    found = logits.argmax(-1).tolist()
    every = list(range(len(names)))
    return {"loss": loss_utils.ForSequenceClassificationLoss(torch.tensor(truth), logits, config).item(),
            "accuracy": metrics.accuracy_score(truth, found),
            "f1": {how: metrics.f1_score(truth, found, average=how, zero_division=0) for how in ("macro", "micro")},
            "classes": reports(truth, found, names, every),
            "confusion": {"labels": names, "matrix": metrics.confusion_matrix(truth, found, labels=every).tolist()}}


def hot(label, names):
    """A row of 0 and 1."""
    if len(label) == len(names) and all(isinstance(x, (bool, float)) for x in label):
        return [float(x) for x in label]
    chosen = {number_of(x, names) for x in label}
    return [float(i in chosen) for i in range(len(names))]


def several(oracle, records):
    config = oracle.model.config
    names = list(config.id2label.values())
    logits = oracle.logits(records)
    truth = torch.tensor([hot(r["label"], names) for r in records])
    found = (torch.sigmoid(logits) > 0.5).int().numpy()
    wanted = truth.int().numpy()
    return {"loss": loss_utils.ForSequenceClassificationLoss(truth, logits, config).item(),
            "accuracy": metrics.accuracy_score(wanted, found),
            "f1": {how: metrics.f1_score(wanted, found, average=how, zero_division=0) for how in ("macro", "micro")},
            "classes": reports(wanted, found, names)}


def correlations(got, want):
    return {"pearson": stats.pearsonr(got, want)[0], "spearman": stats.spearmanr(got, want)[0]}


def numbers(oracle, records):
    logits = oracle.logits(records)
    truth = torch.tensor([r["label"] for r in records])
    result = {"loss": loss_utils.ForSequenceClassificationLoss(truth, logits, oracle.model.config).item()}
    return result if logits.shape[1] > 1 else {**result, **correlations(logits[:, 0].double().numpy(), truth.double().numpy())}


def masked(oracle, pairs):
    """pairs: ids with masks, and labels."""
    logits, labels = [], []
    for ids, wanted in pairs:
        encoded = {"input_ids": ids[None], "attention_mask": torch.ones_like(ids)[None]}
        logits.append(oracle.run(encoded).logits[0])
        labels.append(wanted)
    logits, labels = torch.cat(logits), torch.cat(labels)
    loss = loss_utils.ForMaskedLMLoss(logits.double(), labels, logits.shape[-1]).item()
    counted = labels != IGNORED
    return {"loss": loss, "perplexity": float(np.exp(loss)), "masked": int(counted.sum()),
            "accuracy": (logits.argmax(-1)[counted] == labels[counted]).double().mean().item()}


def fixed(oracle, records):
    pairs = []
    for r in records:
        ids, whole = (oracle.encode(text)["input_ids"][0] for text in (r["text"], r["original"]))
        assert ids.shape == whole.shape
        pairs.append((ids, torch.where(ids == oracle.tokenizer.mask_token_id, whole, IGNORED)))
    return masked(oracle, pairs)


def drawn(oracle, records, seed):
    special = set(oracle.tokenizer.all_special_ids)
    pairs = []
    for i, r in enumerate(records):
        ids = oracle.encode(r["text"])["input_ids"][0]
        labels = torch.full_like(ids, IGNORED)
        for at, token in enumerate(ids.tolist()):
            if token in special or (draw(seed, i, at, 0) >> 11) / 2**53 >= 0.15:
                continue
            labels[at] = token
            fate = (draw(seed, i, at, 1) >> 11) / 2**53
            if fate < 0.8:
                ids[at] = oracle.tokenizer.mask_token_id
            elif fate < 0.9:
                ids[at] = (draw(seed, i, at, 2) >> 32) * len(oracle.tokenizer) >> 32
        pairs.append((ids, labels))
    return masked(oracle, pairs)


def similarity(oracle, records):
    def embed(text):
        return oracle.run(oracle.encode(text)).last_hidden_state[0].double().mean(0)

    got = [torch.nn.functional.cosine_similarity(embed(r["text"]), embed(r["pair"]), dim=0).item() for r in records]
    return correlations(got, [r["label"] for r in records])


def tags(oracle, records):
    names = list(oracle.model.config.id2label.values())
    logits, labels, truth, found = [], [], [], []
    for r in records:
        words = r["text"].split()
        if not words:
            continue
        encoded = oracle.encode(words, is_split_into_words=True)
        rows = oracle.run(encoded).logits[0]
        wanted, before = [], None
        for word in encoded.word_ids():
            label = r["label"][word] if word is not None and word != before else None
            wanted.append(IGNORED if label is None else number_of(label, names))
            before = word
        logits.append(rows)
        labels.append(torch.tensor(wanted))
        counted = labels[-1] != IGNORED
        truth.append([names[k] for k in labels[-1][counted].tolist()])
        found.append([names[k] for k in rows.argmax(-1)[counted].tolist()])
    logits, labels = torch.cat(logits), torch.cat(labels)
    flat_truth, flat_found = ([x for row in rows for x in row] for rows in (truth, found))
    report = entities.classification_report(truth, found, output_dict=True, zero_division=0)
    types = {key: value for key, value in report.items() if not key.endswith("avg")}
    return {"loss": loss_utils.ForTokenClassification(logits, labels, oracle.model.config).item(),
            "words": len(flat_truth), "accuracy": entities.accuracy_score(truth, found),
            "precision": entities.precision_score(truth, found), "recall": entities.recall_score(truth, found),
            "f1": {how: entities.f1_score(truth, found, average=how) for how in ("macro", "micro")},
            "types": {key: {"precision": v["precision"], "recall": v["recall"], "f1": v["f1-score"], "support": int(v["support"])}
                      for key, v in types.items()},
            "confusion": {"labels": names, "matrix": metrics.confusion_matrix(flat_truth, flat_found, labels=names).tolist()}}


def expect(name, folder):
    checkpoint, records, flags = tasks_evaluate.make_case(name, folder)
    oracle = Oracle(checkpoint)
    kinds = {"one class": one_class, "one class, said": one_class, "topics": several, "topics, said": several, "score": numbers,
             "three scores": numbers, "masks": fixed, "similarity": similarity, "tags": tags}
    result = kinds[name](oracle, records) if name in kinds else drawn(oracle, records, int(flags[1]))
    return {"count": len(records), **result}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    out = HERE / "tasks" / "evaluate.json"
    goldens = json.loads(out.read_text()) if out.exists() and sys.argv[1:] else {}
    for name in sys.argv[1:] or tasks_evaluate.CASES:
        with tempfile.TemporaryDirectory() as temporary:
            goldens[name] = expect(name, pathlib.Path(temporary) / "model")
            print(name, {key: value for key, value in goldens[name].items() if key not in ("classes", "confusion", "types")})
    out.write_text(json.dumps(goldens, indent=1, default=float) + "\n")
