/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The matmul kernel in terms of vectors; a part of kernels_simd.h.
 *
 * Vectors run along the rows of x, which are turned once into panels [k][rows]; W is read where it lies, one element at
 * a time into all lanes, so nothing of it is packed or copied. A strip of W's columns, which the second level of the
 * cache holds, meets all panels before the next strip; a panel meets it MATMUL_CHAIN values of k at a time, so that its
 * part of them stays in the first level. Sums gather beside it, and what becomes of them is done on the way to y.
 *
 * Each element is made of chains of fused multiply-adds over MATMUL_CHAIN values of k, added up in order: the same bits
 * in any tile, whatever its place, for any number of rows and columns and on every instruction set. Shorter chains round
 * less.
 */

/* Values of k in a chain; a multiple of MATMUL_LINE. */
#define MATMUL_CHAIN 128
/* Columns of a strip; a multiple of every tile's. */
#define MATMUL_STRIP 96
/* Values of k that are turned together: their part of a panel stays in the first level of the cache. */
#define MATMUL_PIECE 64
/* Floats in a cache line. */
#define MATMUL_LINE 16
/* Vectors of the widest panel: a panel has one, two or three units. */
#define MATMUL_VECTORS (3 * MATMUL_UNIT)
#define MATMUL_UNIT_ROWS (MATMUL_UNIT * VW)
#define MATMUL_PANEL (3 * MATMUL_UNIT_ROWS)

_Static_assert(EG_PACK_ROWS % MATMUL_UNIT_ROWS == 0, "packed rows are whole units");
_Static_assert(MATMUL_STRIP % MATMUL_COLUMNS_1 == 0 && MATMUL_STRIP % MATMUL_COLUMNS_2 == 0 &&
                   MATMUL_STRIP % MATMUL_COLUMNS_3 == 0,
               "a strip is made of whole tiles");

/* --- tiles --------------------------------------------------------------------------------------- */

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

/*
 * The chains of k values, V vectors of rows by C columns of W, k ≤ MATMUL_CHAIN, stored to totals [column][row] or added
 * to them; meanwhile the columns at `next` are called for.
 */
static inline __attribute__((always_inline)) void
matmul_tile(int V, int C, const float *panel, const float *w, int64_t ldw, const float *next, int64_t k, int add,
            float *totals)
{
    vf sums[MATMUL_COLUMNS_1][MATMUL_VECTORS];
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
#pragma GCC unroll 4
        for (int j = 0; j < MATMUL_LINE; j++)
            matmul_step(V, C, panel + (i + j) * V * VW, w + i + j, ldw, sums);
    }
    for (; i < k; i++)
        matmul_step(V, C, panel + i * V * VW, w + i, ldw, sums);
#pragma GCC unroll 16
    for (int c = 0; c < C; c++) {
#pragma GCC unroll 16
        for (int v = 0; v < V; v++) {
            float *total = totals + (c * V + v) * VW;
            v_store(total, add ? v_add(v_load(total), sums[c][v]) : sums[c][v]);
        }
    }
}

/* All tiles of n columns of W; `after`: the columns that come next. */
static inline __attribute__((always_inline)) void
matmul_tiles(int V, int C, const float *panel, const float *w, int64_t ldw, int64_t n, const float *after, int64_t k,
             int add, float *totals)
{
    int64_t c = 0;
    for (; c + C <= n; c += C)
        matmul_tile(V, C, panel, w + c * ldw, ldw, c + 2 * C <= n ? w + (c + C) * ldw : after, k, add,
                    totals + c * V * VW);
    if (c == n)
        return;
    float last[MATMUL_COLUMNS_1 * MATMUL_CHAIN] = {0}; /* the last columns, and zeros for those that are not there */
    for (int64_t i = c; i < n; i++)
        memcpy(last + (i - c) * MATMUL_CHAIN, w + i * ldw, (size_t)k * sizeof *w);
    matmul_tile(V, C, panel, last, MATMUL_CHAIN, last, k, add, totals + c * V * VW);
}

