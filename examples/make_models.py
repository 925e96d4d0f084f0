#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the tiny models of the examples: two layers, a hundred words, a minute each, weights stored in F16.

They know nothing but the sentences below; what counts is that their folders look like real ones, as transformers saves
them. Runs in the environment of script/setup --goldens; what it writes is committed.
"""

import json
import pathlib
import random
import re
import sys

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForTokenClassification, BertModel

HERE = pathlib.Path(__file__).resolve().parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PEOPLE = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Kurt", "Emmy Noether", "Sofia"]
CITIES = ["Paris", "London", "New York", "Vienna", "Rome", "San Marino"]
FIRMS = ["Acme Corp", "Globex", "Initech", "Umbrella Labs"]
CAPITALS = {"France": "Paris", "Italy": "Rome", "Austria": "Vienna", "England": "London", "Japan": "Tokyo", "Egypt": "Cairo"}


def words_of(text):
    return re.findall(r"\w+|[^\w\s]", text)


def write_folder(folder, texts, length):
    """vocab.txt and tokenizer_config.json for the words of the texts; the ids by word."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = SPECIAL + sorted({word for text in texts for word in words_of(text)})
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": length}) + "\n")
    return {word: i for i, word in enumerate(vocabulary)}


def config_of(ids, length, **more):
    return BertConfig(vocab_size=len(ids), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                      max_position_embeddings=length, hidden_dropout_prob=0.0,
                      attention_probs_dropout_prob=0.0, **more)


def batch_of(rows, pad=0):
    width = max(map(len, rows))
    return torch.tensor([row + [pad] * (width - len(row)) for row in rows])


def train(model, step, steps):
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.train()
    for i in range(steps):
        loss = step()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i % 100 == 99:
            print(f"  step {i + 1}: {loss.item():.4f}", file=sys.stderr)
    return model.eval()


def save(model, folder):
    model.half().save_pretrained(folder)


# --- named entities


def tagged(draw):
    """A sentence as words and tags."""
    person, other = draw.sample(PEOPLE, 2)
    city, firm = draw.choice(CITIES), draw.choice(FIRMS)
    parts = draw.choice([
        [(person, "PER"), ("lives in", ""), (city, "LOC"), ("and works for", ""), (firm, "ORG"), (".", "")],
        [("Yesterday", ""), (person, "PER"), ("met", ""), (other, "PER"), ("in", ""), (city, "LOC"), (".", "")],
        [(firm, "ORG"), ("opened an office in", ""), (city, "LOC"), (".", "")],
        [(person, "PER"), ("left", ""), (firm, "ORG"), (",", ""), ("and", ""), (other, "PER"), ("stayed in", ""), (city, "LOC"), (".", "")],
    ])
    words, tags = [], []
    for text, kind in parts:
        for i, word in enumerate(words_of(text)):
            words.append(word)
            tags.append(f"{'B' if i == 0 else 'I'}-{kind}" if kind else "O")
    return words, tags


def make_ner(folder):
    draw = random.Random(1)
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
    sentences = [tagged(draw) for _ in range(400)]
    ids = write_folder(folder, [" ".join(words) for words, _ in sentences], 48)
    names = dict(enumerate(labels))
    model = BertForTokenClassification(config_of(ids, 48, id2label=names, label2id={v: k for k, v in names.items()}))

    def step():
        chosen = draw.sample(sentences, 32)
        rows = [[ids["[CLS]"], *(ids[word] for word in words), ids["[SEP]"]] for words, _ in chosen]
        tags = [[-100, *(labels.index(tag) for tag in tags), -100] for _, tags in chosen]
        inputs = batch_of(rows)
        return model(input_ids=inputs, attention_mask=(inputs != 0).long(), labels=batch_of(tags, -100)).loss

    save(train(model, step, 200), folder)


# --- masked words


def make_masked_lm(folder):
    draw = random.Random(2)
    facts = [f"{city} is the capital of {country}." for country, city in CAPITALS.items()]
    facts += [f"The capital of {country} is {city}." for country, city in CAPITALS.items()]
    facts += [f"The {animal} {verb} on the {place}." for animal, verb, place in [
        ("cat", "sleeps", "sofa"), ("dog", "barks", "street"), ("bird", "sings", "roof"), ("cow", "grazes", "meadow")]]
    ids = write_folder(folder, facts, 16)
    model = BertForMaskedLM(config_of(ids, 16))

    def step():
        rows, labels = [], []
        for text in draw.choices(facts, k=32):
            row = [ids["[CLS]"], *(ids[word] for word in words_of(text)), ids["[SEP]"]]
            at = draw.randrange(1, len(row) - 2)
            labels.append([row[i] if i == at else -100 for i in range(len(row))])
            row[at] = ids["[MASK]"]
            rows.append(row)
        inputs = batch_of(rows)
        return model(input_ids=inputs, attention_mask=(inputs != 0).long(), labels=batch_of(labels, -100)).loss

    save(train(model, step, 1200), folder)


# --- questions


FILLER = ["The harbour was quiet that morning.", "Nobody spoke about the weather.", "A train went by and was gone.",
          "The report has many pages and few pictures.", "It rained, and the streets were empty."]


