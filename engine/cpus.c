/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's own limit on a path, and more than any file here is long. */
enum { PATH_BYTES = 4096, FILE_BYTES = 16384 };

static bool
read_file(const char *path, char *out, size_t n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    size_t got = fread(out, 1, n - 1, file);
    fclose(file);
    out[got] = '\0';
    return got > 0;
}

/* Whole CPUs of "quota µs in each period µs"; 0 = no limit. */
static uint32_t
whole_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    long long cpus = (quota - 1) / period + 1;
    return cpus > 65536 ? 0 : (uint32_t)cpus;
}

static uint32_t
group_quota_v2(const char *group)
{
    char path[PATH_BYTES + 32], text[128];
    snprintf(path, sizeof path, "%s/cpu.max", group);
    long long quota, period;
    if (!read_file(path, text, sizeof text) || sscanf(text, "%lld %lld", &quota, &period) != 2)
        return 0; /* "max 100000", or the root group, which has no such file */
    return whole_cpus(quota, period);
}

static uint32_t
group_quota_v1(const char *group)
{
    char path[PATH_BYTES + 32], text[128];
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", group);
    if (!read_file(path, text, sizeof text))
        return 0;
    long long quota = atoll(text);
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", group);
    if (!read_file(path, text, sizeof text))
        return 0;
    return whole_cpus(quota, atoll(text));
}

static uint32_t
smaller_quota(uint32_t a, uint32_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The smallest quota of a group and those above it. */
static uint32_t
quota_up_to(const char *mount, const char *group, uint32_t (*of)(const char *))
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s%s", mount, group);
    if (length < 0 || (size_t)length >= sizeof path)
        return 0;
    size_t floor = strlen(mount);
    uint32_t least = 0;
    for (;;) {
        least = smaller_quota(least, of(path));
        char *slash = strrchr(path, '/');
        if (!slash || (size_t)(slash - path) < floor)
            return least;
        *slash = '\0';
    }
}

/* Whether the list "cpu,cpuacct" has "cpu". */
static bool
has_cpu_controller(const char *controllers)
{
    for (const char *at = controllers; *at;) {
        size_t n = strcspn(at, ",");
        if (n == 3 && strncmp(at, "cpu", 3) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* One line of /proc/self/cgroup: "NUMBER:CONTROLLERS:PATH". */
static uint32_t
line_quota(char *line, const char *root)
{
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return 0;
    *group++ = '\0';
    controllers++;
    if (strstr(group, "/..")) /* outside of what this namespace sees */
        *group = '\0';
    if (!*controllers)
        return quota_up_to(root, group, group_quota_v2);
    if (!has_cpu_controller(controllers))
        return 0;
    char mount[PATH_BYTES];
    int length = snprintf(mount, sizeof mount, "%s/%s", root, controllers);
    if (length < 0 || (size_t)length >= sizeof mount)
        return 0;
    return quota_up_to(mount, group, group_quota_v1);
}

uint32_t
eg_cpu_quota(const char *proc_cgroup, const char *root)
{
    uint32_t least = 0;
    for (const char *at = proc_cgroup; *at;) {
        size_t n = strcspn(at, "\n");
        char line[PATH_BYTES];
        if (n < sizeof line) {
            memcpy(line, at, n);
            line[n] = '\0';
            least = smaller_quota(least, line_quota(line, root));
        }
        at += n + (at[n] == '\n');
    }
    return least;
}

/* The kernel refuses a set smaller than its own, so ask with growing ones. */
static uint32_t
affinity_count(void)
{
    for (size_t cpus = 1024; cpus <= 1u << 20; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set)
            return 1;
        size_t bytes = CPU_ALLOC_SIZE(cpus);
        int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return (uint32_t)count;
    }
    return 1;
}

uint32_t
eg_cpu_count(void)
{
    uint32_t cpus = affinity_count();
    char text[FILE_BYTES];
    uint32_t quota = read_file("/proc/self/cgroup", text, sizeof text) ? eg_cpu_quota(text, "/sys/fs/cgroup") : 0;
    return quota != 0 && quota < cpus ? quota : cpus;
}
