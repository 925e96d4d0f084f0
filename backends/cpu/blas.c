/* SPDX-License-Identifier: Apache-2.0 */
#include "blas.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define SONAME "libopenblas.so.0"
#define OPENMP_FLAVOUR "openblas-openmp/" SONAME
#define CORE_VARIABLE "OPENBLAS_CORETYPE"

/* --- finding it ---------------------------------------------------------------------------------- */

static void *
open_library(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

/* Debian keeps the flavours in folders below the loader's own search path; its entries come from the loader itself. */
static void *
open_below_search_path(const eg_host *host, const char *name)
{
    Dl_serinfo size, *info = NULL;
    void *self = dlopen(NULL, RTLD_NOW), *library = NULL;
    if (self == NULL || dlinfo(self, RTLD_DI_SERINFOSIZE, &size) != 0)
        return NULL;
    info = eg_host_alloc(host, 1, size.dls_size);
    if (info == NULL)
        return NULL;
    if (dlinfo(self, RTLD_DI_SERINFOSIZE, info) == 0 && dlinfo(self, RTLD_DI_SERINFO, info) == 0) {
        for (unsigned i = 0; i < info->dls_cnt && library == NULL; i++) {
            char path[PATH_MAX];
            const char *folder = info->dls_serpath[i].dls_name;
            if (folder[0] == '/' && snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path)
                library = open_library(path);
        }
    }
    eg_host_dealloc(host, info);
    return library;
}

static void *
find_library(const eg_host *host, const char *path, eg_error *err)
{
    void *library = path != NULL ? open_library(path) : open_below_search_path(host, OPENMP_FLAVOUR);
    if (library == NULL && path == NULL)
        library = open_library(SONAME);
    if (library != NULL)
        return library;
    const char *why = dlerror();
    if (path != NULL)
        eg_host_fail(err, EG_E_BACKEND, "cpu: OpenBLAS cannot be opened: %s", why != NULL ? why : path);
    else
        eg_host_fail(err, EG_E_BACKEND, "cpu: OpenBLAS was not found: neither %s nor %s in the loader's search path",
                     OPENMP_FLAVOUR, SONAME);
    (void)eg_host_hint(err, EG_E_BACKEND, "install it (Debian: libopenblas0-openmp)");
    return NULL;
}

/* --- the core ------------------------------------------------------------------------------------ */

/*
 * The core to ask for where OpenBLAS 0.3.21 does not know the CPU: AMD's with AVX-512 (Zen 4 and later) get its AVX2
 * core, half the machine, unless told otherwise before the library is opened. NULL: leave the choice to it.
 */
static const char *
core_for_this_cpu(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (__get_cpuid(0, &a, &b, &c, &d) == 0 || b != signature_AMD_ebx || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return NULL;
    return __builtin_cpu_supports("avx512bf16") ? "Cooperlake" : "SkylakeX";
#else
    return NULL;
#endif
}

/* Says so when the wanted core is not the one that runs. */
static void
note_core(eg_blas *blas, const char *wanted)
{
    static const char *const narrow[] = {"Zen",       "Haswell",     "Excavator", "Piledriver", "Bulldozer",
                                         "Barcelona", "Sandybridge", "Nehalem",   "Prescott"};
    for (size_t i = 0; wanted != NULL && i < sizeof narrow / sizeof narrow[0]; i++)
        if (strcasecmp(blas->core, narrow[i]) == 0)
            snprintf(blas->note, sizeof blas->note,
                     "OpenBLAS runs its %s core, which leaves AVX-512 unused; set " CORE_VARIABLE
                     "=%s before the program starts",
                     blas->core, wanted);
}

/* --- what it is ---------------------------------------------------------------------------------- */

static bool
symbol(void *library, const char *name, void *out)
{
    void *p = dlsym(library, name);
    memcpy(out, &p, sizeof p);
    return p != NULL;
}

static void
describe_path(eg_blas *blas)
{
    Dl_info info;
    void *p;
    memcpy(&p, &blas->sgemm, sizeof p);
    const char *name = dladdr(p, &info) != 0 && info.dli_fname != NULL ? info.dli_fname : SONAME;
    snprintf(blas->path, sizeof blas->path, "%s", name);
}

static eg_status
read_library(void *library, eg_blas *blas, eg_error *err)
{
    int (*parallel)(void);
    char *(*text)(void);
    void (*set_threads)(int);
    if (!symbol(library, "cblas_sgemm", &blas->sgemm) || !symbol(library, "openblas_get_parallel", &parallel))
        return eg_host_fail(err, EG_E_BACKEND,
                            "cpu: the library found is not OpenBLAS: it lacks cblas_sgemm or "
                            "openblas_get_parallel");
    static const char *const models[] = {"sequential", "pthreads", "OpenMP"};
    int model = parallel();
    bool openmp = model == 2 && symbol(library, "omp_in_parallel", &blas->in_parallel) &&
                  symbol(library, "omp_get_max_threads", &blas->get_threads) &&
                  symbol(library, "omp_set_num_threads", &blas->set_threads);
    if (!openmp) {
        blas->in_parallel = NULL;
        if (symbol(library, "openblas_set_num_threads", &set_threads))
            set_threads(1); /* of the whole process: this flavour knows no other way */
    }
    snprintf(blas->core, sizeof blas->core, "%s", symbol(library, "openblas_get_corename", &text) ? text() : "unknown");
    const char *config = symbol(library, "openblas_get_config", &text) ? text() : "OpenBLAS";
    const char *second = strchr(config, ' ');
    size_t length = second != NULL ? (size_t)(second - config) + 1 + strcspn(second + 1, " ") : strlen(config);
    snprintf(blas->description, sizeof blas->description, "%.*s, %s, core %s", (int)length, config,
             model >= 0 && model <= 2 ? models[model] : "unknown threading", blas->core);
    describe_path(blas);
    return EG_OK;
}

/* --- whether it computes ------------------------------------------------------------------------- */

#define TEST_STRIDE 140

/* Numbers that differ from place to place and are exact in few bits. */
static float
test_number(int64_t i)
{
    return (float)((i * 37 + 11) % 61 - 30) * 0x1p-5f;
}

static bool
right_answer(const eg_blas *blas, const float *a, const float *b, float *c, const int *shape, int turned)
{
    int m = shape[0], n = shape[1], k = shape[2];
    blas->sgemm(EG_BLAS_ROW_MAJOR, EG_BLAS_AS_IS, turned, m, n, k, 1.0f, a, TEST_STRIDE, b, TEST_STRIDE, 0.0f, c,
                TEST_STRIDE);
    for (int r = 0; r < m; r++) {
        for (int column = 0; column < n; column++) {
            double want = 0;
            for (int i = 0; i < k; i++)
                want += (double)a[r * TEST_STRIDE + i] *
                        b[turned == EG_BLAS_TURNED ? column * TEST_STRIDE + i : i * TEST_STRIDE + column];
            if (!(fabs(c[r * TEST_STRIDE + column] - want) <= 1e-4))
                return false;
        }
    }
    return true;
}

/* A library built for another CPU, or a broken one, has been seen to return wrong numbers without a word. */
static eg_status
check_answers(const eg_host *host, const eg_blas *blas, eg_error *err)
{
    static const int shapes[][3] = {{1, 1, 1},    {1, 67, 33},   {3, 5, 7},    {16, 64, 96},
                                    {17, 33, 65}, {64, 48, 129}, {70, 70, 140}};
    int64_t count = (int64_t)TEST_STRIDE * TEST_STRIDE;
    float *numbers = eg_host_alloc(host, (uint64_t)count * 3, sizeof *numbers);
    if (numbers == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < 2 * count; i++)
        numbers[i] = test_number(i);
    eg_status status = EG_OK;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] && status == EG_OK; i++)
        for (int turned = EG_BLAS_AS_IS; turned <= EG_BLAS_TURNED && status == EG_OK; turned++)
            if (!right_answer(blas, numbers, numbers + count, numbers + 2 * count, shapes[i], turned))
                status = eg_host_fail(err, EG_E_BACKEND, "cpu: %s gives wrong numbers: a product of %d × %d × %d",
                                      blas->description, shapes[i][0], shapes[i][1], shapes[i][2]);
    eg_host_dealloc(host, numbers);
    return status;
}

