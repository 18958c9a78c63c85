/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/member_name.h"

/* Can a part that begins with it only be a name? */
static bool begins_name(char c)
{
    return c > ' ' && c != '.' && c != '\x7f';
}

bool es_member_name_is_plain(weir_text key)
{
    if (key.len == 0 || key.len > ES_MEMBER_NAME_LEN_MAX || memchr(key.data, '\0', key.len))
        return false;
    const char *at = key.data, *const end = key.data + key.len;
    for (int parts = 1; parts <= ES_MEMBER_NAME_PARTS_MAX; parts++) {
        if (at == end || !begins_name(*at))
            return false;
        at = memchr(at, '.', (size_t)(end - at));
        if (!at)
            return true;
        at++;
    }
    return false;
}

/* The length of the blank that begins at `at`: a control character, or one of Unicode's separators (Zs, Zl, Zp). 0 if it
 * is none. */
static size_t blank_len(const uint8_t *at, size_t len)
{
    if (at[0] <= ' ' || at[0] == 0x7f)
        return 1;
    if (len >= 2 && at[0] == 0xc2 && (at[1] == 0x85 || at[1] == 0xa0))
        return 2;
    if (len < 3)
        return 0;
    const uint32_t three = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
    const bool is_space = three == 0xe19a80 || (three >= 0xe28080 && three <= 0xe2808a) || three == 0xe280a8 ||
                          three == 0xe280a9 || three == 0xe280af || three == 0xe2819f || three == 0xe38080;
    return is_space ? 3 : 0;
}

static bool is_blank(const char *part, size_t len)
{
    const uint8_t *at = (const uint8_t *)part;
    for (size_t step; len > 0; at += step, len -= step) {
        step = blank_len(at, len);
        if (step == 0)
            return false;
    }
    return true;
}

static void append_part(const char *part, size_t len, weir_buffer *out)
{
    if (is_blank(part, len)) {
        weir_buffer_append_byte(out, '_');
        return;
    }
    for (size_t i = 0; i < len; i++)
        weir_buffer_append_byte(out, part[i] ? (uint8_t)part[i] : '_');
}

/* No more than ES_MEMBER_NAME_LEN_MAX bytes, without half a character at their end. */
static weir_text cut(weir_text key)
{
    if (key.len <= ES_MEMBER_NAME_LEN_MAX)
        return key;
    size_t len = ES_MEMBER_NAME_LEN_MAX;
    while (len > ES_MEMBER_NAME_LEN_MAX - 3 && ((uint8_t)key.data[len] & 0xc0) == 0x80)
        len--;
    return (weir_text){key.data, len};
}

void es_member_name_make(weir_text key, weir_buffer *out)
{
    const weir_text rest = cut(key);
    const char *at = rest.len > 0 ? rest.data : "", *const end = at + rest.len;
    for (int parts = 1;; parts++) {
        const char *dot = at < end ? memchr(at, '.', (size_t)(end - at)) : NULL;
        append_part(at, (size_t)((dot ? dot : end) - at), out);
        if (!dot)
            return;
        weir_buffer_append_byte(out, parts < ES_MEMBER_NAME_PARTS_MAX ? '.' : '_');
        at = dot + 1;
    }
}
