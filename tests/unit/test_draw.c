/* SPDX-License-Identifier: Apache-2.0 */
/* Text in drawings: what XML needs escaped, what does not fit cut. The drawings themselves: tests/cli/test_drawings.py. */
#include <criterion/criterion.h>

#include "engine/draw/draw.h"

static void
check_cut(const char *text, size_t room, eg_cut cut, const char *want)
{
    eg_strbuf out = {0};
    eg_xml_puts_cut(&out, text, room, cut);
    cr_expect_str_eq(out.data, want, "'%s' in %zu: '%s', not '%s'", text, room, out.data, want);
    eg_strbuf_finish(&out);
}

static void
check_escaped(const char *text, const char *want)
{
    check_cut(text, SIZE_MAX, EG_CUT_END, want);
}

Test(draw_text, markup_is_escaped)
{
    check_escaped("a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;");
    check_escaped("größe", "größe");
    check_escaped("two\nlines", "two\nlines");
}

Test(draw_text, what_xml_cannot_say_is_replaced)
{
    check_escaped("a\x01z", "a\xef\xbf\xbdz");
    check_escaped("a\x7fz", "a\xef\xbf\xbdz");
    check_escaped("a\xff\xfez", "a\xef\xbf\xbd\xef\xbf\xbdz");                 /* no UTF-8 */
    check_escaped("a\xed\xa0\x80z", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"); /* half of a surrogate pair */
    check_escaped("a\xef\xbf\xbez", "a\xef\xbf\xbdz");                         /* U+FFFE */
}

Test(draw_text, long_text_is_cut)
{
    check_cut("abcdef", 6, EG_CUT_END, "abcdef");
    check_cut("abcdefg", 6, EG_CUT_END, "abcde…");
    check_cut("abcdefg", 6, EG_CUT_BEGINNING, "…cdefg");
    check_cut("abcdefg", 6, EG_CUT_MIDDLE, "ab…efg");
    check_cut("abcdefg", 1, EG_CUT_MIDDLE, "…");
}

Test(draw_text, a_cut_counts_characters_and_splits_none)
{
    check_cut("äöüäöü", 6, EG_CUT_END, "äöüäöü");
    check_cut("äöüäöüß", 4, EG_CUT_END, "äöü…");
    check_cut("&&&&&&&", 4, EG_CUT_BEGINNING, "…&amp;&amp;&amp;");
}

Test(draw_text, bytes)
{
    char text[32];
    eg_format_bytes(0, text, sizeof text);
    cr_expect_str_eq(text, "0 B");
    eg_format_bytes(1536, text, sizeof text);
    cr_expect_str_eq(text, "1.5 KiB");
    eg_format_bytes(3ull << 30, text, sizeof text);
    cr_expect_str_eq(text, "3.0 GiB");
}

Test(draw_text, shape)
{
    char text[64];
    eg_type type = eg_type_token(EG_F32, 0, 768);
    eg_format_shape(&type, text, sizeof text);
    cr_expect_str_eq(text, "f32 [T, 768]");
}
