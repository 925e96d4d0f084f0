/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels on host memory: one table of functions per instruction set, chosen at run time.
 *
 * The table begins as plain C (kernels_plain.c) and each instruction set that the CPU and the system support overrides
 * what it does better. A new kernel is a new entry: a plain version first, then the others in kernels_simd.h, which is
 * compiled once per instruction set.
 *
 * All work on contiguous rows, may be called from any thread and allocate nothing. The order of every sum depends on
 * the length of the row alone, never on how many rows there are: a text's result does not depend on its neighbours.
 * y may be x (or a) wherever both have the same layout; otherwise arguments do not overlap.
 */
#ifndef EG_COMMON_KERNELS_H
#define EG_COMMON_KERNELS_H

#include <stdint.h>

/* In order of preference; NEON is the only one of its architecture. */
typedef enum { EG_ISA_PLAIN, EG_ISA_AVX2, EG_ISA_AVX512, EG_ISA_NEON } eg_isa;

typedef void (*eg_unary_kernel)(const float *x, float *y, int64_t n);
typedef void (*eg_binary_kernel)(const float *a, const float *b, float *y, int64_t n);

/* --- products ------------------------------------------------------------------------------------ */

/* Rows of a packed x are whole multiples of this. */
#define EG_PACK_ROWS 16

/* What becomes of a product: factor · activation(product + bias) + residual. NULL: without it. */
typedef struct eg_epilogue {
    const float *bias; /* one for each column */
    eg_unary_kernel activation;
    const float *factor, *residual; /* like y, but rows ld_ floats apart; may be y itself */
    int64_t ld_factor, ld_residual;
} eg_epilogue;

/* The epilogue of the block that begins at a row and a column. */
static inline eg_epilogue
eg_epilogue_at(const eg_epilogue *e, int64_t row, int64_t column)
{
    eg_epilogue at = *e;
    if (e->bias != 0)
        at.bias += column;
    if (e->factor != 0)
        at.factor += row * e->ld_factor + column;
    if (e->residual != 0)
        at.residual += row * e->ld_residual + column;
    return at;
}

/* --- attention ----------------------------------------------------------------------------------- */

/* Most queries of a call; a multiple of every instruction set's tile. */
#define EG_ATTENTION_QUERIES 192
/* Keys whose scores are in memory together. */
#define EG_ATTENTION_KEYS 128
/* Floats of scratch for heads of these sizes: queries or keys, turned; values, in whole vectors. */
#define EG_ATTENTION_PAD 16
#define EG_ATTENTION_SCRATCH(size, value_size)                                                                         \
    (EG_ATTENTION_QUERIES * (size) + EG_ATTENTION_KEYS * ((value_size) + EG_ATTENTION_PAD))
/* More keys than any text has: a reach without a bound. */
#define EG_ATTENTION_FAR ((int64_t)1 << 40)

/* Some queries of one text in one head, over the keys of that text. Rows lie ld_ floats apart. */
typedef struct eg_attention {
    const float *q, *k, *v; /* the first of these queries; key and value 0 of the text */
    float *y;               /* where the result of the first of these queries goes */
    int64_t ldq, ldk, ldv, ldy;
    int64_t first, queries, keys; /* number of the first query in its text; at least one query and one key */
    int64_t size, value_size;     /* of q's and k's heads; of v's and y's */
    int64_t below, above;         /* query i sees the keys i - below to i + above */
    float factor;
    /* Added to the scores: a row for each of these queries. Column 0 of query i is key i - bias_window, but at least 0
     * and at most bias_last. NULL: nothing. */
    const float *bias;
    int64_t ldb, bias_window, bias_last;
} eg_attention;

