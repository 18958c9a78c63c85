/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/json_writer.h"

#include <math.h>

#include "core/assert.h"
#include "core/decimal.h"
#include "otlp/from_json_text.h"

weir_otlp_json_writer weir_otlp_json_writer_of(weir_buffer *out, const weir_otlp_json_spill *spill)
{
    WEIR_ASSERT(!spill || spill->piece_max >= WEIR_OTLP_JSON_PIECE_MIN);
    return (weir_otlp_json_writer){.out = out, .spill = spill};
}

void weir_otlp_json_make_room(weir_otlp_json_writer *writer, size_t len)
{
    weir_buffer *out = writer->out;
    const weir_otlp_json_spill *spill = writer->spill;
    if (spill && out->len + len > spill->piece_max) {
        if (!writer->stopped)
            writer->stopped = !spill->spill(spill->context, out);
        if (writer->stopped)
            out->len = 0;
        WEIR_ASSERT(out->len == 0);
    }
    weir_buffer_reserve(out, len);
    writer->limit = spill && spill->piece_max < out->capacity ? spill->piece_max : out->capacity;
}

/* ---- Strings ----------------------------------------------------------------------------------------------------- */

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Whether any of the eight bytes in `x` is zero, or below `limit` (at most 0x80). */
static inline uint64_t any_zero(uint64_t x)
{
    return (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);
}

static inline uint64_t any_below(uint64_t x, uint64_t limit)
{
    return (x - EACH_BYTE(limit)) & ~x & EACH_BYTE(0x80);
}

static inline bool is_plain(uint8_t byte, bool high_too)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && (byte < 0x80 || high_too);
}

/* Not 0 if any of the eight bytes from `bytes` on must be escaped, or, by `high`, is not ASCII. */
static inline uint64_t any_special(const uint8_t *bytes, uint64_t high)
{
    uint64_t x;
    memcpy(&x, bytes, sizeof x);
    return any_below(x, 0x20) | any_zero(x ^ EACH_BYTE('"')) | any_zero(x ^ EACH_BYTE('\\')) | (x & high);
}

/* As any_special of 16 bytes: one bit for each, the first byte's lowest. Nothing where the processor has no such. */
static inline uint32_t specials_of_16(const uint8_t *bytes, bool high_too)
{
#ifdef __SSE2__
    const __m128i block = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    return weir_otlp__text_specials(block) | (high_too ? 0 : (uint32_t)_mm_movemask_epi8(block));
#else
    (void)bytes;
    (void)high_too;
    return 1;
#endif
}

/* How many bytes from the start need no second look. */
static size_t plain_run(const uint8_t *bytes, size_t len, bool high_too)
{
    const uint64_t high = high_too ? 0 : EACH_BYTE(0x80);
    size_t at = 0;
    while (len - at >= 16 && !specials_of_16(bytes + at, high_too))
        at += 16;
    while (len - at >= 8 && !any_special(bytes + at, high))
        at += 8;
    if (at > 0 && len - at < 8 && !any_special(bytes + len - 8, high)) /* overlaps what was looked at */
        return len;
    while (at < len && is_plain(bytes[at], high_too))
        at++;
    return at;
}

bool weir_otlp_json_is_plain(const uint8_t *bytes, size_t len)
{
    if (len < 8)
        return plain_run(bytes, len, false) == len;
    uint64_t special = any_special(bytes + len - 8, EACH_BYTE(0x80)); /* overlaps what is before it */
    for (size_t at = 0; at + 8 < len; at += 8)
        special |= any_special(bytes + at, EACH_BYTE(0x80));
    return special == 0;
}

static void put_long(weir_otlp_json_writer *writer, const uint8_t *bytes, size_t len)
{
    while (len > 0 && !writer->stopped) {
        char *out = weir_otlp_json_room(writer, 1);
        size_t room = writer->limit - writer->out->len;
        size_t step = len < room ? len : room;
        memcpy(out, bytes, step);
        writer->out->len += step;
        bytes += step;
        len -= step;
    }
}

