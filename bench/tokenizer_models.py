# SPDX-License-Identifier: Apache-2.0
"""Vocabularies of real size to measure on, each a folder that both sides read; made once, under build/bench.

    WordPiece        all-MiniLM-L6-v2's, 30,522 entries
    byte-level BPE   GPT-2's vocab.json and merges.txt (script/setup --peers), 50,257 entries
    Unigram          trained here on the measured texts but the new words, 32,000 entries: NFKC and Metaspace
    with a charsmap  the same entries behind SentencePiece's nmt_nfkc, WhitespaceSplit and Metaspace, as XLM-R has them
"""
import base64
import json
import lzma
import pathlib

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import tokenizer_corpus

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
UNIGRAM_SIZE = 32000
CHARSMAP = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/sentencepiece/nmt_nfkc.charsmap.xz"


def corpora(folder):
    """By kind the file with the texts, divided by U+0000."""
    paths = {kind: folder / f"{kind.replace(' ', '-').lower()}.texts" for kind in tokenizer_corpus.KINDS}
    for kind, path in paths.items():
        if not path.exists():
            path.write_text("\0".join(tokenizer_corpus.texts(kind)), encoding="utf-8")
    return paths


def read_texts(path):
    return path.read_bytes().decode().split("\0")


def word_piece(folder, minilm):
    return pathlib.Path(minilm)


def byte_level(folder, gpt2):
    """tokenizer.json of the two files, so that both sides read one."""
    made = folder / "byte-level-bpe"
    if not (made / "tokenizer.json").exists():
        tokenizer = Tokenizer(models.BPE.from_file(f"{gpt2}/vocab.json", f"{gpt2}/merges.txt"))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
        save(tokenizer, made)
    return made


def unigram(folder, paths):
    made = folder / "unigram"
    if (made / "tokenizer.json").exists():
        return made
    print(f"training a Unigram of {UNIGRAM_SIZE} entries, once: some minutes", flush=True)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    lines = [line for kind, path in paths.items() if kind != "new words" for text in read_texts(path)
             for line in text.splitlines()]
    tokenizer.train_from_iterator(lines, trainers.UnigramTrainer(
        vocab_size=UNIGRAM_SIZE, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False))
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    save(tokenizer, made)
    return made


def charsmap(folder, plain):
    made = folder / "unigram-charsmap"
    tokenizer = Tokenizer.from_file(str(plain / "tokenizer.json"))
    blob = base64.b64encode(lzma.decompress(CHARSMAP.read_bytes())).decode()
    data = json.loads(tokenizer.to_str())
    data["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": blob}
    data["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, data["pre_tokenizer"]]}
    save(Tokenizer.from_str(json.dumps(data)), made)
    return made


def save(tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False), encoding="utf-8")
