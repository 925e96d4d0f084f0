/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's entry point. Nothing is opened before open(); compiled at the architecture's baseline. */
#include <stdio.h>
#include <string.h>

#include "blas.h"
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

/* --- the device ---------------------------------------------------------------------------------- */

typedef struct cpu_library {
    eg_blas blas; /* first: matmul knows this part alone */
    char fingerprint[512];
} cpu_library;

static const char *
info(const eg_device *device, const char *key)
{
    const cpu_library *library = device->library;
    if (strcmp(key, "fingerprint") == 0)
        return library->fingerprint;
    if (library->blas.sgemm == NULL)
        return NULL;
    if (strcmp(key, "library") == 0)
        return library->blas.description;
    if (strcmp(key, "path") == 0)
        return library->blas.path;
    if (strcmp(key, "core") == 0)
        return library->blas.core;
    if (strcmp(key, "note") == 0 && library->blas.note[0] != '\0')
        return library->blas.note;
    return NULL;
}

/* isa=plain|avx2|avx512|neon: kernels below the best; openblas=FILE: that library and no other, none: no matmul. */
static eg_status
read_options(const char *options, eg_isa *isa, char *path, size_t n, eg_error *err)
{
    static const char *const keys[] = {"isa", "openblas", NULL};
    char text[64];
    *isa = eg_isa_best();
    path[0] = '\0';
    if (!eg_cpu_options_known(options, keys, text, sizeof text)) {
        eg_cpu_fail(err, EG_E_USAGE, "cpu has no option '%s'", text);
        return eg_cpu_hint(err, EG_E_USAGE, "isa=NAME or openblas=FILE");
    }
    if (eg_cpu_option(options, "isa", text, sizeof text) && !eg_isa_find(text, isa)) {
        eg_cpu_fail(err, EG_E_USAGE, "cpu: this machine cannot run isa '%s'", text);
        return eg_cpu_hint(err, EG_E_USAGE, "plain, or up to %s", eg_isa_name(eg_isa_best()));
    }
    eg_cpu_option(options, "openblas", path, n);
    return EG_OK;
}

static void
close_device(eg_device *device)
{
    if (device == NULL)
        return;
    eg_cpu_dealloc(device->host, device->library); /* the shared library itself stays open for good */
    eg_cpu_device_free(device);
}

static eg_status
open_device(const eg_host *host, uint32_t index, const char *options, eg_device **out, const eg_device_ops **out_ops,
            eg_error *err)
{
    char path[512];
    eg_isa isa;
    eg_device *device;
    if (index != 0)
        return eg_cpu_fail(err, EG_E_USAGE, "cpu has one device, not a device %u", index);
    eg_status status = read_options(options, &isa, path, sizeof path, err);
    if (status == EG_OK)
        status = eg_cpu_device_new(host, isa, &device, err);
    if (status != EG_OK)
        return status;
    cpu_library *library = eg_cpu_alloc(host, 1, sizeof *library);
    device->library = library;
    if (library == NULL)
        status = eg_cpu_fail(err, EG_E_NOMEM, "out of memory");
    else if (strcmp(path, "none") != 0)
        status = eg_blas_open(host, path[0] != '\0' ? path : NULL, &library->blas, err);
    if (status != EG_OK) {
        close_device(device);
        return status;
    }
    snprintf(library->fingerprint, sizeof library->fingerprint, "cpu " EGBERT_VERSION ", %s, %s", eg_isa_name(isa),
             library->blas.sgemm != NULL ? library->blas.description : "no BLAS");
    device->own_ops = eg_cpu_own_ops;
    if (library->blas.row_unit > 0)
        device->row_unit = library->blas.row_unit;
    device->info = info;
    *out = device;
    *out_ops = &eg_cpu_device_ops;
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
