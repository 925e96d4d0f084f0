# SPDX-License-Identifier: Apache-2.0
"""Latency of one text at fixed lengths, Egbert and its peers in turns.

Each engine is measured alone while the others wait; rounds alternate between them, and a ratio is the median over rounds
of (peer's median / Egbert's median), with the smallest and largest beside it: above 1 Egbert is faster. The peers' vectors
are compared with Egbert's before anything is timed.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODELS = {"minilm": "build/models/all-MiniLM-L6-v2", "base": "build/models/bert-base-random"}
PEERS = {"onnxruntime": "bench/peer_onnxruntime.py"}
CLS, SEP = 101, 102


def text_ids(length):
    """Ids of ordinary words, between the special ones."""
    return [CLS] + [2000 + (i * 7919) % 20000 for i in range(length - 2)] + [SEP]


class Egbert:
    def __init__(self, folder, backend, threads):
        self.command = [os.path.join(TOP, "script/egbert")]
        self.flags = ["--backend", backend, "--threads", str(threads), "--quiet", "--json"]
        self.folder = folder

    def call(self, command, *args):
        done = subprocess.run(self.command + [command, self.folder, *args, *self.flags], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench: egbert {command}: {done.stderr.strip()}")
        return done.stdout

    def mean(self, length):
        out = self.call("embed", "--ids", ",".join(map(str, text_ids(length))), "--pooling", "mean", "--no-normalize")
        return json.loads(out)["embedding"]

    def measure(self, length, seconds):
        report = json.loads(self.call("bench", "--shape", f"1,{length}", "--seconds", str(seconds)))
        return report["latency_ms"]["p50"], report["latency_ms"]["min"]


class Peer:
    def __init__(self, name, folder, threads):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(TOP, PEERS[name]), folder, str(threads)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.name = json.loads(self.process.stdout.readline())["peer"]

    def ask(self, length, seconds, warmup=3):
        request = {"ids": [text_ids(length)], "seconds": seconds, "warmup": warmup}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def mean(self, length):
        return self.ask(length, 0, 0)["mean"]

    def measure(self, length, seconds):
        times = self.ask(length, seconds)["ms"]
        return statistics.median(times), min(times)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def check_same(ours, theirs, what):
    worst = max(abs(a - b) for a, b in zip(ours, theirs))
    if len(ours) != len(theirs) or worst > 1e-3:
        sys.exit(f"bench: {what}: the vectors differ by {worst:.2e}; not the same model")
    return worst


def run(options):
    rows = []
    for model in options.models.split(","):
        folder = os.path.join(TOP, MODELS[model])
        ours = Egbert(folder, options.backend, options.threads)
        peers = [Peer(name, folder, options.threads) for name in PEERS] if options.peers else []
        for length in map(int, options.lengths.split(",")):
            worst = {p.name: check_same(ours.mean(length), p.mean(length), f"{model} {length} {p.name}") for p in peers}
            times = {"egbert": []} | {p.name: [] for p in peers}
            for _ in range(options.rounds):
                times["egbert"].append(ours.measure(length, options.seconds))
                for peer in peers:
                    times[peer.name].append(peer.measure(length, options.seconds))
            medians = [t[0] for t in times["egbert"]]
            row = {"model": model, "length": length, "egbert_ms": statistics.median(medians),
                   "egbert_min_ms": min(t[1] for t in times["egbert"]), "peers": {}}
            line = f"{model:7} S={length:<4} egbert {row['egbert_ms']:8.2f} ms (min {row['egbert_min_ms']:.2f})"
            for peer in peers:
                ratios = [p[0] / e for p, e in zip(times[peer.name], medians)]
                entry = {"ms": statistics.median(t[0] for t in times[peer.name]), "min_ms": min(t[1] for t in times[peer.name]),
                         "ratio": statistics.median(ratios), "ratio_spread": [min(ratios), max(ratios)],
                         "max_abs_diff": worst[peer.name]}
                row["peers"][peer.name] = entry
                line += (f" | {peer.name} {entry['ms']:8.2f} ms (min {entry['min_ms']:.2f}), ratio {entry['ratio']:.2f}"
                         f" [{min(ratios):.2f}-{max(ratios):.2f}]")
            print(line, flush=True)
            rows.append(row)
        for peer in peers:
            peer.close()
    return rows


def main():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="also the engines of script/setup --peers")
    parser.add_argument("--models", default="minilm,base")
    parser.add_argument("--lengths", default="16,128,512")
    parser.add_argument("--backend", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each engine in each round")
    parser.add_argument("--json", metavar="FILE", help="also write the rows there")
    options = parser.parse_args()
    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown CPU")
    print(f"{cpu}, {options.threads} threads, backend {options.backend}, batch 1, f32, median of {options.rounds} rounds of "
          f"{options.seconds} s")
    rows = run(options)
    if options.json:
        with open(options.json, "w") as f:
            json.dump({"cpu": cpu, "threads": options.threads, "backend": options.backend, "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
