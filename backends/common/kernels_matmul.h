/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The matmul kernel in terms of vectors; a part of kernels_simd.h.
 *
 * Vectors run along the rows of x, which are turned into a panel [k][rows] near the first level of the cache; W is read
 * where it lies, one element at a time into all lanes, so nothing of it is packed or copied. Results gather in a strip [rows][columns] of their own:
 * y's rows often lie a power of two apart and would throw each other out of the cache, four columns at a time.
 *
 * Each element is one chain of fused multiply-adds over MATMUL_CHAIN values of k after another, added up in order, and
 * these sums of MATMUL_DEPTH values are added up in order: the same bits in any tile, whatever its place, for any number
 * of rows and columns and on every instruction set. Shorter chains round less.
 */

/* Values of k in a chain; a multiple of MATMUL_LINE. */
#define MATMUL_CHAIN 128
/* Values of k in a panel; a multiple of MATMUL_CHAIN. */
#define MATMUL_DEPTH 384
/* Columns of W that the panels of all rows pass over before the next ones: a megabyte of chains. */
#define MATMUL_BLOCK 768
/* Columns of a strip; a multiple of every tile's. */
#define MATMUL_STRIP 64
/* Floats in a cache line. */
#define MATMUL_LINE 16
/* Columns that are turned back into rows together. */
#define MATMUL_GROUP 4
/* Vectors of the widest panel: a panel has one, two or three units. */
#define MATMUL_VECTORS (3 * MATMUL_UNIT)
#define MATMUL_UNIT_ROWS (MATMUL_UNIT * VW)
#define MATMUL_PANEL (3 * MATMUL_UNIT_ROWS)

/* One step of all chains of a tile. */
static inline __attribute__((always_inline)) void
matmul_step(int V, int C, const float *panel, const float *w, int64_t ldw, vf (*sums)[MATMUL_VECTORS])
{
    vf x[MATMUL_VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < V; v++)
        x[v] = v_load(panel + v * VW);
#pragma GCC unroll 16
    for (int c = 0; c < C; c++) {
        vf factor = v_set(w[c * ldw]);
#pragma GCC unroll 16
        for (int v = 0; v < V; v++)
            sums[c][v] = v_fma(x[v], factor, sums[c][v]);
    }
}

/* The chains of k values, k ≤ MATMUL_CHAIN; meanwhile the columns at `next` are called for. */
static inline __attribute__((always_inline)) void
matmul_chain(int V, int C, const float *panel, const float *w, int64_t ldw, const float *next, int64_t k,
             vf (*sums)[MATMUL_VECTORS])
{
#pragma GCC unroll 16
    for (int c = 0; c < C; c++)
#pragma GCC unroll 16
        for (int v = 0; v < V; v++)
            sums[c][v] = v_set(0.0f);
    int64_t i = 0;
    for (; i + MATMUL_LINE <= k; i += MATMUL_LINE) {
#pragma GCC unroll 16
        for (int c = 0; c < C; c++)
            __builtin_prefetch(next + c * ldw + i);
#pragma GCC unroll 2
        for (int j = 0; j < MATMUL_LINE; j++)
            matmul_step(V, C, panel + (i + j) * V * VW, w + i + j, ldw, sums);
    }
    for (; i < k; i++)
        matmul_step(V, C, panel + i * V * VW, w + i, ldw, sums);
}

/* V vectors of rows by C columns of W into the strip. */
static inline __attribute__((always_inline)) void
matmul_tile(int V, int C, const float *panel, const float *w, int64_t ldw, const float *next, int64_t k, float *strip)
{
    _Alignas(64) float totals[MATMUL_COLUMNS_1 * MATMUL_VECTORS * VW];
    vf sums[MATMUL_COLUMNS_1][MATMUL_VECTORS];
    for (int64_t i = 0; i == 0 || i < k; i += MATMUL_CHAIN) {
        int64_t length = k - i < MATMUL_CHAIN ? k - i : MATMUL_CHAIN;
        matmul_chain(V, C, panel + i * V * VW, w + i, ldw, next + i, length, sums);
#pragma GCC unroll 16
        for (int c = 0; c < C; c++) {
#pragma GCC unroll 16
            for (int v = 0; v < V; v++) {
                float *total = totals + (c * V + v) * VW;
                v_store(total, i == 0 ? sums[c][v] : v_add(v_load(total), sums[c][v]));
            }
        }
    }
#pragma GCC unroll 16
    for (int c = 0; c < C; c += MATMUL_GROUP) {
#pragma GCC unroll 16
        for (int v = 0; v < V; v++) {
            vf group[MATMUL_GROUP];
            for (int g = 0; g < MATMUL_GROUP; g++)
                group[g] = v_load(totals + ((c + g) * V + v) * VW);
            v_store_turned(group, strip + v * VW * MATMUL_STRIP + c, MATMUL_STRIP);
        }
    }
}