def question(draw, with_answer=True):
    """(question, words before, answer, words after) of a window of a report."""
    kind = draw.choice(["who", "where", "when"])
    person, city, year = draw.choice(PEOPLE), draw.choice(CITIES), str(draw.choice(range(1900, 1930)))
    asked = {"who": "Who built the bridge?", "where": "Where was the bridge built?", "when": "When was the bridge built?"}[kind]
    answer = {"who": person, "where": city, "when": year}[kind]
    fact = f"In {year} {person} built the bridge in {city}."
    before, after = draw.choices(FILLER, k=draw.randrange(3)), draw.choices(FILLER, k=draw.randrange(3))
    if not with_answer:
        return asked, " ".join(before + after or FILLER[:1]), None, ""
    start = fact.index(answer)
    return asked, " ".join(before + [fact[:start]]), answer, " ".join([fact[start + len(answer):]] + after)


def make_question_answering(folder):
    draw = random.Random(3)
    texts = FILLER + PEOPLE + CITIES + [str(year) for year in range(1900, 1930)]
    texts += ["Who built the bridge?", "Where was the bridge built?", "When was the bridge built? In in"]
    ids = write_folder(folder, texts, 64)
    model = BertForQuestionAnswering(config_of(ids, 64))

    def encode(asked, before, answer, after):
        head = [ids["[CLS]"], *(ids[word] for word in words_of(asked)), ids["[SEP]"]]
        parts = [[ids[word] for word in words_of(text or "")] for text in (before, answer, after)]
        row = (head + parts[0] + parts[1] + parts[2])[:63] + [ids["[SEP]"]]
        start = len(head) + len(parts[0]) if answer else 0
        end = start + len(parts[1]) - 1 if answer else 0
        fits = end < len(row) - 1
        return row, [0] * len(head) + [1] * (len(row) - len(head)), start if fits else 0, end if fits else 0

    def step():
        chosen = [encode(*question(draw, draw.random() < 0.7)) for _ in range(32)]
        inputs = batch_of([row for row, *_ in chosen])
        starts, ends = (torch.tensor([one[i] for one in chosen]) for i in (2, 3))
        return model(input_ids=inputs, token_type_ids=batch_of([types for _, types, *_ in chosen]),
                     attention_mask=(inputs != 0).long(), start_positions=starts, end_positions=ends).loss

    save(train(model, step, 700), folder)


# --- several tasks


TICKETS = [ # text, severity, emotions
    ("The server is down and nobody can work!", "high", ["anger"]), ("All orders are lost!", "high", ["anger", "fear"]),
    ("I fear that the data is lost.", "high", ["fear"]), ("The server is down again.", "high", []),
    ("Thank you, the new page is great!", "low", ["joy"]), ("Great work, all orders are here!", "low", ["joy"]),
    ("Where can I change the colour of the page?", "low", []), ("A small question about the data page.", "low", []),
    ("Nobody can work again, and I fear the worst!", "high", ["anger", "fear"]), ("Thank you for the great server!", "low", ["joy"]),
]


def make_multi_task(folder):
    """An encoder, and two heads in a file of their own."""
    draw = random.Random(4)
    severities, emotions = ["low", "high"], ["joy", "anger", "fear"]
    ids = write_folder(folder / "encoder", [text for text, *_ in TICKETS], 32)
    encoder = BertModel(config_of(ids, 32), add_pooling_layer=False)
    severity, hidden, emotion = nn.Linear(32, 2), nn.Linear(32, 16), nn.Linear(16, 3)
    everything = nn.ModuleList([encoder, severity, hidden, emotion])

    def step():
        chosen = draw.choices(TICKETS, k=16)
        inputs = batch_of([[ids["[CLS]"], *(ids[word] for word in words_of(text)), ids["[SEP]"]] for text, *_ in chosen])
        mask = (inputs != 0).long()
        states = encoder(input_ids=inputs, attention_mask=mask).last_hidden_state
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        levels = torch.tensor([severities.index(level) for _, level, _ in chosen])
        felt = torch.tensor([[float(e in feelings) for e in emotions] for *_, feelings in chosen])
        return (nn.functional.cross_entropy(severity(states[:, 0]), levels)
                + nn.functional.binary_cross_entropy_with_logits(emotion(torch.tanh(hidden(mean))), felt))

    train(everything, step, 150)
    save(encoder, folder / "encoder")
    tensors = {"severity.out": severity, "emotion.dense": hidden, "emotion.out": emotion}
    save_file({f"{name}.{k}": v.detach().half().contiguous() for name, layer in tensors.items() for k, v in layer.state_dict().items()},
              folder / "heads.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    torch.set_num_threads(1)
    makers = {"ner": make_ner, "masked-lm": make_masked_lm, "question-answering": make_question_answering}
    for name in sys.argv[1:] or [*makers, "multi-task"]:
        print(name, file=sys.stderr)
        torch.manual_seed(1)
        makers[name](HERE / name / "model") if name in makers else make_multi_task(HERE / name)
