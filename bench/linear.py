# SPDX-License-Identifier: Apache-2.0
"""How Egbert's time grows from a text of 100 KB to one of 1 MB: of one letter, of blanks, of combining marks, of random CJK.

    python bench/linear.py FOLDER...

Each FOLDER has a tokenizer.json; it is measured as it is and with tokens added, of which the texts have none, for ids alone
and for all that there is. bench/linear.c asks for both texts in turns through the C API and keeps the best times of the
processor. bench/tokenizer.py has these rows in its own run.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
GROWTH, LONGEST = 12, 2.0  # times of ten times the text, and seconds of 1 MB
PLAIN_SIZE = 20000
ADDED = [{"content": "<|added|>"}, {"content": "<|left|>", "lstrip": True, "special": True}, {"content": "<|both|>", "lstrip": True, "rstrip": True},
         {"content": "qwordqword", "single_word": True, "normalized": True}, {"content": "<|kept|>", "normalized": True}]


def compile_program(build, scratch):
    """The program, and the environment that it needs."""
    build = os.path.abspath(build)
    program, engine = os.path.join(scratch, "linear"), os.path.join(build, "engine")
    subprocess.run(["cc", "-O2", "-std=c11", "-D_GNU_SOURCE", f"-I{TOP}/include", f"{TOP}/bench/linear.c", "-o", program,
                    f"-L{engine}", "-legbert", f"-Wl,-rpath,{engine}"], check=True)
    return program, {**os.environ, "EGBERT_PLUGIN_DIR": f"{build}/plugin-dir", "EGBERT_FAMILY_DIR": f"{TOP}/models"}


def plain_bpe(work, texts):
    """BPE on characters, with </w> at a word's end and BERT's normalizer: trained once, under `work`."""
    made = pathlib.Path(work, "plain-bpe")
    if not (made / "tokenizer.json").exists():
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
            vocab_size=PLAIN_SIZE, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False))
        tokenizer.decoder = decoders.BPEDecoder()
        made.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(made / "tokenizer.json"))
    return made


def with_added_tokens(folder, scratch, name):
    """A folder with the same tokenizer and ADDED."""
    made = pathlib.Path(scratch, "with added tokens, " + name)
    made.mkdir()
    spec = json.loads(pathlib.Path(folder, "tokenizer.json").read_text(encoding="utf-8"))
    there = spec.get("added_tokens") or []
    first = max([len(spec["model"]["vocab"]), *(token["id"] + 1 for token in there)])
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    spec["added_tokens"] = there + [{**plain, **token, "id": first + i} for i, token in enumerate(ADDED)]
    (made / "tokenizer.json").write_text(json.dumps(spec), encoding="utf-8")
    return made


def measure(program, environment, folder, rounds):
    """By text and what is asked for, the best seconds of 100 KB and of 1 MB."""
    answer = subprocess.run([program, folder, str(rounds)], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found = (line.split("\t") for line in answer.stdout.splitlines())
    return {(text, asked): [float(small), float(large)] for text, asked, small, large in found}


def grows_too_much(small, large):
    return large > GROWTH * small or large > LONGEST


def rows(build, scratch, folders, rounds):
    """The rows of all folders, by the name of their model; they are printed too."""
    program, environment = compile_program(build, scratch)
    made = []
    print("\nHow the time grows: ms of 1 MB, and times that of 100 KB (ids alone; all)", flush=True)
    for name, folder in folders.items():
        for added in (False, True):
            place = with_added_tokens(folder, scratch, name) if added else folder
            seconds = measure(program, environment, place, rounds)
            if any(grows_too_much(*pair) for pair in seconds.values()):  # a busy machine looks the same: more rounds tell them apart
                again = measure(program, environment, place, 4 * rounds)
                seconds = {key: [min(both) for both in zip(seconds[key], again[key])] for key in seconds}
            found = [{"model": name, "added_tokens": added, "text": text, "asked": asked, "seconds": pair, "growth": pair[1] / pair[0]}
                     for (text, asked), pair in seconds.items()]
            made += found
            show(name + (", added tokens" if added else ""), found)
    return made


def show(label, found):
    for text in dict.fromkeys(row["text"] for row in found):
        cells = {row["asked"]: f"{row['seconds'][1] * 1e3:9.1f} {row['growth']:6.1f}" for row in found if row["text"] == text}
        print(f"  {label:34}{text:18}{cells['ids']}   {cells['all']}", flush=True)


def missed(found):
    for row in found:
        if grows_too_much(*row["seconds"]):
            tokens = " with added tokens" if row["added_tokens"] else ""
            yield (f"{row['model']}{tokens}: 1 MB of {row['text']} ({row['asked']}) takes {row['growth']:.1f} times 100 KB, "
                   f"{row['seconds'][1]:.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--build", default=str(TOP / "build"))
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = rows(options.build, scratch, {pathlib.Path(folder).name: folder for folder in options.folders}, options.rounds)
    sys.exit("\n".join(missed(found)) or 0)


if __name__ == "__main__":
    main()
