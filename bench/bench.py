# SPDX-License-Identifier: Apache-2.0
"""Latency at fixed shapes, Egbert and its peers in turns.

Each engine is measured alone while the others wait; rounds alternate between them, and a ratio is the median over rounds
of (the other's median / Egbert's median), with the smallest and largest beside it: above 1 Egbert is faster. Beside
Egbert as it comes stands Egbert without fusion, and with --baseline another build of it. The peers' vectors are compared
with Egbert's before anything is timed. A peer that cannot be measured is named, and the status is then 1.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODELS = {"minilm": "build/models/all-MiniLM-L6-v2", "base": "build/models/bert-base-random"}
PEERS = {"onnxruntime": "bench/peer_onnxruntime.py", "openvino": "bench/peer_openvino.py"}
CLS, SEP = 101, 102
LEAST_ROUNDS = 2


def text_ids(length):
    """Ids of ordinary words, between the special ones."""
    return [CLS] + [2000 + (i * 7919) % 20000 for i in range(length - 2)] + [SEP]


class Failure(Exception):
    """An engine that cannot be measured, and why."""


class Egbert:
    def __init__(self, name, top, folder, options, flags=()):
        self.name, self.how = name, None
        # Another checkout finds its own build; EGBERT_BUILD and its like speak of this one.
        self.environment = None if top == TOP else {k: v for k, v in os.environ.items() if not k.startswith("EGBERT_")}
        self.command = [os.path.join(top, "script/egbert")]
        self.flags = ["--backend", options.backend, "--threads", str(options.threads), "--quiet", "--json", *flags]
        self.folder = folder

    def call(self, command, *args):
        done = subprocess.run(self.command + [command, self.folder, *args, *self.flags], capture_output=True, text=True,
                              env=self.environment)
        if done.returncode:
            raise Failure(f"egbert {command}: {done.stderr.strip() or done.returncode}")
        return json.loads(done.stdout)

    def mean(self, shape):
        """The mean-pooled vector of one text; a text of a batch has the same."""
        ids = ",".join(map(str, text_ids(shape[1])))
        return self.call("embed", "--ids", ids, "--pooling", "mean", "--no-normalize")["embedding"]

    def measure(self, shape, seconds):
        times = self.call("bench", "--shape", f"{shape[0]},{shape[1]}", "--seconds", str(seconds))["latency_ms"]
        return times["p50"], times["min"]

    def close(self):
        pass


class Peer:
    def __init__(self, name, folder, options):
        self.name, self.how = name, None
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([sys.executable, os.path.join(TOP, PEERS[name]), folder, str(options.threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.name = self.answer()["peer"]

    def answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        status = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().strip().splitlines()
        raise Failure(said[-1] if said else f"ended with status {status}")

    def ask(self, shape, seconds, warmup, least):
        request = {"ids": [text_ids(shape[1])] * shape[0], "seconds": seconds, "warmup": warmup, "least": least}
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; its answer says why
        answer = self.answer()
        self.how = answer["how"]
        return answer

    def mean(self, shape):
        return self.ask(shape, 0, 0, 1)["mean"]

    def measure(self, shape, seconds):
        times = self.ask(shape, seconds, 1, 3)["ms"]
        return statistics.median(times), min(times)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.errors.close()


def difference(ours, theirs):
    worst = max((abs(a - b) for a, b in zip(ours, theirs)), default=float("inf"))
    if len(ours) != len(theirs) or not worst <= 1e-3:
        raise Failure(f"its vector differs by {worst:.2e}; not the same model")
    return worst


class Bench:
    def __init__(self, options):
        self.options, self.rows, self.failures = options, [], []

    def fail(self, engine, why):
        self.failures.append({"engine": engine, "why": str(why)})
        print(f"  {engine}: not measured: {why}", flush=True)

    def open(self, folder):
        """The engines for one model, Egbert first."""
        options = self.options
        engines = [Egbert("egbert", TOP, folder, options), Egbert("egbert --fuse none", TOP, folder, options, ["--fuse", "none"])]
        if options.baseline:
            engines.append(Egbert("baseline", options.baseline, folder, options))
        for name in PEERS if options.peers else ():
            try:
                engines.append(Peer(name, folder, options))
            except Failure as failure:
                self.fail(name, failure)
        return engines

    def compare(self, engines, shape):
        """Those that give Egbert's vector, each with how far it is from it."""
        ours, worst = engines[0].mean(shape), {}
        for engine in engines:
            try:
                worst[engine] = difference(ours, engine.mean(shape))
            except Failure as failure:
                if engine is engines[0]:
                    raise
                self.fail(engine.name, failure)
        return worst

    def measure(self, engines, shape):
        """Per engine the (median, least) of each round."""
        times, begin = {engine: [] for engine in engines}, time.monotonic()
        for done in range(self.options.rounds):
            if done >= LEAST_ROUNDS and time.monotonic() - begin > self.options.row_seconds:
                break
            first = done % len(engines)  # nobody always comes after the same one
            for engine in engines[first:] + engines[:first]:
                times[engine].append(engine.measure(shape, self.options.seconds))
        return times

    def row(self, model, shape, times, worst):
        ours = next(iter(times))
        row = {"model": model, "batch": shape[0], "length": shape[1], "rounds": len(times[ours]), "engines": {}}
        print(f"{model}, {shape[0]} text{'s' if shape[0] > 1 else ''} of {shape[1]} tokens", flush=True)
        for engine, rounds in times.items():
            ratios = [t[0] / o[0] for t, o in zip(rounds, times[ours])]
            entry = {"ms": statistics.median(t[0] for t in rounds), "min_ms": min(t[1] for t in rounds),
                     "ratio": statistics.median(ratios), "ratio_spread": [min(ratios), max(ratios)],
                     "max_abs_diff": worst[engine], "how": engine.how}
            row["engines"][engine.name] = entry
            line = f"  {engine.name:20} {entry['ms']:9.2f} ms  (min {entry['min_ms']:.2f})"
            if engine is not ours:
                line += f"  ratio {entry['ratio']:.2f} [{min(ratios):.2f}-{max(ratios):.2f}]  max |diff| {worst[engine]:.1e}"
            print(line + (f"  {engine.how}" if engine.how else ""), flush=True)
        self.rows.append(row)

    def run(self):
        for model in self.options.models.split(","):
            engines = self.open(os.path.join(TOP, MODELS[model]))
            for shape in self.options.shapes:
                worst = self.compare(engines, shape)
                self.row(model, shape, self.measure(list(worst), shape), worst)
            for engine in engines:
                engine.close()


