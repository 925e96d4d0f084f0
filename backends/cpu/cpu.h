/* SPDX-License-Identifier: Apache-2.0 */
/* The cpu backend: matmul by OpenBLAS or, of few rows, by a kernel of its own, the common kernels for everything else. */
#ifndef EG_CPU_CPU_H
#define EG_CPU_CPU_H

#include "blas.h"

/* What the device's library points to. */
typedef struct eg_cpu_library {
    int64_t own_rows; /* products of fewer rows are the kernel's, the others OpenBLAS's; INT64_MAX: it is not open */
    eg_blas blas;
    char note[1024];
    char description[320]; /* what multiplies */
    char fingerprint[512];
} eg_cpu_library;

/* The ops it brings; ended by NULL. */
extern const eg_host_op *const eg_cpu_own_ops[];

/* At least one row. */
eg_status eg_cpu_matmul_blas(const eg_host_call *call, const eg_blas *blas);

#endif
