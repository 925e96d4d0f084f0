# SPDX-License-Identifier: Apache-2.0
"""Vocabularies of real size to measure on, each a folder that both sides read; made once, under build/bench.

    WordPiece        all-MiniLM-L6-v2's, 30,522 entries
    byte-level BPE   GPT-2's vocab.json and merges.txt (script/setup --peers), 50,257 entries
    Unigram          trained here on the measured texts and lines of Python programs, 32,000 entries: NFKC and Metaspace
"""
import json
import pathlib
import sysconfig

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import tokenizer_corpus

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
UNIGRAM_SIZE = 32000


def corpus(folder):
    """The file with the texts, one a line."""
    path = folder / "corpus.txt"
    if not path.exists():
        path.write_text("".join(text + "\n" for text in tokenizer_corpus.texts()), encoding="utf-8")
    return path


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


def unigram(folder, texts):
    made = folder / "unigram"
    if (made / "tokenizer.json").exists():
        return made
    print(f"training a Unigram of {UNIGRAM_SIZE} entries, once: some minutes", flush=True)
    programs = [line for path in sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).glob("**/*.py"))
                if "site-packages" not in path.parts
                for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if len(line) < 200]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(texts + programs[::9], trainers.UnigramTrainer(
        vocab_size=UNIGRAM_SIZE, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False))
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    save(tokenizer, made)
    return made


def save(tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False), encoding="utf-8")
