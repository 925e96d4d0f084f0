/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that nobody can touch unless far has opened it. */
#include "plugins/far/far.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

eg_status
far_memory_new(far_memory *out, uint64_t bytes, eg_error *err)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), mapped;
    if (__builtin_add_overflow(bytes ? bytes : 1, page - 1, &mapped) || mapped > SIZE_MAX)
        return far_fail(err, EG_E_NOMEM, "out of memory");
    mapped &= ~(page - 1);
    void *memory = mmap(NULL, (size_t)mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return far_fail(err, EG_E_NOMEM, "out of memory (%llu bytes)", (unsigned long long)mapped);
    *out = (far_memory){.bytes = memory, .mapped = (size_t)mapped};
    return EG_OK;
}

void
far_memory_free(far_memory *memory)
{
    if (memory->bytes)
        munmap(memory->bytes, memory->mapped);
    *memory = (far_memory){0};
}

eg_status
far_memory_open(const far_memory *memory, eg_error *err)
{
    if (mprotect(memory->bytes, memory->mapped, PROT_READ | PROT_WRITE) != 0)
        return far_fail(err, EG_E_NOMEM, "memory cannot be opened: %s", strerror(errno));
    return EG_OK;
}

void
far_memory_close(const far_memory *memory)
{
    /* If the kernel refuses, the memory stays open: worse a test, but no wrong result. */
    (void)!mprotect(memory->bytes, memory->mapped, PROT_NONE);
}

eg_status
far_domain(eg_device *device, uint32_t index, eg_domain *out)
{
    (void)device;
    if (index != 0)
        return EG_E_USAGE;
    out->flags = 0; /* the host can neither read nor write it */
    out->align = 64;
    out->max_buffer = 0;
    out->max_binding = FAR_MAX_BINDING;
    return EG_OK;
}

eg_status
far_buffer_new(eg_device *device, uint32_t domain, uint64_t bytes, eg_buffer **out, eg_error *err)
{
    *out = NULL;
    if (domain != 0)
        return far_fail(err, EG_E_USAGE, "there is one domain, not a domain %u", domain);
    eg_buffer *buffer = far_alloc(device, sizeof *buffer);
    if (!buffer)
        return far_fail(err, EG_E_NOMEM, "out of memory (buffer)");
    buffer->bytes = bytes;
    eg_status status = far_memory_new(&buffer->memory, bytes, err);
    if (status == EG_OK)
        status = device->inner_ops->buffer_import(device->inner, 0, buffer->memory.bytes, bytes, &buffer->inner, err);
    if (status != EG_OK) {
        far_buffer_free(device, buffer);
        return status;
    }
    *out = buffer;
    return EG_OK;
}

void
far_buffer_free(eg_device *device, eg_buffer *buffer)
{
    if (!buffer)
        return;
    device->inner_ops->buffer_free(device->inner, buffer->inner);
    far_memory_free(&buffer->memory);
    far_dealloc(device, buffer);
}

/* --- transfers: jobs like the runs, so that they come after the runs before them ----------------- */

typedef struct {
    far_job job;
    const eg_buffer *buffer;
    uint64_t offset, bytes;
    const void *from; /* upload */
    void *to;         /* download */
} transfer;

static eg_status
do_transfer(far_job *job, eg_error *err)
{
    transfer *t = (transfer *)job;
    eg_status status = far_memory_open(&t->buffer->memory, err);
    if (status != EG_OK)
        return status;
    unsigned char *there = t->buffer->memory.bytes + t->offset;
    if (t->from)
        memcpy(there, t->from, t->bytes);
    else
        memcpy(t->to, there, t->bytes);
    far_memory_close(&t->buffer->memory);
    return EG_OK;
}

static eg_status
transfer_on_worker(eg_device *device, transfer *t, eg_error *err)
{
    uint64_t end;
    if (__builtin_add_overflow(t->offset, t->bytes, &end) || end > t->buffer->bytes)
        return far_fail(err, EG_E_USAGE, "a transfer of %llu bytes at %llu leaves a buffer of %llu",
                        (unsigned long long)t->bytes, (unsigned long long)t->offset,
                        (unsigned long long)t->buffer->bytes);
    if (t->bytes == 0)
        return EG_OK;
    t->job.device = device;
    t->job.work = do_transfer;
    return far_do(&t->job, err);
}

eg_status
far_upload(eg_device *device, eg_buffer *dst, uint64_t offset, const void *src, uint64_t bytes, eg_error *err)
{
    transfer t = {.buffer = dst, .offset = offset, .bytes = bytes, .from = src};
    return transfer_on_worker(device, &t, err);
}

eg_status
far_download(eg_device *device, void *dst, eg_buffer *src, uint64_t offset, uint64_t bytes, eg_event *const *wait,
             uint32_t wait_count, eg_error *err)
{
    eg_status status = far_wait(device, wait, wait_count, err);
    if (status != EG_OK)
        return status;
    transfer t = {.buffer = src, .offset = offset, .bytes = bytes, .to = dst};
    return transfer_on_worker(device, &t, err);
}