/* --- its blocks of rows -------------------------------------------------------------------------- */

#define UNIT_ROWS 96 /* a multiple of every unit tried */

static bool
same_rows(const float *a, const float *b, int rows, int columns)
{
    for (int r = 0; r < rows; r++)
        if (memcmp(a + r * TEST_STRIDE, b + r * TEST_STRIDE, (size_t)columns * 4) != 0)
            return false;
    return true;
}

/* Whether one, two and three units of rows come out as they do among UNIT_ROWS. */
static bool
fits_unit(const eg_blas *blas, const float *x, const float *w, const float *all, float *some, int unit)
{
    for (int rows = unit; rows <= 3 * unit && rows <= UNIT_ROWS; rows += unit) {
        eg_blas_product(blas, x, TEST_STRIDE, w, TEST_STRIDE, some, TEST_STRIDE, rows, 64, TEST_STRIDE);
        if (!same_rows(all, some, rows, 64))
            return false;
    }
    return true;
}

/* Found by trying, since each core has blocks of its own; 1 where nothing fits. */
static eg_status
find_row_unit(const eg_host *host, eg_blas *blas, eg_error *err)
{
    static const int units[] = {1, 2, 4, 6, 8, 12, 16, 24, 32, 48};
    int64_t count = (int64_t)UNIT_ROWS * TEST_STRIDE;
    float *numbers = eg_host_alloc(host, (uint64_t)count * 4, sizeof *numbers);
    if (numbers == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < 2 * count; i++) /* many bits, so that another order gives another sum */
        numbers[i] = (float)sin((double)(i % 7919) * 1.7);
    float *all = numbers + 2 * count;
    eg_blas_product(blas, numbers, TEST_STRIDE, numbers + count, TEST_STRIDE, all, TEST_STRIDE, UNIT_ROWS, 64,
                    TEST_STRIDE);
    blas->row_unit = 1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (fits_unit(blas, numbers, numbers + count, all, all + count, units[i])) {
            blas->row_unit = (uint32_t)units[i];
            break;
        }
    }
    eg_host_dealloc(host, numbers);
    return EG_OK;
}

