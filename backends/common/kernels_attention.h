/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attention kernel in terms of vectors; a part of kernels_simd.h.
 *
 * Vectors run along the queries: a tile's queries are turned into a panel [size][lanes], keys are read where they lie
 * (values too, if there are few queries), and the scores of up to EG_ATTENTION_KEYS keys gather in a block [keys][lanes]
 * in the first level of the cache. So maximum, exponential and sum of a query stay in its lane, and the block, read by
 * columns, is what the values are weighted with. Each lane and each element of the result is a chain of its own: tiles
 * may be cut anywhere.
 */

/* Vectors of the widest tile: a tile has one, two or three units. */
#define ATTENTION_VECTORS (3 * ATTENTION_UNIT)
#define ATTENTION_LANES (ATTENTION_VECTORS * VW)
#define ATTENTION_TILES (EG_ATTENTION_QUERIES / ATTENTION_LANES)

_Static_assert(EG_ATTENTION_QUERIES % ATTENTION_LANES == 0, "a call is a whole number of tiles");
_Static_assert(VW <= EG_ATTENTION_PAD, "the last columns of the values fit into the scratch");

/* Queries side by side, and what is known of them so far. */
typedef struct attention_tile {
    int64_t first, queries; /* in the call */
    int64_t lanes;          /* queries, rounded up to whole vectors */
    int64_t begin, end;     /* keys that any of them sees */
    const float *panel;
    float max[ATTENTION_LANES], sum[ATTENTION_LANES];
    float rescale[ATTENTION_LANES]; /* of what was summed before the last block of keys */
    float finish[ATTENTION_LANES];  /* of all: 1, and 1 / sum at the last block */
} attention_tile;

/* e^x for x ≤ 0, -inf and NaN; 0 below -86.5. */
static inline vf
v_exp_below(vf x)
{
    const vf least = v_set(-86.5f), magic = v_set(12582912.0f); /* 1.5 · 2^23: the sum's low bits are a whole number */
    vf a = v_max(least, x);                                     /* in this order a NaN stays one */
    vf t = v_fma(a, v_set(1.44269504f), magic), n = v_sub(t, magic);
    vf r = v_fnma(n, v_set(-2.12194440e-4f), v_fnma(n, v_set(0.693359375f), a));
    vf p = v_set(0.00139015297f); /* as in v_exp_parts */
    p = v_fma(p, r, v_set(0.00836373984f));
    p = v_fma(p, r, v_set(0.041666861f));
    p = v_fma(p, r, v_set(0.166665737f));
    p = v_fma(p, r, v_set(0.5f));
    p = v_add(v_fma(p, v_mul(r, r), r), v_set(1.0f));
    return v_select(v_lt(x, least), v_set(0.0f), v_times_pow2(p, t));
}

/* --- scores -------------------------------------------------------------------------------------- */

