# SPDX-License-Identifier: Apache-2.0
"""An installed command, under another root than it was configured for and without any EGBERT_ variable."""
import json
import os
import subprocess

import pytest

from command import BUILD


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--destdir", str(root)], check=True,
                   capture_output=True)
    return next(root.rglob("bin/egbert"))


def run(command, *args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("EGBERT_")}
    return subprocess.run([str(command), *map(str, args)], env=env, cwd="/", capture_output=True, text=True, timeout=120)


def test_it_finds_its_plugins_and_families(installed, tiny):
    result = run(installed, "embed", tiny, "a cat", "--json")
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["embedding"]) == 16
    prefix = str(installed.parent.parent)
    backends = json.loads(run(installed, "backends", "--json").stdout)
    assert {"reference", "null", "far"} <= {b["name"] for b in backends}
    assert all(b["loaded"] and b["path"].startswith(prefix) for b in backends)
    families = json.loads(run(installed, "families", "--json").stdout)
    assert all(f["file"].startswith(prefix) for f in families) and "bert" in [f["name"] for f in families]


def test_it_finds_the_conformance_suite(installed):
    plugin = next(installed.parent.parent.rglob("egbert-null.so"))
    result = run(installed, "conformance", plugin, "--group", "device")
    assert result.returncode == 0, result.stderr
    assert "ok 1 - device: " in result.stdout


def test_a_plugin_of_a_user_is_probed(installed, tmp_path):
    (tmp_path / "egbert-text.so").write_text("no plugin")
    result = run(installed, "backends", "--json", "--plugin", next(installed.parent.parent.rglob("egbert-null.so")))
    assert result.returncode == 0, result.stderr
    result = run(installed, "backends", "--plugin", tmp_path / "egbert-text.so")
    assert result.returncode == 4 and "egbert-text.so" in result.stderr
