# SPDX-License-Identifier: Apache-2.0
"""A file of lines to a file of ids with transformers: peer_autotokenizer.py FOLDER LINES OUT. From the start of the process
to its end it is what `egbert tokenize FOLDER --input LINES --json` is, which writes more."""
import json
import sys

from transformers import AutoTokenizer


def main():
    folder, lines, out = sys.argv[1:]
    with open(lines, encoding="utf-8", newline="\n") as file:
        texts = [line.removesuffix("\n") for line in file]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with open(out, "w", encoding="utf-8") as file:
        for ids in tokenizer(texts, verbose=False)["input_ids"]:
            file.write(json.dumps({"ids": ids}) + "\n")


if __name__ == "__main__":
    main()
