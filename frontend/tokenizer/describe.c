/* SPDX-License-Identifier: Apache-2.0 */
/* What a tokenizer is made of, for `inspect`. */
#include <string.h>

#include "frontend/tokenizer/parts.h"

extern const eg_part_type eg_normalizer_sequence, eg_pretokenizer_sequence, eg_decoder_sequence;

/* The components of a Sequence, or of none; NULL: it is another. */
static const eg_part_list *
list_of(const eg_part *part)
{
    bool sequence = part->type == &eg_normalizer_sequence || part->type == &eg_pretokenizer_sequence ||
                    part->type == &eg_decoder_sequence;
    return sequence ? part->state : NULL;
}

static void
write_string(eg_strbuf *out, const char *text)
{
    eg_strbuf_json(out, text, strlen(text));
}

/* ---- Components ---- */

/* In the order of work; what stands in a Sequence stands in its place. */
static void
write_names(const eg_part *part, bool *any, eg_strbuf *out)
{
    const eg_part_list *list = list_of(part);
    for (size_t i = 0; list && i < list->count; i++)
        write_names(&list->parts[i], any, out);
    if (list || !part->type)
        return;
    if (*any)
        eg_strbuf_putc(out, ',');
    *any = true;
    write_string(out, part->type->name);
}

static void
write_parts(const char *key, const eg_part *part, eg_strbuf *out)
{
    bool any = false;
    eg_strbuf_printf(out, ",\"%s\":[", key);
    write_names(part, &any, out);
    eg_strbuf_putc(out, ']');
}

/* As Hugging Face's templates are written: "[CLS] $A [SEP] $B:1 [SEP]:1"; a type id of 0 is left out. */
static void
write_template(const eg_tokenizer *tokenizer, const char *key, const eg_template *template, eg_strbuf *out)
{
    eg_strbuf text = {0};
    for (size_t i = 0; i < template->count; i++) {
        const eg_piece *piece = &template->pieces[i];
        size_t length = 0;
        const char *token = piece->kind == EG_PIECE_TOKEN ? eg_tokenizer_token(tokenizer, piece->id, &length) : NULL;
        if (i > 0)
            eg_strbuf_putc(&text, ' ');
        if (piece->kind == EG_PIECE_TOKEN)
            eg_strbuf_append(&text, token ? token : "", length);
        else
            eg_strbuf_puts(&text, piece->kind == EG_PIECE_FIRST ? "$A" : "$B");
        if (piece->type_id != 0)
            eg_strbuf_printf(&text, ":%d", (int)piece->type_id);
    }
    eg_strbuf_printf(out, "\"%s\":", key);
    eg_strbuf_json(out, text.data ? text.data : "", text.length);
    out->failed = out->failed || text.failed;
    eg_strbuf_finish(&text);
}

/* ---- The path ---- */

/* The first normalizer that never says that it leaves a text as it is; NULL: there is none. */
static const char *
always_normalizes(const eg_part *part)
{
    const eg_part_list *list = list_of(part);
    const char *name = NULL;
    for (size_t i = 0; list && i < list->count && !name; i++)
        name = always_normalizes(&list->parts[i]);
    return name || list || !part->type || part->type->keeps ? name : part->type->name;
}

/* The first pre-tokenizer that does not tell where words end. */
static const char *
hides_words(const eg_part *part)
{
    const eg_part_list *list = list_of(part);
    eg_fused ignored = {0};
    for (size_t i = 0; list && i < list->count; i++) {
        const char *name = hides_words(&list->parts[i]);
        if (name)
            return name;
    }
    if (list || !part->type || (part->type->fuse && part->type->fuse(part->state, &ignored)))
        return NULL;
    return part->type->name;
}

static void
explain_generic(const eg_tokenizer *tokenizer, eg_strbuf *out)
{
    extern const eg_model_type eg_model_wordpiece;
    const char *name = hides_words(&tokenizer->pretokenizer);
    if (tokenizer->model_type == &eg_model_wordpiece && tokenizer->added.normalized.count > 0)
        eg_strbuf_puts(out, "added tokens are looked for in the normalised text");
    else if (tokenizer->model_type == &eg_model_wordpiece)
        eg_strbuf_puts(out, "the bytes of WordPiece's words are read with BertNormalizer and BertPreTokenizer alone");
    else if (!tokenizer->model_type->fuses)
        eg_strbuf_printf(out, "the model %s takes characters", tokenizer->model_type->name);
    else if (!tokenizer->pretokenizer.type)
        eg_strbuf_puts(out, "there is no pre-tokenizer: a text is one word");
    else if (name)
        eg_strbuf_printf(out, "the pre-tokenizer %s, as it is set, is not read on bytes", name);
    else
        eg_strbuf_printf(out, "the model %s, as it is set, does not take the bytes of these words",
                         tokenizer->model_type->name);
}

/* "fused": pre-tokenizer and model are done at once on the bytes of the text. "generic": one after another. */
static void
write_path(const eg_tokenizer *tokenizer, eg_strbuf *out)
{
    bool fused = tokenizer->fast.usable || tokenizer->fused.usable;
    const char *always = tokenizer->fast.usable ? NULL : always_normalizes(&tokenizer->normalizer);
    eg_strbuf why = {0};
    if (!fused)
        explain_generic(tokenizer, &why);
    else if (always)
        eg_strbuf_printf(&why, "every text is normalised first: %s does not tell which texts it leaves as they are",
                         always);
    eg_strbuf_printf(out, ",\"path\":\"%s\",\"path_why\":", fused ? "fused" : "generic");
    if (why.length > 0)
        eg_strbuf_json(out, why.data, why.length);
    else
        eg_strbuf_puts(out, "null");
    out->failed = out->failed || why.failed;
    eg_strbuf_finish(&why);
}

/* ---- All of it ---- */

void
eg_tokenizer_write(const eg_tokenizer *tokenizer, eg_strbuf *out)
{
    const eg_tokenizer_info *info = &tokenizer->info;
    eg_strbuf_puts(out, "\"files\":[");
    for (uint32_t i = 0; i < info->file_count; i++) {
        if (i > 0)
            eg_strbuf_putc(out, ',');
        write_string(out, info->files[i]);
    }
    eg_strbuf_putc(out, ']');
    write_parts("normalizer", &tokenizer->normalizer, out);
    write_parts("pre_tokenizer", &tokenizer->pretokenizer, out);
    eg_strbuf_puts(out, ",\"template\":{");
    write_template(tokenizer, "single", &tokenizer->single, out);
    eg_strbuf_putc(out, ',');
    write_template(tokenizer, "pair", &tokenizer->pair, out);
    eg_strbuf_puts(out, "}");
    write_parts("decoder", &tokenizer->decoder, out);
    eg_strbuf_printf(out, ",\"added_tokens\":%zu", tokenizer->added.count);
    write_path(tokenizer, out);
}