/*
 * OpenBLAS maps 128 MiB for the packing of each thread, the first as it is loaded, and tries for ever where an address
 * space limit refuses that.
 */
static bool
address_space_is_there(uint32_t threads)
{
    const size_t bytes = ((size_t)threads + 1) << 27;
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return room != MAP_FAILED && munmap(room, bytes) == 0;
}

eg_status
eg_blas_open(const eg_host *host, const char *path, eg_blas *blas, eg_error *err)
{
    *blas = (eg_blas){0};
    const char *wanted = core_for_this_cpu();
    if (wanted != NULL && host->setenv_if_unset(host->ctx, CORE_VARIABLE, wanted) != EG_OK)
        host->log(host->ctx, EG_LOG_DEBUG, "cpu: " CORE_VARIABLE " cannot be set by this program");
    if (!address_space_is_there(host->threads(host->ctx)))
        return eg_host_fail(err, EG_E_BACKEND, "cpu: OpenBLAS wants more address space than the limit leaves");
    void *library = find_library(host, path, err);
    if (library == NULL)
        return EG_E_BACKEND;
    eg_status status = read_library(library, blas, err);
    if (status != EG_OK)
        return status;
    note_core(blas, wanted);
    status = check_answers(host, blas, err);
    return status == EG_OK ? find_row_unit(host, blas, err) : status;
}

void
eg_blas_product(const eg_blas *blas, const float *x, int ldx, const float *w, int ldw, float *y, int ldy, int m, int n,
                int k)
{
    /* Inside an OpenMP region the library keeps to its thread; elsewhere it must be told, for this thread only. */
    bool tell = blas->in_parallel != NULL && blas->in_parallel() == 0;
    int threads = tell ? blas->get_threads() : 1;
    if (threads > 1)
        blas->set_threads(1);
    blas->sgemm(EG_BLAS_ROW_MAJOR, EG_BLAS_AS_IS, EG_BLAS_TURNED, m, n, k, 1.0f, x, ldx, w, ldw, 0.0f, y, ldy);
    if (threads > 1)
        blas->set_threads(threads);
}
