# SPDX-License-Identifier: Apache-2.0
"""A thousand varied texts, the same on every machine: what the embeddings of all-MiniLM-L6-v2 are compared on.

Most are short sentences, as most texts are; beside them are many scripts, odd characters, code, blanks, and some texts
longer than the 256 tokens that the model takes.
"""
import random

SUBJECTS = ("the old clock|a red bicycle|our neighbour|the committee|a small river|the first train|her brother|nobody|"
            "a flock of geese|the second violin|an honest thief|the night shift|my grandmother|the whole village").split("|")
VERBS = ("repairs|follows|forgets|cannot find|was painting|will sell|has never seen|keeps|measures|remembers|"
         "borrowed|hides from|argues with|almost missed").split("|")
OBJECTS = ("the lighthouse|three lemons|an unfinished letter|the price of salt|a map of the harbour|its own shadow|"
           "the train to Lisbon|a broken umbrella|the tallest ladder|every second page|a bowl of soup|the new law").split("|")
TAILS = (" in the rain| before noon|| without a word| again and again| for 12.50 euros| on 3 May 1897| at last|!|?|...|"
         ", they say| (or so it seems)| under the bridge").split("|")
SCRIPTS = [
    "Быстрая лиса перепрыгивает через ленивую собаку", "Η γρήγορη αλεπού πηδάει πάνω από τον σκύλο",
    "الثعلب السريع يقفز فوق الكلب الكسول", "השועל המהיר קופץ מעל הכלב", "तेज़ लोमड़ी आलसी कुत्ते के ऊपर कूदती है",
    "素早い狐が怠け者の犬を飛び越える", "敏捷的狐狸跳过懒狗", "빠른 여우가 게으른 개를 뛰어넘는다", "สุนัขจิ้งจอกกระโดดข้ามสุนัขขี้เกียจ",
    "Cáo nhanh nhảy qua con chó lười", "Žluťoučký kůň úpěl ďábelské ódy", "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich",
    "Ça coûte très cher à Noël, n'est-ce pas ?", "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia",
    "İstanbul'da yağmur yağıyor", "ქართული ანბანი", "Հայերեն գրեր", "ትግርኛ", "বাংলা ভাষা", "தமிழ் மொழி",
]
ODD = [
    "", " ", "\t", "   \u00a0 ", "a", "I", "?", "...", "[SEP]", "[CLS] twice [SEP]", "[MASK] and [PAD]", "\u200b", "\ufeffmark",
    "naïve café résumé", "e\u0301 is e with an accent", "ﬁrst ﬂoor", "x\u0000y", "a\u00adb", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒻ℴ𝓃𝓉𝓈", "👩‍👩‍👧‍👦 family 🙂", "①②③ ½ ²",
    "don't can't won't it's", "C++ & C# <b>bold</b>", "for (int i = 0; i < n; ++i) sum += a[i];", "def f(x): return x**2  # square",
    "https://example.org/path?query=1&b=2#top", "user.name+tag@example.com", "1,234,567.89", "-42", "3.14159265358979", "1e-10",
    "2026-11-22T08:09:54Z", "+49 (0)30 1234-567", "ALL CAPS SHOUTING", "mIxEd CaSe", "under_score and-hyphen", "\\n is not a newline",
    "donaudampfschifffahrtsgesellschaftskapitän", "supercalifragilisticexpialidocious", "x" * 99, "x" * 101, "a b c d e f g h i j",
    "中文and English混合text", "ｆｕｌｌ ｗｉｄｔｈ", "price: $5, €6, £7, ¥8", "“curly” ‘quotes’ — dashes – here", "tab\there", "\u202eright to left",
]


def sentence(rng):
    text = " ".join((rng.choice(SUBJECTS), rng.choice(VERBS), rng.choice(OBJECTS))) + rng.choice(TAILS)
    return text[:1].upper() + text[1:] if rng.random() < 0.7 else text


def characters(rng):
    """Any assigned-looking code points, in and out of the vocabulary."""
    planes = ((0x20, 0x7e), (0xa1, 0x24f), (0x370, 0x5ff), (0x900, 0xdff), (0x2000, 0x2bff), (0x3040, 0x30ff), (0x4e00, 0x9fff),
              (0x1f300, 0x1f6ff))
    return "".join(chr(rng.randint(*rng.choice(planes))) for _ in range(rng.randint(1, 24)))


def texts():
    rng = random.Random(20240607)
    made = list(ODD) + SCRIPTS
    made += [" ".join(sentence(rng) + "." for _ in range(rng.randint(30, 60))) for _ in range(6)]  # beyond 256 tokens
    made += [". ".join(sentence(rng) for _ in range(rng.randint(4, 12))) for _ in range(30)]
    made += [characters(rng) for _ in range(120)]
    made += [rng.choice(SCRIPTS) + " " + sentence(rng) for _ in range(60)]
    made += [str(rng.randint(-10**6, 10**9)) + rng.choice(" % | kg| °C|th|€".split("|")) for _ in range(40)]
    while len(made) < 1000:
        made.append(sentence(rng))
    return made


if __name__ == "__main__":
    print(len(texts()), sum(map(len, texts())))
