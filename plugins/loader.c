/* SPDX-License-Identifier: Apache-2.0 */
/* One library: from a path to a checked table, and from a table to an open device. */
#include "plugins/registry.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

/* --- the file, before the dynamic linker sees it ------------------------------------------------- */

#if UINTPTR_MAX > 0xffffffffu
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;
enum { OUR_CLASS = ELFCLASS64 };
#else
typedef Elf32_Ehdr elf_header;
typedef Elf32_Phdr elf_segment;
enum { OUR_CLASS = ELFCLASS32 };
#endif
enum { OUR_DATA = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB };

#if defined(__x86_64__)
enum { OUR_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OUR_MACHINE = EM_AARCH64 };
#else
enum { OUR_MACHINE = EM_NONE }; /* the dynamic linker knows better */
#endif

/*
 * The linker maps segments without asking whether the file is long enough; a cut file is then a SIGBUS in the middle
 * of dlopen(). So their ends are checked first.
 */
static eg_status
check_segments(int fd, const elf_header *header, uint64_t file_size, eg_error *err)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        elf_segment segment;
        off_t at = (off_t)(header->e_phoff + (uint64_t)i * header->e_phentsize);
        if (pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
            return eg_fail(err, EG_E_BACKEND, "the file is cut off");
        uint64_t end;
        if (segment.p_type == PT_LOAD &&
            (__builtin_add_overflow((uint64_t)segment.p_offset, (uint64_t)segment.p_filesz, &end) || end > file_size))
            return eg_fail(err, EG_E_BACKEND, "the file is cut off: a segment ends at byte %llu of %llu",
                           (unsigned long long)segment.p_offset + (unsigned long long)segment.p_filesz,
                           (unsigned long long)file_size);
    }
    return EG_OK;
}

