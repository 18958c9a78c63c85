/* SPDX-License-Identifier: Apache-2.0 */
#include "net/grpc.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"

/* ---- framing ---- */

static weir_bytes take(weir_bytes *fragment, size_t len)
{
    weir_bytes taken = {fragment->data, len < fragment->len ? len : fragment->len};
    fragment->data += taken.len;
    fragment->len -= taken.len;
    return taken;
}

static weir_grpc_event read_prefix(weir_grpc_reader *reader, weir_bytes *fragment)
{
    weir_bytes part = take(fragment, (size_t)(WEIR_GRPC_PREFIX_LEN - reader->prefix_len));
    if (part.len == 0)
        return WEIR_GRPC_NEED_MORE;
    memcpy(reader->prefix + reader->prefix_len, part.data, part.len);
    reader->prefix_len = (uint8_t)(reader->prefix_len + part.len);
    if (reader->prefix[0] > 1)
        return WEIR_GRPC_MALFORMED;
    if (reader->prefix_len < WEIR_GRPC_PREFIX_LEN)
        return WEIR_GRPC_NEED_MORE;
    const uint8_t *prefix = reader->prefix;
    reader->is_compressed = prefix[0] == 1;
    reader->message_len =
        (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 | (uint32_t)prefix[4];
    reader->left = reader->message_len;
    reader->is_in_message = true;
    reader->prefix_len = 0;
    return WEIR_GRPC_MESSAGE;
}

weir_grpc_event weir_grpc_read(weir_grpc_reader *reader, weir_bytes *fragment, weir_bytes *ret_piece)
{
    if (!reader->is_in_message)
        return read_prefix(reader, fragment);
    if (reader->left == 0) {
        reader->is_in_message = false;
        return WEIR_GRPC_END;
    }
    weir_bytes piece = take(fragment, reader->left);
    if (piece.len == 0)
        return WEIR_GRPC_NEED_MORE;
    reader->left -= (uint32_t)piece.len;
    *ret_piece = piece;
    return WEIR_GRPC_PIECE;
}

void weir_grpc_prefix_write(bool is_compressed, uint32_t message_len, uint8_t ret_prefix[WEIR_GRPC_PREFIX_LEN])
{
    ret_prefix[0] = is_compressed;
    for (int i = 0; i < 4; i++)
        ret_prefix[1 + i] = (uint8_t)(message_len >> (24 - 8 * i));
}

/* ---- grpc-timeout ---- */

static const struct {
    char unit;
    uint64_t ns;
} timeout_units[] = {
    {'n', 1}, {'u', 1000}, {'m', 1000000}, {'S', 1000000000}, {'M', 60000000000}, {'H', 3600000000000},
};

enum { TIMEOUT_VALUE_MAX = 99999999, TIMEOUT_DIGITS_MAX = 8 };

weir_status weir_grpc_timeout_parse(weir_text value, uint64_t *ret_ns)
{
    if (value.len < 2 || value.len > TIMEOUT_DIGITS_MAX + 1)
        return WEIR_INVALID;
    uint64_t amount;
    if (!weir_text_to_uint((weir_text){value.data, value.len - 1}, TIMEOUT_VALUE_MAX, &amount))
        return WEIR_INVALID;
    for (size_t i = 0; i < WEIR_COUNT_OF(timeout_units); i++) {
        if (timeout_units[i].unit != value.data[value.len - 1])
            continue;
        if (__builtin_mul_overflow(amount, timeout_units[i].ns, ret_ns))
            *ret_ns = UINT64_MAX;
        return WEIR_OK;
    }
    return WEIR_INVALID;
}

void weir_grpc_timeout_format(uint64_t ns, char ret_value[WEIR_GRPC_TIMEOUT_SIZE])
{
    uint64_t amount = ns;
    size_t i = 0;
    while (amount > TIMEOUT_VALUE_MAX) {
        i++; /* UINT64_MAX ns are some five million hours: the last unit always fits */
        amount = ns / timeout_units[i].ns + (ns % timeout_units[i].ns != 0);
    }
    snprintf(ret_value, WEIR_GRPC_TIMEOUT_SIZE, "%u%c", (unsigned)amount, timeout_units[i].unit);
}

/* ---- grpc-message ---- */

void weir_grpc_message_encode(weir_text message, weir_buffer *out)
{
    for (size_t i = 0; i < message.len; i++) {
        unsigned char byte = (unsigned char)message.data[i];
        if (byte < 0x20 || byte > 0x7e || byte == '%')
            weir_buffer_printf(out, "%%%02X", byte);
        else
            weir_buffer_append_byte(out, byte);
    }
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

void weir_grpc_message_decode(weir_text value, weir_buffer *out)
{
    for (size_t i = 0; i < value.len; i++) {
        bool is_escape = value.data[i] == '%' && value.len - i > 2;
        int high = is_escape ? hex_digit(value.data[i + 1]) : -1;
        int low = is_escape ? hex_digit(value.data[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            weir_buffer_append_byte(out, (uint8_t)(high << 4 | low));
            i += 2;
        } else {
            weir_buffer_append_byte(out, (uint8_t)value.data[i]);
        }
    }
}

/* ---- base64 ---- */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void weir_base64_encode(weir_bytes bytes, weir_buffer *out)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        if (count > 1)
            group |= (uint32_t)bytes.data[i + 1] << 8;
        if (count > 2)
            group |= bytes.data[i + 2];
        for (size_t digit = 0; digit <= count; digit++)
            weir_buffer_append_byte(out, (uint8_t)base64_digits[group >> (18 - 6 * digit) & 63]);
    }
}

static weir_text without_padding(weir_text text)
{
    if (text.len % 4 != 0)
        return text; /* padding, if any, is an error and found as a wrong digit */
    for (int i = 0; i < 2 && text.len > 0 && text.data[text.len - 1] == '='; i++)
        text.len--;
    return text;
}

static bool decode_digits(weir_text text, weir_buffer *out)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = text.data[i] ? strchr(base64_digits, text.data[i]) : NULL;
        if (!digit)
            return false;
        bits = bits << 6 | (uint32_t)(digit - base64_digits);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            weir_buffer_append_byte(out, (uint8_t)(bits >> bit_count));
        }
    }
    return bit_count < 6; /* a last digit on its own stands for no byte */
}

weir_status weir_base64_decode(weir_text text, weir_buffer *out)
{
    size_t len_before = out->len;
    if (decode_digits(without_padding(text), out))
        return WEIR_OK;
    out->len = len_before;
    return WEIR_INVALID;
}