/* R keys by V vectors of queries; the greatest of each lane goes into max. */
static inline __attribute__((always_inline)) void
attention_scores_tile(int R, int V, const float *k, int64_t ldk, const float *panel, int64_t size, float factor,
                      float *scores, vf *max)
{
    vf sums[ATTENTION_MOST_KEYS][ATTENTION_VECTORS], q[ATTENTION_VECTORS];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 16
        for (int v = 0; v < V; v++)
            sums[r][v] = v_set(0.0f);
    for (int64_t i = 0; i < size; i++) {
#pragma GCC unroll 16
        for (int v = 0; v < V; v++)
            q[v] = v_load(panel + (i * V + v) * VW);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            vf x = v_set(k[r * ldk + i]);
#pragma GCC unroll 16
            for (int v = 0; v < V; v++)
                sums[r][v] = v_fma(q[v], x, sums[r][v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 16
        for (int v = 0; v < V; v++) {
            vf x = v_mul(sums[r][v], v_set(factor));
            max[v] = v_max(max[v], x);
            v_store(scores + (r * V + v) * VW, x);
        }
    }
}

/* At least R keys, R at a time; those left over together with some before them, once more, for the same bits. */
static inline __attribute__((always_inline)) void
attention_scores_by(int R, int V, const eg_attention *a, const attention_tile *tile, int64_t begin, int64_t keys,
                    float *scores, vf *max)
{
    for (int64_t i = 0; i < keys; i += R) {
        int64_t at = i + R <= keys ? i : keys - R;
        attention_scores_tile(R, V, a->k + (begin + at) * a->ldk, a->ldk, tile->panel, a->size, a->factor,
                              scores + at * V * VW, max);
    }
}

/* R is 4 at least. */
static inline __attribute__((always_inline)) void
attention_scores(int R, int V, const eg_attention *a, const attention_tile *tile, int64_t begin, int64_t end,
                 float *scores, vf *max)
{
    int64_t keys = end - begin;
    if (keys >= R)
        attention_scores_by(R, V, a, tile, begin, keys, scores, max);
    else if (keys >= 4)
        attention_scores_by(4, V, a, tile, begin, keys, scores, max);
    else if (keys >= 2)
        attention_scores_by(2, V, a, tile, begin, keys, scores, max);
    else
        attention_scores_by(1, V, a, tile, begin, keys, scores, max);
}

/* --- what a query does not see, and what is added ------------------------------------------------ */

static int
attention_needs_mask(const eg_attention *a, const attention_tile *tile, int64_t begin, int64_t end)
{
    int64_t first = a->first + tile->first, last = first + tile->queries - 1;
    return begin < last - a->below || end - 1 > first + a->above;
}

/* The bias of keys [begin, end) as [keys][lanes]; 0 where a query has no such column. */
static void
attention_turn_bias(const eg_attention *a, const attention_tile *tile, int64_t begin, int64_t end, float *bias)
{
    memset(bias, 0, (size_t)((end - begin) * tile->lanes) * sizeof *bias);
    for (int64_t i = 0; i < tile->queries; i++) {
        int64_t first = a->first + tile->first + i - a->bias_window;
        first = first < 0 ? 0 : first > a->bias_last ? a->bias_last : first;
        int64_t from = begin > first ? begin : first, to = end < first + a->ldb ? end : first + a->ldb;
        const float *row = a->bias + (tile->first + i) * a->ldb;
        for (int64_t key = from; key < to; key++)
            bias[(key - begin) * tile->lanes + i] = row[key - first];
    }
}

static inline __attribute__((always_inline)) void
attention_add_bias(int V, const float *bias, int64_t keys, float *scores, vf *max)
{
    for (int v = 0; v < V; v++)
        max[v] = v_set(-INFINITY);
    for (int64_t i = 0; i < keys; i++) {
#pragma GCC unroll 16
        for (int v = 0; v < V; v++) {
            float *at = scores + (i * V + v) * VW;
            vf x = v_add(v_load(at), v_load(bias + (i * V + v) * VW));
            max[v] = v_max(max[v], x);
            v_store(at, x);
        }
    }
}

/* -inf where a key is beyond the query's reach. Numbers are counted from the tile's first query. */
static inline __attribute__((always_inline)) void
attention_mask(int V, const eg_attention *a, const attention_tile *tile, int64_t begin, int64_t end, float *scores,
               vf *max)
{
    float lane[ATTENTION_LANES];
    for (int i = 0; i < V * VW; i++)
        lane[i] = (float)i;
    for (int v = 0; v < V; v++)
        max[v] = v_set(-INFINITY);
    for (int64_t key = begin; key < end; key++) {
        vf number = v_set((float)(key - a->first - tile->first));
#pragma GCC unroll 16
        for (int v = 0; v < V; v++) {
            float *at = scores + ((key - begin) * V + v) * VW;
            vf distance = v_sub(number, v_load(lane + v * VW)), hidden = v_set(-INFINITY);
            vf x = v_select(v_lt(v_set((float)a->above), distance), hidden, v_load(at));
            x = v_select(v_lt(distance, v_set(-(float)a->below)), hidden, x);
            max[v] = v_max(max[v], x);
            v_store(at, x);
        }
    }
}

/* --- softmax ------------------------------------------------------------------------------------- */

/* Scores become weights; the maximum never falls below any number, so that a lane that sees nothing has weights of 0. */
static inline __attribute__((always_inline)) void
attention_weigh(int V, attention_tile *tile, int64_t keys, float *scores, const vf *max, int last)
{
    vf m[ATTENTION_VECTORS], sums[ATTENTION_VECTORS];
    for (int v = 0; v < V; v++) {
        vf before = v_load(tile->max + v * VW);
        m[v] = v_max(before, max[v]);
        v_store(tile->max + v * VW, m[v]);
        v_store(tile->rescale + v * VW, v_exp_below(v_sub(before, m[v])));
        sums[v] = v_set(0.0f);
    }
    for (int64_t i = 0; i < keys; i++) {
#pragma GCC unroll 16
        for (int v = 0; v < V; v++) {
            float *at = scores + (i * V + v) * VW;
            vf e = v_exp_below(v_sub(v_load(at), m[v]));
            sums[v] = v_add(sums[v], e);
            v_store(at, e);
        }
    }
    for (int v = 0; v < V; v++) {
        vf sum = v_fma(v_load(tile->sum + v * VW), v_load(tile->rescale + v * VW), sums[v]);
        v_store(tile->sum + v * VW, sum);
        vf inverse = v_select(v_lt(v_set(0.0f), sum), v_div(v_set(1.0f), sum), sum); /* 0 and NaN stay */
        v_store(tile->finish + v * VW, last ? inverse : v_set(1.0f));
    }
}

/* --- values -------------------------------------------------------------------------------------- */

/* R queries by C vectors of values, of which the last holds `last` columns. */
static inline __attribute__((always_inline)) void
attention_values_tile(int R, int C, const float *weights, int64_t lanes, const float *v, int64_t ldv, int64_t keys,
                      const float *rescale, const float *finish, float *y, int64_t ldy, int64_t last)
{
    vf sums[PRODUCT_ROWS][PRODUCT_VECTORS], row[PRODUCT_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int c = 0; c < C; c++)
            sums[r][c] = v_set(0.0f);
    for (int64_t i = 0; i < keys; i++) {
#pragma GCC unroll 8
        for (int c = 0; c < C; c++)
            row[c] = c + 1 < C || last == VW ? v_load(v + i * ldv + c * VW) : v_load_n(v + i * ldv + c * VW, last);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            vf weight = v_set(weights[i * lanes + r]);
#pragma GCC unroll 8
            for (int c = 0; c < C; c++)
                sums[r][c] = v_fma(weight, row[c], sums[r][c]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
        for (int c = 0; c < C; c++) {
            float *at = y + r * ldy + c * VW;
            int64_t n = c + 1 < C ? VW : last;
            vf sum = sums[r][c];
            if (rescale != 0)
                sum = v_fma(n == VW ? v_load(at) : v_load_n(at, n), v_set(rescale[r]), sum);
            sum = v_mul(sum, v_set(finish[r]));
            if (n == VW)
                v_store(at, sum);
            else
                v_store_n(at, sum, n);
        }
    }
}

/* All queries of the tile by the columns [0, C · VW), or [0, last) of the only vector. rescale is NULL at first. */
#define ATTENTION_COLUMNS(C)                                                                                           \
    static void attention_columns_##C(const attention_tile *tile, const float *weights, const float *v, int64_t ldv,   \
                                      int64_t keys, const float *rescale, float *y, int64_t ldy, int64_t last)         \
    {                                                                                                                  \
        int64_t n = tile->queries, r = 0;                                                                              \
        ATTENTION_ROWS(6, C)                                                                                           \
        ATTENTION_ROWS(4, C)                                                                                           \
        ATTENTION_ROWS(2, C)                                                                                           \
        ATTENTION_ROWS(1, C)                                                                                           \
    }
#define ATTENTION_ROWS(R, C)                                                                                           \
    for (; r + R <= n; r += R)                                                                                         \
        attention_values_tile(R, C, weights + r, tile->lanes, v, ldv, keys, rescale != 0 ? rescale + r : 0,            \
                              tile->finish + r, y + r * ldy, ldy, last);

ATTENTION_COLUMNS(1)
#if PRODUCT_VECTORS == 2
ATTENTION_COLUMNS(2)
#define attention_columns_wide attention_columns_2
#else
ATTENTION_COLUMNS(4)
#define attention_columns_wide attention_columns_4
#endif

/* Columns that are read together, from column c on. */
static inline int64_t
attention_strip(const eg_attention *a, int64_t c)
{
    return c + PRODUCT_VECTORS * VW <= a->value_size ? PRODUCT_VECTORS * VW : VW;
}

/*
 * The values of the keys [begin, end) of a block, strip by strip, each [EG_ATTENTION_KEYS][columns]: rows often lie a
 * power of two apart and would throw each other out of the cache.
 */
static void
attention_gather_values(const eg_attention *a, int64_t begin, int64_t end, float *near)
{
    for (int64_t i = begin; i < end; i++) {
        const float *v = a->v + i * a->ldv;
        for (int64_t c = 0, strip; c < a->value_size; c += strip) {
            strip = attention_strip(a, c);
            float *to = near + c * EG_ATTENTION_KEYS + i % EG_ATTENTION_KEYS * strip;
            if (a->value_size - c < VW)
                v_store(to, v_load_n(v + c, a->value_size - c));
            else
                for (int64_t part = 0; part < strip; part += VW)
                    v_store(to + part, v_load(v + c + part));
        }
    }
}

static void
attention_values(const eg_attention *a, const attention_tile *tile, const float *near, int64_t begin, int64_t end,
                 const float *weights)
{
    const float *rescale = begin == tile->begin ? 0 : tile->rescale;
    float *y = a->y + tile->first * a->ldy;
    for (int64_t c = 0, strip; c < a->value_size; c += strip) {
        strip = attention_strip(a, c);
        const float *v = a->v + begin * a->ldv + c;
        int64_t ldv = a->ldv, left = a->value_size - c;
        if (near != 0) {
            v = near + c * EG_ATTENTION_KEYS + begin % EG_ATTENTION_KEYS * strip;
            ldv = strip;
        }
        if (strip > VW)
            attention_columns_wide(tile, weights, v, ldv, end - begin, rescale, y + c, a->ldy, VW);
        else
            attention_columns_1(tile, weights, v, ldv, end - begin, rescale, y + c, a->ldy, left < VW ? left : VW);
    }
}

/* --- tiles --------------------------------------------------------------------------------------- */

/* One block of keys of a tile of V vectors, R keys at a time. On its own, so that only one's scores are on the stack. */
#define ATTENTION_BLOCK(name, R, V)                                                                                    \
    static __attribute__((noinline)) void name(const eg_attention *a, attention_tile *tile, const float *near,         \
                                               int64_t begin, int64_t end)                                             \
    {                                                                                                                  \
        float scores[EG_ATTENTION_KEYS * (V)*VW] __attribute__((aligned(64)));                                         \
        vf max[V];                                                                                                     \
        for (int v = 0; v < (V); v++)                                                                                  \
            max[v] = v_set(-INFINITY);                                                                                 \
        attention_scores(R, V, a, tile, begin, end, scores, max);                                                      \
        if (a->bias != 0) {                                                                                            \
            float bias[EG_ATTENTION_KEYS * (V)*VW] __attribute__((aligned(64)));                                       \
            attention_turn_bias(a, tile, begin, end, bias);                                                            \
            attention_add_bias(V, bias, end - begin, scores, max);                                                     \
        }                                                                                                              \
        if (attention_needs_mask(a, tile, begin, end))                                                                 \
            attention_mask(V, a, tile, begin, end, scores, max);                                                       \
        attention_weigh(V, tile, end - begin, scores, max, end == tile->end);                                          \
        attention_values(a, tile, near, begin, end, scores);                                                           \
    }

ATTENTION_BLOCK(attention_block_1, ATTENTION_KEYS_1, 1 * ATTENTION_UNIT)
ATTENTION_BLOCK(attention_block_2, ATTENTION_KEYS_2, 2 * ATTENTION_UNIT)
ATTENTION_BLOCK(attention_block_3, ATTENTION_KEYS_3, 3 * ATTENTION_UNIT)

static void
attention_nothing_seen(const eg_attention *a, const attention_tile *tile)
{
    for (int64_t i = 0; i < tile->queries; i++)
        memset(a->y + (tile->first + i) * a->ldy, 0, (size_t)a->value_size * sizeof *a->y);
}

/* The tile of the queries from `first` on, turned into the panel. */
static void
attention_tile_begin(const eg_attention *a, int64_t first, float *panel, attention_tile *tile)
{
    int64_t left = a->queries - first, unit = ATTENTION_UNIT * VW;
    tile->first = first;
    tile->queries = left < ATTENTION_LANES ? left : ATTENTION_LANES;
    tile->lanes = (tile->queries + unit - 1) / unit * unit;
    int64_t begin = a->first + first - a->below, end = a->first + first + tile->queries + a->above;
    tile->begin = begin < 0 ? 0 : begin;
    tile->end = end < a->keys ? end : a->keys;
    tile->panel = panel;
    for (int64_t i = 0; i < tile->lanes; i++) {
        tile->max[i] = -3.4028234e38f;
        tile->sum[i] = 0;
    }
    for (int64_t i = 1; i <= a->size && tile->queries < tile->lanes; i++) /* lanes without a query hold zeros */
        for (int v = 1; v <= ATTENTION_UNIT; v++)
            v_store(panel + i * tile->lanes - v * VW, v_set(0.0f));
    simd_transpose(a->q + first * a->ldq, a->ldq, panel, tile->lanes, tile->queries, a->size);
}

static void
attention_block(const eg_attention *a, attention_tile *tile, const float *near, int64_t begin, int64_t end)
{
    int64_t units = tile->lanes / (ATTENTION_UNIT * VW);
    if (units == 1)
        attention_block_1(a, tile, near, begin, end);
    else if (units == 2)
        attention_block_2(a, tile, near, begin, end);
    else
        attention_block_3(a, tile, near, begin, end);
}

/* Blocks of keys outside, tiles inside: the keys and values of a block stay near while all tiles pass over them. */
static void
simd_attention(const eg_attention *a, float *scratch)
{
    attention_tile tiles[ATTENTION_TILES];
    int64_t count = 0, least = a->keys, most = 0;
    for (int64_t q = 0; q < a->queries; q += ATTENTION_LANES, count++) {
        attention_tile *tile = &tiles[count];
        attention_tile_begin(a, q, scratch + q * a->size, tile);
        if (tile->begin >= tile->end)
            attention_nothing_seen(a, tile);
        least = tile->begin < least ? tile->begin : least;
        most = tile->end > most ? tile->end : most;
    }
    float *near = count > 2 ? scratch + EG_ATTENTION_QUERIES * a->size : 0; /* else it would not be worth it */
    for (int64_t block = least / EG_ATTENTION_KEYS * EG_ATTENTION_KEYS; block < most; block += EG_ATTENTION_KEYS) {
        if (near != 0)
            attention_gather_values(a, block > least ? block : least,
                                    block + EG_ATTENTION_KEYS < most ? block + EG_ATTENTION_KEYS : most, near);
        for (int64_t i = 0; i < count; i++) {
            int64_t begin = tiles[i].begin > block ? tiles[i].begin : block, next = block + EG_ATTENTION_KEYS;
            int64_t end = tiles[i].end < next ? tiles[i].end : next;
            if (begin < end)
                attention_block(a, &tiles[i], near, begin, end);
        }
    }
}
