/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/peak.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "cli/say.h"

enum {
    CHAINS = 12,        /* independent sums: more than latency × units of any core here */
    FLOP_ROUNDS = 6,    /* the best counts */
    MEMORY_ROUNDS = 4,  /* as well */
    LEAST_MIB = 64,     /* of the buffer that is read */
    MOST_MIB = 512,     /* so that a small container can run it */
    CACHES = 3,         /* times the last cache */
    ROUND_US = 12000,   /* of arithmetic */
    TRIAL_STEPS = 20000 /* that tell how many make a round */
};

/* --- arithmetic ---------------------------------------------------------------------------------- */

/* `steps` times one multiply-add on each chain; the result is used, so that the loop stays. Values stay near 1. */
typedef float (*flop_loop)(uint64_t steps);

/* clang-format off */
#define FLOP_LOOP(name, attributes, vector, set1, fma, first)                                                          \
    attributes static float name(uint64_t steps)                                                                       \
    {                                                                                                                  \
        vector sums[CHAINS];                                                                                           \
        const vector by = set1(0.999f), plus = set1(0.001f);                                                           \
        for (int c = 0; c < CHAINS; c++)                                                                               \
            sums[c] = set1(1.0f + (float)c);                                                                           \
        for (uint64_t i = 0; i < steps; i++)                                                                           \
            for (int c = 0; c < CHAINS; c++)                                                                           \
                sums[c] = fma(sums[c], by, plus);                                                                      \
        float all = 0;                                                                                                 \
        for (int c = 0; c < CHAINS; c++)                                                                               \
            all += first(sums[c]);                                                                                     \
        return all;                                                                                                    \
    }
/* clang-format on */

typedef float vec4 __attribute__((vector_size(16)));

static inline vec4
set_plain(float x)
{
    return (vec4){x, x, x, x};
}

static inline float
first_plain(vec4 v)
{
    return v[0];
}

#if defined(__aarch64__)
#define FMA_PLAIN(a, b, c) vfmaq_f32(c, a, b)
#define PLAIN_NAME "neon"
#else
#define FMA_PLAIN(a, b, c) ((a) * (b) + (c))
#define PLAIN_NAME "generic"
#endif
FLOP_LOOP(flops_plain, , vec4, set_plain, FMA_PLAIN, first_plain)

#if defined(__x86_64__)
FLOP_LOOP(flops_avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_cvtss_f32)
FLOP_LOOP(flops_avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_cvtss_f32)
#endif

typedef struct flop_kind {
    flop_loop loop;
    double lanes;
    const char *isa;
} flop_kind;

static flop_kind
choose_arithmetic(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (flop_kind){flops_avx512, 16, "avx512"};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (flop_kind){flops_avx2, 8, "avx2"};
#endif
    return (flop_kind){flops_plain, 4, PLAIN_NAME};
}

/* --- memory -------------------------------------------------------------------------------------- */

typedef uint64_t vec8 __attribute__((vector_size(64)));

/* Reads all of it; wide adds keep the loop bound by memory. */
static uint64_t
read_through(const vec8 *from, size_t count)
{
    vec8 a = {0}, b = {0}, c = {0}, d = {0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        a += from[i];
        b += from[i + 1];
        c += from[i + 2];
        d += from[i + 3];
    }
    for (; i < count; i++)
        a += from[i];
    a += b + c + d;
    return a[0] ^ a[7];
}

static size_t
buffer_bytes(void)
{
    long cache = -1;
#ifdef _SC_LEVEL3_CACHE_SIZE
    cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    size_t bytes = cache > 0 ? CACHES * (size_t)cache : 0;
    size_t least = (size_t)LEAST_MIB << 20, most = (size_t)MOST_MIB << 20;
    return bytes < least ? least : bytes > most ? most : bytes;
}

/* --- many threads -------------------------------------------------------------------------------- */

typedef struct peak_crew {
    uint32_t count;
    pthread_mutex_t gate; /* open when `count` is final */
    bool called_off;
    pthread_barrier_t barrier;
    flop_kind arithmetic;
    uint64_t steps; /* of one thread's round of arithmetic */
    vec8 *buffer;
    size_t slice; /* elements of one thread */
    struct member *members;
} peak_crew;

typedef struct member {
    peak_crew *crew;
    uint32_t number;
    double began[FLOP_ROUNDS + MEMORY_ROUNDS], ended[FLOP_ROUNDS + MEMORY_ROUNDS];
    float sum; /* what the loops gave, so that they are not left out */
    uint64_t bits;
} member;

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
work(member *m)
{
    peak_crew *crew = m->crew;
    vec8 *slice = crew->buffer + m->number * crew->slice;
    memset(slice, 1, crew->slice * sizeof *slice); /* by who will read it: its pages lie near it */
    for (int round = 0; round < FLOP_ROUNDS + MEMORY_ROUNDS; round++) {
        pthread_barrier_wait(&crew->barrier);
        m->began[round] = now();
        if (round < FLOP_ROUNDS)
            m->sum += crew->arithmetic.loop(crew->steps);
        else
            m->bits ^= read_through(slice, crew->slice);
        m->ended[round] = now();
    }
}

