# SPDX-License-Identifier: Apache-2.0
"""The texts that tokenizers are measured on: paragraphs of the documentation that comes with Python, which is English by
many hands, and every eighth a sentence in another of twenty languages. The same on each machine with the same Python."""
import ast
import pathlib
import random
import sysconfig

import pydoc_data.topics

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


def documentation():
    """The docstrings of the standard library, and the topics of help()."""
    yield from pydoc_data.topics.topics.values()
    for path in sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if {"test", "tests", "site-packages", "dist-packages"} & set(path.parts):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                yield ast.get_docstring(node) or ""


def texts():
    rng = random.Random(20240607)
    made, seen = [], set()
    for text in documentation():
        for paragraph in text.split("\n\n"):
            paragraph = " ".join(paragraph.split())
            if len(paragraph) < 20 or paragraph in seen:
                continue
            seen.add(paragraph)
            made.append(paragraph)
            if len(made) % 8 == 7:
                words = rng.choice(SENTENCES).split() + rng.choice(SENTENCES).split()
                rng.shuffle(words)
                made.append(" ".join(words))
    return made
