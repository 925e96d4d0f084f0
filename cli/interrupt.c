/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>

/* What a signal handler can reach is global. */
static _Atomic(eg_context *) watched;
static volatile sig_atomic_t interrupted;

static void
on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
    eg_context *context = atomic_load(&watched);
    if (context)
        eg_context_cancel(context);
}

void
eg_interrupt_watch(eg_context *context)
{
    /* The handler is off after its first call (SA_RESETHAND); reads return, so that they notice (no SA_RESTART). */
    struct sigaction action = {.sa_handler = context ? on_signal : SIG_DFL, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    atomic_store(&watched, context);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool
eg_interrupted(void)
{
    return interrupted != 0;
}
