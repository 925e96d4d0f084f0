/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text through a normalizer: what comes out is characters, each of a place in the text. The input: which normalizer,
 * the length of a charsmap (2 bytes), the charsmap, the text. A charsmap is refused with one line, or it is safe.
 */
#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "tests/fuzz/fuzz.h"

extern const eg_part_type eg_normalizer_precompiled;

#define REPLACE(pattern, content) "{\"type\":\"Replace\",\"pattern\":" pattern ",\"content\":\"" content "\"}"

static const char *const specs[] = {
    NULL, /* the charsmap */
    "{\"type\":\"BertNormalizer\"}",
    "{\"type\":\"NFC\"}",
    "{\"type\":\"NFD\"}",
    "{\"type\":\"NFKC\"}",
    "{\"type\":\"NFKD\"}",
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"},{\"type\":\"Lowercase\"}]"
    "}",
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"ab\"},{\"type\":\"Strip\"}]}",
    "{\"type\":\"Nmt\"}",
    REPLACE("{\"String\":\"aab\"}", "xyz"),
    REPLACE("{\"Regex\":\"\\\\s{2,}|[\\\\n\\\\r\\\\t]\"}", " "),
    REPLACE("{\"Regex\":\" {2,}\"}", "\xe2\x96\x81"),
    REPLACE("{\"Regex\":\"``|''\"}", "\\\""),
};
enum { SPECS = sizeof specs / sizeof *specs };

static eg_status
load(eg_loading *in, const uint8_t *data, size_t size, unsigned which, eg_part *out, eg_error *err)
{
    const eg_json *spec;
    *out = (eg_part){.type = &eg_normalizer_precompiled};
    if (!specs[which])
        return eg_precompiled_new(in, data, size, NULL, &out->state, err);
    FUZZ_CHECK(eg_json_parse(specs[which], strlen(specs[which]), "f", NULL, in->arena, &spec, err) == EG_OK);
    FUZZ_CHECK(eg_part_load(in, EG_PART_NORMALIZER, spec, out, err) == EG_OK);
    return EG_OK;
}

static void
check(const eg_chars *text, size_t chars)
{
    for (size_t i = 0, end; i < text->count; i = end) {
        end = eg_grapheme_end(text->items, i, text->count);
        FUZZ_CHECK(end > i && end <= text->count);
    }
    for (size_t i = 0; i < text->count; i++) {
        eg_char c = text->items[i];
        FUZZ_CHECK(c.c < 0x110000 && (c.c < 0xd800 || c.c > 0xdfff));
        FUZZ_CHECK(c.start <= c.end && c.end <= chars);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    size_t blob = (size_t)data[1] | (size_t)data[2] << 8, bad;
    unsigned which = data[0] % SPECS;
    data += 3;
    size -= 3;
    blob = blob < size ? blob : size;
    const char *text = (const char *)data + blob;
    if (!eg_utf8_valid(text, size - blob, &bad))
        size = blob + bad;
    eg_tokenizer tokenizer = {0};
    eg_loading in = {.file = "f", .tokenizer = &tokenizer, .arena = &tokenizer.arena};
    eg_part part;
    eg_error err;
    eg_work *work = eg_calloc(1, sizeof *work);
    FUZZ_CHECK(work != NULL);
    eg_status status = load(&in, data, blob, which, &part, &err);
    if (status == EG_OK) {
        FUZZ_CHECK(eg_work_set_text(work, text, size - blob, 0, &err) == EG_OK);
        FUZZ_CHECK(part.type->normalize(part.state, work, &err) == EG_OK);
        check(&work->text, eg_utf8_count(text, size - blob));
        if (part.type->keeps && part.type->keeps(part.state, text, size - blob))
            FUZZ_CHECK(work->text.count == eg_utf8_count(text, size - blob));
    } else {
        fuzz_check_error(status, &err);
    }
    eg_work_finish(work);
    eg_free(work);
    eg_arena_finish(&tokenizer.arena);
    return 0;
}
