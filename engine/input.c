/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/input.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/encoders.h"
#include "frontend/tokenizer/unicode.h"

void
eg_token_list_finish(eg_token_list *list)
{
    eg_free(list->cu);
    eg_free(list->ids);
    eg_free(list->type_ids);
    eg_free(list->skip);
    eg_free(list->texts);
    *list = (eg_token_list){0};
}

static bool
reserve_tokens(eg_token_list *list, size_t need)
{
    if (need <= list->capacity)
        return true;
    size_t wanted = list->capacity + list->capacity / 2;
    if (wanted < need)
        wanted = need;
    int32_t *ids = eg_realloc_array(list->ids, wanted, sizeof *ids);
    if (!ids)
        return false;
    list->ids = ids;
    int32_t *type_ids = eg_realloc_array(list->type_ids, wanted, sizeof *type_ids);
    if (!type_ids)
        return false;
    list->type_ids = type_ids;
    list->capacity = wanted;
    return true;
}

/* --- ids as they are ----------------------------------------------------------------------------- */

static eg_status
check_offsets(const eg_input *input, eg_error *err)
{
    if (!input->cu_seqlens)
        return eg_fail(err, EG_E_USAGE, "token ids without cu_seqlens");
    if (input->cu_seqlens[0] != 0)
        return eg_fail(err, EG_E_INPUT, "cu_seqlens begins with %" PRId64 ", not 0", input->cu_seqlens[0]);
    for (uint32_t i = 0; i < input->count; i++)
        if (input->cu_seqlens[i + 1] <= input->cu_seqlens[i])
            return eg_fail(err, EG_E_INPUT, "text %u has no tokens: cu_seqlens goes from %" PRId64 " to %" PRId64,
                           i + 1, input->cu_seqlens[i], input->cu_seqlens[i + 1]);
    return EG_OK;
}

/* Ids are not cut: nobody but their maker knows which of them are special. */
static eg_status
check_length(const eg_model *model, const eg_input *input, uint32_t text, eg_error *err)
{
    int64_t length = input->cu_seqlens[text + 1] - input->cu_seqlens[text];
    int64_t limit = model->max_length ? model->limit : model->info.position_rows;
    if (length > limit || length > INT32_MAX)
        return eg_fail(err, EG_E_INPUT, "text %u has %" PRId64 " tokens; the model takes %" PRId64, text + 1, length,
                       limit < INT32_MAX ? limit : (int64_t)INT32_MAX);
    return EG_OK;
}

static eg_status
check_token(const eg_model *model, uint32_t text, int64_t id, int64_t type_id, eg_error *err)
{
    if (id < 0 || id >= model->info.vocab_size)
        return eg_fail(err, EG_E_INPUT, "text %u has the token id %" PRId64 "; the model has the ids 0 to %" PRId64,
                       text + 1, id, model->info.vocab_size - 1);
    int64_t types = model->info.type_vocab_size;
    if (type_id < 0 || type_id > INT32_MAX || (types > 0 && type_id >= types))
        return eg_fail(err, EG_E_INPUT, "text %u has the type id %" PRId64 "; the model has the type ids 0 to %" PRId64,
                       text + 1, type_id, types > 0 ? types - 1 : (int64_t)INT32_MAX);
    return EG_OK;
}

static eg_status
take_ids(const eg_model *model, const eg_input *input, eg_token_list *out, eg_error *err)
{
    EG_TRY(check_offsets(input, err));
    uint64_t total = (uint64_t)input->cu_seqlens[input->count];
    if (total > SIZE_MAX / sizeof(int64_t) || !reserve_tokens(out, (size_t)total))
        return eg_fail_nomem(err, "token ids");
    for (uint32_t text = 0; text < input->count; text++) {
        EG_TRY(check_length(model, input, text, err));
        for (int64_t i = input->cu_seqlens[text]; i < input->cu_seqlens[text + 1]; i++) {
            int64_t type_id = input->type_ids ? input->type_ids[i] : 0;
            EG_TRY(check_token(model, text, input->ids[i], type_id, err));
            out->ids[i] = (int32_t)input->ids[i];
            out->type_ids[i] = (int32_t)type_id;
        }
        out->cu[text + 1] = input->cu_seqlens[text + 1];
    }
    out->type_ids_fed = model->type_ids == EG_ON || (model->type_ids == EG_DEFAULT && input->type_ids);
    return EG_OK;
}

/* --- texts --------------------------------------------------------------------------------------- */

/* As the tokenizers library's Lowercase: character by character. Bytes that are not UTF-8 stay for the tokenizer. */
static void
append_lower(eg_strbuf *buf, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t c, lower[2];
        size_t n = eg_utf8_decode(text + at, length - at, &c);
        if (n == 0) {
            eg_strbuf_putc(buf, text[at++]);
            continue;
        }
        size_t count = eg_char_lower(c, lower);
        for (size_t i = 0; i < count; i++) {
            char bytes[4];
            eg_strbuf_append(buf, bytes, eg_utf8_encode(lower[i], bytes));
        }
        at += n;
    }
}

