/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours of pictures, each for light and dark ground. The hues are those of Okabe and Ito, which people with any kind of
 * colour vision tell apart; a line stands out from its fill by at least 3:1, text by at least 4.5:1.
 */
#ifndef EG_ENGINE_DRAW_PALETTE_H
#define EG_ENGINE_DRAW_PALETTE_H

#include <stddef.h>
#include <stdint.h>

typedef struct eg_tone {
    const char *light_fill, *light_line, *dark_fill, *dark_line;
} eg_tone;

/* By backend, in the order of preference; more of them than tones begin again. */
const eg_tone *eg_palette_tone(uint32_t number);
enum { EG_PALETTE_TONES = 6 };

#endif
