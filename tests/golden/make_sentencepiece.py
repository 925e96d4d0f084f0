# SPDX-License-Identifier: Apache-2.0
"""Writes sentencepiece/: small SentencePiece models in the layouts of known checkpoints, and what transformers makes of each.

    make_sentencepiece.py [--model FILE]
    make_sentencepiece.py --saved

Needs `sentencepiece`, `protobuf`, `transformers`. One unigram model is trained (or FILE is taken: training is not
deterministic) and its pieces are rearranged. A folder CASE holds the .model without a charsmap, tokenizer_config.json,
and expected.json: transformers' tokenizer with the name of the charsmap in the place of the charsmap. make_sentencepiece.json
names the charsmap of each case. With --saved, which needs transformers 4, saved.json gets what is not the model in the
tokenizer.json that it writes for each case: its pipelines are others than those of version 5. The charsmaps *.charsmap.xz are those that SentencePiece puts into any model.
"""
import argparse
import base64
import json
import lzma
import pathlib
import random
import tempfile

import sentencepiece
import transformers
from sentencepiece import sentencepiece_model_pb2 as schema
from transformers import AutoTokenizer

import tokenizer_equality as equality
import tokenizer_trained as trained

STORE = pathlib.Path(__file__).resolve().parent / "sentencepiece"
NORMAL, UNKNOWN, CONTROL, USER = 1, 2, 3, 4


def train(size=900, rule="identity"):
    rng = random.Random(5)
    lines = trained.corpus(rng, 3000)
    lines += [" ".join(rng.choice(equality.WORDS) for _ in range(8)) for _ in range(4000)]
    with tempfile.TemporaryDirectory() as scratch:
        prefix = pathlib.Path(scratch) / "m"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_prefix=str(prefix), vocab_size=size, normalization_rule_name=rule,
            hard_vocab_limit=False, minloglevel=2, character_coverage=0.9995)
        return prefix.with_suffix(".model").read_bytes()


def parse(data):
    model = schema.ModelProto()
    model.ParseFromString(data)
    return model


def layout(data, head, unknown, at=0, **fields):
    """The trained pieces with others at their head, [(piece, kind)], `at` pieces further down."""
    model = parse(data)
    pieces = [(p.piece, p.score, p.type) for p in model.pieces if p.type == NORMAL]
    del model.pieces[:]
    taken = {piece for piece, _ in head}
    pieces = [p for p in pieces if p[0] not in taken]
    pieces[at:at] = [(piece, 0.0, kind) for piece, kind in head]
    for piece, score, kind in pieces:
        model.pieces.add(piece=piece, score=score, type=kind)
    model.trainer_spec.unk_id = unknown
    model.trainer_spec.vocab_size = len(model.pieces)
    model.trainer_spec.ClearField("input")
    model.trainer_spec.ClearField("model_prefix")
    for name, value in fields.items():
        setattr(model.trainer_spec, name, value)
    return model


STANDARD = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
BRACKETS = [("<pad>", CONTROL), ("<unk>", UNKNOWN), ("[CLS]", CONTROL), ("[SEP]", CONTROL), ("[MASK]", CONTROL)]
THIRD = [("<pad>", CONTROL), ("</s>", CONTROL), ("<unk>", UNKNOWN), ("[CLS]", CONTROL), ("[SEP]", CONTROL), ("[MASK]", USER)]
PADDED = [("[PAD]", CONTROL), ("[CLS]", CONTROL), ("[SEP]", CONTROL), ("[UNK]", UNKNOWN)]
USERS = [("(", USER), (")", USER), ("£", USER), ("new york", USER), ("▁Straße", USER)]
BIG = [("<unk>", UNKNOWN), ("[CLS]", CONTROL), ("[SEP]", CONTROL), ("[MASK]", CONTROL)]
ENDS = [("<pad>", CONTROL), ("</s>", CONTROL), ("<s>", CONTROL)]


