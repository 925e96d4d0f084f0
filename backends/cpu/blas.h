/* SPDX-License-Identifier: Apache-2.0 */
/* OpenBLAS, found and opened at run time, never linked. */
#ifndef EG_CPU_BLAS_H
#define EG_CPU_BLAS_H

#include "backends/common/backend.h"

/* The values of CBLAS's enumerations that are used here. */
enum { EG_BLAS_ROW_MAJOR = 101, EG_BLAS_AS_IS = 111, EG_BLAS_TURNED = 112 };

typedef struct eg_blas {
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                  const float *b, int ldb, float beta, float *c, int ldc);
    /* Of libgomp, where the library is the OpenMP flavour; else NULL. */
    int (*in_parallel)(void);
    int (*get_threads)(void);
    void (*set_threads)(int);
    uint32_t row_unit; /* products of a multiple of this many rows compute each row in the same order */
    char path[512];
    char core[64];         /* the kernels it chose */
    char description[256]; /* library, version, threading, core */
    char note[256];        /* what the user might want to know; "" */
} eg_blas;

/*
 * Opens OpenBLAS (path: that file only; NULL: the OpenMP flavour, then any) and checks what it computes.
 * EG_E_BACKEND says what was sought, or what is wrong with the library.
 */
eg_status eg_blas_open(const eg_host *host, const char *path, eg_blas *blas, eg_error *err);

/*
 * y[m][n] = x[m][k] · w[n][k]ᵀ on the calling thread alone: the products of a run are shared among its threads tile by
 * tile, which is faster than letting the library share each of them.
 */
void eg_blas_product(const eg_blas *blas, const float *x, int ldx, const float *w, int ldw, float *y, int ldy, int m,
                     int n, int k);

#endif
