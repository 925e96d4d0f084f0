/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
read_cpu(char *out, size_t n)
{
    snprintf(out, n, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        return;
    char line[512];
    while (fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || (strncmp(line, "model name", 10) != 0 && strncmp(line, "Model", 5) != 0))
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, n, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    fclose(file);
}

void
eg_machine_read(eg_machine *out)
{
    read_cpu(out->cpu, sizeof out->cpu);
    cpu_set_t allowed;
    out->cores =
        sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : sysconf(_SC_NPROCESSORS_ONLN);
}