def cases(data):
    """(name, file, model, charsmap or None, tokenizer_config.json)"""
    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": True, "rstrip": False,
            "single_word": False}
    fairseq = layout(data, STANDARD, 0)
    yield "xlm-roberta", "sentencepiece.bpe.model", fairseq, "nmt_nfkc", {
        "tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512}
    yield "xlm-roberta-mask", "sentencepiece.bpe.model", fairseq, "nmt_nfkc", {
        "tokenizer_class": "XLMRobertaTokenizerFast", "mask_token": mask, "add_prefix_space": False}
    yield "xlm-roberta-users", "sentencepiece.bpe.model", layout(data, STANDARD + USERS, 0), None, {
        "tokenizer_class": "XLMRobertaTokenizer", "additional_special_tokens": ["<extra>", "<other>"]}
    yield "camembert", "sentencepiece.bpe.model", fairseq, "nmt_nfkc", {"tokenizer_class": "CamembertTokenizer"}
    yield "camembert-mask", "sentencepiece.bpe.model", fairseq, "nmt_nfkc", {
        "tokenizer_class": "CamembertTokenizer", "additional_special_tokens": ["<s>NOTUSED", "</s>NOTUSED"],
        "mask_token": mask}
    brackets = layout(data, BRACKETS + USERS, 1)
    yield "albert", "spiece.model", brackets, "nmt_nfkc", {"tokenizer_class": "AlbertTokenizer"}
    yield "albert-cased", "spiece.model", brackets, "nmt_nfkc_cf", {
        "tokenizer_class": "AlbertTokenizer", "do_lower_case": False, "keep_accents": True,
        "mask_token": {**mask, "content": "[MASK]"}}
    listed = {str(i): {**mask, "content": piece, "special": True, "lstrip": False, "normalized": False}
              for i, (piece, _) in enumerate(PADDED)}
    listed["1201"] = {**mask, "content": "[MASK]", "special": True}
    listed["1202"] = {**mask, "content": "new york", "special": False, "single_word": True}
    padded = layout(data, PADDED, 3)
    yield "deberta-v2-listed", "spm.model", padded, None, {
        "tokenizer_class": "DebertaV2Tokenizer", "added_tokens_decoder": listed}
    yield "deberta-v2", "spm.model", padded, "nmt_nfkc", {"tokenizer_class": "DebertaV2Tokenizer"}
    yield "deberta-v2-punct", "spm.model", padded, None, {
        "tokenizer_class": "DebertaV2Tokenizer", "do_lower_case": True, "split_by_punct": True,
        "add_prefix_space": False, "vocab_type": "spm"}
    blanks = layout(data, THIRD + USERS, 2)
    yield "rembert", "sentencepiece.model", blanks, "nmt_nfkc", {"tokenizer_class": "RemBertTokenizer"}
    yield "rembert-folded", "sentencepiece.model", blanks, "nmt_nfkc", {
        "tokenizer_class": "RemBertTokenizer", "do_lower_case": True, "keep_accents": False}
    big = layout(data, BIG, 63, at=60)
    for at, (piece, kind) in enumerate(ENDS):
        big.pieces.insert(at, schema.ModelProto.SentencePiece(piece=piece, score=0.0, type=kind))
    yield "big-bird", "spiece.model", big, "nmt_nfkc", {"tokenizer_class": "BigBirdTokenizer"}


def with_charsmap(model, name):
    whole = schema.ModelProto()
    whole.CopyFrom(model)
    if name:
        whole.normalizer_spec.precompiled_charsmap = lzma.decompress((STORE / f"{name}.charsmap.xz").read_bytes())
    return whole


def expected(file, model, name, config):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / file).write_bytes(with_charsmap(model, name).SerializeToString())
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        text = AutoTokenizer.from_pretrained(folder).backend_tokenizer.to_str()
    if name:
        blob = base64.b64encode(lzma.decompress((STORE / f"{name}.charsmap.xz").read_bytes())).decode()
        text = text.replace(blob, name)
    return json.loads(text)


SAVED = ("added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder")


def write_saved():
    assert transformers.__version__.startswith("4."), f"transformers is {transformers.__version__}, not 4"
    lines = []
    for name, charsmap in json.loads((STORE / "charsmaps.json").read_text()).items():
        file, = (STORE / name).glob("*.model")
        config = json.loads((STORE / name / "tokenizer_config.json").read_text())
        made = expected(file.name, parse(file.read_bytes()), charsmap, config)
        assert made["model"] == json.loads((STORE / name / "expected.json").read_text())["model"]
        lines.append(f'"{name}": ' + json.dumps({key: made[key] for key in SAVED}, ensure_ascii=False))
    (STORE / "saved.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--model", type=pathlib.Path, help="the trained model; else one is trained")
    args.add_argument("--saved", action="store_true", help="write saved.json alone")
    args = args.parse_args()
    if args.saved:
        return write_saved()
    model = args.model
    STORE.mkdir(exist_ok=True)
    for name in ("nmt_nfkc", "nmt_nfkc_cf"):
        file = STORE / f"{name}.charsmap.xz"
        if not file.exists():
            blob = parse(train(rule=name)).normalizer_spec.precompiled_charsmap
            file.write_bytes(lzma.compress(blob, preset=9 | lzma.PRESET_EXTREME))
    data = model.read_bytes() if model else train()
    charsmaps = {}
    for name, file, proto, charsmap, config in cases(data):
        folder = STORE / name
        folder.mkdir(exist_ok=True)
        (folder / file).write_bytes(proto.SerializeToString())
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
        made = expected(file, proto, charsmap, config)
        (folder / "expected.json").write_text(json.dumps(made, ensure_ascii=False) + "\n")
        charsmaps[name] = charsmap
        print(name, len(made["model"]["vocab"]))
    (STORE / "charsmaps.json").write_text(json.dumps(charsmaps, indent=1) + "\n")


if __name__ == "__main__":
    main()
