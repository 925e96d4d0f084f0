/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egbert-probe PLUGIN: opens a plugin as the host would, reads its table, score and devices, opens no device. Prints
 * "ok" and ends with 0, or prints the reason and ends with 1, or dies in the attempt, which is what it is for.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "plugins/probe.h"
#include "plugins/registry.h"

static eg_status
try_plugin(const char *path, eg_error *err)
{
    const eg_plugin *plugin;
    EG_TRY(eg_plugin_load(path, &plugin, err));
    (void)plugin->score();
    uint32_t count = plugin->device_count();
    for (uint32_t i = 0; i < count && i < EG_MAX_PLUGIN_DEVICES; i++) {
        eg_device_desc desc = {.size = sizeof desc};
        eg_status status = plugin->device(i, &desc);
        if (status != EG_OK)
            return eg_fail(err, EG_E_BACKEND, "device(%u) failed with status %d", i, status);
    }
    return EG_OK;
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("egbert: usage: egbert-probe PLUGIN\n", stderr);
        return 2;
    }
    /* A crash here is an answer; it leaves no core file behind. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_DUMPABLE, 0);

    /* The answer has its own descriptor: whatever the plugin prints goes to stderr. */
    int answer = dup(STDOUT_FILENO);
    if (answer < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 1;

    eg_error err;
    eg_error_init(&err);
    char line[EG_PROBE_LINE] = EG_PROBE_OK;
    eg_status status = try_plugin(argv[1], &err);
    if (status != EG_OK)
        eg_error_format(&err, line, sizeof line);
    return dprintf(answer, "%s\n", line) < 0 || status != EG_OK;
}
