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
    bool
        threaded; /* it uses the run's own (OpenMP) threads; else it is one-threaded and the product is cut into tiles */
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

#endif
