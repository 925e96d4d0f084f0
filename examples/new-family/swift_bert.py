#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A variant of BERT that no library has, as its author wrote it: norms before each part (RMS, without biases), a gated
feed-forward, no token types, a head that classifies the mean. `swift_bert.py` writes a small random checkpoint (model/) and
what it gives (want.npz). Needs torch, safetensors and numpy."""

import json
import math
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
LENGTHS = [5, 1, 24, 11]


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, size = c["num_attention_heads"], c["hidden_size"]
        self.attention_norm = RMSNorm(size, c["rms_norm_eps"])
        self.qkv = nn.Linear(size, 3 * size, bias=False)
        self.out = nn.Linear(size, size, bias=False)
        self.ffn_norm = RMSNorm(size, c["rms_norm_eps"])
        self.gate = nn.Linear(size, c["intermediate_size"], bias=False)
        self.up = nn.Linear(size, c["intermediate_size"], bias=False)
        self.down = nn.Linear(c["intermediate_size"], size, bias=False)

    def forward(self, x):
        n, size = x.shape
        q, k, v = (part.view(n, self.heads, -1).transpose(0, 1) for part in self.qkv(self.attention_norm(x)).split(size, -1))
        probabilities = (q @ k.transpose(1, 2) / math.sqrt(size // self.heads)).softmax(-1)
        x = x + self.out((probabilities @ v).transpose(0, 1).reshape(n, size))
        h = self.ffn_norm(x)
        return x + self.down(nn.functional.silu(self.gate(h)) * self.up(h)), probabilities


class SwiftBertForSequenceClassification(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.positions = nn.Embedding(c["max_position_embeddings"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.classifier = nn.Linear(c["hidden_size"], len(c["id2label"]))

    def forward(self, ids):
        states, attentions = [self.tokens(ids) + self.positions(torch.arange(len(ids)))], []
        for layer in self.layers:
            state, probabilities = layer(states[-1])
            states.append(state)
            attentions.append(probabilities)
        states[-1] = self.norm(states[-1])
        return states, attentions, self.classifier(states[-1].mean(0))


@torch.no_grad()
def main():
    config = json.loads((HERE / "model" / "config.json").read_text())
    torch.manual_seed(1)
    model = SwiftBertForSequenceClassification(config).eval()
    for name, value in model.named_parameters(): # nothing may stay at 1 or 0: what a family forgets would not show
        value.copy_(0.3 * torch.randn(value.shape) + (1 if "norm" in name else 0))
    save_file(model.state_dict(), HERE / "model" / "model.safetensors", metadata={"format": "pt"})
    texts = [torch.randint(5, config["vocab_size"], (n,)) for n in LENGTHS]
    outputs = [model(ids) for ids in texts]
    arrays = {
        "input_ids": torch.cat(texts).numpy(),
        "cu_seqlens": np.cumsum([0] + LENGTHS),
        "hidden_states": torch.cat([torch.stack(states) for states, _, _ in outputs], 1).numpy(),
        "logits": torch.stack([logits for _, _, logits in outputs]).numpy(),
    }
    for i, (_, attentions, _) in enumerate(outputs):
        arrays[f"attentions.{i}"] = torch.stack(attentions).numpy()
    np.savez(HERE / "want.npz", **arrays)


if __name__ == "__main__":
    main()