/* What the model wants done to a text before it is tokenised; the buffer is used again for the next text. */
static bool
prepare_text(const eg_preparation *preparation, const eg_string *text, eg_strbuf *buf, eg_string *out)
{
    *out = *text;
    if (!preparation->prompt && !preparation->lower)
        return true;
    void (*add)(eg_strbuf *, const char *, size_t) = preparation->lower ? append_lower : eg_strbuf_append;
    buf->length = 0;
    if (preparation->prompt)
        add(buf, preparation->prompt, preparation->prompt_length);
    add(buf, text->data, text->length);
    *out = (eg_string){buf->data ? buf->data : "", buf->length};
    return !buf->failed;
}

static eg_status
refuse_length(const eg_model *model, uint32_t text, size_t count, eg_error *err)
{
    eg_status status =
        eg_fail(err, EG_E_INPUT, "text %u has %zu tokens; the model takes %u", text + 1, count, model->limit);
    return eg_hint(err, status, "give --max-length to cut it");
}

/* Puts an encoding behind the entries that are there already, as entry `entry`, of the text that messages name. */
static eg_status
append(const eg_model *model, uint32_t entry, uint32_t text, const eg_encoding *encoding, eg_token_list *out,
       eg_error *err)
{
    size_t at = (size_t)out->cu[entry];
    if (encoding->count == 0)
        return eg_fail(err, EG_E_INPUT, "text %u has no tokens, and the tokenizer puts none around it", text + 1);
    if (!reserve_tokens(out, at + encoding->count))
        return eg_fail_nomem(err, "token ids");
    for (size_t i = 0; i < encoding->count; i++) {
        /* Without the model's type ids (type_ids off, or none in the table) what the tokenizer says does not count. */
        int32_t type_id = out->type_ids_fed ? encoding->type_ids[i] : 0;
        EG_TRY(check_token(model, text, encoding->ids[i], type_id, err));
        out->ids[at + i] = encoding->ids[i];
        out->type_ids[at + i] = type_id;
    }
    out->cu[entry + 1] = (int64_t)(at + encoding->count);
    return EG_OK;
}

static bool
feeds_type_ids(const eg_model *model)
{
    return model->type_ids == EG_ON || (model->type_ids == EG_DEFAULT && model->tokenizer_info.feeds_type_ids);
}

eg_status
eg_token_list_begin(const eg_model *model, eg_token_list *out, eg_error *err)
{
    *out = (eg_token_list){.type_ids_fed = feeds_type_ids(model)};
    out->cu = eg_calloc(1, sizeof *out->cu);
    return out->cu ? EG_OK : eg_fail_nomem(err, "token ids");
}

eg_status
eg_token_list_add(const eg_model *model, uint32_t text, const eg_encoding *encoding, eg_token_list *list, eg_error *err)
{
    size_t most[2] = {list->most, list->most};
    if (list->count == UINT32_MAX - 1)
        return eg_fail(err, EG_E_INPUT, "the texts have too many parts");
    if (!eg_grow((void **)&list->cu, &most[0], (size_t)list->count + 2, sizeof *list->cu) ||
        !eg_grow((void **)&list->texts, &most[1], (size_t)list->count + 2, sizeof *list->texts))
        return eg_fail_nomem(err, "token ids");
    list->most = most[1];
    EG_TRY(append(model, list->count, text, encoding, list, err));
    list->texts[list->count++] = text;
    return EG_OK;
}

typedef struct text_tokens {
    int32_t *ids, *type_ids;
    size_t count;
} text_tokens;

typedef struct texts_job {
    const eg_model *model;
    const eg_input *input;
    const eg_preparation *preparation;
    eg_encode_options options;
    bool strict;
    text_tokens *texts; /* in the arenas of their encoders */
} texts_job;

static eg_status
encode_text(void *arg, uint32_t i, eg_encoder *encoder, eg_error *err)
{
    const texts_job *job = arg;
    const eg_input *input = job->input;
    const eg_string *pair = input->pairs && input->pairs[i].data ? &input->pairs[i] : NULL;
    text_tokens *out = &job->texts[i];
    eg_encoding *encoding = &encoder->encoding;
    eg_string text;
    if (!prepare_text(job->preparation, &input->texts[i], &encoder->text, &text))
        return eg_fail_nomem(err, "a text");
    eg_status status = eg_tokenizer_encode(job->model->tokenizer, text.data, text.length, pair ? pair->data : NULL,
                                           pair ? pair->length : 0, &job->options, encoding, err);
    if (status == EG_E_INPUT && !err->file[0]) {
        eg_error inner = *err;
        return eg_fail(err, status, "text %u: %s", i + 1, inner.message);
    }
    EG_TRY(status);
    if (job->strict && encoding->count > job->model->limit)
        return refuse_length(job->model, i, encoding->count, err);
    out->count = encoding->count;
    out->ids = eg_arena_alloc(&encoder->arena, out->count * 2 * sizeof *out->ids);
    if (!out->ids)
        return eg_fail_nomem(err, "token ids");
    out->type_ids = out->ids + out->count;
    if (out->count == 0)
        return EG_OK; /* append() refuses it */
    memcpy(out->ids, encoding->ids, out->count * sizeof *out->ids);
    memcpy(out->type_ids, encoding->type_ids, out->count * sizeof *out->type_ids);
    return EG_OK;
}

