# SPDX-License-Identifier: Apache-2.0
"""What peers have in common: the conversation with bench.py.

A peer is started as `python bench/peer_NAME.py CHECKPOINT THREADS` and says {"peer": NAME AND VERSION} on a line. Then one
JSON request a line on stdin: {"ids": [[…]…], "seconds": S, "warmup": N}; one JSON answer a line on stdout: {"ms": […],
"mean": [the first text's mean-pooled vector], "how": what it chose for itself}.
"""
import json
import resource
import sys
import time

import numpy as np


def measure(run, seconds, warmup=0, least=5):
    """The last result and the milliseconds of each run but the warm-up's."""
    result = None
    for _ in range(warmup):
        result = run()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < least:
        begin = time.perf_counter()
        result = run()
        times.append((time.perf_counter() - begin) * 1e3)
    return result, times


def serve(name, prepare):
    """prepare(feed) gives (run, how): run() computes the hidden state of that feed. Answers until stdin ends."""
    print(json.dumps({"peer": name}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        ids = np.asarray(request["ids"], dtype=np.int32)
        run, how = prepare({"input_ids": ids, "segment_ids": np.zeros_like(ids)})
        hidden, times = measure(run, request["seconds"], request["warmup"], request.get("least", 5))
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({"ms": times, "mean": hidden[0].mean(axis=0).tolist(), "how": how, "rss_mib": rss}), flush=True)
