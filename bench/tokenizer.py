# SPDX-License-Identifier: Apache-2.0
"""Text to ids on one thread, Egbert beside Hugging Face's `tokenizers` (encode_batch_fast), in turns.

    python bench/tokenizer.py [--build DIR] [--rounds N] [--json FILE]

Both get the same texts in one call and give ids alone, which are compared first. Measured is the processor time of the
calling thread, so that others on the machine change little; MB are 10^6 bytes of text. A ratio is the median over rounds of
(the other's time / Egbert's time), with the smallest and largest beside it. Then how Egbert's time grows from 100 KB of one
character, or of random ones, to 1 MB.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers  # noqa: E402

import tokenizer_models  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parent.parent
TARGETS = {"WordPiece": 6, "byte-level BPE": 5, "Unigram": 3}
GROWTH, LONGEST = 12, 2.0  # of ten times the text, and seconds of 1 MB


class Egbert:
    def __init__(self, program, folder, texts):
        self.process = subprocess.Popen([*program, folder, texts], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what, lines=1):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = [self.process.stdout.readline() for _ in range(lines)]
        if not answer[-1]:
            sys.exit(f"bench: {self.process.args} ended with status {self.process.wait()}")
        return answer

    def ids(self, count):
        return [[int(i) for i in line.split()] for line in self.ask("ids", count)]

    def seconds(self):
        return float(self.ask("time")[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Peer:
    def __init__(self, folder, texts):
        self.texts = texts
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def ids(self):
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(self.texts)]

    def seconds(self):
        begin = time.thread_time()
        self.tokenizer.encode_batch_fast(self.texts)
        return time.thread_time() - begin


def compile_program(build, scratch):
    build = os.path.abspath(build)
    program, engine = os.path.join(scratch, "tokenize"), os.path.join(build, "engine")
    subprocess.run(["cc", "-O2", "-std=c11", "-D_GNU_SOURCE", f"-I{TOP}/include", f"{TOP}/bench/tokenize.c", "-o", program,
                    f"-L{engine}", "-legbert", f"-Wl,-rpath,{engine}"], check=True)
    return ["env", f"EGBERT_PLUGIN_DIR={build}/plugin-dir", f"EGBERT_FAMILY_DIR={TOP}/models", program]


def beside(name, program, folder, corpus, rounds):
    """One row: both sides on the corpus."""
    texts = corpus.read_text(encoding="utf-8").splitlines()
    size = sum(len(text.encode()) for text in texts)
    egbert, peer = Egbert(program, str(folder), str(corpus)), Peer(folder, texts)
    ours, theirs = egbert.ids(len(texts)), peer.ids()
    differ = [i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b]
    times = []
    for done in range(rounds):
        if done % 2:  # nobody always comes after the other
            second = peer.seconds()
            times.append((egbert.seconds(), second))
        else:
            times.append((egbert.seconds(), peer.seconds()))
    egbert.close()
    ratios = [b / a for a, b in times]
    row = {"model": name, "differ": [texts[i][:200] for i in differ], "entries": peer.tokenizer.get_vocab_size(), "bytes": size, "tokens": sum(map(len, ours)), "rounds": rounds,
           "ratio": statistics.median(ratios), "ratio_spread": [min(ratios), max(ratios)], "target": TARGETS[name]}
    print(f"{name}, {row['entries']} entries, {size / 1e6:.1f} MB, {row['tokens']} ids, " + (f"other ids for {len(differ)} texts" if differ else "equal"))
    for side, label in enumerate(("egbert", f"tokenizers {tokenizers.__version__}")):
        speeds = [size / t[side] / 1e6 for t in times]
        row[label.split()[0]] = {"mb_per_s": statistics.median(speeds), "max_mb_per_s": max(speeds), "min_mb_per_s": min(speeds)}
        line = f"  {label:20} {statistics.median(speeds):7.1f} MB/s  (best {max(speeds):.1f}, worst {min(speeds):.1f})"
        print(line + (f"  ratio {row['ratio']:.1f} [{min(ratios):.1f}-{max(ratios):.1f}]" if side else ""), flush=True)
    return row


def long_texts(size):
    rng = random.Random(7)
    yield "one letter", "a" * size
    yield "blanks", " " * size
    yield "combining marks", "\u0301" * (size // 2)
    yield "random CJK", "".join(chr(rng.randint(0x4E00, 0x9FFF)) for _ in range(size // 3))


def growth(name, program, folder, scratch, rounds=5):
    rows, path = [], pathlib.Path(scratch, "long.txt")
    for (what, small), (_, large) in zip(long_texts(100_000), long_texts(1_000_000)):
        seconds = []
        for text in (small, large):
            path.write_text(text, encoding="utf-8")
            egbert = Egbert(program, str(folder), str(path))
            seconds.append(min(egbert.seconds() for _ in range(rounds)))
            egbert.close()
        rows.append({"text": what, "seconds": seconds, "growth": seconds[1] / seconds[0]})
        print(f"  1 MB of {what:16} {seconds[1] * 1e3:8.1f} ms, {seconds[1] / seconds[0]:4.1f} times 100 KB", flush=True)
    return {"model": name, "texts": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(TOP / "build"))
    parser.add_argument("--work", default=str(TOP / "build/bench"), help="where the texts and vocabularies are kept (%(default)s)")
    parser.add_argument("--minilm", default=str(TOP / "build/models/all-MiniLM-L6-v2"))
    parser.add_argument("--gpt2", default=str(TOP / "build/models/gpt2-vocabulary"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", metavar="FILE", help="also write the rows there")
    options = parser.parse_args()
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    corpus = tokenizer_models.corpus(work)
    folders = {"WordPiece": tokenizer_models.word_piece(work, options.minilm),
               "byte-level BPE": tokenizer_models.byte_level(work, options.gpt2),
               "Unigram": tokenizer_models.unigram(work, corpus.read_text(encoding="utf-8").splitlines())}
    missed = []
    with tempfile.TemporaryDirectory() as scratch:
        program = compile_program(options.build, scratch)
        rows = [beside(name, program, folder, corpus, options.rounds) for name, folder in folders.items()]
        print("how the time grows, Egbert alone", flush=True)
        grown = []
        for name, folder in folders.items():
            print(f" {name}")
            grown.append(growth(name, program, folder, scratch))
    missed += [f"{row['model']} is {row['ratio']:.1f} times as fast, not {row['target']}" for row in rows if row["ratio"] < row["target"]]
    missed += [f"{row['model']}: other ids, first for {row['differ'][0]!r}" for row in rows if row["differ"]]
    missed += [f"{entry['model']}: 1 MB of {row['text']}: {row['growth']:.1f} times 100 KB, {row['seconds'][1]:.2f} s"
               for entry in grown for row in entry["texts"] if row["growth"] > GROWTH or row["seconds"][1] > LONGEST]
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"rows": rows, "growth": grown, "missed": missed}, indent=1))
    if missed:
        sys.exit("bench: " + "; ".join(missed))


if __name__ == "__main__":
    main()
