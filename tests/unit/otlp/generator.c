/* SPDX-License-Identifier: Apache-2.0 */
#include "generator.h"

#include <criterion/criterion.h>
#include <string.h>

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

enum { VARINT = 0, FIXED64 = 1, LEN = 2, GROUP_START = 3, GROUP_END = 4, FIXED32 = 5, DEPTH_MAX = 11 };

uint64_t generator_below(generator *self, uint64_t limit)
{
    /* splitmix64 */
    uint64_t z = self->state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % limit;
}

static bool one_in(generator *self, uint64_t chances)
{
    return generator_below(self, chances) == 0;
}

/* A varint, at times with bytes it does not need, but never more than `bytes_max`. */
static void put_varint(generator *self, weir_buffer *out, uint64_t value, unsigned bytes_max)
{
    unsigned len = 1;
    for (; value >= 0x80; value >>= 7, len++)
        weir_buffer_append_byte(out, (uint8_t)(value | 0x80));
    unsigned extra =
        !self->tame && len < bytes_max && one_in(self, 30) ? (unsigned)generator_below(self, bytes_max - len + 1) : 0;
    for (; extra > 0; extra--, value = 0)
        weir_buffer_append_byte(out, (uint8_t)(value | 0x80));
    weir_buffer_append_byte(out, (uint8_t)value);
}

static void put_tag(generator *self, weir_buffer *out, uint32_t number, unsigned wire)
{
    put_varint(self, out, (uint64_t)number << 3 | wire, 5);
}

static void put_body(generator *self, weir_buffer *out, uint32_t number, const weir_buffer *body)
{
    put_tag(self, out, number, LEN);
    put_varint(self, out, body->len, 5);
    weir_buffer_append(out, body->data, body->len);
}

static uint64_t any_number(generator *self)
{
    switch (generator_below(self, 4)) {
    case 0:
        return 0;
    case 1:
        return generator_below(self, 200);
    case 2:
        return generator_below(self, 1u << 31);
    default:
        return generator_below(self, UINT64_MAX);
    }
}

static void put_fixed(generator *self, weir_buffer *out, size_t size)
{
    uint64_t value = any_number(self);
    for (size_t i = 0; i < size; i++)
        weir_buffer_append_byte(out, (uint8_t)(value >> (8 * i)));
}

/* Letters only: protobuf-c's strings end at a NUL. */
static void put_letters(generator *self, weir_buffer *out)
{
    uint64_t len = one_in(self, 8) ? 100 + generator_below(self, 100) : generator_below(self, 12);
    for (uint64_t i = 0; i < len; i++)
        weir_buffer_append_byte(out, (uint8_t)('a' + generator_below(self, 5)));
}

static void put_bytes(generator *self, weir_buffer *out, const char *name)
{
    size_t len = generator_below(self, 20);
    if (strcmp(name, "trace_id") == 0)
        len = one_in(self, 5) ? 0 : 16;
    else if (strstr(name, "span_id"))
        len = one_in(self, 5) ? 0 : 8;
    for (size_t i = 0; i < len; i++)
        weir_buffer_append_byte(out, (uint8_t)generator_below(self, 256));
}

static void put_unknown(generator *self, weir_buffer *out)
{
    WEIR_BUFFER body = {0};
    uint32_t number = one_in(self, 3) ? 536870911 : 100 + (uint32_t)generator_below(self, 3000);
    switch (generator_below(self, 4)) {
    case 0:
        put_tag(self, out, number, VARINT);
        put_varint(self, out, any_number(self), 10);
        break;
    case 1:
        put_tag(self, out, number, FIXED64);
        put_fixed(self, out, 8);
        break;
    case 2:
        put_tag(self, out, number, FIXED32);
        put_fixed(self, out, 4);
        break;
    default:
        put_letters(self, &body);
        put_body(self, out, number, &body);
        break;
    }
}

static void put_message(generator *self, const ProtobufCMessageDescriptor *type, unsigned depth, weir_buffer *out);

static unsigned wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return FIXED64;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return FIXED32;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return LEN;
    default:
        return VARINT;
    }
}

static void put_number(generator *self, unsigned wire, weir_buffer *out)
{
    if (wire == VARINT)
        put_varint(self, out, any_number(self), 10);
    else
        put_fixed(self, out, wire == FIXED64 ? 8 : 4);
}

