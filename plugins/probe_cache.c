/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Results of another version of the checks are void. */
#define CACHE_HEADER "egbert-probe 1 " EGBERT_VERSION "\n"

/* The folder and those above it that are not there, each for the user alone. What fails shows when it is opened. */
static void
make_folders(char *path)
{
    if (mkdir(path, 0700) == 0 || errno != ENOENT)
        return;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0700);
        bool there = made == 0 || errno == EEXIST;
        *slash = '/';
        if (!there)
            return;
    }
    mkdir(path, 0700);
}

/* The folder cache_dir/probes, made if asked, and only if nobody else may write there. -1: not to be used. */
static int
open_folder(const char *cache_dir, bool create)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/probes", cache_dir);
    if (cache_dir[0] != '/' || n < 0 || (size_t)n >= sizeof path)
        return -1;
    if (create)
        make_folders(path);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return -1;
    struct stat st;
    if (fstat(folder, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
        close(folder);
        return -1;
    }
    return folder;
}

static void
entry_name(const struct stat *plugin, char name[128])
{
    snprintf(name, 128, "%llx-%llx-%llx.%09lx-%llx", (unsigned long long)plugin->st_dev,
             (unsigned long long)plugin->st_ino, (unsigned long long)plugin->st_mtim.tv_sec,
             (unsigned long)plugin->st_mtim.tv_nsec, (unsigned long long)plugin->st_size);
}

bool
eg_probe_recall(const char *cache_dir, const struct stat *plugin, char line[EG_PROBE_LINE])
{
    int folder = open_folder(cache_dir, false);
    if (folder < 0)
        return false;
    char name[128];
    entry_name(plugin, name);
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    close(folder);
    if (fd < 0)
        return false;
    char text[sizeof CACHE_HEADER + EG_PROBE_LINE];
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    size_t header = strlen(CACHE_HEADER);
    char *end = strchr(text + (n >= (ssize_t)header ? header : 0), '\n');
    if (strncmp(text, CACHE_HEADER, header) != 0 || !end || end - (text + header) >= EG_PROBE_LINE)
        return false;
    *end = '\0';
    memcpy(line, text + header, (size_t)(end - (text + header)) + 1);
    return true;
}

/* Written beside and renamed into place, so that a reader sees a whole result or none. */
static bool
write_entry(int folder, const char *temporary, const char *name, const char *line)
{
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    char text[sizeof CACHE_HEADER + EG_PROBE_LINE + 1];
    int n = snprintf(text, sizeof text, CACHE_HEADER "%.*s\n", EG_PROBE_LINE - 1, line);
    bool written = n > 0 && write(fd, text, (size_t)n) == n;
    written = close(fd) == 0 && written;
    return written && renameat(folder, temporary, folder, name) == 0;
}

void
eg_probe_remember(const char *cache_dir, const struct stat *plugin, const char *line)
{
    int folder = open_folder(cache_dir, true);
    if (folder < 0)
        return;
    char name[128], temporary[192];
    entry_name(plugin, name);
    snprintf(temporary, sizeof temporary, ".%s.%ld", name, (long)getpid());
    if (!write_entry(folder, temporary, name, line))
        unlinkat(folder, temporary, 0);
    close(folder);
}
