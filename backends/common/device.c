/* SPDX-License-Identifier: Apache-2.0 */
/* The device: its kernels, and the table of the common ops. */
#include <string.h>

#include "backend.h"

/* --- options ------------------------------------------------------------------------------------- */

/* The next "key=value" of *options; the lengths are 0 where a part is absent. False at the end. */
static bool
next_option(const char **options, const char **key, size_t *key_length, const char **value, size_t *value_length)
{
    if (*options == NULL || **options == '\0')
        return false;
    size_t length = strcspn(*options, ","), equals = strcspn(*options, "=,");
    *key = *options;
    *key_length = equals;
    *value = *options + (equals < length ? equals + 1 : length);
    *value_length = equals < length ? length - equals - 1 : 0;
    *options += length + ((*options)[length] == ',');
    return true;
}

static bool
copy_part(const char *s, size_t length, char *out, size_t n)
{
    if (length >= n)
        return false;
    memcpy(out, s, length);
    out[length] = '\0';
    return true;
}

bool
eg_cpu_option(const char *options, const char *key, char *out, size_t n)
{
    const char *k, *v;
    size_t k_length, v_length;
    while (next_option(&options, &k, &k_length, &v, &v_length))
        if (strlen(key) == k_length && memcmp(k, key, k_length) == 0)
            return copy_part(v, v_length, out, n);
    return false;
}

bool
eg_cpu_options_known(const char *options, const char *const *keys, char *out, size_t n)
{
    const char *k, *v;
    size_t k_length, v_length;
    while (next_option(&options, &k, &k_length, &v, &v_length)) {
        const char *const *key = keys;
        while (*key != NULL && (strlen(*key) != k_length || memcmp(k, *key, k_length) != 0))
            key++;
        if (*key == NULL) {
            copy_part(k, k_length < n ? k_length : n - 1, out, n);
            return false;
        }
    }
    return true;
}

/* --- the device ---------------------------------------------------------------------------------- */

static const eg_host_op *const common_ops[] = {
#define EG_CPU_OP(symbol) &eg_cpu_op_##symbol,
#include "ops/ops.def"
#undef EG_CPU_OP
#define EG_HOST_OP(symbol) &eg_host_op_##symbol,
#include "backends/host/move.def"
#undef EG_HOST_OP
    NULL,
};

static const char *
info(eg_device *base, const char *key)
{
    const eg_cpu_device *device = eg_cpu_device_of(base);
    const char *text = device->info != NULL ? device->info(device, key) : NULL;
    if (text == NULL && strcmp(key, "isa") == 0)
        return eg_isa_name(device->kernels.isa);
    return text;
}

/* A backend's own products read the parts of a weight where they lie. */
static const eg_host_use parts[] = {{"matmul", 1}, {"linear", 1}, {"glu_linear", 1}, {"glu_linear", 2}, {NULL, 0}};

static const eg_host_backend common_backend = {.name = "the CPU",
                                               .ops = common_ops,
                                               .level = EG_SUPPORT_OPTIMISED,
                                               .info = info,
                                               .scratch = eg_cpu_scratch,
                                               .parts = parts};

eg_status
eg_cpu_device_new(const eg_host *host, eg_isa isa, eg_cpu_device **out, eg_error *err)
{
    if (!eg_host_suffices(host) || host->threads == NULL || host->setenv_if_unset == NULL)
        return eg_host_fail(err, EG_E_UNSUPPORTED, "the host lacks functions that this plugin needs");
    eg_cpu_device *device = eg_host_alloc(host, 1, sizeof *device);
    if (device == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    device->base.host = host;
    device->base.backend = &common_backend;
    device->row_unit = 1;
    eg_kernels_init(&device->kernels, isa);
    *out = device;
    return EG_OK;
}

void
eg_cpu_device_free(eg_cpu_device *device)
{
    if (device != NULL)
        eg_host_dealloc(device->base.host, device);
}
