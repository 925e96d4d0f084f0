# SPDX-License-Identifier: Apache-2.0
"""Writes buckets.txt: into which bucket the models' own code puts every distance of -4096 .. 4096.

Usage: python make_buckets.py OUT.txt   (needs torch and transformers)

A line is `kind buckets max_distance`, then pairs `first bucket`: from that distance on it is that bucket, up to the next pair.
`bias` is T5's function for both directions, as MPNet has it, of key - query; `scores` is DeBERTa v2's, of query - key.
"""
import sys

import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

DISTANCES = torch.arange(-4096, 4097)
BIAS = [(32, 128), (32, 64), (32, 256), (64, 128), (64, 512), (16, 100), (8, 20), (7, 20), (4, 16), (320, 800), (255, 1000)]
# The published models have 256 and 512; the others are near them, small, odd, or with a largest distance close to the middle.
SCORES = [(256, 512), (256, 500), (256, 1024), (256, 2048), (256, 256), (512, 1024), (512, 512), (128, 512), (128, 128), (64, 100),
          (64, 2048), (32, 512), (32, 24), (16, 20), (8, 12), (7, 30), (4, 10), (3, 10), (2, 5), (33, 512), (255, 512), (257, 513)]


def runs(buckets):
    pairs, last = [], None
    for distance, bucket in zip(DISTANCES.tolist(), buckets.tolist()):
        if bucket != last:
            pairs += [distance, bucket]
        last = bucket
    return " ".join(map(str, pairs))


def main():
    with open(sys.argv[1], "w") as out:
        for count, most in BIAS:
            out.write(f"bias {count} {most} {runs(MPNetEncoder.relative_position_bucket(DISTANCES, count, most))}\n")
        for count, most in SCORES:
            out.write(f"scores {count} {most} {runs(make_log_bucket_position(DISTANCES, count, most).long())}\n")


main()
