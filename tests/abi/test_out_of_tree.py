# SPDX-License-Identifier: Apache-2.0
"""Plugins built outside the tree: the template against an installed Egbert, and an old one against the frozen header."""
import json
import os
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("EGBERT_BUILD", os.path.join(TOP, "build"))
CONFORMANCE = os.path.join(BUILD, "plugins", "conformance", "egbert-conformance")
REFERENCE = os.path.join(BUILD, "backends", "reference", "egbert-reference.so")


def sanitizers():
    """The compiler flags that make a plugin fit a build with sanitizers."""
    options = subprocess.run(["meson", "introspect", "--buildoptions", BUILD], check=True, capture_output=True, text=True)
    value = next(o["value"] for o in json.loads(options.stdout) if o["name"] == "b_sanitize")
    value = value if isinstance(value, str) else ",".join(value)
    return [] if value in ("none", "") else [f"-fsanitize={value}"]


def conformance(plugin, *group):
    """(exit status, the TAP lines)"""
    done = subprocess.run([CONFORMANCE, str(plugin), REFERENCE, *group], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout.splitlines()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Egbert installed under a folder that stands for the root; gives the environment that finds it there."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", str(root)], check=True,
                   capture_output=True)
    found = [os.path.join(folder, "egbert.pc") for folder, _, files in os.walk(root) if "egbert.pc" in files]
    assert len(found) == 1
    return {**os.environ, "PKG_CONFIG_LIBDIR": os.path.dirname(found[0]), "PKG_CONFIG_PATH": "",
            "PKG_CONFIG_SYSROOT_DIR": str(root)}, root


def test_pkg_config_tells_where_plugins_go(installed):
    env, root = installed
    ask = ["pkg-config", "--variable=plugindir", "egbert"]
    folder = subprocess.run(ask, env=env, check=True, capture_output=True, text=True).stdout.strip()
    there = folder if folder.startswith(str(root)) else str(root) + folder
    assert "egbert-reference.so" in os.listdir(there) and "egbert-null.so" in os.listdir(there)


def test_the_template_builds_and_conforms(installed, tmp_path):
    env, _ = installed
    source = tmp_path / "mine"
    shutil.copytree(os.path.join(TOP, "plugins", "template"), source)
    flags = sanitizers()
    env = {**env, "CFLAGS": " ".join(["-Werror", *flags]), "LDFLAGS": " ".join(flags)}
    subprocess.run(["meson", "setup", "build"], cwd=source, env=env, check=True, capture_output=True)
    subprocess.run(["ninja", "-C", "build"], cwd=source, env=env, check=True, capture_output=True)
    plugin = source / "build" / "egbert-mine.so"
    symbols = subprocess.run(["nm", "-D", "--defined-only", str(plugin)], check=True, capture_output=True, text=True)
    names = [line.split()[-1] for line in symbols.stdout.splitlines()]
    assert names == ["eg_plugin_query"] or flags
    status, lines = conformance(plugin, "op/relu")
    assert status == 0, lines
    computed = [line for line in lines if line.startswith("ok") and "SKIP" not in line and "op/relu: form" in line]
    assert len(computed) > 50
    assert conformance(plugin, "allocations")[0] == 0
    assert conformance(plugin, "concurrency")[0] == 0


@pytest.mark.parametrize("name", ["template", "null"])
def test_a_plugin_of_version_1_0_still_works(name, tmp_path):
    headers = tmp_path / "include" / "egbert"
    headers.mkdir(parents=True)
    shutil.copy(os.path.join(HERE, "plugin-1.0.h"), headers / "plugin.h")
    plugin = tmp_path / "egbert-old.so"
    subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-fvisibility=hidden", *sanitizers(),
                    "-I", str(headers.parent), "-o", str(plugin), os.path.join(TOP, "plugins", name, "plugin.c")],
                   check=True)
    status, lines = conformance(plugin, "device")
    assert status == 0, lines
    assert any(line.startswith("ok") and "open" in line for line in lines)
