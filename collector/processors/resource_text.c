/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/resource_text.h"

#include "core/memory.h"

enum { PART_BYTES_MAX = 256 };

void weir_resource_text_done(weir_resource_text *attributes)
{
    for (size_t i = 0; i < attributes->count; i++) {
        free(attributes->keys[i]);
        free(attributes->values[i]);
    }
    free(attributes->keys);
    free(attributes->values);
    *attributes = (weir_resource_text){0};
}

static size_t find(const weir_resource_text *attributes, weir_text key)
{
    size_t i = 0;
    while (i < attributes->count && !weir_text_is(key, attributes->keys[i]))
        i++;
    return i;
}

void weir_resource_text_add(weir_resource_text *attributes, weir_text key, weir_text value)
{
    if (find(attributes, key) < attributes->count)
        return;
    size_t count = attributes->count + 1;
    attributes->keys = weir_realloc(attributes->keys, count, sizeof *attributes->keys);
    attributes->values = weir_realloc(attributes->values, count, sizeof *attributes->values);
    attributes->keys[count - 1] = weir_strndup(key.data, key.len);
    attributes->values[count - 1] = weir_strndup(value.data, value.len);
    attributes->count = count;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static weir_text trim(weir_text text)
{
    while (text.len > 0 && is_space(text.data[0]))
        text = (weir_text){text.data + 1, text.len - 1};
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

static bool is_short_ascii(weir_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] > 0x7f)
            return false;
    return text.len <= PART_BYTES_MAX;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%20" and "+" are spaces, as in a URL's query. Writes into `ret_decoded`, which has room for PART_BYTES_MAX. */
static bool decode(weir_text text, char *ret_decoded, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i] == '+' ? ' ' : text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        ret_decoded[len++] = c;
    }
    *ret_len = len;
    return true;
}

/* Takes "key=value" and the comma behind it off `*rest`. */
static bool next_pair(weir_text *rest, weir_text *ret_key, weir_text *ret_value)
{
    const char *end = rest->data + rest->len;
    const char *equals = memchr(rest->data, '=', rest->len);
    if (!equals)
        return false;
    const char *comma = memchr(equals, ',', (size_t)(end - equals));
    const char *value_end = comma ? comma : end;
    *ret_key = trim((weir_text){rest->data, (size_t)(equals - rest->data)});
    *ret_value = trim((weir_text){equals + 1, (size_t)(value_end - equals - 1)});
    const char *next = comma ? comma + 1 : end;
    *rest = (weir_text){next, (size_t)(end - next)};
    return ret_key->len > 0 && is_short_ascii(*ret_key) && is_short_ascii(*ret_value);
}

static void set(weir_resource_text *attributes, weir_text key, weir_text value)
{
    size_t i = find(attributes, key);
    if (i == attributes->count) {
        weir_resource_text_add(attributes, key, value);
        return;
    }
    free(attributes->values[i]);
    attributes->values[i] = weir_strndup(value.data, value.len);
}

static bool parse(weir_resource_text *attributes, weir_text text)
{
    char decoded[PART_BYTES_MAX];
    weir_text rest = trim(text), key, value;
    size_t len;
    while (rest.len > 0) {
        if (!next_pair(&rest, &key, &value) || !decode(value, decoded, &len))
            return false;
        set(attributes, key, (weir_text){decoded, len});
    }
    return true;
}

bool weir_resource_text_parse(weir_resource_text *attributes, weir_text text)
{
    weir_resource_text parsed = {0};
    bool valid = parse(&parsed, text);
    for (size_t i = 0; valid && i < parsed.count; i++)
        weir_resource_text_add(attributes, weir_text_of(parsed.keys[i]), weir_text_of(parsed.values[i]));
    weir_resource_text_done(&parsed);
    return valid;
}
