/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on a terminal's stderr that tells how far a long run is: what is done, how fast, how long still. Nothing
 * anywhere else, nothing in the first second, at most ten times a second. Thread-safety: one thread, but for clear.
 */
#ifndef EG_CLI_PROGRESS_H
#define EG_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* With quiet, or where stderr is no terminal, all of this does nothing. */
void eg_progress_begin(bool quiet);
/* `done` of `unit` so far; `share` is the part of the work that is done, 0 to 1, or negative where nobody knows. */
void eg_progress_update(uint64_t done, const char *unit, double share);
/* Takes the line away, before something else is said and at the end. */
void eg_progress_clear(void);

#endif
