#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes minilm.npz and mpnet.npz: embeddings of minilm_texts.py by sentence-transformers, one text at a time, on the CPU.

    make_sentence_models.py minilm|mpnet MODEL_FOLDER       (needs what script/setup --goldens installs)
"""
import os
import sys

import numpy as np
import sentence_transformers
import torch

from minilm_texts import texts

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTHS = {"minilm": 384, "mpnet": 768}


def main(name, folder):
    torch.set_num_threads(1)
    model = sentence_transformers.SentenceTransformer(folder, device="cpu")
    # Neither padding nor the neighbours of a batch take part in the result.
    embeddings = np.stack([model.encode(t, batch_size=1, show_progress_bar=False) for t in texts()])
    assert embeddings.dtype == np.float32 and embeddings.shape == (1000, WIDTHS[name])
    np.savez(os.path.join(HERE, f"{name}.npz"), embeddings=embeddings)


if __name__ == "__main__":
    main(*sys.argv[1:])