static void *
enter(void *arg)
{
    member *m = arg;
    pthread_mutex_lock(&m->crew->gate);
    pthread_mutex_unlock(&m->crew->gate);
    if (!m->crew->called_off)
        work(m);
    return NULL;
}

/* The shortest time in which all have done one of the rounds. */
static double
best_time(const peak_crew *crew, int first, int count)
{
    double best = 0;
    for (int round = first; round < first + count; round++) {
        double began = crew->members[0].began[round], ended = crew->members[0].ended[round];
        for (uint32_t i = 1; i < crew->count; i++) {
            const member *m = &crew->members[i];
            began = m->began[round] < began ? m->began[round] : began;
            ended = m->ended[round] > ended ? m->ended[round] : ended;
        }
        double time = ended - began;
        best = round == first || time < best ? time : best;
    }
    return best > 1e-9 ? best : 1e-9;
}

/* Those that can be made; a machine that has fewer measures with fewer. Returns when all are done. */
static eg_status
run_crew(peak_crew *crew, pthread_t *threads, eg_error *err)
{
    uint32_t made = 1; /* the caller */
    pthread_mutex_lock(&crew->gate);
    while (made < crew->count && pthread_create(&threads[made], NULL, enter, &crew->members[made]) == 0)
        made++;
    crew->count = made;
    bool ready = pthread_barrier_init(&crew->barrier, NULL, made) == 0;
    crew->called_off = !ready;
    pthread_mutex_unlock(&crew->gate);
    enter(&crew->members[0]);
    for (uint32_t i = 1; i < made; i++)
        pthread_join(threads[i], NULL);
    if (!ready)
        return eg_fault(err, EG_E_FAILED, "the machine's peak cannot be measured: no barrier");
    pthread_barrier_destroy(&crew->barrier);
    return EG_OK;
}

/* How many steps one round has on one thread that nobody disturbs. */
static uint64_t
steps_of_round(const flop_kind *arithmetic)
{
    volatile float sink = arithmetic->loop(TRIAL_STEPS); /* wakes the wide units */
    double best = 1;
    for (int i = 0; i < 3; i++) {
        double began = now();
        sink = arithmetic->loop(TRIAL_STEPS);
        double time = now() - began;
        best = time < best ? time : best;
    }
    (void)sink;
    double steps = TRIAL_STEPS * (1e-6 * ROUND_US) / (best > 1e-9 ? best : 1e-9);
    return steps < TRIAL_STEPS ? TRIAL_STEPS : (uint64_t)steps;
}

static void
read_times(const peak_crew *crew, eg_peak *out)
{
    double flops = 2.0 * CHAINS * crew->arithmetic.lanes * (double)crew->steps * crew->count;
    double bytes = (double)crew->slice * sizeof *crew->buffer * crew->count;
    *out = (eg_peak){.gflops = 1e-9 * flops / best_time(crew, 0, FLOP_ROUNDS),
                     .gbps = 1e-9 * bytes / best_time(crew, FLOP_ROUNDS, MEMORY_ROUNDS),
                     .isa = crew->arithmetic.isa};
}

eg_status
eg_peak_measure(uint32_t threads, eg_peak *out, eg_error *err)
{
    *out = (eg_peak){0};
    uint32_t count = threads ? threads : 1;
    size_t bytes = buffer_bytes();
    peak_crew crew = {.count = count, .arithmetic = choose_arithmetic(), .slice = bytes / sizeof(vec8) / count};
    crew.steps = steps_of_round(&crew.arithmetic);
    crew.buffer = aligned_alloc(sizeof(vec8), bytes / sizeof(vec8) * sizeof(vec8));
    crew.members = calloc(count, sizeof *crew.members);
    pthread_t *workers = calloc(count, sizeof *workers);
    eg_status status = EG_OK;
    if (crew.buffer && crew.members && workers) {
        for (uint32_t i = 0; i < count; i++)
            crew.members[i] = (member){.crew = &crew, .number = i};
        pthread_mutex_init(&crew.gate, NULL);
        status = run_crew(&crew, workers, err);
        pthread_mutex_destroy(&crew.gate);
        if (status == EG_OK)
            read_times(&crew, out);
    } else {
        status = eg_fault(err, EG_E_NOMEM, "out of memory");
    }
    free(crew.buffer);
    free(crew.members);
    free(workers);
    return status;
}

double
eg_peak_share(const eg_peak *peak, double flops, double bytes, double seconds)
{
    if (seconds <= 0 || peak->gflops <= 0 || peak->gbps <= 0)
        return 0;
    /* The time that the roofline allows, by what takes longer: the arithmetic or the bytes. */
    double by_flops = 1e-9 * flops / peak->gflops, by_bytes = 1e-9 * bytes / peak->gbps;
    return (by_flops > by_bytes ? by_flops : by_bytes) / seconds;
}
