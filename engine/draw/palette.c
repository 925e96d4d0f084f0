/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/draw/palette.h"

const eg_tone *
eg_palette_tone(uint32_t number)
{
    static const eg_tone tones[EG_PALETTE_TONES] = {
        {"#e4f1fa", "#0072b2", "#12314a", "#56b4e9"}, /* blue */
        {"#fcebdf", "#c25100", "#45260f", "#f08a4b"}, /* vermilion */
        {"#e0f4ec", "#007a59", "#0f3a2c", "#2fc79a"}, /* green */
        {"#f8e8f1", "#a8467f", "#431f35", "#e29ac3"}, /* purple */
        {"#fbf3d6", "#8a6400", "#3b3009", "#e6b422"}, /* yellow */
        {"#eceff2", "#57606a", "#2a3038", "#9aa4b0"}, /* grey */
    };
    return &tones[number % EG_PALETTE_TONES];
}
