/* SPDX-License-Identifier: Apache-2.0 */
/* What a measurement was made on. */
#ifndef EG_CLI_MACHINE_H
#define EG_CLI_MACHINE_H

typedef struct eg_machine {
    char cpu[128]; /* as /proc/cpuinfo names it; "unknown" */
    long cores;    /* CPUs this process may use */
} eg_machine;

void eg_machine_read(eg_machine *out);

#endif
