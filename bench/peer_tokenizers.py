# SPDX-License-Identifier: Apache-2.0
"""The side of Hugging Face's `tokenizers` in bench/tokenizer.py, with the answers of bench/tokenize.c:

    peer_tokenizers.py FOLDER TEXTS

How many threads it may use is in RAYON_NUM_THREADS and TOKENIZERS_PARALLELISM. The encodings are freed, and their ids
made a list, outside the measured time.
"""
import pathlib
import sys
import time

import tokenizers


def memory(key):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    return 0


def main():
    folder, path = sys.argv[1:]
    texts = pathlib.Path(path).read_bytes().decode().split("\0")
    before = memory("VmRSS")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    begin = time.perf_counter()
    tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
    print(time.perf_counter() - begin, memory("VmRSS") - before, memory("VmHWM") - before, flush=True)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    for line in sys.stdin:
        begin = time.perf_counter(), time.thread_time(), time.process_time()
        encodings = tokenizer.encode_batch_fast(texts)
        end = time.perf_counter(), time.thread_time(), time.process_time()
        if line == "ids\n":
            for encoding in encodings:
                print(*encoding.ids)
        else:
            print(*(b - a for a, b in zip(begin, end)), memory("VmHWM") - before)
        sys.stdout.flush()
        del encodings


if __name__ == "__main__":
    main()
