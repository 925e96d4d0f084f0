# SPDX-License-Identifier: Apache-2.0
"""Egbert's tokenizer against Hugging Face's library: the same ids, type ids, offsets and decoded text.

    tokenizer_equality.py [--build DIR] [--minilm DIR] [--lines N]

Needs `tokenizers` from PyPI alone. Lines are made from a fixed seed. Each case is a folder that both sides read.
"""
import argparse
import array
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

NO_SPECIAL, PAIR, DECODE, WINDOWS = 1, 2, 4, 32
ARRAYS = [("i", 4), ("i", 4), ("I", 4), ("I", 4), ("B", 1)]
WINDOW_ARRAYS = [*ARRAYS, ("I", 4)]
NO_WORD = 2**32 - 1
STRATEGIES = ["longest_first", "only_first", "only_second"]
USAGE = 2
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


# ---- Lines ----

WORDS = """the of and to in a is that for it as was with be by on not he I this are or his from at which but have an had
they you were there one all we can her has been if more when will would who so no antidisestablishmentarianism
unbelievable tokenization running walked don't it's we've they're U.S.A. e-mail 3.14 $20 100% C++ foo_bar x=y a/b
Straße café naïve Ünïcödé ÉCOLE Ångström İstanbul ΟΔΟΣ ΑΓΑΠΗ Москва привет ЁЖ שלום مرحبا हिन्दी क्षि ไทย 中文 漢字 日本語
ひらがな カタカナ ﾊﾟ 한국어 가나다 ﷺ ﬁ Ａｂｃ ① ½ x² ™ 👨‍👩‍👧‍👦 🇩🇪 👍🏽 ❤️ ‍ ­ ​""".split()
MARKS = [0x300, 0x301, 0x302, 0x303, 0x308, 0x323, 0x327, 0x328, 0x331, 0x338, 0x345, 0x34F, 0x360, 0x5B0, 0x64B, 0x93C,
         0x94D, 0xE38, 0xF71, 0xF72, 0x1DFB, 0x20D0, 0x302A, 0x302E, 0x302F, 0x3099, 0x8D4, 0x1D165, 0x1D16D, 0xFE20]
SPACES = " \t\n\r\v\f\x85\xa0\u1680\u2003\u2009\u2028\u202f\u3000\u180e\u200b\ufeff\x00\x1c\x1f"
BLOCKS = [(0x20, 0x7E), (0xA0, 0x17F), (0x180, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF),
          (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x30FF), (0x3400, 0x3500), (0x4E00, 0x9FFF),
          (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFFFF), (0x10000, 0x10FFF), (0x11000, 0x11FFF),
          (0x16E00, 0x16FFF), (0x1D100, 0x1D7FF), (0x1F000, 0x1FAFF), (0x20000, 0x20100), (0x2F800, 0x2FA1F)]


def is_text(c):
    return not 0xD800 <= c <= 0xDFFF


def any_char(rng):
    while True:
        c = rng.randrange(0x110000)
        if is_text(c):
            return chr(c)


def block_word(rng):
    low, high = rng.choice(BLOCKS)
    return "".join(chr(c) for c in (rng.randint(low, high) for _ in range(rng.randint(1, 8))) if is_text(c))


def marked_word(rng):
    out = []
    for _ in range(rng.randint(1, 4)):
        out.append(rng.choice("aeoAEKsé\u1161가\u0f40ặ") if rng.random() < 0.9 else block_word(rng))
        out += [chr(rng.choice(MARKS)) for _ in range(rng.choice([0, 1, 1, 2, 3, 30]))]
    return "".join(out)


def one_word(rng, pool, added):
    kind = rng.random()
    if kind < 0.5:
        word = rng.choice(pool)
        return word if rng.random() < 0.8 else rng.choice([word.upper(), word.capitalize(), word + rng.choice(pool)])
    if kind < 0.62:
        return rng.choice(WORDS)
    if kind < 0.72:
        return block_word(rng)
    if kind < 0.80:
        return marked_word(rng)
    if kind < 0.86:
        return rng.choice(added)
    if kind < 0.92:
        return rng.choice([".", ",", "!", "?", "...", "--", "(", ")", '"', "'", "#", "##", "_", "[", "]", "[MASK", "SEP]"])
    if kind < 0.96:
        return any_char(rng)
    return rng.choice(["x" * rng.randint(90, 110), "é" * rng.randint(95, 105), "\u0301" * 40, "ab" * 60, "1" * 99])