static void put_field(generator *self, const ProtobufCFieldDescriptor *field, unsigned depth, weir_buffer *out)
{
    WEIR_BUFFER body = {0};
    unsigned wire = wire_of(field->type);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        put_message(self, field->descriptor, depth + 1, &body);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        put_letters(self, &body);
    } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
        put_bytes(self, &body, field->name);
    } else if (field->label == PROTOBUF_C_LABEL_REPEATED && !one_in(self, 3)) {
        for (uint64_t n = generator_below(self, 5); n > 0; n--)
            put_number(self, wire, &body);
        wire = LEN;
    }
    if (wire == LEN) {
        put_body(self, out, field->id, &body);
    } else {
        put_tag(self, out, field->id, wire);
        put_number(self, wire, out);
    }
}

/* How often a field is to stand in the message that is being made. */
static uint64_t occurrences(generator *self, const ProtobufCFieldDescriptor *field, unsigned depth)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE && depth >= DEPTH_MAX)
        return 0;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return one_in(self, 3) ? 0 : 1 + generator_below(self, 3);
    if (self->tame)
        return generator_below(self, 2);
    return one_in(self, 12) ? 2 : generator_below(self, 4) > 0;
}

enum { FIELDS_MAX = 128 };

/* Which fields the message gets, as indices into its descriptor; -1 is an unknown one. */
static unsigned choose_fields(generator *self, const ProtobufCMessageDescriptor *type, unsigned depth, int *chosen)
{
    unsigned count = 0;
    uint32_t oneof_taken = 0;
    unsigned start = (unsigned)generator_below(self, type->n_fields); /* each member of a oneof has its turn */
    for (unsigned i = 0; i < type->n_fields; i++) {
        unsigned index = (start + i) % type->n_fields;
        const ProtobufCFieldDescriptor *field = &type->fields[index];
        uint64_t wanted = occurrences(self, field, depth);
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
            if (oneof_taken == field->quantifier_offset && (self->tame || !one_in(self, 20)))
                continue;
            if (wanted > 0)
                oneof_taken = field->quantifier_offset;
        }
        for (; wanted > 0 && count < FIELDS_MAX; wanted--)
            chosen[count++] = (int)index;
    }
    if (!self->tame && one_in(self, 4) && count < FIELDS_MAX)
        chosen[count++] = -1;
    return count;
}

static void put_message(generator *self, const ProtobufCMessageDescriptor *type, unsigned depth, weir_buffer *out)
{
    int chosen[FIELDS_MAX];
    unsigned count = choose_fields(self, type, depth, chosen);
    for (unsigned i = count; i > 1; i--) {
        unsigned other = (unsigned)generator_below(self, i);
        int swapped = chosen[i - 1];
        chosen[i - 1] = chosen[other];
        chosen[other] = swapped;
    }
    for (unsigned i = 0; i < count; i++) {
        if (chosen[i] < 0)
            put_unknown(self, out);
        else
            put_field(self, &type->fields[chosen[i]], depth, out);
    }
}

const ProtobufCMessageDescriptor *generator_request(weir_otlp_kind kind)
{
    static const ProtobufCMessageDescriptor *const requests[] = {
        [WEIR_OTLP_TRACES] = &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor,
        [WEIR_OTLP_METRICS] = &opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor,
        [WEIR_OTLP_LOGS] = &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor,
    };
    return requests[kind];
}

void generator_make(generator *self, weir_otlp_kind kind, weir_buffer *out)
{
    put_message(self, generator_request(kind), 0, out);
}

weir_slice generator_slice(weir_otlp_kind kind, const weir_buffer *request)
{
    uint64_t items = 0;
    weir_error error;
    weir_status status = weir_otlp_validate(kind, request->data, request->len, &items, &error);
    cr_assert_eq(status, WEIR_OK, "%s", error.text);
    weir_chunk *chunk = weir_chunk_new(NULL, request->len);
    if (request->len > 0)
        memcpy(chunk->data, request->data, request->len);
    return (weir_slice){
        .chunk = chunk,
        .data = chunk->data,
        .len = request->len,
        .items = (uint32_t)items,
        .id = weir_slice_id_next(),
    };
}
