#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_sanitized.sh LOGS NAME PROGRAM [ARGUMENT...]: runs the program with the sanitizers' reports in LOGS/NAME.*, shows
# them, and fails if there is one, whatever the program's status.
set -u
logs=$1 name=$2
shift 2
mkdir -p "$logs"
rm -f "$logs/$name".*
report="log_path=$logs/$name:exitcode=99"
export ASAN_OPTIONS="$report:detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1"
# UBSan's reports do not always reach the file, but a worker that aborts counts as a failure.
export UBSAN_OPTIONS="$report:print_stacktrace=1:halt_on_error=1:abort_on_error=1"
export TSAN_OPTIONS="$report"
"$@"
status=$?
for log in "$logs/$name".*; do
    [ -e "$log" ] || continue
    cat "$log" >&2
    status=1
done
exit $status