typedef struct eg_kernels {
    eg_isa isa;

    eg_unary_kernel gelu, gelu_tanh, gelu_quick;
    eg_unary_kernel relu, relu2, silu, mish, tanh, sigmoid, log1p, exp;
    eg_binary_kernel add, sub, mul, div;
    void (*scale)(const float *x, float factor, float *y, int64_t n);
    void (*scale_offset)(const float *x, float factor, float offset, float *y, int64_t n); /* factor · x + offset */

    /* Over one row of n elements; bias may be NULL. */
    void (*layer_norm)(const float *x, const float *weight, const float *bias, double eps, float *y, int64_t n);
    void (*rms_norm)(const float *x, const float *weight, double eps, float *y, int64_t n);
    void (*normalize)(const float *x, double eps, float *y, int64_t n);
    /* The norm of a + b, the same bits as add and then norm; y may be a or b. */
    void (*add_layer_norm)(const float *a, const float *b, const float *weight, const float *bias, double eps, float *y,
                           int64_t n);
    void (*add_rms_norm)(const float *a, const float *b, const float *weight, double eps, float *y, int64_t n);
    /* Where all are -inf, y is 0. */
    void (*softmax)(const float *x, float *y, int64_t n);

    /*
     * The first `width` numbers of each head of a row turned by the angles of t (width / 2 cosines, then as many sines), the
     * others as they are. A pair is x[i] and x[i + width / 2], or with rotary_pairs x[2i] and x[2i + 1].
     */
    void (*rotary)(const float *x, const float *t, float *y, int64_t heads, int64_t size, int64_t width);
    void (*rotary_pairs)(const float *x, const float *t, float *y, int64_t heads, int64_t size, int64_t width);

    /* y += factor · x; y = max(y, x), where a NaN wins. */
    void (*accumulate)(const float *x, float factor, float *y, int64_t n);
    eg_binary_kernel max;

    /* y[m][n] = factor · Σ a[m][k] · b[k][n]: small products, as in attention. */
    void (*product)(const float *a, int64_t lda, const float *b, int64_t ldb, float *y, int64_t ldy, int64_t m,
                    int64_t n, int64_t k, float factor);
    /*
     * y[m][n] = epilogue(Σ x[m][k] · w[n][k]): rows by a weight, which is read where it lies. x is turned first, once for
     * all weights that it is multiplied by: `packed`, on a cache line, has k floats for each row, and m rounded up to
     * EG_PACK_ROWS. Each sum is made of chains of 128 multiply-adds (fused, but in plain C), added up in order, whatever m
     * and n are and wherever it stands, and the epilogue is of single elements; so the work may be cut anywhere along
     * both. Needs up to 64 KiB of stack, no other memory.
     */
    void (*matmul_pack)(const float *x, int64_t ldx, int64_t m, int64_t k, float *packed);
    void (*matmul)(const float *packed, int64_t m, int64_t k, const float *w, int64_t ldw, int64_t n, float *y,
                   int64_t ldy, const eg_epilogue *epilogue);
    /* y[m][n] = epilogue(x), the same bits, for products from elsewhere; x is overwritten, and may be y. */
    void (*finish)(float *x, int64_t ldx, float *y, int64_t ldy, int64_t m, int64_t n, const eg_epilogue *epilogue);
    /*
     * y = softmax(factor · q · kᵀ + bias) · v over the keys that each query sees; zeros where it sees none. One pass
     * over the keys, EG_ATTENTION_KEYS at a time from key 0 on, with a running maximum and sum: each number comes from
     * its query and the keys in their order, whatever queries stand beside it. Needs EG_ATTENTION_SCRATCH floats of
     * scratch and up to 60 KiB of stack.
     */
    void (*attention)(const eg_attention *a, float *scratch);
    /* y[column][row] = x[row][column]. */
    void (*transpose)(const float *x, int64_t ldx, float *y, int64_t ldy, int64_t rows, int64_t columns);
} eg_kernels;

/* The best this machine can run, by CPU and system. */
eg_isa eg_isa_best(void);
const char *eg_isa_name(eg_isa isa);
/* The level of that name, if the machine can run it. 0 if not. */
int eg_isa_find(const char *name, eg_isa *out);

/* isa must be one the machine can run. */
void eg_kernels_init(eg_kernels *kernels, eg_isa isa);

/* What kernels.c calls; each overrides the entries that it has. */
void eg_kernels_plain(eg_kernels *kernels);
void eg_kernels_plain_matmul(eg_kernels *kernels);
void eg_kernels_avx2(eg_kernels *kernels);
void eg_kernels_avx512(eg_kernels *kernels);
void eg_kernels_neon(eg_kernels *kernels);

#endif
