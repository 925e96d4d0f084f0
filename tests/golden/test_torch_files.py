# SPDX-License-Identifier: Apache-2.0
"""pytorch_model.bin gives, number by number, what safetensors gives: both formats, shards, views; nothing is executed."""
import pathlib
import pickle
import shutil
import zipfile

import numpy as np
import pytest
from command import done, run

HERE = pathlib.Path(__file__).resolve().parent
NAME = "tiny-bert-f16"  # whose weights torch saved as golden/torch/*
FILES = ["zip", "pickles", "sharded", "views", "mixed"]
OUTPUTS = "hidden_states,attentions,pooler_output"


def without_weights(folder):
    """A copy of the checkpoint, all but the weights."""
    out = folder / "model"
    shutil.copytree(HERE / "checkpoints" / NAME, out, ignore=shutil.ignore_patterns("*.safetensors"))
    return out


def outputs(model, folder, backend):
    out = folder / "out.npz"
    done("run", model, "--ids-file", HERE / f"{NAME}.npz", "--output", OUTPUTS, "--npz", out, "--quiet", "--backend", backend)
    with np.load(out) as archive:
        return {key: archive[key] for key in archive.files}


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("files", FILES)
def test_equal_to_safetensors(files, backend, tmp_path):
    model = without_weights(tmp_path)
    shutil.copytree(HERE / "torch" / files, model, dirs_exist_ok=True)
    want, got = outputs(HERE / "checkpoints" / NAME, tmp_path, backend), outputs(model, tmp_path, backend)
    assert set(got) == set(want)
    for key, value in want.items():
        assert np.array_equal(got[key], value), key


class Call:
    """Pickled as a call of os.system, which leaves a file behind if anyone makes it."""

    def __init__(self, path):
        self.command = f"touch '{path}'"

    def __reduce__(self):
        import os

        return os.system, (self.command,)


def assert_refused(model, *words):
    process = run("run", model, "hello", "--output", "last_hidden_state")
    message = process.stderr.decode()
    assert process.returncode == 3, message
    for word in ("pytorch_model.bin", *words):
        assert word in message


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_is_executed(zipped, tmp_path):
    model, mark = without_weights(tmp_path), tmp_path / "called"
    evil = pickle.dumps({"a": Call(mark)}, protocol=2)
    path = model / "pytorch_model.bin"
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("pytorch_model/data.pkl", evil)
    else:
        head = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}})
        path.write_bytes(b"".join(pickle.dumps(x, protocol=2) for x in head) + evil)
    assert_refused(model, "byte ", "it would call posix.system; only tensors are read")
    assert not mark.exists()


def test_compressed_files_are_refused(tmp_path):
    model = without_weights(tmp_path)
    with zipfile.ZipFile(HERE / "torch" / "zip" / "pytorch_model.bin") as stored:
        with zipfile.ZipFile(model / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as packed:
            for name in stored.namelist():
                packed.writestr(name, stored.read(name))
    assert_refused(model, "data.pkl' is compressed (deflate, method 8)")


def test_a_file_cut_off_is_refused(tmp_path):
    model = without_weights(tmp_path)
    for files in ("zip", "pickles"):
        whole = (HERE / "torch" / files / "pytorch_model.bin").read_bytes()
        (model / "pytorch_model.bin").write_bytes(whole[: len(whole) * 3 // 4])
        assert_refused(model, "is the file complete?")
