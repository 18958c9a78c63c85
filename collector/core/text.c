/* SPDX-License-Identifier: Apache-2.0 */
#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"

static unsigned char ascii_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool weir_text_equal_nocase(weir_text a, weir_text b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    }
    return true;
}

bool weir_text_starts(weir_text text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

bool weir_text_to_uint(weir_text text, uint64_t max, uint64_t *ret_value)
{
    if (text.len == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    if (value > max)
        return false;
    *ret_value = value;
    return true;
}

void weir_hex(const uint8_t *bytes, size_t len, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[2 * len] = '\0';
}

size_t weir_utf8_sequence(const uint8_t *bytes, size_t len)
{
    uint8_t first = bytes[0];
    size_t need = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (need == 0 || need > len)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    bool over_long = (first == 0xe0 && bytes[1] < 0xa0) || (first == 0xf0 && bytes[1] < 0x90);
    bool surrogate = first == 0xed && bytes[1] > 0x9f;
    bool too_high = first == 0xf4 && bytes[1] > 0x8f;
    return over_long || surrogate || too_high ? 0 : need;
}

bool weir_utf8_valid(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t step = weir_utf8_sequence(bytes + at, len - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

void weir_utf8_repair(char *terminated)
{
    uint8_t *bytes = (uint8_t *)terminated;
    size_t len = strlen(terminated), step;
    for (size_t at = 0; at < len; at += step) {
        step = weir_utf8_sequence(bytes + at, len - at);
        if (step > 0)
            continue;
        bytes[at] = '?';
        step = 1;
    }
}

void weir_buffer_done(weir_buffer *buffer)
{
    free(buffer->data);
    *buffer = (weir_buffer){0};
}

uint8_t *weir_buffer_reserve(weir_buffer *buffer, size_t len)
{
    size_t needed;
    WEIR_ASSERT(!__builtin_add_overflow(buffer->len, len, &needed));
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
        if (capacity < needed)
            capacity = needed;
        buffer->data = weir_realloc(buffer->data, capacity, 1);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->len;
}

void weir_buffer_append(weir_buffer *buffer, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    memcpy(weir_buffer_reserve(buffer, len), bytes, len);
    buffer->len += len;
}

void weir_buffer_append_text(weir_buffer *buffer, const char *terminated)
{
    weir_buffer_append(buffer, terminated, strlen(terminated));
}

void weir_buffer_append_byte(weir_buffer *buffer, uint8_t byte)
{
    *weir_buffer_reserve(buffer, 1) = byte;
    buffer->len++;
}

void weir_buffer_printf(weir_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    WEIR_ASSERT(len >= 0);
    char *end = (char *)weir_buffer_reserve(buffer, (size_t)len + 1);
    vsnprintf(end, (size_t)len + 1, format, again);
    va_end(again);
    buffer->len += (size_t)len;
}

void weir_buffer_append_json_string(weir_buffer *buffer, const char *terminated)
{
    bool is_text = weir_utf8_valid((const uint8_t *)terminated, strlen(terminated));
    weir_buffer_append_byte(buffer, '"');
    for (const unsigned char *at = (const unsigned char *)terminated; *at; at++) {
        if (*at == '"' || *at == '\\')
            weir_buffer_printf(buffer, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            weir_buffer_printf(buffer, "\\u%04x", *at);
        else if (*at > 0x7f && !is_text)
            weir_buffer_append_text(buffer, "\\ufffd");
        else
            weir_buffer_append_byte(buffer, *at);
    }
    weir_buffer_append_byte(buffer, '"');
}

void weir_buffer_append_plain(weir_buffer *buffer, const char *terminated)
{
    for (const unsigned char *at = (const unsigned char *)terminated; *at; at++) {
        if (*at < 0x20 || *at == 0x7f)
            weir_buffer_printf(buffer, "\\x%02x", *at);
        else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) /* U+0080 … U+009F in UTF-8 */
            weir_buffer_printf(buffer, "\\x%02x", *++at);
        else
            weir_buffer_append_byte(buffer, *at);
    }
}

void weir_buffer_consume(weir_buffer *buffer, size_t len)
{
    WEIR_ASSERT(len <= buffer->len);
    buffer->len -= len;
    if (buffer->len > 0)
        memmove(buffer->data, buffer->data + len, buffer->len);
}

const char *weir_buffer_string(weir_buffer *buffer)
{
    *weir_buffer_reserve(buffer, 1) = '\0';
    return (const char *)buffer->data;
}
