/* SPDX-License-Identifier: Apache-2.0 */
/* matmul in plain C: the order of the other versions, but products are rounded. */
#include <string.h>

#include "kernels.h"

/* Packed rows are those of x, one after another. */
static void
pack_rows(const float *x, int64_t ldx, int64_t m, int64_t k, float *packed)
{
    for (int64_t r = 0; r < m; r++)
        memcpy(packed + r * k, x + r * ldx, (size_t)k * sizeof *x);
}

/* The sum of one chain. */
static float
chain_of(const float *x, const float *w, int64_t k)
{
    float sum = 0;
    for (int64_t i = 0; i < k; i++)
        sum += x[i] * w[i];
    return sum;
}

static float
element_of(const float *x, const float *w, int64_t k)
{
    enum { CHAIN = 128 };
    float sum = chain_of(x, w, k < CHAIN ? k : CHAIN);
    for (int64_t i = CHAIN; i < k; i += CHAIN)
        sum += chain_of(x + i, w + i, k - i < CHAIN ? k - i : CHAIN);
    return sum;
}

static void
finish_rows(float *x, int64_t ldx, float *y, int64_t ldy, int64_t m, int64_t n, const eg_epilogue *epilogue)
{
    for (int64_t r = 0; r < m; r++) {
        eg_epilogue e = eg_epilogue_at(epilogue, r, 0);
        float *from = x + r * ldx, *to = y + r * ldy;
        for (int64_t c = 0; c < n && e.bias != 0; c++)
            from[c] += e.bias[c];
        if (e.activation != 0)
            e.activation(from, from, n);
        for (int64_t c = 0; c < n && e.factor != 0; c++)
            from[c] *= e.factor[c];
        for (int64_t c = 0; c < n; c++)
            to[c] = e.residual != 0 ? from[c] + e.residual[c] : from[c];
    }
}

static void
multiply(const float *packed, int64_t m, int64_t k, const float *w, int64_t ldw, int64_t n, float *y, int64_t ldy,
         const eg_epilogue *epilogue)
{
    enum { STRIP = 64 };
    float strip[STRIP];
    for (int64_t r = 0; r < m; r++) {
        for (int64_t first = 0; first < n; first += STRIP) {
            int64_t columns = n - first < STRIP ? n - first : STRIP;
            for (int64_t c = 0; c < columns; c++)
                strip[c] = element_of(packed + r * k, w + (first + c) * ldw, k);
            eg_epilogue here = eg_epilogue_at(epilogue, r, first);
            finish_rows(strip, STRIP, y + r * ldy + first, ldy, 1, columns, &here);
        }
    }
}

void
eg_kernels_plain_matmul(eg_kernels *k)
{
    k->matmul_pack = pack_rows;
    k->matmul = multiply;
    k->finish = finish_rows;
}