/* The strip to y, or added to it. */
static void
matmul_flush(const float *strip, float *y, int64_t ldy, int64_t rows, int64_t columns, int add)
{
    for (int64_t r = 0; r < rows; r++, strip += MATMUL_STRIP, y += ldy) {
        if (add)
            simd_add(y, strip, y, columns);
        else
            memcpy(y, strip, (size_t)columns * sizeof *y);
    }
}

/* Lines of y that the strip will go to. */
static void
matmul_call_for(const float *y, int64_t ldy, int64_t rows, int64_t columns)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c += MATMUL_LINE)
            __builtin_prefetch(y + r * ldy + c, 1);
}

/* A panel of V vectors by the n columns of a strip, n ≤ MATMUL_STRIP. `more`: W goes on behind them. */
static inline __attribute__((always_inline)) void
matmul_strip(int V, int C, const float *panel, const float *w, int64_t ldw, int64_t n, int more, int64_t k,
             float *strip)
{
    int64_t c = 0;
    for (; c + C <= n; c += C) {
        int64_t next = more || c + 2 * C <= n ? c + C : c;
        matmul_tile(V, C, panel, w + c * ldw, ldw, w + next * ldw, k, strip + c);
    }
    if (c == n)
        return;
    float last[MATMUL_COLUMNS_1 * MATMUL_DEPTH]; /* the last columns, and zeros in place of those that are not there */
    memset(last, 0, sizeof last);
    for (int64_t i = c; i < n; i++)
        memcpy(last + (i - c) * MATMUL_DEPTH, w + i * ldw, (size_t)k * sizeof *w);
    matmul_tile(V, C, panel, last, MATMUL_DEPTH, last, k, strip + c);
}

static void
matmul_strip_1(const float *panel, const float *w, int64_t ldw, int64_t n, int more, int64_t k, float *strip)
{
    matmul_strip(MATMUL_UNIT, MATMUL_COLUMNS_1, panel, w, ldw, n, more, k, strip);
}

static void
matmul_strip_2(const float *panel, const float *w, int64_t ldw, int64_t n, int more, int64_t k, float *strip)
{
    matmul_strip(2 * MATMUL_UNIT, MATMUL_COLUMNS_2, panel, w, ldw, n, more, k, strip);
}

static void
matmul_strip_3(const float *panel, const float *w, int64_t ldw, int64_t n, int more, int64_t k, float *strip)
{
    matmul_strip(3 * MATMUL_UNIT, MATMUL_COLUMNS_3, panel, w, ldw, n, more, k, strip);
}

/* x[row][k] as panel[k][row]; the rows up to `width` that are not there are zero. */
static void
matmul_pack(const float *x, int64_t ldx, int64_t rows, int64_t k, float *panel, int64_t width)
{
    for (int64_t i = 0; i < k && rows < width; i++)
        memset(panel + i * width + rows, 0, (size_t)(width - rows) * sizeof *panel);
    simd_transpose(x, ldx, panel, width, rows, k);
}

/* One depth of k, rows of one panel, columns of one block. */
static void
matmul_panel(const float *x, int64_t ldx, const float *w, int64_t ldw, float *y, int64_t ldy, int64_t rows, int64_t n,
             int64_t k, int add)
{
    _Alignas(64) float panel[MATMUL_PANEL * MATMUL_DEPTH], strip[MATMUL_PANEL * MATMUL_STRIP];
    int64_t units = (rows + MATMUL_UNIT_ROWS - 1) / MATMUL_UNIT_ROWS;
    matmul_pack(x, ldx, rows, k, panel, units * MATMUL_UNIT_ROWS);
    for (int64_t c = 0; c < n; c += MATMUL_STRIP) {
        int64_t columns = n - c < MATMUL_STRIP ? n - c : MATMUL_STRIP;
        matmul_call_for(y + c, ldy, rows, columns);
        (units == 1   ? matmul_strip_1
         : units == 2 ? matmul_strip_2
                      : matmul_strip_3)(panel, w + c * ldw, ldw, columns, c + 2 * MATMUL_STRIP <= n, k, strip);
        matmul_flush(strip, y + c, ldy, rows, columns, add);
    }
}

static void
simd_matmul(const float *x, int64_t ldx, const float *w, int64_t ldw, float *y, int64_t ldy, int64_t m, int64_t n,
            int64_t k)
{
    for (int64_t c = 0; c < n; c += MATMUL_BLOCK) {
        int64_t columns = n - c < MATMUL_BLOCK ? n - c : MATMUL_BLOCK;
        for (int64_t i = 0; i == 0 || i < k; i += MATMUL_DEPTH) {
            int64_t depth = k - i < MATMUL_DEPTH ? k - i : MATMUL_DEPTH;
            for (int64_t r = 0; r < m; r += MATMUL_PANEL) {
                int64_t rows = m - r < MATMUL_PANEL ? m - r : MATMUL_PANEL;
                matmul_panel(x + r * ldx + i, ldx, w + c * ldw + i, ldw, y + r * ldy + c, ldy, rows, columns, depth,
                             i > 0);
            }
        }
    }
}
