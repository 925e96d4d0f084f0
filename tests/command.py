# SPDX-License-Identifier: Apache-2.0
"""Runs the built command as script/egbert does. EGBERT_BUILD is the build folder, build/ by default."""
import json
import os
import pathlib
import pty
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("EGBERT_BUILD", TOP / "build")).resolve()
COMMAND = BUILD / "cli" / "egbert"
# Nothing that the caller's shell has set for Egbert takes part, but for what the test build needs.
KEPT = {"EGBERT_BUILD", "EGBERT_SANITIZED"}


def terminal():
    """A pseudo-terminal: (master, slave). Where the machine has none, as a bare chroot, the test is skipped."""
    try:
        return pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal here: {error}")


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("EGBERT_") or k in KEPT}
    env["EGBERT_PLUGIN_DIR"] = str(BUILD / "plugin-dir")
    env["EGBERT_FAMILY_DIR"] = str(TOP / "models")
    env.update(more)
    return env


def run(*args, stdin=b"", env=None, timeout=120, **options):
    """The finished process: returncode, stdout and stderr as bytes."""
    if stdin is not None:
        options["input"] = stdin
    words = [str(COMMAND), *(a if isinstance(a, bytes) else str(a) for a in args)]
    return subprocess.run(words, capture_output=True, env=environment(**(env or {})), timeout=timeout, **options)


def done(*args, **options):
    """stdout of a run that must succeed, as text."""
    result = run(*args, **options)
    assert result.returncode == 0, f"egbert {' '.join(map(str, args))}: {result.returncode}: {result.stderr.decode()}"
    return result.stdout.decode()


def lines(*args, **options):
    """The JSON objects that a run prints, one a line."""
    return [json.loads(line) for line in done(args[0], "--json", *args[1:], **options).splitlines()]


def refused(status, *args, says=(), stdout=b"", **options):
    """Asserts the contract of a run that an error ends; returns the error's line."""
    result = run(*args, **options)
    stderr = result.stderr.decode("utf-8")
    assert result.returncode == status, f"status {result.returncode}, not {status}: {stderr}"
    assert result.stdout == stdout, "an error leaves stdout empty but for the lines of a stream"
    written = stderr.splitlines()
    errors = [line for line in written if line.startswith("egbert: error: ")]
    assert len(errors) == 1 and written[-1] == errors[0], stderr
    assert all(line.startswith("egbert: ") for line in written), stderr
    assert len(errors[0]) <= 2000
    for part in [says] if isinstance(says, str) else says:
        assert part in errors[0], errors[0]
    return errors[0]
