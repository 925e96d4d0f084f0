/* SPDX-License-Identifier: Apache-2.0 */
/* The cpu backend: products by a kernel of its own or by OpenBLAS, the common kernels for everything else. */
#ifndef EG_CPU_CPU_H
#define EG_CPU_CPU_H

#include "blas.h"

/* What the device's library points to. */
typedef struct eg_cpu_library {
    int64_t own_rows;    /* matmuls of fewer rows are the kernel's, the others OpenBLAS's; INT64_MAX: it is not open */
    int64_t linear_rows; /* the same of linear and glu_linear; INT64_MAX: never OpenBLAS's */
    eg_blas blas;
    char note[1024];
    char description[320]; /* what multiplies */
    char fingerprint[512];
} eg_cpu_library;

/* The ops it brings; ended by NULL. */
extern const eg_host_op *const eg_cpu_own_ops[];

/* Columns of the widest tile of OpenBLAS. */
#define EG_CPU_TILE_COLUMNS 768

/* One weight and what becomes of the product with it. */
typedef struct eg_cpu_product {
    uint32_t weight;   /* the input */
    int64_t first_row; /* of the weight: the one of column 0 */
    eg_epilogue epilogue;
} eg_cpu_product;

/* matmul, linear or glu_linear: rows of x by one weight, or by two, of which the second finds the first's result in y. */
typedef struct eg_cpu_linear {
    eg_host_matrix x, y;
    eg_cpu_product products[2];
    int product_count;
} eg_cpu_linear;

/* Both: at least one row. */
void eg_cpu_linear_own(const eg_host_call *call, const eg_cpu_linear *linear);
/* y's columns in groups, each by its own columns of x and rows of the weight, input 1. */
void eg_cpu_linear_groups(const eg_host_call *call, int64_t groups);
eg_status eg_cpu_linear_blas(const eg_host_call *call, const eg_cpu_linear *linear, const eg_blas *blas);

#endif
