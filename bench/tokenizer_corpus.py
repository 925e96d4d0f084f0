# SPDX-License-Identifier: Apache-2.0
"""The texts that tokenizers are measured on: about 2 MB of each kind, the same on each machine with the same Python.

    English        paragraphs of the documentation that comes with Python: English by many hands
    mixed scripts  sentences in twenty languages, whose words are known ones and made-up ones in turns
    code           parts of the programs that come with Python, with their indentation and ends of lines
    new words      words that look English, each of which is there once: no cache of words knows any of them
"""
import ast
import collections
import pathlib
import random
import sysconfig

import pydoc_data.topics

SIZE = 2_000_000
WORDS_OF_A_TEXT = 16
SENTENCES = """Быстрая лиса перепрыгивает через ленивую собаку и бежит дальше по тёмному лесу к большой реке
Η γρήγορη αλεπού πηδάει πάνω από τον τεμπέλη σκύλο και τρέχει προς το μεγάλο ποτάμι
الثعلب السريع يقفز فوق الكلب الكسول ثم يركض نحو النهر الكبير في الغابة
השועל המהיר קופץ מעל הכלב העצלן ורץ אל הנהר הגדול שביער
तेज़ लोमड़ी आलसी कुत्ते के ऊपर कूदती है और जंगल की बड़ी नदी की ओर भागती है
素早い 狐が 怠け者の 犬を 飛び越えて、 大きな 川の方へ 走っていく。
敏捷的狐狸 跳过了 那只懒狗， 然后跑向 森林里的 大河。
빠른 여우가 게으른 개를 뛰어넘고 숲속의 큰 강으로 달려간다
สุนัขจิ้งจอก กระโดดข้าม สุนัขขี้เกียจ แล้ววิ่งไปที่ แม่น้ำใหญ่
Con cáo nhanh nhẹn nhảy qua con chó lười rồi chạy về phía dòng sông lớn trong rừng
Žluťoučký kůň úpěl ďábelské ódy a potom běžel k velké řece uprostřed lesa
Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich und weiter zum Fluss
Ça coûte très cher à Noël, n'est-ce pas ? Le renard saute par-dessus le chien paresseux
El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, añoraba a su querido cachorro
İstanbul'da yağmur yağıyor ve çevik tilki tembel köpeğin üstünden atlayıp büyük nehre koşuyor
სწრაფი მელა ზარმაც ძაღლს გადაახტა და დიდი მდინარისკენ გაიქცა
Արագ աղվեսը ցատկում է ծույլ շան վրայով և վազում դեպի մեծ գետը
দ্রুত শিয়াল অলস কুকুরের উপর দিয়ে লাফিয়ে বড় নদীর দিকে দৌড়ায়
வேகமான நரி சோம்பேறி நாயின் மேல் தாண்டி பெரிய ஆற்றை நோக்கி ஓடுகிறது
Pchnąć w tę łódź jeża lub ośm skrzyń fig; szybki lis przeskakuje nad leniwym psem""".splitlines()


def programs():
    for path in sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if not {"test", "tests", "site-packages", "dist-packages"} & set(path.parts):
            yield path.read_text(encoding="utf-8", errors="replace")


def documentation():
    """The docstrings of the standard library, and the topics of help()."""
    yield from pydoc_data.topics.topics.values()
    for program in programs():
        try:
            tree = ast.parse(program)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                yield ast.get_docstring(node) or ""


def english():
    seen = set()
    for text in documentation():
        for paragraph in text.split("\n\n"):
            paragraph = " ".join(paragraph.split())
            if len(paragraph) >= 20 and paragraph not in seen:
                seen.add(paragraph)
                yield paragraph


def code():
    """Stretches between empty lines, put together to some hundred characters."""
    part = ""
    for program in programs():
        for block in program.split("\n\n"):
            part += block.strip("\n") + "\n\n"
            if len(part) > 500:
                yield part[:4000].strip("\n")
                part = ""


class Letters:
    """Makes words whose letters follow one another as in known words."""

    def __init__(self, words):
        self.after = collections.defaultdict(list)
        for word in words:
            for a, b in zip("\n" + word, word + "\n"):
                self.after[a].append(b)

    def word(self, rng, longest=14):
        made = ""
        while len(made) < longest:
            letter = rng.choice(self.after[made[-1:] or "\n"])
            if letter == "\n":
                break
            made += letter
        return made


def mixed_scripts():
    rng = random.Random(20240607)
    languages = [(sentence.split(), Letters(sentence.split())) for sentence in SENTENCES]
    while True:
        words, letters = rng.choice(languages)
        yield " ".join(letters.word(rng) if rng.random() < 0.5 else rng.choice(words) for _ in range(WORDS_OF_A_TEXT))


def new_words():
    rng = random.Random(20240608)
    letters = Letters({word for text in pydoc_data.topics.topics.values() for word in text.split() if word.isalpha()})
    seen = set()
    while True:
        words = []
        while len(words) < WORDS_OF_A_TEXT:
            word = letters.word(rng)
            if len(word) > 3 and word not in seen:
                seen.add(word)
                words.append(word)
        yield " ".join(words)


KINDS = {"English": english, "mixed scripts": mixed_scripts, "code": code, "new words": new_words}


def texts(kind):
    made, size = [], 0
    for text in KINDS[kind]():
        made.append(text)
        size += len(text.encode())
        if size >= SIZE:
            break
    return made
