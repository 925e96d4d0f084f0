# SPDX-License-Identifier: Apache-2.0
"""Weights from a seed, the same on every machine: with them a golden needs no committed weights, only names and shapes.

Every value is a multiple of 2⁻²⁴ made from integers, so no library's logarithm takes part. Nothing is degenerate: norms
stay away from 1, biases from 0, and a tensor has its values from its own name, whatever else the checkpoint holds.
"""

import fnmatch
import json
import zlib

import numpy as np


def values_of(name, shape, seed, scales=None):
    """A tensor's values, float32. scales: factors for the names that match a pattern."""
    generator = np.random.RandomState((zlib.crc32(name.encode()) + seed) % 2**32)
    uniform = generator.randint(-(2**22), 2**22, size=shape or (1,)).astype(np.float64) / 2**22
    is_norm = len(shape) == 1 and name.endswith(("weight", "gamma"))
    values = 1 + 0.5 * uniform if is_norm else 0.375 * uniform
    for pattern, factor in (scales or {}).items():
        if fnmatch.fnmatchcase(name, pattern):
            values = values * factor
    return values.reshape(shape).astype("<f4")


def write_safetensors(path, tensors, metadata):
    """A file of f32 tensors, {name: array}; the format is simple enough to need no library."""
    header, offset = {"__metadata__": metadata}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(value.tobytes())


def write_weights(path, shapes, seed, scales=None):
    tensors = {name: values_of(name, tuple(shape), seed, scales) for name, shape in shapes.items()}
    write_safetensors(path, tensors, {"format": "pt", "random_seed": str(seed)})


def read_header(path):
    """(metadata, {name: shape}) of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return header.pop("__metadata__", {}), {name: entry["shape"] for name, entry in header.items()}
