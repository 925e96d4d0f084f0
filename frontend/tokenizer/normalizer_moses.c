/* SPDX-License-Identifier: Apache-2.0 */
/* The Moses punctuation normalizer as transformers' classes use it: wide punctuation, quotes and blanks; then
 * characters that cannot be printed go. */
#include "frontend/tokenizer/moses.h"

static const eg_moses_rule quotes[] = {{"``", "\""}, {"''", "\""}, {"", ""}};

static const eg_moses_rule punctuation[] = {
    /* wide and typographic punctuation */
    {"，", ","},
    {"。%s*", ". "},
    {"、", ","},
    {"”", "\""},
    {"“", "\""},
    {"∶", ":"},
    {"：", ":"},
    {"？", "?"},
    {"《", "\""},
    {"》", "\""},
    {"）", ")"},
    {"！", "!"},
    {"（", "("},
    {"；", ";"},
    {"」", "\""},
    {"「", "\""},
    {"０", "0"},
    {"１", "1"},
    {"２", "2"},
    {"３", "3"},
    {"４", "4"},
    {"５", "5"},
    {"６", "6"},
    {"７", "7"},
    {"８", "8"},
    {"９", "9"},
    {"．%s*", ". "},
    {"～", "~"},
    {"’", "'"},
    {"…", "..."},
    {"━", "-"},
    {"〈", "<"},
    {"〉", ">"},
    {"【", "["},
    {"】", "]"},
    {"％", "%%"},
    /* blanks around brackets and before punctuation */
    {"\r", ""},
    {"(", " ("},
    {")", ") "},
    {" +", " "},
    {") %p", ")%3"},
    {"( ", "("},
    {" )", ")"},
    {"%d %%", "%1%%"},
    {" :", ":"},
    {" ;", ";"},
    /* quotation marks and dashes */
    {"`", "'"},
    {"''", " \" "},
    {"„", "\""},
    {"–", "-"},
    {"—", " - "},
    {" +", " "},
    {"´", "'"},
    {"%a‘%a", "%1'%3"},
    {"‘", "'"},
    {"‚", "'"},
    {"''", "\""},
    {"\u00a0«\u00a0", "\""},
    {"«\u00a0", "\""},
    {"«", "\""},
    {"\u00a0»\u00a0", "\""},
    {"\u00a0»", "\""},
    {"»", "\""},
    /* blanks that do not break */
    {"\u00a0%%", "%%"},
    {"nº\u00a0", "nº "},
    {"\u00a0:", ":"},
    {"\u00a0ºC", " ºC"},
    {"\u00a0cm", " cm"},
    {"\u00a0?", "?"},
    {"\u00a0!", "!"},
    {"\u00a0;", ";"},
    {",\u00a0", ", "},
    {" +", " "},
    {"", ""},
};

/* Quotation marks beside commas and stops; groups of digits. */
static const eg_moses_rule of_language[][4] = {
    [EG_MOSES_ENGLISH] = {{"\"%q+", "%2\""}, {"%d\u00a0%d", "%1.%3"}, {"", ""}},
    [EG_MOSES_FRENCH] = {{",\"", "\","}, {".+\"%s*%<", "\"%1%3%4"}, {"%d\u00a0%d", "%1,%3"}, {"", ""}},
};

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const eg_moses_options *options = state;
    size_t kept = 0;
    if (options->compose) {
        EG_TRY(eg_moses_apply(quotes, work, err));
        EG_TRY(eg_text_compose(work, false, err));
    }
    if (options->lower)
        EG_TRY(eg_moses_lower(work, err));
    EG_TRY(eg_moses_apply(punctuation, work, err));
    EG_TRY(eg_moses_apply(of_language[options->language], work, err));
    for (size_t i = 0; i < work->text.count; i++)
        if (!(eg_moses_flags(work->text.items[i].c) & EG_MOSES_OTHER))
            work->text.items[kept++] = work->text.items[i];
    work->text.count = kept;
    return EG_OK;
}

const eg_part_type eg_normalizer_moses = {.name = "Moses", .normalize = normalize};