def mixed_line(rng, pool, added):
    parts = []
    for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 13])):
        parts.append(one_word(rng, pool, added))
        blank = rng.random()
        parts.append(" " if blank < 0.7 else "" if blank < 0.85 else rng.choice(SPACES) * rng.randint(1, 3))
    return "".join(parts)


def every_char(step=24, thin=1):
    """Each character on its own, within a word, and before a mark; several to a line. Where nothing but ideographs,
    private use and unassigned characters is left, every `thin`-th."""
    chars = [chr(c) for c in range(0x110000) if is_text(c) and (c < 0x20000 or 0x2F800 <= c < 0x2FA20 or c % thin == 0)]
    for at in range(0, len(chars), step):
        yield "".join(f"{c} a{c}b {c}\u0301" for c in chars[at:at + step])


# ---- Both sides ----


class Egbert:
    def __init__(self, build, folder):
        self.command = [str(pathlib.Path(build) / "tests" / "unit" / "tokenizer_dump"), str(folder)]

    def ask(self, requests):
        """requests: (max_length, strategy, flags, a, b). Answers: (status, ids, types, starts, ends, special)."""
        blob = bytearray()
        for max_length, strategy, flags, a, b in requests:
            blob += struct.pack("<IBBII", max_length, strategy, flags, len(a), len(b)) + a + b
        done = subprocess.run(self.command, input=bytes(blob), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr.decode()
        at, answers = 0, []
        for _, _, flags, _, _ in requests:
            status, count = struct.unpack_from("<II", done.stdout, at)
            at += 8
            if flags & DECODE:
                answers.append((status, done.stdout[at:at + count].decode()))
                at += count
                continue
            if flags & WINDOWS:
                windows = []
                for _ in range(count):
                    tokens, = struct.unpack_from("<I", done.stdout, at)
                    arrays, at = take_arrays(done.stdout, at + 4, tokens, WINDOW_ARRAYS)
                    windows.append((status, *arrays))
                answers.append((status, windows))
                continue
            arrays, at = take_arrays(done.stdout, at, count, ARRAYS if status == 0 else ())
            answers.append((status, *arrays))
        assert at == len(done.stdout)
        return answers


def take_arrays(data, at, count, kinds):
    arrays = []
    for kind, size in kinds:
        values = array.array(kind)
        values.frombytes(data[at:at + size * count])
        arrays.append(values.tolist())
        at += size * count
    return arrays, at


class Difference(Exception):
    pass


def compare_one(case, text, pair, want, got, what):
    if got[0] != 0:
        raise Difference(f"{case}: {what}: status {got[0]} for {text!r}, {pair!r}")
    status, ids, types, starts, ends, special = got
    for name, w, g in (("ids", want.ids, ids), ("type_ids", want.type_ids, types),
                       ("offsets", want.offsets, list(zip(starts, ends))),
                       ("special", want.special_tokens_mask, special)):
        if w != g:
            at = next((i for i, (x, y) in enumerate(zip(w, g)) if x != y), min(len(w), len(g)))
            raise Difference(f"{case}: {what}: {name} differ at {at}: want {w[at:at + 6]}, got {g[at:at + 6]}\n"
                             f"  text {text!r}\n  pair {pair!r}\n  want {want.tokens}")


def compare_lines(case, oracle, egbert, lines, flags=0, chunk=20000):
    for at in range(0, len(lines), chunk):
        part = lines[at:at + chunk]
        answers = egbert.ask([(0, 0, flags, text.encode(), b"") for text in part])
        wants = oracle.encode_batch(part, add_special_tokens=not flags & NO_SPECIAL)
        for text, want, got in zip(part, wants, answers):
            compare_one(case, text, None, want, got, "line")
    return len(lines)


def compare_pairs(case, oracle, egbert, pairs, rng):
    """Each strategy at several lengths; an error of the library is a usage error here."""
    count = 0
    specials = oracle.num_special_tokens_to_add(True)
    for strategy, name in enumerate(STRATEGIES):
        for flags in (PAIR, PAIR | NO_SPECIAL):
            for _ in range(4):
                length = rng.choice([specials + 1, specials + 2, 8, 9, 15, 16, 30])
                some = rng.sample(pairs, min(len(pairs), 150))
                answers = egbert.ask([(length, strategy, flags, a.encode(), b.encode()) for a, b in some])
                oracle.enable_truncation(length, strategy=name)
                for (a, b), got in zip(some, answers):
                    try:
                        want = oracle.encode(a, b, add_special_tokens=not flags & NO_SPECIAL)
                    except Exception:
                        if got[0] != USAGE:
                            raise Difference(f"{case}: {name} {length}: the library refuses {a!r}, {b!r}") from None
                        continue
                    compare_one(case, a, b, want, got, f"{name} {length}")
                    count += 1
    oracle.no_truncation()
    return count


def same_words(got):
    """Words by their number of appearance: which tokens are one, and which are none's."""
    numbers = {}
    return [None if word in (None, NO_WORD) else numbers.setdefault(word, len(numbers)) for word in got]


def compare_windows(case, oracle, egbert, pairs, rng, direction="right"):
    """The second text in windows with a stride, and the words of the tokens."""
    count = 0
    specials = oracle.num_special_tokens_to_add(True)
    for room, stride in ((9, 3), (5, 0), (30, 20), (2, 1), (1, 0)):
        some = rng.sample(pairs, min(len(pairs), 100))
        oracle.no_truncation()
        lengths = [len(oracle.encode(a, add_special_tokens=False).ids) + specials + room for a, _ in some]
        answers = egbert.ask([(length, stride, PAIR | WINDOWS, a.encode(), b.encode())
                              for length, (a, b) in zip(lengths, some)])
        for length, (a, b), (status, windows) in zip(lengths, some, answers):
            oracle.enable_truncation(length, stride=stride, strategy="only_second", direction=direction)
            want = oracle.encode(a, b)
            wants = [want, *want.overflowing]
            if status != 0 or len(windows) != len(wants):
                raise Difference(f"{case}: {len(windows)} windows, want {len(wants)}: {a!r}, {b!r}")
            for want, got in zip(wants, windows):
                compare_one(case, a, b, want, got[:6], f"window of {room} with {stride}")
                for side in (0, 1):
                    kept = [i for i, sequence in enumerate(want.sequence_ids) if sequence == side]
                    if same_words(want.word_ids[i] for i in kept) != same_words(got[6][i] for i in kept):
                        raise Difference(f"{case}: words of {want.tokens}: want {want.word_ids}, got {got[6]}")
                if any((word is None) != (number == NO_WORD) for word, number in zip(want.word_ids, got[6])):
                    raise Difference(f"{case}: put-in tokens of {want.tokens}: want {want.word_ids}, got {got[6]}")
            count += len(wants)
    oracle.no_truncation()
    return count


def compare_truncated(case, oracle, egbert, lines, direction):
    length = 7
    answers = egbert.ask([(length, 0, 0, text.encode(), b"") for text in lines])
    oracle.enable_truncation(length, direction=direction)
    for text, want, got in zip(lines, oracle.encode_batch(lines), answers):
        compare_one(case, text, None, want, got, f"truncated to {length}")
    oracle.no_truncation()
    return len(lines)


CLEAN_UP = [(" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
            (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")]


def compare_decode(case, oracle, egbert, lines, clean_up, rng):
    size = oracle.get_vocab_size()
    lists = [oracle.encode(text).ids for text in lines]
    lists += [[rng.randrange(size + 3) for _ in range(rng.randint(0, 12))] for _ in range(len(lines))]
    for skip in (False, True):
        answers = egbert.ask([(0, 0, DECODE | (NO_SPECIAL if skip else 0), array.array("q", ids).tobytes(), b"")
                              for ids in lists])
        for ids, (status, got) in zip(lists, answers):
            want = oracle.decode(ids, skip_special_tokens=skip)
            for old, new in CLEAN_UP if clean_up else ():
                want = want.replace(old, new)
            if status != 0 or want != got:
                raise Difference(f"{case}: decode {ids}, skip {skip}: want {want!r}, got {got!r}")
    return 2 * len(lists)


# ---- Cases ----


def char_vocabulary():
    """Every character that has a name of its own, at the start of a word and within one: nothing hides as unknown."""
    kept = [c for c in range(0x21, 0x20000) if is_text(c) and not 0x3400 <= c <= 0x9FFF and not 0xAC00 <= c <= 0xF8FF
            and not 0x13000 <= c < 0x16A00 and not 0x17000 <= c < 0x1AFF0]
    tokens = SPECIALS + [chr(c) for c in kept] + ["##" + chr(c) for c in kept]
    return {token: i for i, token in enumerate(tokens)}


def spec(vocab, normalizer, pre_tokenizer=None, added=(), decoder=None):
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": vocab[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for t in SPECIALS] + list(added),
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer or {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", vocab["[SEP]"]], "cls": ["[CLS]", vocab["[CLS]"]]},
        "decoder": decoder,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab}}


def bert(clean=True, cjk=True, strip=None, lower=True):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": cjk, "strip_accents": strip,
            "lowercase": lower}


def one_after_another(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def added(token, **flags):
    return {"content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False, **flags}


def words_oracle(lines, lower, chinese=True, accents=None):
    vocab = {token: i for i, token in enumerate(lines)}
    oracle = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    oracle.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=chinese, strip_accents=accents,
                                                   lowercase=lower)
    oracle.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    oracle.decoder = decoders.WordPiece(prefix="##")
    return oracle


def mpnet_oracle(lines):
    """What transformers' MPNetTokenizer builds."""
    oracle = words_oracle(lines, True)
    oracle.add_special_tokens([AddedToken(t, normalized=False, special=True, lstrip=t == "<mask>") for t in
                               ("<s>", "</s>", "[UNK]", "<pad>", "<mask>")])
    sep, cls = (oracle.token_to_id(t) for t in ("</s>", "<s>"))
    oracle.post_processor = processors.RobertaProcessing(("</s>", sep), ("<s>", cls), True, False)
    return oracle


def vocab_txt_oracle(lines, lower, **settings):
    """What transformers' BertTokenizer builds."""
    oracle = words_oracle(lines, lower, **settings)
    oracle.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in
                               ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")])
    oracle.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(t, oracle.token_to_id(t)) for t in ("[CLS]", "[SEP]")])
    return oracle


class Cases:
    """Folders with their oracle: (name, folder, oracle, share of the lines, whether to try the characters one by one)."""

    def __init__(self, minilm, scratch):
        self.minilm, self.scratch = pathlib.Path(minilm), pathlib.Path(scratch)
        self.file = json.loads((self.minilm / "tokenizer.json").read_text())

    def folder(self, name, data, config=None):
        folder = self.scratch / name
        folder.mkdir()
        text = json.dumps(data, ensure_ascii=False)
        (folder / "tokenizer.json").write_text(text)
        (folder / "tokenizer_config.json").write_text(json.dumps(config or {}))
        oracle = Tokenizer.from_str(text)
        oracle.no_truncation()
        oracle.no_padding()
        return folder, oracle

    def minilm_case(self):
        oracle = Tokenizer.from_file(str(self.minilm / "tokenizer.json"))
        oracle.no_truncation()
        oracle.no_padding()
        return self.minilm, oracle

    def words_folder(self, name, lines, **config):
        folder = self.scratch / name
        folder.mkdir()
        (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        (folder / "tokenizer_config.json").write_text(json.dumps({"clean_up_tokenization_spaces": True, **config}))
        return folder

    def vocab_lines(self):
        return (self.minilm / "vocab.txt").read_text(encoding="utf-8").splitlines()

    def vocab_txt(self, lower):
        lines = self.vocab_lines()
        folder = self.words_folder(f"vocab_txt_{lower}", lines, tokenizer_class="BertTokenizer", do_lower_case=lower)
        return folder, vocab_txt_oracle(lines, lower)

    def chinese(self, name, **settings):
        """Ideographs one by one, some of them also within a word, between pieces of other scripts."""
        ideographs = [chr(c) for c in range(0x4E00, 0x9FA6)]
        rest = [t for t in self.vocab_lines() if t not in SPECIALS and not 0x4E00 <= ord(t[-1]) < 0x9FA6]
        lines = [*SPECIALS, *ideographs, *("##" + c for c in ideographs[::3]), *rest[:9000], *(t.upper() for t in rest[2000:4000] if t.isalpha())]
        lines = list(dict.fromkeys(lines))
        keys = {"lower": "do_lower_case", "chinese": "tokenize_chinese_chars", "accents": "strip_accents"}
        folder = self.words_folder(name, lines, tokenizer_class="BertTokenizer", **{keys[k]: v for k, v in settings.items()})
        return folder, vocab_txt_oracle(lines, **settings)

    def mpnet_lines(self):
        return ["<s>", "<pad>", "</s>", "<unk>", *self.vocab_lines(), "<mask>"]

    def mpnet_txt(self):
        lines = self.mpnet_lines()
        return self.words_folder("mpnet_txt", lines, tokenizer_class="MPNetTokenizer"), mpnet_oracle(lines)

    def mpnet(self):
        return self.folder("mpnet", json.loads(mpnet_oracle(self.mpnet_lines()).to_str()))

    def changed(self, name, **parts):
        return self.folder(name, {**self.file, **parts})

    def added_tokens(self):
        more = [added("<mark>", lstrip=True, rstrip=True), added("dog", single_word=True),
                added("Café", normalized=True), added("new york", normalized=True, single_word=True),
                added("new", normalized=True), added("<l>", lstrip=True, special=True), added("<r>", rstrip=True),
                added("  "), added("中文", normalized=True), added("[MASK] it"),
                added("ab", normalized=True, lstrip=True, rstrip=True)]
        vocab = self.file["model"]["vocab"]
        fresh = len(vocab)
        for token in more:  # one that the vocabulary has keeps its id
            token["id"] = vocab.get(token["content"], fresh)
            fresh += token["id"] == fresh
        return {"added_tokens": self.file["added_tokens"] + more}

    def all(self):
        chars = char_vocabulary()
        yield "minilm", *self.minilm_case(), 0.4, True
        yield "vocab.txt", *self.vocab_txt(True), 0.08, False
        yield "vocab.txt cased", *self.vocab_txt(False), 0.08, False
        yield "Chinese", *self.chinese("chinese", lower=False), 0.06, False
        yield "Chinese, lower case", *self.chinese("chinese_lower", lower=True, accents=False), 0.03, False
        yield "Japanese", *self.chinese("japanese", lower=False, chinese=False, accents=True), 0.03, False
        yield "MPNet", *self.mpnet(), 0.05, False
        yield "MPNet's vocab.txt", *self.mpnet_txt(), 0.05, False
        yield "added tokens", *self.changed("added", **self.added_tokens()), 0.15, False
        yield "no Chinese", *self.changed("nochinese", normalizer=bert(cjk=False)), 0.05, False
        yield "cased", *self.folder("cased", spec(chars, bert(strip=False, lower=False))), 0.05, True
        yield "uncased", *self.folder("uncased", spec(chars, bert())), 0.05, True
        yield "stepwise", *self.folder("stepwise", spec(chars, one_after_another("normalizers", bert()))), 0.05, True
        yield "no cleaning", *self.folder("raw", spec(chars, bert(clean=False, strip=True, lower=False))), 0.03, False
        yield "composed", *self.folder("nfkc", spec(
            chars, one_after_another("normalizers", {"type": "NFKC"}, {"type": "Lowercase"}),
            {"type": "Whitespace"})), 0.03, True
        yield "decomposed", *self.folder("nfkd", spec(
            chars, one_after_another("normalizers", {"type": "NFKD"}, {"type": "StripAccents"},
                                     {"type": "Strip", "strip_left": True, "strip_right": False},
                                     {"type": "Replace", "pattern": {"String": "aa"}, "content": "xyz"}),
            one_after_another("pretokenizers", {"type": "WhitespaceSplit"},
                              {"type": "Digits", "individual_digits": True},
                              {"type": "Punctuation", "behavior": "MergedWithPrevious"}))), 0.03, True
        yield "canonical", *self.folder("nfc", spec(
            chars, one_after_another("normalizers", {"type": "NFD"}, {"type": "NFC"}),
            one_after_another("pretokenizers", {"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": False},
                              {"type": "Punctuation", "behavior": "MergedWithNext"}))), 0.03, False


ADDED_TEXT = ["<s>", "<mask>", " <mask>  ", "</s>", "[MASK]", "[SEP]", "[CLS]", "[UNK]", "[PAD]", " [MASK] ", "[mask]", "<mark>", "  <mark>  ", "dog", "dogs",
              "hotdog", "dog1", "dog-", "dog\u0301", "Café", "cafe", "CAFÉ", "new york", "New Yorker", "new", "<l>",
              "   <l>", "<r>   ", "<r> <l>", "    ", "     ", "中文", "[MASK] it", "ab", " AB ", "<mark><mark>"]


def run(build, minilm, lines, out=sys.stdout, only=None, each=0):
    """Lines in all, shared out; or so many for each case."""
    rng = random.Random(20240607)
    total, mixed = 0, []
    with tempfile.TemporaryDirectory() as scratch:
        cases = Cases(minilm, scratch)
        pool = [t.removeprefix("##") for t in cases.file["model"]["vocab"]]
        every, most = list(every_char()), list(every_char(thin=97))
        for name, folder, oracle, share, all_chars in cases.all():
            if only and only not in name:
                continue
            begin = time.time()
            egbert = Egbert(build, folder)
            mixed = [mixed_line(rng, pool, ADDED_TEXT) for _ in range(each or int(lines * share))]
            count = compare_lines(name, oracle, egbert, mixed)
            if all_chars:
                count += compare_lines(name, oracle, egbert, every if name == "minilm" else most)
            count += compare_lines(name, oracle, egbert, mixed[:500], NO_SPECIAL)
            count += compare_pairs(name, oracle, egbert, list(zip(mixed[:300], mixed[300:600])), rng)
            count += compare_windows(name, oracle, egbert, list(zip(mixed[:300], mixed[300:600])), rng)
            count += compare_truncated(name, oracle, egbert, mixed[:500], "right")
            config = folder / "tokenizer_config.json"
            clean_up = config.exists() and json.loads(config.read_text()).get("clean_up_tokenization_spaces") is True
            count += compare_decode(name, oracle, egbert, mixed[:300], clean_up, rng)
            total += count
            print(f"{name}: {count} equal, {time.time() - begin:.1f} s", file=out, flush=True)
        folder, oracle = cases.changed("left")
        (folder / "tokenizer_config.json").write_text(json.dumps({"truncation_side": "left"}))
        total += compare_truncated("left", oracle, Egbert(build, folder), mixed[:500], "left")
        total += compare_windows("left", oracle, Egbert(build, folder), list(zip(mixed[:100], mixed[100:200])), rng, "left")
        saved, oracle = cases.changed("saved", truncation={"max_length": 9, "stride": 0, "strategy": "LongestFirst",
                                                           "direction": "Left"})
        total += compare_truncated("left by tokenizer.json", oracle, Egbert(build, saved), mixed[:500], "left")
    print(f"{total} equal", file=out)
    return total


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--build", default="build")
    args.add_argument("--minilm", default="build/models/all-MiniLM-L6-v2")
    args.add_argument("--lines", type=int, default=80000)
    args.add_argument("--each", type=int, default=0, help="lines of each case, instead")
    args.add_argument("--only", help="cases that have this in their names")
    args = args.parse_args()
    try:
        run(args.build, args.minilm, args.lines, only=args.only, each=args.each)
    except Difference as difference:
        sys.exit(str(difference))


if __name__ == "__main__":
    main()
