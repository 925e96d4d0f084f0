/* SPDX-License-Identifier: Apache-2.0 */
/* trim_offsets: the blanks at the ends of a token, its stand-in for U+0020 among them, leave its offsets. */
#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

enum { BLANK = 0x120 }; /* the stand-in of U+0020 */

bool
eg_trim_blank(uint32_t c)
{
    return c == BLANK || eg_char_is(c, EG_CHAR_WHITE);
}

struct eg_trim_ends
eg_trim_count(const char *token, size_t length)
{
    struct eg_trim_ends ends = {0, 0};
    bool leading = true;
    for (size_t at = 0; at < length;) {
        uint32_t c;
        at += eg_utf8_decode(token + at, length - at, &c);
        if (!eg_trim_blank(c)) {
            leading = false;
            ends.trailing = 0;
            continue;
        }
        ends.leading += leading;
        ends.trailing++;
    }
    return ends;
}

eg_status
eg_trim_new(eg_loading *in, bool add_prefix_space, const eg_json *spec, eg_error *err)
{
    const eg_vocab *vocab = &in->tokenizer->vocab;
    eg_trim *trim = &in->tokenizer->trim;
    if (trim->on)
        return eg_fail_json(in, spec, err, "two post-processors with trim_offsets are not supported");
    trim->of = eg_arena_calloc(in->arena, vocab->ids + 1, sizeof *trim->of);
    if (!trim->of)
        return eg_fail_nomem(err, "a post-processor");
    trim->on = true;
    trim->add_prefix_space = add_prefix_space;
    for (size_t id = 0; id < vocab->ids; id++)
        if (vocab->lengths[id] != EG_NO_TOKEN)
            trim->of[id] = eg_trim_count(vocab->bytes + vocab->begins[id], vocab->lengths[id]);
    return EG_OK;
}

void
eg_trim_offsets(const eg_trim *trim, const eg_work *work, int sequence, size_t from, size_t count, const int32_t *ids,
                uint32_t *starts, uint32_t *ends)
{
    const eg_padded_token *padded = work->padded[sequence].items;
    size_t left = work->padded[sequence].count;
    for (; left > 0 && padded->at < from; left--)
        padded++;
    for (size_t i = 0; i < count; i++) {
        struct eg_trim_ends cut = trim->of[ids[i]];
        if (left > 0 && padded->at == from + i) {
            cut = (struct eg_trim_ends){padded->leading, padded->trailing};
            padded++;
            left--;
        }
        /* a single blank in front is the one that was put there, which has no place of its own */
        if (trim->add_prefix_space && (i == 0 || starts[i] == 0) && cut.leading == 1)
            cut.leading = 0;
        starts[i] = cut.leading < ends[i] - starts[i] ? starts[i] + cut.leading : ends[i];
        if (cut.trailing > 0 && ends[i] >= cut.trailing) {
            uint32_t end = ends[i] - cut.trailing;
            ends[i] = end > starts[i] ? end : starts[i];
        }
    }
}
