/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's entry point. Nothing is opened before open(); compiled at the architecture's baseline. */
#include <stdio.h>
#include <string.h>

#include "cpu.h"

/* The scale is in backends/README.md. */
static uint32_t
score(void)
{
    switch (eg_isa_best()) {
    case EG_ISA_AVX512:
        return 220;
    case EG_ISA_AVX2:
    case EG_ISA_NEON:
        return 200;
    default:
        return 100;
    }
}

static uint32_t
device_count(void)
{
    return 1;
}

/* "model name" of /proc/cpuinfo, where there is one. */
static void
cpu_model(char *out, size_t n)
{
    snprintf(out, n, "CPU");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL)
        return;
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            colon[strcspn(colon, "\n")] = '\0';
            snprintf(out, n, "%s", colon + 1 + strspn(colon + 1, " "));
            break;
        }
    }
    fclose(file);
}

static eg_status
describe(uint32_t index, eg_device_desc *out)
{
    if (index != 0)
        return EG_E_USAGE;
    char model[96];
    cpu_model(model, sizeof model);
    eg_device_desc desc = {.size = out->size, .score = score(), .id = "cpu"};
    snprintf(desc.name, sizeof desc.name, "%s, %s", model, eg_isa_name(eg_isa_best()));
    memcpy(out, &desc, desc.size < sizeof desc ? desc.size : sizeof desc);
    return EG_OK;
}

/* --- options --------------------------------------------------------------------------------------------------- */

typedef enum { PRODUCTS_AUTO, PRODUCTS_OWN, PRODUCTS_OPENBLAS } products;

typedef struct cpu_options {
    eg_isa isa;
    products products;
    char path[512]; /* of OpenBLAS; "": wherever it is */
} cpu_options;

static bool
read_products(const char *options, products *out)
{
    static const char *const names[] = {"auto", "own", "openblas"};
    char text[64];
    *out = PRODUCTS_AUTO;
    if (!eg_cpu_option(options, "products", text, sizeof text))
        return true;
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (products)i;
            return true;
        }
    }
    return false;
}

/* openblas=FILE asks for OpenBLAS, openblas=none for the kernel. */
static eg_status
read_openblas(const char *options, cpu_options *out, eg_error *err)
{
    if (!eg_cpu_option(options, "openblas", out->path, sizeof out->path))
        return EG_OK;
    bool none = strcmp(out->path, "none") == 0;
    if (out->products == (none ? PRODUCTS_OPENBLAS : PRODUCTS_OWN))
        return eg_host_fail(err, EG_E_USAGE, "cpu: products=%s and openblas=%s contradict each other",
                            none ? "openblas" : "own", out->path);
    out->products = none ? PRODUCTS_OWN : PRODUCTS_OPENBLAS;
    return EG_OK;
}

/* isa=plain|avx2|avx512|neon, products=auto|own|openblas, openblas=FILE|none. */
static eg_status
read_options(const char *options, cpu_options *out, eg_error *err)
{
    static const char *const keys[] = {"isa", "products", "openblas", NULL};
    char text[64];
    *out = (cpu_options){.isa = eg_isa_best()};
    if (!eg_cpu_options_known(options, keys, text, sizeof text)) {
        eg_host_fail(err, EG_E_USAGE, "cpu has no option '%s'", text);
        return eg_host_hint(err, EG_E_USAGE, "isa=NAME, products=auto|own|openblas or openblas=FILE");
    }
    if (eg_cpu_option(options, "isa", text, sizeof text) && !eg_isa_find(text, &out->isa)) {
        eg_host_fail(err, EG_E_USAGE, "cpu: this machine cannot run isa '%s'", text);
        return eg_host_hint(err, EG_E_USAGE, "plain, or up to %s", eg_isa_name(eg_isa_best()));
    }
    if (!read_products(options, &out->products)) {
        eg_host_fail(err, EG_E_USAGE, "cpu: there are no such products as its option names");
        return eg_host_hint(err, EG_E_USAGE, "products=auto, own or openblas");
    }
    return read_openblas(options, out, err);
}

/* --- the device ------------------------------------------------------------------------------------------------ */

