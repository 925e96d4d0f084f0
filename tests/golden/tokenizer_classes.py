# SPDX-License-Identifier: Apache-2.0
"""Tokenizers that only a Python class of transformers knows, against that class.

    tokenizer_classes.py [--build DIR] [--lines N] [--only NAME] [--keep DIR] [--write]

Also vocab.json with merges.txt, with the switches and tokens beside them. Needs transformers and sacremoses. --write makes tests/golden/classes/: small vocabularies, lines and what the class gives
for them, which test_tokenizer_classes.py holds Egbert to. Without it, Egbert and the class are compared on N lines,
all characters and pairs, with a vocabulary that has each character. The classes are slow: with --keep their answers stay
in DIR, and another run takes them from there and goes on where they end.
"""
import argparse
import array
import itertools
import json
import pathlib
import random
import sys
import tempfile
import time

import tokenizer_equality as equality
import tokenizer_trained as trained
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizer_equality import DECODE, NO_SPECIAL, PAIR, Difference, Egbert

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "classes"
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
RESERVE = [f"<special{i}>" for i in range(10)]
SEED = 20240612

MOSES = """don't I'm we'll John's '90s 'tis l'homme aujourd'hui qu'il d'accord 5's rock'n'roll Mr. Dr. No. No.5 pp. 12 e.g. i.e. U.S.A.
etc. p.ex. M. Mme. al. fig. 3,000 3,000.50 a,b 1,a a,1 ,, 5, ... .. . a.b. x.' 'x.' x... ...x .... 50 % 50% 20 000 nº 5 ºC 10 cm
« bonjour » «bonjour» „hallo“ “quoted” ‘single’ it’s O’Neil 5 ‘x’ ´´ `` '' "said," "said." "x".. ".," — – -- foo-bar a—b (a) ( b ) [c] {d}
<tag> <a href="x"> http://x.org/a?b=c me@x.org #tag @name $5 €5 £5 5€ a/b and/or ? ! ; : a:b a; ？！ 。 ．x 。 、 ， 「x」 《y》 １２３ ％ ～ ━ … 【x】
ΟΔΟΣ ΣΑΣ Σ ΑΣ. İstanbul DŽ ǅ ẞ ﬁn Å Ω ê é naïve ÉCOLE Noël cœur Œuvre straße 中文。 日本 ไทย हिन्दी""".split(" ")
MOSES += ["20\u00a0000", "\u00a0%", "«\u00a0oui\u00a0»", "\u00a0;", ",\u00a0", "nº\u00a0", "a\u200bb", "x\u00ady", "\u2028", "\x1c", "\r\n",
          "@@", "a@@", "</w>", "\n", "x\n", "e\u0301\u0323", "''", "``"]


TYPICAL = """"Well," he said, "it's 5 o'clock — isn't it?"|She's got the kids' toys; they're John's & Mary's.|Mr. and Mrs. Smith left at 5 p.m. (U.S. time).
Dr. No. 5 vs. Prof. X, e.g. in Fig. 3, pp. 12-14, cf. Sec. 2.1.|The price rose by 3.5% to $1,234.56 (≈ €1.100,00).|https://example.org/path/page.html?q=1&lang=fr#top
Visit www.example.com, or mail first.last@mail.example.com!|@user RT: #hashtag 😂😂 so true… 👍🏽|“Curly quotes” and ‘single ones’, «guillemets» and „low“.
L'été, j'ai vu l'avion qu'il m'a décrit aujourd'hui, n'est-ce pas ?|« Bonjour », dit-elle ; « ça va ? »|M. Dupont et Mme. Durand habitent au no. 12, av. de l'Opéra.
Il y a 1 234,5 km — soit 20 000 % de plus.|C'est-à-dire : 50 % des cas (env. 3 000 pers.) etc.|Zażółć gęślą jaźń, tzn. ul. Długa 5 m. 3, r. 1999.
Tôi là sinh_viên trường đại_học Công_nghệ .|Hà_Nội , ngày 12 / 3 / 2020 : giá 5.000 đồng/kg .|我们在北京大学学习。价格：１２３元（约２０％）！|《红楼梦》是“四大名著”之一……
東京タワーは高さ333メートルです。「すごい」と彼は言った。|Привет, как дела? «Хорошо», — ответил он.|Ο Σίσυφος ΚΑΙ Η ΟΔΟΣ.|שלום עולם! "מה שלומך?"|مرحبا، كيف حالك؟
a.b.c. A.B.C. x.y z.|I'd've done it, y'all'd've too; rock 'n' roll in the '90s.|if (x[i] != y->z) { return "a\\n"; } // 100% <b>bold</b> &amp; a@-@b
10:30 a.m., 1/2, 3x4, -5, +6, 7e-8, No.5, v2.0.1, 192.168.0.1.|Wait... what?! .... No way!!! -- yes..... ok.|👨‍👩‍👧‍👦 family, 🇫🇷 flag, ❤️ heart, ☕️ tea
C'est l'«auteur» qui l'a dit.".|''Quoted'' and ``so''. "x".. y|1,000,000 ,5 5, a,b ,|don't can't won't I'll you'd we've it'S""".replace("\n", "|").split("|")