static eg_status
check_elf(int fd, uint64_t file_size, eg_error *err)
{
    elf_header header;
    ssize_t n = pread(fd, &header, sizeof header, 0);
    if (n < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return eg_fail(err, EG_E_BACKEND, "not an ELF file");
    if (n < (ssize_t)sizeof header)
        return eg_fail(err, EG_E_BACKEND, "the file is cut off in its ELF header");
    if (header.e_ident[EI_CLASS] != OUR_CLASS || header.e_ident[EI_DATA] != OUR_DATA ||
        (OUR_MACHINE != EM_NONE && header.e_machine != OUR_MACHINE))
        return eg_fail(err, EG_E_BACKEND, "built for another architecture (ELF machine %u, class %u)",
                       (unsigned)header.e_machine, (unsigned)header.e_ident[EI_CLASS]);
    if (header.e_type != ET_DYN)
        return eg_fail(err, EG_E_BACKEND, "an ELF file, but not a shared library");
    if (header.e_phentsize != sizeof(elf_segment) || header.e_phoff > file_size)
        return eg_fail(err, EG_E_BACKEND, "its ELF program headers make no sense");
    return check_segments(fd, &header, file_size, err);
}

static eg_status
check_file(const char *path, eg_error *err)
{
    /* O_NONBLOCK: a FIFO must not hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return eg_fail(err, EG_E_BACKEND, "cannot be read: %s", strerror(errno));
    struct stat st;
    eg_status status;
    if (fstat(fd, &st) != 0)
        status = eg_fail(err, EG_E_BACKEND, "cannot be read: %s", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = eg_fail(err, EG_E_BACKEND, "not a regular file");
    else
        status = check_elf(fd, (uint64_t)st.st_size, err);
    close(fd);
    return status;
}

/* --- the table ----------------------------------------------------------------------------------- */

static bool
name_is_legal(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n <= 64 && name[n] == '\0';
}

static eg_status
check_header(const eg_plugin *plugin, eg_error *err)
{
    if (!EG_HAS(eg_plugin, plugin, abi_major))
        return eg_fail(err, EG_E_BACKEND, "its table is truncated (%u bytes)", plugin->size);
    if (plugin->abi_major != EG_ABI_MAJOR)
        return eg_fail(err, EG_E_BACKEND, "speaks plugin ABI %u, this host %u.%u", plugin->abi_major, EG_ABI_MAJOR,
                       EG_ABI_MINOR);
    if (!EG_HAS(eg_plugin, plugin, close))
        return eg_fail(err, EG_E_BACKEND, "its table is truncated (%u bytes, at least %zu expected)", plugin->size,
                       offsetof(eg_plugin, close) + sizeof plugin->close);
    if (plugin->sanitizer != EG_SANITIZER)
        return eg_fail(err, EG_E_BACKEND, "built with other sanitizers (tag %u, this host %u)", plugin->sanitizer,
                       (unsigned)EG_SANITIZER);
    if (!plugin->name || !name_is_legal(plugin->name))
        return eg_fail(err, EG_E_BACKEND, "its name '%.64s' is not of the form [a-z0-9_-]+",
                       plugin->name ? plugin->name : "");
    if (!plugin->version)
        return eg_fail(err, EG_E_BACKEND, "its table has no version");
    return EG_OK;
}

static eg_status
missing(eg_error *err, const char *function)
{
    return eg_fail(err, EG_E_BACKEND, "the mandatory function %s() is missing", function);
}

eg_status
eg_plugin_check(const eg_plugin *plugin, eg_error *err)
{
    if (!plugin)
        return eg_fail(err, EG_E_BACKEND, "does not serve plugin ABI %u.%u (eg_plugin_query gave NULL)", EG_ABI_MAJOR,
                       EG_ABI_MINOR);
    EG_TRY(check_header(plugin, err));
    if (!plugin->score)
        return missing(err, "score");
    if (!plugin->device_count)
        return missing(err, "device_count");
    if (!plugin->device)
        return missing(err, "device");
    if (!plugin->open)
        return missing(err, "open");
    if (!plugin->close)
        return missing(err, "close");
    return EG_OK;
}

/* The linker's message without line breaks. */
static eg_status
fail_dl(eg_error *err, const char *message)
{
    char line[512];
    snprintf(line, sizeof line, "%s", message ? message : "unknown dlopen error");
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    return eg_fail(err, EG_E_BACKEND, "%s", line);
}

eg_status
eg_plugin_load(const char *path, const eg_plugin **out, eg_error *err)
{
    *out = NULL;
    EG_TRY(check_file(path, err));
    /* Never closed: threads of a library's own (OpenMP's) may still be inside it. */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
        return fail_dl(err, dlerror());
    eg_plugin_query_fn query;
    *(void **)&query = dlsym(library, "eg_plugin_query"); /* POSIX's way round ISO C */
    if (!query)
        return eg_fail(err, EG_E_BACKEND, "not an Egbert plugin: it has no symbol eg_plugin_query");
    const eg_plugin *plugin = query(EG_ABI_MAJOR, EG_ABI_MINOR);
    EG_TRY(eg_plugin_check(plugin, err));
    *out = plugin;
    return EG_OK;
}

/* --- the device ---------------------------------------------------------------------------------- */

static eg_status
check_slots(const eg_device_ops *ops, eg_error *err)
{
    const struct {
        const char *name;
        bool present;
    } slots[] = {
        {"info", ops->info},
        {"support", ops->support},
        {"domain", ops->domain},
        {"buffer_new", ops->buffer_new},
        {"buffer_free", ops->buffer_free},
        {"weight_new", ops->weight_new},
        {"weight_free", ops->weight_free},
        {"compile", ops->compile},
        {"exec_free", ops->exec_free},
        {"run", ops->run},
    };
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        if (!slots[i].present)
            return missing(err, slots[i].name);
    if (!ops->weight_save != !ops->weight_load)
        return eg_fail(err, EG_E_BACKEND, "only one of weight_save() and weight_load() is there");
    bool has_wait = EG_HAS(eg_device_ops, ops, wait) && ops->wait;
    bool has_event_free = EG_HAS(eg_device_ops, ops, event_free) && ops->event_free;
    if (has_wait != has_event_free)
        return eg_fail(err, EG_E_BACKEND, "only one of wait() and event_free() is there");
    return EG_OK;
}

static eg_status
check_domain(eg_device *device, const eg_device_ops *ops, uint32_t index, eg_error *err)
{
    eg_domain domain = {.size = sizeof domain};
    eg_status status = ops->domain(device, index, &domain);
    if (status != EG_OK)
        return eg_fail(err, EG_E_BACKEND, "domain(%u) failed with status %d", index, status);
    if (domain.align == 0 || (domain.align & (domain.align - 1)) != 0)
        return eg_fail(err, EG_E_BACKEND, "domain %u has the alignment %llu, not a power of two", index,
                       (unsigned long long)domain.align);
    if ((domain.flags & EG_DOMAIN_HOST_MEMORY) && !ops->buffer_import)
        return missing(err, "buffer_import");
    if ((domain.flags & (EG_DOMAIN_HOST_READ | EG_DOMAIN_HOST_WRITE)) && !ops->host_pointer)
        return missing(err, "host_pointer");
    if (!(domain.flags & EG_DOMAIN_HOST_WRITE) && !ops->upload)
        return missing(err, "upload");
    if (!(domain.flags & EG_DOMAIN_HOST_READ) && !ops->download)
        return missing(err, "download");
    return EG_OK;
}

eg_status
eg_device_ops_check(eg_device *device, const eg_device_ops *ops, eg_error *err)
{
    if (!ops)
        return eg_fail(err, EG_E_BACKEND, "open() gave no functions");
    if (!EG_HAS(eg_device_ops, ops, run))
        return eg_fail(err, EG_E_BACKEND, "its device functions are truncated (%u bytes, at least %zu expected)",
                       ops->size, offsetof(eg_device_ops, run) + sizeof ops->run);
    EG_TRY(check_slots(ops, err));
    if (ops->domain_count < 1 || ops->domain_count > 64)
        return eg_fail(err, EG_E_BACKEND, "its device has %u memory domains; 1 to 64 are legal", ops->domain_count);
    if (ops->domain_count > 1 && !ops->copy)
        return missing(err, "copy");
    for (uint32_t i = 0; i < ops->domain_count; i++)
        EG_TRY(check_domain(device, ops, i, err));
    return EG_OK;
}

eg_status
eg_plugin_open_device(const eg_plugin *plugin, uint32_t index, const eg_host *host, const char *options,
                      eg_device **out, const eg_device_ops **out_ops, eg_error *err)
{
    *out = NULL;
    *out_ops = NULL;
    eg_error scratch;
    eg_error *cause = err ? err : &scratch;
    eg_error_init(cause);
    eg_device *device = NULL;
    const eg_device_ops *ops = NULL;
    eg_status status = plugin->open(host, index, options, &device, &ops, cause);
    if (status != EG_OK) {
        if (cause->message[0] == '\0') /* a plugin that fails without a word */
            return eg_fail(err, status, "%s: device %u does not open (status %d)", plugin->name, index, status);
        cause->code = status;
        return status;
    }
    status = eg_device_ops_check(device, ops, cause);
    if (status != EG_OK) {
        plugin->close(device);
        return status;
    }
    *out = device;
    *out_ops = ops;
    return EG_OK;
}
