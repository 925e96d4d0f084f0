/* SPDX-License-Identifier: Apache-2.0 */
/* How many CPUs this process may use: never the machine's count. Thread-safety: safe. */
#ifndef EG_ENGINE_CPUS_H
#define EG_ENGINE_CPUS_H

#include <stdint.h>

/* The affinity mask's CPUs, cut by the cgroup's quota; ≥ 1. */
uint32_t eg_cpu_count(void);

/*
 * The CPU quota of a process's control groups, rounded up to whole CPUs; 0 = none. proc_cgroup: the text of
 * /proc/self/cgroup; root: where the hierarchies are mounted ("/sys/fs/cgroup"). The smallest quota from the group up
 * to the root counts; both versions are read.
 */
uint32_t eg_cpu_quota(const char *proc_cgroup, const char *root);

#endif
