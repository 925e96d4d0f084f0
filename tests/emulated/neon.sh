#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tests of the kernels on an emulated AArch64: cross-compiled with NEON's flags, run by qemu.
#   neon.sh COMPILER QEMU SOURCES WORK-FOLDER
set -eu
compiler=$1 qemu=$2 sources=$3 work=$4
mkdir -p "$work"
flags="-std=c11 -D_GNU_SOURCE -O2 -ffp-contract=off -fno-math-errno -Wall -Wextra -Werror -I$sources -I$sources/tests/emulated"
flags="$flags -DEG_HAVE_NEON_KERNELS -DFLOAT_STEP=20011 -DEVERY=7"
kernels=
for name in kernels kernels_plain kernels_plain_matmul kernels_neon; do
    # as in backends/common/meson.build
    "$compiler" $flags -fno-schedule-insns -c "$sources/backends/common/$name.c" -o "$work/$name.o"
    kernels="$kernels $work/$name.o"
done
for name in test_kernels test_kernels_matmul test_attention; do
    "$compiler" $flags "$sources/tests/unit/$name.c" $kernels -lm -static -o "$work/$name"
    "$qemu" "$work/$name"
done
