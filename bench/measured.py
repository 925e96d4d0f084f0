# SPDX-License-Identifier: Apache-2.0
"""Runs a command: measured.py OUT COMMAND... Its output goes to OUT; then the seconds that it took and the most memory, in
bytes. A process inherits the peak of the one that starts it, so that one is to be small, as this is."""
import os
import sys
import time

out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
begin = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1)])
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - begin, usage.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
