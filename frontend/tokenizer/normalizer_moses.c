/* SPDX-License-Identifier: Apache-2.0 */
/* The Moses punctuation normalizer as transformers' classes use it: wide punctuation, quotes and blanks; then
 * characters that cannot be printed go. */
#include "frontend/tokenizer/moses.h"

const eg_moses_rule eg_moses_quotes[] = {{"``", "\""}, {"''", "\""}, {"", ""}};

const eg_moses_rule eg_moses_punctuation[] = {
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
const eg_moses_rule eg_moses_punctuation_of[][4] = {
    [EG_MOSES_ENGLISH] = {{"\"%q+", "%2\""}, {"%d\u00a0%d", "%1.%3"}, {"", ""}},
    [EG_MOSES_FRENCH] = {{",\"", "\","}, {".+\"%s*%<", "\"%1%3%4"}, {"%d\u00a0%d", "%1,%3"}, {"", ""}},
};

static void
drop_others(const eg_moses *moses, eg_moses_text *text)
{
    eg_moses_row *row = &text->now;
    const uint64_t printed = ~(uint64_t)UINT32_MAX, not_deleted = ~(UINT64_C(1) << 63);
    size_t kept = 0;
    if (!(text->seen.ascii[0] & ~printed) && !(text->seen.ascii[1] & ~not_deleted) && !text->seen.others)
        return;
    for (size_t i = 0; i < row->count; i++) {
        if (eg_moses_flags(moses, row->c[i]) & EG_MOSES_OTHER)
            continue;
        row->c[kept] = row->c[i];
        if (text->places)
            row->from[kept] = row->from[i];
        kept++;
    }
    row->count = kept;
}

eg_status
eg_moses_normalize(const eg_moses *moses, eg_moses_text *text, eg_work *work, eg_error *err)
{
    bool room = true;
    if (moses->options.compose) {
        room = eg_moses_apply(moses, &moses->quotes, text);
        if (room)
            EG_TRY(eg_moses_compose(text, work, err));
    }
    room = room && (!moses->options.lower || eg_moses_lower(moses, text)) &&
           eg_moses_apply(moses, &moses->punctuation, text);
    if (!room)
        return eg_fail_nomem(err, "a text being normalised");
    drop_others(moses, text);
    return EG_OK;
}