def read_shapes(text):
    shapes = []
    for part in text.split(","):
        batch, _, length = part.partition("x")
        if not (batch.isdigit() and length.isdigit() and int(batch) > 0 and int(length) > 2):
            raise argparse.ArgumentTypeError(f"'{part}' is no shape; 8x512 is one")
        shapes.append((int(batch), int(length)))
    return shapes


def read_options():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="also the engines of script/setup --peers: " + ", ".join(PEERS))
    parser.add_argument("--baseline", metavar="DIR", help="also the Egbert that was built in that checkout")
    parser.add_argument("--models", default="minilm,base")
    parser.add_argument("--shapes", type=read_shapes, default="1x16,1x128,1x512,8x512", help="texts x tokens of each (%(default)s)")
    parser.add_argument("--backend", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1, help="of each engine in each round, and some runs at least")
    parser.add_argument("--row-seconds", type=int, default=20, help=f"begin no further round after that, but {LEAST_ROUNDS}")
    parser.add_argument("--json", metavar="FILE", help="also write the rows there")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds are at least 1")
    unknown = set(options.models.split(",")) - set(MODELS)
    if unknown:
        parser.error(f"unknown model {', '.join(unknown)}; there are {', '.join(MODELS)}")
    return options


def main():
    options = read_options()
    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown CPU")
    print(f"{cpu}, {options.threads} threads, backend {options.backend}, f32, median of up to {options.rounds} rounds of "
          f"{options.seconds} s")
    bench = Bench(options)
    try:
        bench.run()
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    if options.json:
        with open(options.json, "w") as f:
            json.dump({"cpu": cpu, "threads": options.threads, "backend": options.backend, "rows": bench.rows,
                       "not_measured": bench.failures}, f, indent=1)
    if bench.failures:
        sys.exit("bench: not measured: " + "; ".join(f"{f['engine']}: {f['why']}" for f in bench.failures))


if __name__ == "__main__":
    main()
