/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, refusing, choosing and opening plugins. The plugins are those of bad_plugin.c. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "plugins/registry.h"

static char folder[64]; /* a fresh one per test */

static void
make_folder(void)
{
    strcpy(folder, "/tmp/egbert-registry-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void
remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(registry, .init = make_folder, .fini = remove_folder);

static const char *
built(const char *name)
{
    static char path[4][1024];
    static unsigned next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/egbert-%s.so", getenv("EG_TEST_BAD_PLUGINS"), name);
    return out;
}

/* A link in the folder of the test: "egbert-<as>.so". */
static void
put(const char *name, const char *as)
{
    char path[256];
    snprintf(path, sizeof path, "%s/egbert-%s.so", folder, as);
    cr_assert_eq(symlink(built(name), path), 0);
}

static void
put_bytes(const char *as, const void *bytes, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/egbert-%s.so", folder, as);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

static eg_registry_options
options_for_path(const char *path)
{
    return (eg_registry_options){.path = path, .probe = getenv("EG_TEST_PROBE"), .probe_timeout_ms = 3000};
}

static eg_registry *
open_path(const char *path)
{
    eg_registry_options options = options_for_path(path);
    eg_registry *registry;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_registry_open(&options, &registry, &err), EG_OK, "%s", err.message);
    return registry;
}

/* The only plugin of the folder is not loaded, and the reason holds this text. */
static void
expect_refused(const char *reason)
{
    eg_registry *registry = open_path(folder);
    cr_assert_eq(eg_registry_count(registry), 1);
    const eg_plugin_entry *entry = eg_registry_entry(registry, 0);
    cr_expect(!entry->loaded && !entry->usable && !entry->plugin, "%s", entry->name);
    cr_expect(strstr(entry->why, reason), "'%s' lacks '%s'", entry->why, reason);
    cr_expect(!strchr(entry->why, '\n'));
    eg_registry_close(registry);
}

static void
expect_bad_plugin_refused(const char *name, const char *reason)
{
    put(name, name);
    expect_refused(reason);
}

/* --- a sound plugin ------------------------------------------------------------------------------ */

Test(registry, lists_what_a_sound_plugin_says)
{
    put("sound", "sound");
    eg_registry *registry = open_path(folder);
    cr_assert_eq(eg_registry_count(registry), 1);
    const eg_plugin_entry *entry = eg_registry_entry(registry, 0);
    cr_expect(entry->loaded && entry->usable);
    cr_expect_str_eq(entry->why, "");
    cr_expect_str_eq(entry->name, "sound");
    cr_expect_str_eq(entry->version, "0.0.1");
    cr_expect_str_eq(entry->abi, "1.0");
    cr_expect_eq(entry->source, EG_PLUGIN_PATH);
    cr_expect_eq(entry->score, 5);
    cr_assert_eq(entry->device_count, 2);
    cr_expect_str_eq(entry->devices[1].id, "sound:1");
    cr_expect_str_eq(entry->devices[1].name, "sound device 1");
    cr_expect_eq(entry->devices[1].score, 5);
    cr_expect_eq(eg_registry_find(registry, "sound"), entry);
    eg_registry_close(registry);
}

Test(registry, a_longer_table_of_a_later_minor_is_legal)
{
    put("later-minor", "later-minor");
    eg_registry *registry = open_path(folder);
    cr_expect(eg_registry_entry(registry, 0)->usable, "%s", eg_registry_entry(registry, 0)->why);
    cr_expect_str_eq(eg_registry_entry(registry, 0)->abi, "1.7");
    eg_registry_close(registry);
}

Test(registry, a_plugin_without_device_is_loaded_but_not_usable)
{
    put("no-device", "no-device");
    eg_registry *registry = open_path(folder);
    const eg_plugin_entry *entry = eg_registry_entry(registry, 0);
    cr_expect(entry->loaded && !entry->usable);
    cr_expect_str_eq(entry->why, "the flux capacitor is missing");
    cr_expect_null(eg_registry_find(registry, "no-device"));
    eg_choice *choices;
    size_t count;
    eg_error err;
    cr_expect_eq(eg_registry_select(registry, "no-device", NULL, &choices, &count, &err), EG_E_BACKEND);
    cr_expect(strstr(err.message, "flux capacitor"));
    eg_registry_close(registry);
}

/* --- faults -------------------------------------------------------------------------------------- */

Test(registry, wrong_major)
{
    expect_bad_plugin_refused("wrong-major", "speaks plugin ABI 2, this host 1.0");
}

Test(registry, null_table)
{
    expect_bad_plugin_refused("null-table", "does not serve plugin ABI 1.0");
}

Test(registry, truncated_table)
{
    expect_bad_plugin_refused("truncated-table", "truncated");
}

Test(registry, tiny_table)
{
    expect_bad_plugin_refused("tiny-table", "truncated (4 bytes)");
}

Test(registry, other_sanitizer)
{
    expect_bad_plugin_refused("sanitizer", "built with other sanitizers");
}

Test(registry, name_that_is_a_path)
{
    expect_bad_plugin_refused("path-name", "'../../x' is not of the form");
}

Test(registry, missing_symbol)
{
    expect_bad_plugin_refused("no-symbol", "no symbol eg_plugin_query");
}

Test(registry, missing_function)
{
    expect_bad_plugin_refused("no-open", "open() is missing");
}

Test(registry, constructor_that_crashes)
{
    expect_bad_plugin_refused("constructor-crash", "in the probe");
}

Test(registry, constructor_that_exits)
{
    expect_bad_plugin_refused("constructor-exit", "ended in the probe with status 3");
}

Test(registry, score_that_aborts)
{
    expect_bad_plugin_refused("score-abort", "crashed in the probe (SIGABRT)");
}

Test(registry, constructor_that_hangs)
{
    put("constructor-hang", "constructor-hang");
    eg_registry_options options = options_for_path(folder);
    options.probe_timeout_ms = 200;
    eg_registry *registry;
    cr_assert_eq(eg_registry_open(&options, &registry, NULL), EG_OK);
    cr_expect_str_eq(eg_registry_entry(registry, 0)->why, "hung in the probe for 200 ms");
    eg_registry_close(registry);
}

Test(registry, text_file)
{
    put_bytes("text", "#!/bin/sh\n", 10);
    expect_refused("not an ELF file");
}

Test(registry, empty_file)
{
    put_bytes("empty", "", 0);
    expect_refused("not an ELF file");
}

Test(registry, elf_of_another_architecture)
{
    Elf64_Ehdr header = {.e_type = ET_DYN, .e_machine = EM_S390, .e_phentsize = sizeof(Elf64_Phdr)};
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2MSB;
    put_bytes("s390", &header, sizeof header);
    expect_refused("another architecture (ELF machine 22");
}

/* Cut anywhere, a plugin is refused and nobody crashes, with and without a probe. */
Test(registry, truncated_elf)
{
    static char bytes[1 << 20];
    FILE *file = fopen(built("sound"), "rb");
    cr_assert(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    const size_t cuts[] = {20, 64, 200, size / 2};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        put_bytes("cut", bytes, cuts[i]);
        expect_refused("cut off");
        char path[256];
        snprintf(path, sizeof path, "%s/egbert-cut.so", folder);
        const eg_plugin *plugin;
        cr_expect_eq(eg_plugin_load(path, &plugin, NULL), EG_E_BACKEND);
    }
}

Test(registry, fifo_does_not_block)
{
    char path[256];
    snprintf(path, sizeof path, "%s/egbert-fifo.so", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refused("not a regular file");
}

Test(registry, dangling_link)
{
    char path[256];
    snprintf(path, sizeof path, "%s/egbert-gone.so", folder);
    cr_assert_eq(symlink("/nowhere/at/all", path), 0);
    expect_refused("No such file");
}

Test(registry, without_a_probe_program_nothing_foreign_is_opened)
{
    put("sound", "sound");
    eg_registry_options options = {.path = folder};
    eg_registry *registry;
    cr_assert_eq(eg_registry_open(&options, &registry, NULL), EG_OK);
    cr_expect(strstr(eg_registry_entry(registry, 0)->why, "no probe program"));
    eg_registry_close(registry);
}

/* --- where it looks ------------------------------------------------------------------------------ */

Test(registry, never_the_working_directory)
{
    put("sound", "sound");
    cr_assert_eq(chdir(folder), 0);
    const char *paths[] = {"", ":", "::", ".", "./", ":.:", "nonexistent:relative"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        eg_registry *registry = open_path(paths[i]);
        cr_expect_eq(eg_registry_count(registry), 0, "'%s'", paths[i]);
        eg_registry_close(registry);
    }
    cr_assert_eq(chdir("/"), 0);
}

Test(registry, empty_elements_are_skipped)
{
    put("sound", "sound");
    char path[256];
    snprintf(path, sizeof path, ":/nonexistent::%s:", folder);
    eg_registry *registry = open_path(path);
    cr_expect_eq(eg_registry_count(registry), 1);
    eg_registry_close(registry);
}

Test(registry, only_files_named_like_plugins)
{
    char path[256];
    snprintf(path, sizeof path, "%s/libsound.so", folder);
    cr_assert_eq(symlink(built("sound"), path), 0);
    snprintf(path, sizeof path, "%s/egbert-.so", folder);
    cr_assert_eq(symlink(built("sound"), path), 0);
    eg_registry *registry = open_path(folder);
    cr_expect_eq(eg_registry_count(registry), 0);
    eg_registry_close(registry);
}

Test(registry, world_writable_folder)
{
    put("sound", "sound");
    cr_assert_eq(chmod(folder, 0777), 0);
    expect_refused("directory is writable by everyone");
    eg_registry_options options = {.installed_dir = folder};
    eg_registry *registry;
    cr_assert_eq(eg_registry_open(&options, &registry, NULL), EG_OK);
    cr_expect(!eg_registry_entry(registry, 0)->loaded);
    eg_registry_close(registry);
}

Test(registry, world_writable_file)
{
    put_bytes("open-to-all", "x", 1);
    char path[256];
    snprintf(path, sizeof path, "%s/egbert-open-to-all.so", folder);
    cr_assert_eq(chmod(path, 0666), 0);
    expect_refused("it is writable by everyone");
}

Test(registry, foreign_file)
{
    if (geteuid() != 0)
        cr_skip("only root can give a file away");
    put_bytes("foreign", "x", 1);
    char path[256];
    snprintf(path, sizeof path, "%s/egbert-foreign.so", folder);
    cr_assert_eq(chown(path, 4711, 4711), 0);
    expect_refused("belongs to another user");
}

Test(registry, sorted_within_a_folder)
{
    put("sound", "zebra");
    put("better", "aardvark");
    put("named-only", "middle");
    eg_registry *registry = open_path(folder);
    cr_assert_eq(eg_registry_count(registry), 3);
    cr_expect_str_eq(eg_registry_entry(registry, 0)->name, "better");
    cr_expect_str_eq(eg_registry_entry(registry, 1)->name, "named-only");
    cr_expect_str_eq(eg_registry_entry(registry, 2)->name, "sound");
    eg_registry_close(registry);
}

Test(registry, the_same_file_twice)
{
    put("sound", "a");
    put("sound", "b");
    eg_registry *registry = open_path(folder);
    cr_assert_eq(eg_registry_count(registry), 2);
    cr_expect(eg_registry_entry(registry, 0)->usable);
    cr_expect(!eg_registry_entry(registry, 1)->loaded);
    cr_expect(strstr(eg_registry_entry(registry, 1)->why, "hidden by"));
    eg_registry_close(registry);
}

Test(registry, the_first_of_a_name_wins)
{
    put("sound", "a");
    put("sound-copy", "b");
    eg_registry *registry = open_path(folder);
    cr_assert_eq(eg_registry_count(registry), 2);
    cr_expect(eg_registry_entry(registry, 0)->usable);
    const eg_plugin_entry *second = eg_registry_entry(registry, 1);
    cr_expect(!second->usable && strstr(second->why, "egbert-a.so"), "%s", second->why);
    eg_registry_close(registry);
}

Test(registry, a_named_file_goes_before_the_path)
{
    put("sound", "sound");
    const char *file = built("sound-copy");
    eg_registry_options options = options_for_path(folder);
    options.files = &file;
    options.file_count = 1;
    eg_registry *registry;
    cr_assert_eq(eg_registry_open(&options, &registry, NULL), EG_OK);
    cr_assert_eq(eg_registry_count(registry), 2);
    cr_expect_eq(eg_registry_entry(registry, 0)->source, EG_PLUGIN_FILE);
    cr_expect(eg_registry_entry(registry, 0)->usable);
    cr_expect(!eg_registry_entry(registry, 1)->usable);
    eg_registry_close(registry);
}

Test(registry, a_named_file_must_load)
{
    const char *names[] = {"wrong-major", "constructor-crash", "no-symbol", "does-not-exist"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *file = built(names[i]);
        eg_registry_options options = options_for_path(NULL);
        options.files = &file;
        options.file_count = 1;
        eg_registry *registry;
        eg_error err;
        cr_expect_eq(eg_registry_open(&options, &registry, &err), EG_E_BACKEND, "%s", names[i]);
        cr_expect_str_eq(err.file, file);
        cr_expect_null(registry);
    }
}

Test(registry, installed_plugins_are_not_probed)
{
    put("sound", "sound");
    eg_registry_options options = {.installed_dir = folder, .probe = "/nonexistent/probe"};
    eg_registry *registry;
    cr_assert_eq(eg_registry_open(&options, &registry, NULL), EG_OK);
    cr_expect(eg_registry_entry(registry, 0)->usable);
    cr_expect_eq(eg_registry_entry(registry, 0)->source, EG_PLUGIN_INSTALLED);
    eg_registry_close(registry);
}

/* --- what the probe found is remembered ---------------------------------------------------------- */

static eg_registry *
open_cached(const char *probe, const char *cache)
{
    eg_registry_options options = {.path = folder, .probe = probe, .cache_dir = cache};
    eg_registry *registry;
    cr_assert_eq(eg_registry_open(&options, &registry, NULL), EG_OK);
    return registry;
}

Test(registry, probe_results_are_remembered)
{
    put("sound", "a");
    put("score-abort", "b");
    char cache[128];
    snprintf(cache, sizeof cache, "%s/home/.cache/egbert", folder); /* nothing of it is there yet */
    eg_registry_close(open_cached(getenv("EG_TEST_PROBE"), cache));
    /* Now a probe that does not exist is not asked. */
    eg_registry *registry = open_cached("/nonexistent/probe", cache);
    cr_expect(eg_registry_entry(registry, 0)->usable, "%s", eg_registry_entry(registry, 0)->why);
    cr_expect(strstr(eg_registry_entry(registry, 1)->why, "SIGABRT"));
    eg_registry_close(registry);
    char probes[160];
    snprintf(probes, sizeof probes, "%s/probes", cache);
    struct stat st;
    cr_assert_eq(stat(probes, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0700);
    /* A cache that others may write is not believed. */
    cr_assert_eq(chmod(probes, 0777), 0);
    registry = open_cached("/nonexistent/probe", cache);
    cr_expect(strstr(eg_registry_entry(registry, 0)->why, "cannot be probed"));
    eg_registry_close(registry);
}

Test(registry, a_cache_that_cannot_be_made_is_done_without)
{
    put("sound", "sound");
    eg_registry *registry = open_cached(getenv("EG_TEST_PROBE"), "/proc/no/such/place");
    cr_expect(eg_registry_entry(registry, 0)->usable);
    eg_registry_close(registry);
}

/* --- choosing ------------------------------------------------------------------------------------ */

static void
expect_choice(const char *backends, const char *device, const char *want)
{
    put("sound", "sound");
    put("better", "better");
    put("named-only", "named-only");
    eg_registry *registry = open_path(folder);
    eg_choice *choices;
    size_t count;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_registry_select(registry, backends, device, &choices, &count, &err), EG_OK, "%s", err.message);
    char got[256] = "";
    for (size_t i = 0; i < count; i++) {
        strcat(got, i ? " " : "");
        strcat(got, choices[i].entry->devices[choices[i].device].id);
    }
    cr_expect_str_eq(got, want);
    eg_free(choices);
    eg_registry_close(registry);
}

Test(registry, auto_goes_by_score_and_leaves_out_zero)
{
    expect_choice("auto", NULL, "better:1 sound:1");
}

Test(registry, names_keep_their_order)
{
    expect_choice("named-only,sound", NULL, "named-only:1 sound:1");
}

Test(registry, a_device_is_named)
{
    expect_choice("sound,better", "better:0", "sound:1 better:0");
}

Test(registry, a_named_device_comes_first_in_auto)
{
    expect_choice(NULL, "named-only:0", "named-only:0 better:1 sound:1");
}

static void
expect_no_choice(const char *backends, const char *device, eg_status code, const char *message, const char *hint)
{
    put("sound", "sound");
    put("wrong-major", "broken");
    eg_registry *registry = open_path(folder);
    eg_choice *choices;
    size_t count;
    eg_error err;
    eg_error_init(&err);
    cr_expect_eq(eg_registry_select(registry, backends, device, &choices, &count, &err), code);
    cr_expect(strstr(err.message, message), "%s", err.message);
    cr_expect(strstr(err.hint, hint), "%s", err.hint);
    eg_registry_close(registry);
}

Test(registry, unknown_name)
{
    expect_no_choice("soudn", NULL, EG_E_BACKEND, "no backend 'soudn'", "did you mean 'sound'?");
}

Test(registry, unknown_name_like_none)
{
    expect_no_choice("xyzzyplugh", NULL, EG_E_BACKEND, "no backend 'xyzzyplugh'", "there are sound");
}

Test(registry, broken_name_says_why)
{
    expect_no_choice("broken", NULL, EG_E_BACKEND, "speaks plugin ABI 2", "");
}

Test(registry, empty_name)
{
    expect_no_choice("sound,", NULL, EG_E_USAGE, "empty name", "");
}

Test(registry, repeated_name)
{
    expect_no_choice("sound,sound", NULL, EG_E_USAGE, "listed twice", "");
}

Test(registry, unknown_device)
{
    expect_no_choice("sound", "sound:7", EG_E_BACKEND, "has the device 'sound:7'", "sound:0 (sound), sound:1 (sound)");
}

/* --- opening ------------------------------------------------------------------------------------- */

static void
expect_open_refused(const char *name, eg_status code, const char *reason)
{
    const eg_plugin *plugin;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_plugin_load(built(name), &plugin, &err), EG_OK, "%s: %s", name, err.message);
    eg_host host = {.size = sizeof host, .sanitizer = EG_SANITIZER};
    eg_device *device;
    const eg_device_ops *ops;
    cr_expect_eq(eg_plugin_open_device(plugin, 0, &host, NULL, &device, &ops, &err), code, "%s", name);
    cr_expect(strstr(err.message, reason), "%s: %s", name, err.message);
    cr_expect_null(device);
}

Test(registry, incomplete_devices)
{
    expect_open_refused("no-exec-free", EG_E_BACKEND, "exec_free() is missing");
    expect_open_refused("no-pointer", EG_E_BACKEND, "host_pointer() is missing");
    expect_open_refused("no-upload", EG_E_BACKEND, "upload() is missing");
    expect_open_refused("no-domain", EG_E_BACKEND, "0 memory domains");
    expect_open_refused("odd-alignment", EG_E_BACKEND, "alignment 48");
    expect_open_refused("truncated-ops", EG_E_BACKEND, "truncated");
    expect_open_refused("open", EG_E_DEVICE_LOST, "does not open (status 9)");
}

Test(registry, a_sound_device_opens)
{
    const eg_plugin *plugin;
    cr_assert_eq(eg_plugin_load(built("sound"), &plugin, NULL), EG_OK);
    eg_host host = {.size = sizeof host, .sanitizer = EG_SANITIZER};
    eg_device *device;
    const eg_device_ops *ops;
    cr_assert_eq(eg_plugin_open_device(plugin, 1, &host, NULL, &device, &ops, NULL), EG_OK);
    cr_expect(device && ops);
    plugin->close(device);
}

Test(registry, a_device_without_id_is_not_listed)
{
    put("device-no-id", "device-no-id");
    eg_registry *registry = open_path(folder);
    const eg_plugin_entry *entry = eg_registry_entry(registry, 0);
    cr_expect(!entry->usable && entry->device_count == 0);
    cr_expect(strstr(entry->why, "no proper id"));
    eg_registry_close(registry);
}