static void put_escaped(weir_otlp_json_writer *writer, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    const char letter = byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '\t' ? 't' : byte >= 0x20 ? (char)byte : 0;
    if (letter)
        weir_otlp_json_put(writer, (const char[]){'\\', letter}, 2);
    else
        weir_otlp_json_put(writer, (const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

/* The text's rest from its first byte that is not plain ASCII. */
static void put_difficult(weir_otlp_json_writer *writer, const uint8_t *at, size_t len)
{
    const bool is_utf8 = weir_utf8_valid(at, len);
    while (len > 0 && !writer->stopped) {
        size_t step = plain_run(at, len, is_utf8);
        put_long(writer, at, step);
        if (step < len && at[step] < 0x80) {
            put_escaped(writer, at[step++]);
        } else if (step < len) {
            size_t sequence = weir_utf8_sequence(at + step, len - step);
            if (sequence > 0)
                weir_otlp_json_put(writer, (const char *)at + step, sequence);
            else
                weir_otlp_json_put(writer, "\xef\xbf\xbd", 3);
            step += sequence > 0 ? sequence : 1;
        }
        at += step;
        len -= step;
    }
}

void weir_otlp_json_string(weir_otlp_json_writer *writer, weir_bytes text)
{
    weir_otlp_json_put_char(writer, '"');
    size_t plain = plain_run(text.data, text.len, false);
    put_long(writer, text.data, plain);
    if (plain < text.len)
        put_difficult(writer, text.data + plain, text.len - plain);
    weir_otlp_json_put_char(writer, '"');
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

void weir_otlp_json_base64(weir_otlp_json_writer *writer, weir_bytes bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    weir_otlp_json_put_char(writer, '"');
    for (size_t i = 0; i < bytes.len && !writer->stopped; i += 3) {
        const size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes.data[i + 2] : 0;
        char *out = weir_otlp_json_room(writer, 4);
        out[0] = digits[group >> 18];
        out[1] = digits[group >> 12 & 63];
        out[2] = left > 1 ? digits[group >> 6 & 63] : '=';
        out[3] = left > 2 ? digits[group & 63] : '=';
        writer->out->len += 4;
    }
    weir_otlp_json_put_char(writer, '"');
}

void weir_otlp_json_hex(weir_otlp_json_writer *writer, weir_bytes bytes)
{
    enum { BYTES_MAX = 64 };
    WEIR_ASSERT(bytes.len <= BYTES_MAX);
    char *out = weir_otlp_json_room(writer, 2 * bytes.len + 3);
    out[0] = '"';
    weir_hex(bytes.data, bytes.len, out + 1);
    out[2 * bytes.len + 1] = '"';
    writer->out->len += 2 * bytes.len + 2;
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

void weir_otlp_json_unsigned(weir_otlp_json_writer *writer, uint64_t number)
{
    writer->out->len += weir_uint_write(weir_otlp_json_room(writer, WEIR_UINT_TEXT_MAX), number);
}

void weir_otlp_json_signed(weir_otlp_json_writer *writer, int64_t number)
{
    if (number < 0)
        weir_otlp_json_put_char(writer, '-');
    weir_otlp_json_unsigned(writer, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void weir_otlp_json_double(weir_otlp_json_writer *writer, double number)
{
    enum { EXPONENT_DIGITS = 2 }; /* as Go writes it: 1e-07 */
    if (isnan(number))
        weir_otlp_json_put(writer, "\"NaN\"", 5);
    else if (isinf(number) && number > 0)
        weir_otlp_json_put(writer, "\"Infinity\"", 10);
    else if (isinf(number))
        weir_otlp_json_put(writer, "\"-Infinity\"", 11);
    else
        writer->out->len +=
            weir_double_write(weir_otlp_json_room(writer, WEIR_DOUBLE_TEXT_MAX), number, EXPONENT_DIGITS);
}
