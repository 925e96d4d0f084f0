/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers of a tokenizer.json that a test holds as text, and what they make of a line. */
#ifndef EG_TESTS_UNIT_TOKENIZER_TEXT_H
#define EG_TESTS_UNIT_TOKENIZER_TEXT_H

#include "frontend/tokenizer.h"
#include "tests/unit/support.h"

static inline eg_tokenizer *
open_text(const char *text)
{
    eg_error err;
    eg_tokenizer *tokenizer;
    eg_error_init(&err);
    eg_status status = eg_tokenizer_open_json(text, strlen(text), "t.json", &tokenizer, &err);
    cr_assert_eq(status, EG_OK, "%s", test_error_line(&err));
    return tokenizer;
}

/* What `file` makes of a text: "id[start,end) …". */
static inline void
expect(const char *file, const char *text, const char *want)
{
    eg_tokenizer *tokenizer = open_text(file);
    eg_encoding encoding = {0};
    eg_strbuf shown = {0};
    eg_error err;
    eg_error_init(&err);
    eg_status status = eg_tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, NULL, &encoding, &err);
    cr_assert_eq(status, EG_OK, "%s", test_error_line(&err));
    eg_strbuf_puts(&shown, "");
    for (size_t i = 0; i < encoding.count; i++)
        eg_strbuf_printf(&shown, "%s%d[%u,%u)", i ? " " : "", encoding.ids[i], encoding.starts[i], encoding.ends[i]);
    cr_assert_str_eq(shown.data, want, "'%s': %s, not %s", text, shown.data, want);
    eg_strbuf_finish(&shown);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

#endif
