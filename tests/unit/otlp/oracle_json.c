/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle_json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/memory.h"

void oracle_json_name(const char *proto_name, char *ret_name)
{
    for (; *proto_name; proto_name++) {
        bool upper = *proto_name == '_';
        proto_name += upper;
        *ret_name++ = upper ? (char)toupper((unsigned char)*proto_name) : *proto_name;
    }
    *ret_name = '\0';
}

bool oracle_json_is_always_written(const ProtobufCMessageDescriptor *message, const char *proto_name)
{
    static const char *const always[][2] = {
        {"KeyValue", "value"},
        {"LogRecord", "body"},
        {"Span", "status"},
        {"ScopeSpans", "scope"},
        {"ScopeLogs", "scope"},
        {"ScopeMetrics", "scope"},
        {"ResourceSpans", "resource"},
        {"ResourceLogs", "resource"},
        {"ResourceMetrics", "resource"},
        {"ExponentialHistogramDataPoint", "positive"},
        {"ExponentialHistogramDataPoint", "negative"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(always); i++) {
        if (strcmp(message->short_name, always[i][0]) == 0 && strcmp(proto_name, always[i][1]) == 0)
            return true;
    }
    return false;
}

static bool is_id(const ProtobufCFieldDescriptor *field)
{
    return strstr(field->name, "trace_id") || strstr(field->name, "span_id");
}

static void put_bytes(const ProtobufCBinaryData *bytes, weir_buffer *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    weir_buffer_append_byte(out, '"');
    size_t bits = 0;
    for (; bits < bytes->len * 8; bits += 6) {
        unsigned pair = (unsigned)bytes->data[bits / 8] << 8;
        pair |= bits / 8 + 1 < bytes->len ? bytes->data[bits / 8 + 1] : 0;
        weir_buffer_append_byte(out, (uint8_t)digits[pair >> (10 - bits % 8) & 63]);
    }
    for (; bits % 8; bits += 6)
        weir_buffer_append_byte(out, '=');
    weir_buffer_append_byte(out, '"');
}

static void put_double(double number, weir_buffer *out)
{
    if (isfinite(number))
        weir_buffer_printf(out, "%.17g", number);
    else
        weir_buffer_append_text(out, isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
}

static void put_value(const ProtobufCFieldDescriptor *field, const void *at, weir_buffer *out)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        weir_buffer_append_json_string(out, *(char *const *)at);
        break;
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = at;
        WEIR_FREE char *hex = weir_alloc(2 * bytes->len + 1, 1);
        weir_hex(bytes->data, bytes->len, hex);
        if (is_id(field))
            weir_buffer_printf(out, "\"%s\"", hex);
        else
            put_bytes(bytes, out);
        break;
    }
    case PROTOBUF_C_TYPE_BOOL:
        weir_buffer_append_text(out, *(const protobuf_c_boolean *)at ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        put_double(*(const double *)at, out);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_ENUM:
        weir_buffer_printf(out, "%" PRId32, *(const int32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        weir_buffer_printf(out, "%" PRIu32, *(const uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        weir_buffer_printf(out, "\"%" PRId64 "\"", *(const int64_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        weir_buffer_printf(out, "\"%" PRIu64 "\"", *(const uint64_t *)at);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        oracle_json(*(const ProtobufCMessage *const *)at, out);
        break;
    default:
        weir_buffer_append_text(out, "no such type in OTLP");
        break;
    }
}

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    default:
        return 0;
    }
}

static bool is_zero(const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return !*(char *const *)at || **(char *const *)at == '\0';
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = at;
        size_t set = 0;
        for (size_t i = 0; i < bytes->len; i++)
            set += bytes->data[i] != 0;
        return set == 0;
    }
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *)at == 0;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_UINT64:
        return *(const uint64_t *)at == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return !*(void *const *)at;
    default:
        return *(const uint32_t *)at == 0;
    }
}

static bool is_written(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    const void *at = base + field->offset;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(const void *)(base + field->quantifier_offset) == field->id;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)(const void *)(base + field->quantifier_offset) > 0;
    return !is_zero(field, at) || oracle_json_is_always_written(message->descriptor, field->name);
}

static void put_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, weir_buffer *out)
{
    const char *base = (const char *)message;
    const void *at = base + field->offset;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && !*(void *const *)at)
            weir_buffer_append_text(out, "{}");
        else
            put_value(field, at, out);
        return;
    }
    const char *list = *(const char *const *)at;
    size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    for (size_t i = 0; i < count; i++) {
        weir_buffer_append_byte(out, i == 0 ? '[' : ',');
        put_value(field, list + i * size_of(field->type), out);
    }
    weir_buffer_append_byte(out, ']');
}

void oracle_json(const ProtobufCMessage *message, weir_buffer *out)
{
    bool has_members = false;
    weir_buffer_append_byte(out, '{');
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (!is_written(message, field))
            continue;
        char name[64];
        oracle_json_name(field->name, name);
        weir_buffer_printf(out, "%s\"%s\":", has_members ? "," : "", name);
        put_field(message, field, out);
        has_members = true;
    }
    weir_buffer_append_byte(out, '}');
}
