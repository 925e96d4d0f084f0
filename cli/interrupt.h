/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGINT and SIGTERM: the run in progress is cancelled, what was written stands, half-written files are removed, and the
 * process ends with status 1. A second signal ends it at once.
 */
#ifndef EG_CLI_INTERRUPT_H
#define EG_CLI_INTERRUPT_H

#include <egbert/egbert.h>
#include <stdbool.h>

/* From now on signals cancel this context; NULL: the signals end the process again as they do by default. */
void eg_interrupt_watch(eg_context *context);
/* Whether a signal came. */
bool eg_interrupted(void);

#endif