#define MATMUL_TILES(units)                                                                                            \
    static void matmul_tiles_##units(const float *panel, const float *w, int64_t ldw, int64_t n, const float *after,   \
                                     int64_t k, int add, float *totals)                                                \
    {                                                                                                                  \
        matmul_tiles(units *MATMUL_UNIT, MATMUL_COLUMNS_##units, panel, w, ldw, n, after, k, add, totals);             \
    }

MATMUL_TILES(1)
MATMUL_TILES(2)
MATMUL_TILES(3)

/* --- panels -------------------------------------------------------------------------------------- */

/* Rows of the next panel, of these that are left: as many as go into one, but so that no last one is narrow. */
static int64_t
matmul_panel_width(int64_t rows)
{
    int64_t units = (rows + MATMUL_UNIT_ROWS - 1) / MATMUL_UNIT_ROWS;
    return (units == 4 ? 2 : units < 3 ? units : 3) * MATMUL_UNIT_ROWS;
}

/* Panels x[row][k] as [k][row], one after another; rows that are not there are zero. */
static void
simd_matmul_pack(const float *x, int64_t ldx, int64_t m, int64_t k, float *packed)
{
    for (int64_t r = 0; r < m;) {
        int64_t width = matmul_panel_width(m - r), rows = m - r < width ? m - r : width;
        for (int64_t i = 0; i < k; i += MATMUL_PIECE) {
            int64_t piece = k - i < MATMUL_PIECE ? k - i : MATMUL_PIECE;
            for (int64_t j = i; j < i + piece && rows < width; j++)
                memset(packed + j * width + rows, 0, (size_t)(width - rows) * sizeof *packed);
            simd_transpose(x + r * ldx + i, ldx, packed + i * width, width, rows, piece);
        }
        packed += k * width;
        r += width;
    }
}

static void
simd_finish(float *x, int64_t ldx, float *y, int64_t ldy, int64_t m, int64_t n, const eg_epilogue *epilogue)
{
    for (int64_t r = 0; r < m; r++, x += ldx, y += ldy) {
        eg_epilogue e = eg_epilogue_at(epilogue, r, 0);
        if (e.bias != 0)
            simd_add(x, e.bias, x, n);
        if (e.activation != 0)
            e.activation(x, x, n);
        if (e.factor != 0)
            simd_mul(x, e.factor, x, n);
        if (e.residual != 0)
            simd_add(x, e.residual, y, n);
        else if (x != y)
            memcpy(y, x, (size_t)n * sizeof *y);
    }
}

/* Lines that will be written or read at the end of a panel. */
static void
matmul_call_for(const float *y, int64_t ldy, int64_t begin, int64_t end, int64_t columns)
{
    for (int64_t r = begin; r < end; r++)
        for (int64_t c = 0; c < columns; c += MATMUL_LINE)
            __builtin_prefetch(y + r * ldy + c, 1);
}

static void
matmul_tiles_of(int64_t width, const float *panel, const float *w, int64_t ldw, int64_t n, const float *after,
                int64_t k, int add, float *totals)
{
    if (width == MATMUL_UNIT_ROWS)
        matmul_tiles_1(panel, w, ldw, n, after, k, add, totals);
    else if (width == 2 * MATMUL_UNIT_ROWS)
        matmul_tiles_2(panel, w, ldw, n, after, k, add, totals);
    else
        matmul_tiles_3(panel, w, ldw, n, after, k, add, totals);
}

/* Calls for a few of the lines that a panel's rows will go to: more at a time would hold up what the tiles wait for. */
static void
matmul_call_ahead(const float *y, int64_t ldy, int64_t rows, int64_t n, int64_t i, int64_t length, int64_t k)
{
    if (y != 0 && k > 0)
        matmul_call_for(y, ldy, rows * i / k, rows * (i + length) / k, n);
}

/*
 * A product of n ≤ MATMUL_STRIP columns by the rows of one panel; `next`: the columns behind them. Chain by chain over
 * all of the strip, so that the panel's part stays in the cache; a narrow panel is small enough to pass over the whole
 * of a few columns, which are then read as they lie in memory, and are called for earlier, as little but that takes
 * time.
 */
static void
matmul_panel(const float *panel, int64_t rows, int64_t width, int64_t k, const float *w, int64_t ldw, int64_t n,
             const float *next, float *y, int64_t ldy, const eg_epilogue *epilogue)
{
    _Alignas(64) float totals[MATMUL_PANEL * MATMUL_STRIP], strip[MATMUL_PANEL * MATMUL_STRIP];
    int64_t step = n, ahead = MATMUL_CHAIN;
    if (width == MATMUL_UNIT_ROWS) {
        step = MATMUL_COLUMNS_1;
        ahead = k < 3 * MATMUL_CHAIN ? k : 3 * MATMUL_CHAIN;
    }
    for (int64_t c = 0; c < n; c += step) {
        const float *columns = w + c * ldw, *behind = c + 2 * step <= n ? columns + step * ldw : next;
        for (int64_t i = 0; i == 0 || i < k; i += MATMUL_CHAIN) {
            int64_t length = k - i < MATMUL_CHAIN ? k - i : MATMUL_CHAIN, beyond = i + ahead - k;
            if (c == 0) {
                matmul_call_ahead(y, ldy, rows, n, i, length, k);
                matmul_call_ahead(epilogue->residual, epilogue->ld_residual, rows, n, i, length, k);
            }
            matmul_tiles_of(width, panel + i * width, columns + i, ldw, n - c < step ? n - c : step,
                            beyond < 0 ? columns + i + ahead : behind + beyond / MATMUL_CHAIN * MATMUL_CHAIN, length,
                            i > 0, totals + c * width);
        }
    }
    simd_transpose(totals, width, strip, MATMUL_STRIP, n, rows);
    simd_finish(strip, MATMUL_STRIP, y, ldy, rows, n, epilogue);
}

static void
simd_matmul(const float *packed, int64_t m, int64_t k, const float *w, int64_t ldw, int64_t n, float *y, int64_t ldy,
            const eg_epilogue *epilogue)
{
    for (int64_t c = 0; c < n; c += MATMUL_STRIP) {
        int64_t columns = n - c < MATMUL_STRIP ? n - c : MATMUL_STRIP;
        const float *panel = packed, *strip = w + c * ldw;
        for (int64_t r = 0; r < m;) {
            int64_t width = matmul_panel_width(m - r), rows = m - r < width ? m - r : width;
            eg_epilogue here = eg_epilogue_at(epilogue, r, c);
            const float *next = r + width >= m && c + 2 * MATMUL_STRIP <= n ? strip + MATMUL_STRIP * ldw : strip;
            matmul_panel(panel, rows, width, k, strip, ldw, columns, next, y + r * ldy + c, ldy, &here);
            panel += k * width;
            r += width;
        }
    }
}
