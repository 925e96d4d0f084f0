/* SPDX-License-Identifier: Apache-2.0 */
/* Trying a plugin in a process of its own, so that one that crashes while it is loaded does not take us along. */
#ifndef EG_PLUGINS_PROBE_H
#define EG_PLUGINS_PROBE_H

#include <egbert/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* What the program egbert-probe prints, alone on its line, when a plugin is sound. Anything else is the reason. */
#define EG_PROBE_OK "ok"

enum { EG_PROBE_LINE = 512 };

/*
 * Runs `program` on `plugin` (an absolute path) and waits at most timeout_ms. EG_OK, or EG_E_BACKEND with a one-line
 * reason. *out_final: the result will be the same next time (a sound plugin, or one that crashes), so it may be
 * remembered; a missing dependency may be installed later.
 */
EG_NODISCARD eg_status eg_probe_run(const char *program, const char *plugin, uint32_t timeout_ms, bool *out_final,
                                    eg_error *err);

/*
 * Results remembered in cache_dir/probes, by the plugin's device, inode, time and size. A folder that is not the
 * user's own, or cannot be made or written, is not used; nobody is told, for then the probe simply runs again.
 */
bool eg_probe_recall(const char *cache_dir, const struct stat *plugin, char line[EG_PROBE_LINE]);
void eg_probe_remember(const char *cache_dir, const struct stat *plugin, const char *line);

#endif
