/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine can do at most, measured: the two lines of a roofline. */
#ifndef EG_CLI_PEAK_H
#define EG_CLI_PEAK_H

#include <egbert/egbert.h>

typedef struct eg_peak {
    double gflops;   /* 10⁹ f32 operations a second; a fused multiply-add is two */
    double gbps;     /* 10⁹ bytes a second read from memory, beyond the caches */
    const char *isa; /* of the arithmetic: "avx512", "avx2", "neon", "generic" */
} eg_peak;

/*
 * Measures on `threads` threads at once, the best of several rounds, about a third of a second in all. On a machine that
 * does other work the peak comes out low. EG_E_NOMEM, EG_E_FAILED.
 */
EG_NODISCARD eg_status eg_peak_measure(uint32_t threads, eg_peak *out, eg_error *err);

/* Achieved ÷ what the roofline allows at this intensity: the smaller of the peak and intensity × bandwidth. 0 for no time
 * or no work. What stays in a cache can come out above 1. */
double eg_peak_share(const eg_peak *peak, double flops, double bytes, double seconds);

#endif