static const char *
info(const eg_cpu_device *device, const char *key)
{
    const eg_cpu_library *library = device->library;
    if (strcmp(key, "fingerprint") == 0)
        return library->fingerprint;
    if (strcmp(key, "note") == 0)
        return library->note[0] != '\0' ? library->note : NULL;
    if (strcmp(key, "library") == 0)
        return library->description;
    if (library->own_rows == INT64_MAX)
        return NULL;
    if (strcmp(key, "path") == 0)
        return library->blas.path;
    return strcmp(key, "core") == 0 ? library->blas.core : NULL;
}

static void
close_device(eg_device *base)
{
    if (base == NULL)
        return;
    eg_cpu_device *device = eg_cpu_device_of(base);
    eg_host_dealloc(base->host, device->library); /* the shared library itself stays open for good */
    eg_cpu_device_free(device);
}

/*
 * OpenBLAS packs the weight anew in each product, which only many rows make up for: below, the kernel in vectors is the
 * faster one, up to twice (backends/README.md). In plain C it never is.
 */
#define OWN_ROWS 1024

/* Of linear and glu_linear. With AVX2 the kernel is as good as OpenBLAS there, and has the rest of the op for nothing. */
static int64_t
linear_rows(eg_isa isa, int64_t own_rows)
{
    return isa == EG_ISA_AVX2 && own_rows > 0 ? INT64_MAX : own_rows;
}

static eg_status
choose_products(const eg_host *host, const cpu_options *options, eg_cpu_library *library, eg_error *err)
{
    library->own_rows = library->linear_rows = INT64_MAX;
    snprintf(library->description, sizeof library->description, "own products");
    if (options->products == PRODUCTS_OWN)
        return EG_OK;
    eg_error why = {.size = sizeof why};
    bool must = options->products == PRODUCTS_OPENBLAS;
    eg_status status =
        eg_blas_open(host, options->path[0] != '\0' ? options->path : NULL, &library->blas, must ? err : &why);
    if (status != EG_OK && (must || status == EG_E_NOMEM))
        return status;
    if (status != EG_OK) {
        snprintf(library->note, sizeof library->note, "%s: own products only%s", why.message,
                 options->isa == EG_ISA_PLAIN ? ", which are slow in plain C" : "");
        return EG_OK;
    }
    library->own_rows = must || options->isa == EG_ISA_PLAIN ? 0 : OWN_ROWS;
    library->linear_rows = linear_rows(options->isa, library->own_rows);
    snprintf(library->note, sizeof library->note, "%s", library->blas.note);
    if (library->own_rows == 0)
        snprintf(library->description, sizeof library->description, "%s", library->blas.description);
    else
        snprintf(library->description, sizeof library->description, "%s; own products below %d rows",
                 library->blas.description, OWN_ROWS);
    return EG_OK;
}

static eg_status
open_device(const eg_host *host, uint32_t index, const char *options_text, eg_device **out,
            const eg_device_ops **out_ops, eg_error *err)
{
    cpu_options options;
    eg_cpu_device *device;
    if (index != 0)
        return eg_host_fail(err, EG_E_USAGE, "cpu has one device, not a device %u", index);
    eg_status status = read_options(options_text, &options, err);
    if (status == EG_OK)
        status = eg_cpu_device_new(host, options.isa, &device, err);
    if (status != EG_OK)
        return status;
    eg_cpu_library *library = eg_host_alloc(host, 1, sizeof *library);
    device->library = library;
    if (library == NULL)
        status = eg_host_fail(err, EG_E_NOMEM, "out of memory");
    else
        status = choose_products(host, &options, library, err);
    if (status != EG_OK) {
        close_device(&device->base);
        return status;
    }
    snprintf(library->fingerprint, sizeof library->fingerprint, "cpu " EGBERT_VERSION ", %s, %s",
             eg_isa_name(options.isa), library->description);
    device->base.own_ops = eg_cpu_own_ops;
    if (library->own_rows != INT64_MAX)
        device->row_unit = library->blas.row_unit;
    device->info = info;
    *out = &device->base;
    *out_ops = &eg_host_device_ops;
    return EG_OK;
}

static const eg_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = EG_ABI_MAJOR,
    .abi_minor = EG_ABI_MINOR,
    .sanitizer = EG_SANITIZER,
    .name = "cpu",
    .version = EGBERT_VERSION,
    .score = score,
    .device_count = device_count,
    .device = describe,
    .open = open_device,
    .close = close_device,
};

const eg_plugin *
eg_plugin_query(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor; /* 1.0 needs no more than any 1.x host has */
    return host_major == EG_ABI_MAJOR ? &plugin : NULL;
}
