/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/tokenizer/clean_up.h"

#include <string.h>

/* Replaces every `from` by `to`, which is no longer, in place. */
static void
replace(eg_strbuf *text, size_t begin, const char *from, const char *to)
{
    size_t from_length = strlen(from), to_length = strlen(to), out = begin, at = begin;
    while (at < text->length) {
        const char *found = memmem(text->data + at, text->length - at, from, from_length);
        size_t plain = found ? (size_t)(found - (text->data + at)) : text->length - at;
        memmove(text->data + out, text->data + at, plain);
        out += plain;
        at += plain;
        if (!found)
            break;
        memcpy(text->data + out, to, to_length);
        out += to_length;
        at += from_length;
    }
    text->length = out;
    text->data[out] = '\0';
}

void
eg_clean_up(eg_strbuf *text, size_t begin, bool do_not)
{
    static const struct {
        const char *from, *to;
        bool do_not;
    } rules[] = {
        {" .", ".", false},   {" ?", "?", false},     {" !", "!", false},     {" ,", ",", false},
        {" ' ", "'", false},  {" n't", "n't", false}, {" 'm", "'m", false},   {" do not", " don't", true},
        {" 's", "'s", false}, {" 've", "'ve", false}, {" 're", "'re", false},
    };
    if (text->failed || !text->data)
        return;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (do_not || !rules[i].do_not)
            replace(text, begin, rules[i].from, rules[i].to);
}
