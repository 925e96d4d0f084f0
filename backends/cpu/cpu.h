/* SPDX-License-Identifier: Apache-2.0 */
/* The cpu backend: matmul by a kernel of its own or by OpenBLAS, the common kernels for everything else. */
#ifndef EG_CPU_CPU_H
#define EG_CPU_CPU_H

#include "blas.h"

/* What the device's library points to. */
typedef struct eg_cpu_library {
    bool own_products; /* matmul by the kernel; else by OpenBLAS, which is open then */
    eg_blas blas;
    char note[1024];
    char fingerprint[512];
} eg_cpu_library;

/* The ops it brings; ended by NULL. */
extern const eg_cpu_op *const eg_cpu_own_ops[];

/* At least one row. */
eg_status eg_cpu_matmul_blas(const eg_cpu_call *call, const eg_blas *blas);

#endif