def line(rng, added):
    if rng.random() < 0.2:
        return " ".join(rng.choice(TYPICAL) for _ in range(rng.choice([1, 1, 2])))
    parts = [trained.line(rng, trained.STEMS, added)] if rng.random() < 0.6 else []
    for _ in range(rng.choice([0, 1, 3, 6])):
        parts.append(rng.choice(MOSES))
        if rng.random() < 0.3:
            parts[-1] += rng.choice(MOSES)
    rng.shuffle(parts)
    return rng.choice([" ", " ", " ", "", "  ", " \n"]).join(parts)


def long_text(rng):
    """More than is tokenised at once, with and without places to cut at."""
    between = rng.choice(["", "", " ", "\n", "! ", "x y", "'", ","])
    if rng.random() < 0.5:
        return between.join(rng.choice(MOSES) for _ in range(rng.choice([3000, 9000])))
    return between.join(line(rng, ["word"]) for _ in range(rng.choice([150, 400])))


# ---- Vocabularies ----


def bpe(size=700):
    """Merges of words whose last character has </w>, and the symbols that they make."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    lines = [x.lower() if i % 2 else x for i, x in enumerate(trained.corpus(random.Random(SEED), 1200))]
    lines += [" ".join(MOSES)] * 2
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=size, limit_alphabet=150, show_progress=False,
                                                            end_of_word_suffix="</w>"))
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    return list(model["vocab"]), merges


def characters():
    return [chr(c) for c in range(0x21, 0x20000) if equality.is_text(c) and not chr(c).isspace()
            and not 0x3400 <= c <= 0x9FFF and not 0xAC00 <= c <= 0xF8FF and not 0x13000 <= c < 0x1B000]


def without_some(symbols, merges):
    """As in real files, some of what merges make is not in the vocabulary."""
    made = {a + b for a, b in merges}
    return [s for i, s in enumerate(symbols) if s not in made or i % 7]


def suffixed(every):
    symbols, merges = bpe()
    symbols = without_some(symbols, merges)
    if every:
        symbols += [c + end for c in characters() for end in ("", "</w>")]
    vocab = {token: i for i, token in enumerate(dict.fromkeys([*SPECIALS, *RESERVE, *symbols]))}
    return vocab, merges


def write_suffixed(folder, every, counted, cls, **config):
    vocab, merges = suffixed(every)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text("".join(f"{a} {b}{' 12' if counted else ''}\n" for a, b in merges))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": cls, **config}))


def write_codes(folder, every):
    symbols, merges = bpe()
    symbols = without_some(symbols, merges)
    if every:
        symbols += [c + end for c in characters() for end in ("", "</w>")]
    entries = dict.fromkeys(s[:-4] if s.endswith("</w>") else s + "@@" for s in symbols)
    (folder / "vocab.txt").write_text("".join(f"{e} {1000 - i}\n" for i, e in enumerate(entries)
                                              if e not in SPECIALS and e.strip() == e and e))
    (folder / "bpe.codes").write_text("".join(f"{a} {b} {1000 - i}\n" for i, (a, b) in enumerate(merges)))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PhobertTokenizer"}))


def write_words(folder, every):
    symbols, merges = bpe()
    if every:
        symbols += [c + end for c in characters() for end in ("", "</w>")]
    vocab = {token: i for i, token in enumerate(dict.fromkeys([*SPECIALS, "<mask>", *symbols]))}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "HerbertTokenizer"}))


def bytes_model(specials):
    """Byte-level BPE: its vocabulary behind the special tokens, and its merges as a file."""
    model = trained.byte_level_bpe(random.Random(5), size=700)
    tokens = [*specials, *(token for token in model["vocab"] if token not in trained.SPECIALS)]
    merges = "#version: 0.2\n" + "".join((m if isinstance(m, str) else " ".join(m)) + "\n" for m in model["merges"])
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}, merges


def write_bytes(folder, specials, switches, **files):
    """files: by the name without .json"""
    vocab, merges = bytes_model(specials)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text(merges)
    for name, content in {"tokenizer_config": switches, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def write_lower_words(folder, every):
    symbols, merges = bpe()
    if every:
        symbols += [c + end for c in characters() for end in ("", "</w>")]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(dict.fromkeys(["<unk>", *symbols]))}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "OpenAIGPTTokenizer"}))


def write_letters(folder, every):
    letters = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>"]
    (folder / "vocab.txt").write_text("\n".join(letters))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "EsmTokenizer"}))


BERTS = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
MASK = {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": True, "single_word": False}
ENDS = {"add_bos_token": True, "add_eos_token": True, "bos_token": "<b>"}

CASES = {
    "deberta": lambda folder, every: write_bytes(
        folder, BERTS, {"tokenizer_class": "DebertaTokenizer", "mask_token": {"__type": "AddedToken", **MASK, "content": "[MASK]"}}),
    "esm": write_letters,
    "gpt2-by-type": lambda folder, every: write_bytes(
        folder, ["<|endoftext|>"], {**ENDS, "image_token": "<img>", "additional_special_tokens": ["<special1>", "dog"]},
        config={"model_type": "gpt2"}),
    "gpt-neox": lambda folder, every: write_bytes(
        folder, ["<|endoftext|>", "<|padding|>"], {"tokenizer_class": "GPTNeoXTokenizerFast", "added_tokens_decoder": {
            "0": {**MASK, "content": "<|endoftext|>", "special": True},
            "697": {**MASK, "content": "   ", "lstrip": False, "special": False},
            "698": {**MASK, "content": "Café", "special": False}}}),
    "openai-gpt": write_lower_words,
    "roberta-by-type": lambda folder, every: write_bytes(
        folder, [*SPECIALS, "<mask>"], {"mask_token": "<unk>", "add_prefix_space": True},
        config={"model_type": "roberta"}, special_tokens_map={"mask_token": MASK, "additional_special_tokens": ["<special7>"]}),
    "phobert": write_codes,
    "herbert": write_words,
    "xlm": lambda folder, every: write_suffixed(folder, every, True, "XLMTokenizer"),
    "xlm-cased": lambda folder, every: write_suffixed(folder, every, False, "XLMTokenizer",
                                                      do_lowercase_and_remove_accent=False),
    "flaubert": lambda folder, every: write_suffixed(folder, every, False, "FlaubertTokenizer"),
    "flaubert-lower": lambda folder, every: write_suffixed(folder, every, False, "FlaubertTokenizer", do_lowercase=True,
                                                           clean_up_tokenization_spaces=True),
}
ADDED = [*SPECIALS, "<mask>", "<special1>", "<special7>", "<unk", "s>"]
MORE_ADDED = [*ADDED, *BERTS, "  [MASK] ", "<img>", "dog", "Café", "   ", "<|endoftext|>", "<cls>", "<eos>", "<null_1>", "MKTAYIAKQR", "GSxLV"]
OLDER = ("phobert", "herbert", "xlm", "flaubert")  # whose lines are made without these


def added_of(name):
    return ADDED if name.startswith(OLDER) else MORE_ADDED


# ---- What the class gives ----


def oracle_of(folder):
    import transformers
    name = json.loads((folder / "tokenizer_config.json").read_text()).get("tokenizer_class", "AutoTokenizer")
    return getattr(transformers, name.removesuffix("Fast")).from_pretrained(folder)


def truncated_by_library(oracle, a, b, room, strategy):
    oracle.backend_tokenizer.enable_truncation(room + oracle.num_special_tokens_to_add(True), strategy=equality.STRATEGIES[strategy])
    try:
        return oracle.backend_tokenizer.encode(a, b).ids
    except Exception:  # the library has no kind of its own for it
        return None
    finally:
        oracle.backend_tokenizer.no_truncation()


def closed_form(a, b, room):
    """Hugging Face's library's longest_first, which all families follow here."""
    swapped = len(a) > len(b)
    short, long = sorted((len(a), len(b)))
    long = short if short > room else max(short, room - short)
    if short + long > room:
        short, long = room // 2, room - room // 2
    return (long, short) if swapped else (short, long)


def truncated(oracle, a, b, room, strategy):
    """ids of a pair within `room`; None: refused."""
    if oracle.is_fast:
        return truncated_by_library(oracle, a, b, room, strategy)
    first, second = (oracle.convert_tokens_to_ids(oracle.tokenize(x)) for x in (a, b))
    surplus = len(first) + len(second) - room
    if surplus > 0:
        if strategy == 0:
            keep = closed_form(first, second, room)
            first, second = first[:keep[0]], second[:keep[1]]
        elif strategy == 1:
            first = first[:-surplus] if len(first) > surplus else None
        else:
            second = second[:-surplus] if len(second) > surplus else None
    if first is None or second is None:
        return None
    return oracle.build_inputs_with_special_tokens(first, second)


def questions(name, size, count):
    """Texts, each with what else is asked about it; `size`: of the vocabulary."""
    rng = random.Random(SEED)
    mixed = [line(rng, added_of(name)) for _ in range(count)]
    pairs = [(a, b) for a, b in zip(mixed[::8], mixed[1::8]) if b]  # transformers takes an empty second text for none
    asked = [{"text": text, **({"decode": True} if i % 10 == 0 else {})} for i, text in enumerate(mixed)]
    asked += [{"text": text} for text in equality.every_char(thin=97, step=4)]
    asked += [{"text": a, "pair": b, "strategy": i % 3, "room": rng.choice([1, 2, 3, 4, 7, 12, 30])}
              for i, (a, b) in enumerate(pairs)]
    asked += [{"ids": [rng.randrange(size + 3) for _ in range(rng.randint(0, 12))]} for _ in range(count // 40)]
    rng.shuffle(asked)
    return asked + [{"text": long_text(rng)} for _ in range(count // 1000)]


def answer(oracle, question):
    if "pair" in question:
        a, b = question["text"], question["pair"]
        both = oracle(a, b, return_token_type_ids=True)
        return {"ids": both["input_ids"], "type_ids": both["token_type_ids"],
                "cut": truncated(oracle, a, b, question["room"], question["strategy"])}
    ids, out = question.get("ids"), {}
    if ids is None:
        done = oracle(question["text"], return_offsets_mapping=oracle.is_fast)
        out = {"ids": done["input_ids"], **({"offsets": done["offset_mapping"]} if oracle.is_fast else {})}
        ids = out["ids"]
    if "text" not in question or "decode" in question:
        out |= {"decoded": oracle.decode(ids), "plain": oracle.decode(ids, skip_special_tokens=True)}
    return out


def answers(folder, count):
    """(question, answer), one by one; those that the folder has are not asked again."""
    oracle, path = oracle_of(folder), folder / "answers.jsonl"
    asked = questions(folder.name, len(oracle), count)
    known = path.read_text().split("\n")[:-1] if path.exists() else []
    yield from zip(asked, map(json.loads, known))
    with path.open("a") as file:
        for question in asked[len(known):]:
            got = answer(oracle, question)
            file.write(json.dumps(got, ensure_ascii=False) + "\n")
            yield question, got


# ---- Egbert beside it ----


def requests(question, want, specials):
    """What Egbert is asked for one question, and what it should say."""
    if "pair" in question:
        a, b = question["text"].encode(), question["pair"].encode()
        yield (0, 0, PAIR, a, b), (0, want["ids"], want["type_ids"])
        refused = (equality.USAGE,)
        yield ((question["room"] + specials, question["strategy"], PAIR, a, b),
               refused if want["cut"] is None else (0, want["cut"]))
        return
    if "text" in question:
        offsets = [list(ends) for ends in zip(*want["offsets"])] if "offsets" in want else []
        yield (0, 0, 0, question["text"].encode(), b""), (0, want["ids"], [0] * len(want["ids"]), *offsets)
    if "decoded" in want:
        ids = array.array("q", question["ids"] if "ids" in question else want["ids"]).tobytes()
        yield (0, 0, DECODE, ids, b""), (0, want["decoded"])
        yield (0, 0, DECODE | NO_SPECIAL, ids, b""), (0, want["plain"])


def check(name, egbert, part, specials):
    """The questions for which Egbert gives something else, and how many of its answers were looked at."""
    asked = [(question, request, want) for question, known in part for request, want in requests(question, known, specials)]
    wrong = []
    for (question, _, want), got in zip(asked, egbert.ask([request for _, request, _ in asked])):
        if tuple(got[:len(want)]) != want:
            wrong.append(Difference(f"{name}: {question}\n  want {want}\n  got  {got}"))
    return wrong, len(asked)


def batches(items, size):
    items = iter(items)
    while batch := list(itertools.islice(items, size)):
        yield batch


def compare(name, build, count, folder, most_shown=20):
    if not folder.is_dir():
        folder.mkdir(parents=True)
        CASES[name](folder, True)
    egbert, specials = Egbert(build, folder), oracle_of(folder).num_special_tokens_to_add(True)
    looked, wrong = 0, []
    for part in batches(answers(folder, count), 5000):
        found, of = check(name, egbert, part, specials)
        wrong += found
        looked += of
        if len(wrong) >= most_shown:
            break
    if wrong:
        raise Difference("\n".join(map(str, wrong[:most_shown])))
    return looked


# ---- What is committed ----


def expectations(name, oracle, rng):
    lines = [line(rng, added_of(name)) for _ in range(150)]
    for text in lines:
        ids = oracle(text)["input_ids"]
        offsets = {"offsets": oracle(text, return_offsets_mapping=True)["offset_mapping"]} if oracle.is_fast else {}
        yield {"text": text, "ids": ids, **offsets, "decoded": oracle.decode(ids), "plain": oracle.decode(ids, skip_special_tokens=True)}
    for a, b in zip(lines[:24], lines[24:48]):
        if not b:  # as above
            continue
        both = oracle(a, b, return_token_type_ids=True)
        strategy, room = rng.randrange(3), rng.choice([2, 3, 7, 12])
        yield {"text": a, "pair": b, "ids": both["input_ids"], "type_ids": both["token_type_ids"], "strategy": strategy,
               "max_length": room + oracle.num_special_tokens_to_add(True), "cut": truncated(oracle, a, b, room, strategy)}


def write(only):
    for name, make in CASES.items():
        if only not in (None, name):
            continue
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        make(folder, False)
        rows = expectations(name, oracle_of(folder), random.Random(SEED))
        (folder / "expected.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--build", default="build")
    args.add_argument("--lines", type=int, default=100_000)
    args.add_argument("--only")
    args.add_argument("--keep", type=pathlib.Path)
    args.add_argument("--write", action="store_true")
    args = args.parse_args()
    if args.write:
        write(args.only)
        return
    with tempfile.TemporaryDirectory() as scratch:
        for name in CASES:
            if args.only in (None, name):
                begin = time.time()
                try:
                    count = compare(name, args.build, args.lines, (args.keep or pathlib.Path(scratch)) / name)
                except Difference as difference:
                    sys.exit(str(difference))
                print(f"{name}: {count} equal, {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
