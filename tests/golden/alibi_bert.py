# SPDX-License-Identifier: Apache-2.0
"""BERT with ALiBi and gated feed-forwards, as jinaai/jina-bert-implementation and jinaai/jina-bert-v2-qk-post-norm publish it;
transformers has no class for it.

Attention, norms and heads are those of transformers' BERT: the biases come in as an additive mask, the feed-forward is
replaced, positions are left out. The formulas are those of the published modeling_bert.py.
"""
import math

import torch
import transformers
from torch import nn
from transformers.models.bert import modeling_bert as bert


class JinaBertConfig(transformers.BertConfig):
    model_type = "jina-bert"
    feed_forward_type: str = "geglu"
    qk_post_norm: bool = False # which of the two


def slopes(heads):
    """Of a power of two: a geometric series from 2^(-8 / heads). Else of the next smaller one, then every second of its double's."""
    power = 2 ** math.floor(math.log2(heads))
    first = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    return first if power == heads else first + slopes(2 * power)[0::2][: heads - power]


class Embeddings(bert.BertEmbeddings):
    def __init__(self, config):
        super().__init__(config)
        del self.position_embeddings

    def forward(self, input_ids=None, token_type_ids=None, **_):
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        return self.LayerNorm(self.word_embeddings(input_ids) + self.token_type_embeddings(types))


class GatedFeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.act = {"geglu": nn.GELU(), "reglu": nn.ReLU()}[config.feed_forward_type]
        self.gated_layers = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)
        self.wo = nn.Linear(config.intermediate_size, config.hidden_size)
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x):
        gated, other = self.gated_layers(x).chunk(2, dim=-1)
        return self.layernorm(self.wo(self.act(gated) * other) + x)


class CodeFeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gated = config.feed_forward_type != "original"
        self.act = {"geglu": nn.GELU(), "reglu": nn.ReLU(), "original": bert.ACT2FN[config.hidden_act]}[config.feed_forward_type]
        if self.gated:
            self.up_gated_layer = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)
        else:
            self.up_layer = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_layer = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x):
        if not self.gated:
            return self.down_layer(self.act(self.up_layer(x)))
        up, gated = self.up_gated_layer(x).chunk(2, dim=-1)
        return self.down_layer(up * self.act(gated))


def make_gated(layer, config):
    del layer.intermediate, layer.output
    layer.mlp = GatedFeedForward(config)
    layer.feed_forward_chunk = layer.mlp.forward


def make_code(layer, config):
    """Norms on queries and keys; one more around attention with its own residual; the feed-forward's."""
    def norm():
        return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    del layer.intermediate, layer.output
    attention = layer.attention.self
    attention.layer_norm_q, attention.layer_norm_k = norm(), norm()
    attention.query.register_forward_hook(lambda _, x, y: attention.layer_norm_q(y))
    attention.key.register_forward_hook(lambda _, x, y: attention.layer_norm_k(y))
    layer.layer_norm_1, layer.layer_norm_2 = norm(), norm()
    layer.attention.register_forward_hook(lambda _, x, y: (layer.layer_norm_1(x[0] + y[0]), *y[1:]))
    layer.mlp = CodeFeedForward(config)
    layer.feed_forward_chunk = lambda x: layer.layer_norm_2(x + layer.mlp(x))


class JinaBertModel(bert.BertModel):
    def __init__(self, config, add_pooling_layer=True):
        super().__init__(config, add_pooling_layer)
        self.embeddings = Embeddings(config)
        for layer in self.encoder.layer:
            if config.qk_post_norm:
                make_code(layer, config)
            elif config.feed_forward_type != "original":
                make_gated(layer, config)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None, **more):
        n = input_ids.shape[1]
        distance = (torch.arange(n)[None] - torch.arange(n)[:, None]).abs()
        bias = -torch.tensor(slopes(self.config.num_attention_heads))[:, None, None] * distance
        bias = bias[None].expand(len(input_ids), -1, -1, -1)
        return super().forward(input_ids=input_ids, attention_mask=bias, token_type_ids=token_type_ids, **more)


def with_encoder(name, pooler):
    """transformers' head of that name, on the encoder above."""
    base = getattr(transformers, name)

    def __init__(self, config):
        base.__init__(self, config)
        self.bert = JinaBertModel(config, add_pooling_layer=pooler)
        self.post_init()

    made = type("Jina" + name, (base,), {"__init__": __init__, "__module__": __name__})
    made.config_class = JinaBertConfig # transformers sets that of the base
    setattr(transformers, made.__name__, made)


for name, pooler in (("BertForMaskedLM", False), ("BertForSequenceClassification", True), ("BertForMultipleChoice", True),
                     ("BertForTokenClassification", False), ("BertForQuestionAnswering", False)):
    with_encoder(name, pooler)
JinaBertModel.config_class = JinaBertConfig
transformers.JinaBertModel = JinaBertModel
transformers.AutoConfig.register(JinaBertConfig.model_type, JinaBertConfig)
transformers.AutoModel.register(JinaBertConfig, JinaBertModel)
