# SPDX-License-Identifier: Apache-2.0
"""Text to ids, Egbert beside Hugging Face's `tokenizers` (encode_batch_fast) and transformers' AutoTokenizer, in turns.

    python bench/tokenizer.py [--build DIR] [--rounds N] [--json FILE]

On one thread: both get the same texts in one call and give ids alone; all ids are compared, and other ids fail the run.
The first calls are not counted, so that both have their caches of words filled; of new words neither knows many.
Measured is the processor time of the calling thread, so that others on the machine change little; that no other thread
worked is checked. Results are freed outside the measured time. A speed is a median over the rounds, in MB (10^6 bytes of
text) per second; a ratio is the median over the rounds of (the other's time / Egbert's time), with the smallest and largest.

With all threads: by the clock. Opening: the best of three new processes, in milliseconds by the clock, the memory held
afterwards, and the most until all texts of a call were tokenised, both above what the process had with the texts in memory.

Then how Egbert's time grows with the text (linear.py).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import tokenizers

import linear
import tokenizer_models

TOP = pathlib.Path(__file__).resolve().parent.parent
TARGETS = {"WordPiece": 6, "byte-level BPE": 5, "Unigram": 3, "Unigram, charsmap": 3}
PEER = f"tokenizers {tokenizers.__version__}"
CLOCK, THREAD, PROCESS = range(3)  # the times of an answer


class Failure(Exception):
    """A side that cannot be measured, and why."""


class Side:
    """A process that tokenises the texts whenever it is asked to."""

    def __init__(self, command, threads, more=None):
        environment = {**os.environ, **(more or {}), "RAYON_NUM_THREADS": str(threads),
                       "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"}
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment)
        seconds, held, most = self.answer()[0].split()
        self.opening = {"ms": float(seconds) * 1e3, "held_mb": int(held) / 1e6, "peak_opening_mb": int(most) / 1e6}

    def answer(self, lines=1):
        answer = [self.process.stdout.readline() for _ in range(lines)]
        if not answer[-1]:
            raise Failure(f"{self.process.args} ended with status {self.process.wait()}")
        return answer

    def ask(self, what, lines=1):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.answer(lines)

    def ids(self, texts):
        return [line.strip() for line in self.ask("ids", texts)]

    def times(self):
        *times, self.most = map(float, self.ask("time")[0].split())
        return times

    def alone(self):
        """Seconds of the calling thread, which must be those of the process."""
        times = self.times()
        if times[PROCESS] > 1.05 * times[THREAD] + 0.005:
            raise Failure(f"{self.process.args} used other threads: {times[THREAD]:.3f} s of {times[PROCESS]:.3f}")
        return times[THREAD]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Sides:
    """Makes Egbert's side and the library's."""

    def __init__(self, build, scratch):
        build = os.path.abspath(build)
        self.program, engine = os.path.join(scratch, "tokenize"), os.path.join(build, "engine")
        subprocess.run(["cc", "-O2", "-std=c11", "-D_GNU_SOURCE", f"-I{TOP}/include", f"{TOP}/bench/tokenize.c", "-o",
                        self.program, f"-L{engine}", "-legbert", f"-Wl,-rpath,{engine}"], check=True)
        self.environment = {"EGBERT_PLUGIN_DIR": f"{build}/plugin-dir", "EGBERT_FAMILY_DIR": f"{TOP}/models"}
        self.command = [f"{build}/cli/egbert"]

    def egbert(self, folder, corpus, threads):
        return Side([self.program, folder, corpus, threads], threads, self.environment)

    def peer(self, folder, corpus, threads):
        return Side([sys.executable, f"{TOP}/bench/peer_tokenizers.py", folder, corpus], threads)


def in_turns(a, b, rounds):
    """Pairs of what both measure; neither always comes after the other."""
    pairs = []
    for done in range(rounds):
        if done % 2:
            second = b()
            pairs.append((a(), second))
        else:
            pairs.append((a(), b()))
    return pairs


def compared(pairs, size):
    ratios = [b / a for a, b in pairs]
    row = {"ratio": statistics.median(ratios), "ratio_spread": [min(ratios), max(ratios)]}
    for name, side in (("egbert", 0), ("tokenizers", 1)):
        speeds = [size / pair[side] / 1e6 for pair in pairs]
        row[name] = {"mb_per_s": statistics.median(speeds), "max_mb_per_s": max(speeds), "min_mb_per_s": min(speeds)}
    return row


def show(label, row, target=""):
    low, high = row["ratio_spread"]
    print(f"  {label:24}{row['egbert']['mb_per_s']:10.1f}{row['tokenizers']['mb_per_s']:20.1f}{row['ratio']:10.1f}"
          f"  {f'[{low:.1f}-{high:.1f}]':14}{target:>5}", flush=True)


def head(title, unit):
    print(f"\n{title}\n  {unit:24}{'Egbert':>10}{PEER:>20}{'ratio':>10}  {'':14}{'goal':>5}", flush=True)


def one_thread(sides, model, folder, kind, corpus, rounds):
    texts = tokenizer_models.read_texts(corpus)
    size = sum(len(text.encode()) for text in texts)
    with sides.egbert(folder, corpus, 1) as egbert, sides.peer(folder, corpus, 1) as peer:
        ours, theirs = egbert.ids(len(texts)), peer.ids(len(texts))
        pairs = in_turns(egbert.alone, peer.alone, rounds)
    differ = [text[:200] for text, a, b in zip(texts, ours, theirs) if a != b]
    row = {"model": model, "texts": kind, "bytes": size, "ids": sum(len(line.split()) for line in ours), "differ": differ,
           "rounds": rounds, "target": TARGETS[model], **compared(pairs, size)}
    show(kind, row, row["target"])
    if differ:
        print(f"    other ids for {len(differ)} of {len(texts)} texts, first {differ[0]!r}", flush=True)
    return row


def all_threads(sides, model, folder, corpus, threads, rounds):
    size = sum(len(text.encode()) for text in tokenizer_models.read_texts(corpus))
    with sides.egbert(folder, corpus, threads) as egbert, sides.peer(folder, corpus, threads) as peer:
        egbert.times(), peer.times()
        pairs = in_turns(lambda: egbert.times()[CLOCK], lambda: peer.times()[CLOCK], rounds)
    row = {"model": model, "threads": threads, "rounds": rounds, **compared(pairs, size)}
    show(model, row)
    return row


def opening(sides, model, folder, corpus):
    row = {"model": model}
    for name, new in (("egbert", sides.egbert), ("tokenizers", sides.peer)):
        best = None
        for _ in range(3):
            with new(folder, corpus, 1) as side:
                side.times()
                if not best or side.opening["ms"] < best["ms"]:
                    best = {**side.opening, "peak_mb": side.most / 1e6}
        row[name] = best
    print(f"  {model:24}" + "".join(f"{row[name]['ms']:10.1f}{row[name]['held_mb']:8.1f}{row[name]['peak_mb']:8.1f}"
                                    for name in ("egbert", "tokenizers")), flush=True)
    return row


def process(command, environment, out):
    """Seconds from start to end, and the most memory in MB."""
    done = subprocess.run([sys.executable, "-S", "-E", f"{TOP}/bench/measured.py", out, *map(str, command)],
                          stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    if done.returncode:
        raise Failure(f"{command} failed")
    seconds, peak = done.stdout.split()
    return float(seconds), int(peak) / 1e6


def whole_file(sides, folder, corpus, scratch, rounds):
    """A file of lines to a file of ids, by the command and by a Python program."""
    lines, ours, theirs = (os.path.join(scratch, name) for name in ("lines.txt", "ours.jsonl", "theirs.jsonl"))
    texts = [text.replace("\n", " ") for text in tokenizer_models.read_texts(corpus)]
    pathlib.Path(lines).write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    egbert = [*sides.command, "tokenize", folder, "--input", lines, "--json", "--quiet"]
    python = [sys.executable, f"{TOP}/bench/peer_autotokenizer.py", folder, lines, theirs]
    pairs = in_turns(lambda: process(egbert, sides.environment, ours), lambda: process(python, {"TRANSFORMERS_VERBOSITY": "error"}, os.devnull), rounds)
    wanted, got = ([json.loads(line)["ids"] for line in open(path, encoding="utf-8")] for path in (theirs, ours))
    row = {"texts": len(texts), "equal": wanted == got}
    for name, side in (("egbert", 0), ("AutoTokenizer", 1)):
        row[name] = {"s": statistics.median(pair[side][0] for pair in pairs), "peak_mb": max(pair[side][1] for pair in pairs)}
        print(f"  {name:24}{row[name]['s']:10.2f} s{row[name]['peak_mb']:10.0f} MB" + ("" if row["equal"] else "  other ids"), flush=True)
    return row


def measure(options, work, scratch):
    corpora = tokenizer_models.corpora(work)
    english = corpora["English"]
    folders = {"WordPiece": tokenizer_models.word_piece(work, options.minilm),
               "byte-level BPE": tokenizer_models.byte_level(work, options.gpt2),
               "Unigram": tokenizer_models.unigram(work, corpora)}
    folders["Unigram, charsmap"] = tokenizer_models.charsmap(work, folders["Unigram"])
    sides, threads = Sides(options.build, scratch), len(os.sched_getaffinity(0))
    results = {"peer": PEER, "threads": threads, "one_thread": [], "all_threads": [], "opening": []}
    for model, folder in folders.items():
        head(f"{model}, one thread: MB of text per second of the processor, ids alone on both sides", "texts")
        results["one_thread"] += [one_thread(sides, model, folder, kind, corpus, options.rounds)
                                  for kind, corpus in corpora.items()]
    head(f"{threads} threads, English: MB of text per second", "")
    results["all_threads"] = [all_threads(sides, model, folder, english, threads, options.rounds)
                              for model, folder in folders.items()]
    print(f"\nOpening: ms, MB held afterwards, MB at most with the English texts tokenised\n  {'':24}{'Egbert':>10}{PEER:>34}", flush=True)
    results["opening"] = [opening(sides, model, folder, english) for model, folder in folders.items()]
    print("\nWordPiece, a file of English lines to a file of JSON, the whole process", flush=True)
    results["whole_file"] = whole_file(sides, folders["WordPiece"], english, scratch, 3)
    folders["plain BPE"] = linear.plain_bpe(work, tokenizer_models.read_texts(english))
    results["growth"] = linear.rows(options.build, scratch, folders, options.rounds)
    return results


def missed(results):
    yield from linear.missed(results["growth"])
    for row in results["one_thread"]:
        if row["ratio"] < row["target"]:
            yield f"{row['model']}, {row['texts']}: {row['ratio']:.1f} times as fast, not {row['target']}"
        if row["differ"]:
            yield f"{row['model']}, {row['texts']}: other ids for {len(row['differ'])} texts"
    if not results["whole_file"]["equal"]:
        yield "the command and AutoTokenizer give other ids"


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
    try:
        with tempfile.TemporaryDirectory() as scratch:
            results = measure(options, work, scratch)
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    results["missed"] = list(missed(results))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))
    if results["missed"]:
        sys.exit("bench: " + "; ".join(results["missed"]))


if __name__ == "__main__":
    main()