static eg_status
append_all(const texts_job *job, eg_token_list *out, eg_error *err)
{
    for (uint32_t i = 0; i < job->input->count; i++) {
        const text_tokens *text = &job->texts[i];
        const eg_encoding encoding = {.count = text->count, .ids = text->ids, .type_ids = text->type_ids};
        EG_TRY(append(job->model, i, i, &encoding, out, err));
        if (out->skip)
            out->skip[i] = job->preparation->skip < text->count ? job->preparation->skip : 0;
    }
    return EG_OK;
}

static eg_status
tokenize_all(const eg_model *model, const eg_input *input, const eg_preparation *preparation, eg_token_list *out,
             eg_error *err)
{
    EG_TRY(eg_model_need_tokenizer(model, err));
    out->type_ids_fed = feeds_type_ids(model);
    bool strict = input->strict_length && !model->max_length;
    texts_job job = {.model = model, .input = input, .preparation = preparation, .strict = strict};
    job.options =
        (eg_encode_options){.max_length = strict || model->limit == UINT32_MAX ? 0 : model->limit, .ids_only = true};
    job.texts = eg_calloc(input->count, sizeof *job.texts);
    if (!job.texts)
        return eg_fail_nomem(err, "token ids");
    eg_encoders encoders;
    eg_status status = eg_encode_each(model, input->count, encode_text, &job, &encoders, err);
    if (status == EG_OK)
        status = append_all(&job, out, err);
    eg_encoders_finish(&encoders);
    eg_free(job.texts);
    return status;
}

/* Whether "A" and "a" are the same to the tokenizer: then lower case is its own business. */
eg_status
eg_tokenizer_lowers(const eg_tokenizer *tokenizer, bool *out, eg_error *err)
{
    eg_encoding upper = {0}, lower = {0};
    eg_encode_options options = {.ids_only = true, .no_special = true};
    eg_status status = eg_tokenizer_encode(tokenizer, "A", 1, NULL, 0, &options, &upper, err);
    if (status == EG_OK)
        status = eg_tokenizer_encode(tokenizer, "a", 1, NULL, 0, &options, &lower, err);
    if (status == EG_OK)
        *out = upper.count == lower.count && memcmp(upper.ids, lower.ids, upper.count * sizeof *upper.ids) == 0;
    eg_encoding_finish(&upper);
    eg_encoding_finish(&lower);
    return status;
}

eg_status
eg_prompt_length(const eg_tokenizer *tokenizer, const char *prompt, size_t length, uint32_t *out, eg_error *err)
{
    eg_encoding encoding = {0};
    eg_encode_options options = {.ids_only = true};
    eg_status status = eg_tokenizer_encode(tokenizer, prompt, length, NULL, 0, &options, &encoding, err);
    if (status == EG_OK) {
        /* As sentence-transformers counts: all but a special token at the end. */
        size_t count = encoding.count;
        if (count && encoding.special[count - 1])
            count--;
        *out = (uint32_t)count;
    }
    eg_encoding_finish(&encoding);
    return status;
}

/* --- both ---------------------------------------------------------------------------------------- */

eg_status
eg_input_take(const eg_model *model, const eg_input *input, uint32_t flags, eg_input *out_input, eg_token_list *out,
              eg_error *err)
{
    *out = (eg_token_list){0};
    if (!input)
        return eg_fail(err, EG_E_USAGE, "no input");
    EG_TRY(eg_take_options(out_input, sizeof *out_input, input, "eg_input", err));
    input = out_input;
    if (input->count && !input->texts == !input->ids)
        return eg_fail(err, EG_E_USAGE, "the input has %s",
                       input->ids ? "both texts and ids" : "neither texts nor ids");
    out->count = input->count;
    out->cu = eg_calloc((size_t)input->count + 1, sizeof *out->cu);
    if (!out->cu)
        return eg_fail_nomem(err, "token ids");
    if (input->count == 0)
        return EG_OK;
    if (input->ids)
        return take_ids(model, input, out, err);
    static const eg_preparation as_they_are;
    const eg_preparation *preparation = flags & EG_INPUT_PREPARED ? &model->preparation : &as_they_are;
    if (preparation->skip) {
        out->skip = eg_calloc(input->count, sizeof *out->skip);
        if (!out->skip)
            return eg_fail_nomem(err, "token ids");
    }
    return tokenize_all(model, input, preparation, out, err);
}
