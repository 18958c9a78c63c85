/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/validate.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/limits.h"
#include "otlp/schema.h"
#include "otlp/wire.h"

/* The state of one pass. Every function below returns where reading goes on, or NULL once `error` is filled. */
typedef struct checker {
    const uint8_t *start;
    uint64_t items;
    unsigned nesting;
    weir_error *error;
} checker;

/* The path of a field of one message ("Span.name"), or NULL for a number the schema does not have. */
typedef const char *(*path_of)(uint32_t number);

#define INLINE static inline __attribute__((always_inline))
#define COLD __attribute__((cold, noinline))

/* ---- What can be wrong ---------------------------------------------------------------------------------------- */

COLD __attribute__((format(printf, 3, 4))) static const uint8_t *fail(checker *self, const uint8_t *at,
                                                                      const char *format, ...)
{
    char reason[WEIR_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    uint64_t offset = (uint64_t)(at - self->start);
    weir_error_set(self->error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "offset %llu: %s", (unsigned long long)offset,
                   reason);
    self->error->offset = offset;
    return NULL;
}

COLD static const uint8_t *fail_cut(checker *self, const uint8_t *at, const char *path)
{
    return fail(self, at, "%s reaches beyond the end of its message", path);
}

/* ---- Numbers -------------------------------------------------------------------------------------------------- */

/* The rest of check_varint. `bytes_max` is 10 for values, 5 for tags and lengths. */
static const uint8_t *check_varint_long(checker *self, const uint8_t *p, const uint8_t *end, const char *path,
                                        unsigned bytes_max, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes_max; i++) {
        if (p + i >= end)
            return fail_cut(self, p, path);
        value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80) {
            *ret_value = value;
            return p + i + 1;
        }
    }
    return fail(self, p, "%s has a number of more than %u bytes", path, bytes_max);
}

INLINE const uint8_t *check_varint(checker *self, const uint8_t *p, const uint8_t *end, const char *path)
{
    if (__builtin_expect(p < end && *p < 0x80, 1))
        return p + 1;
    uint64_t value;
    return check_varint_long(self, p, end, path, WEIR_VARINT_BYTES_MAX, &value);
}

INLINE const uint8_t *check_fixed(checker *self, const uint8_t *p, const uint8_t *end, const char *path, size_t size)
{
    if (__builtin_expect((size_t)(end - p) < size, 0))
        return fail_cut(self, p, path);
    return p + size;
}

INLINE const uint8_t *check_fixed64(checker *self, const uint8_t *p, const uint8_t *end, const char *path)
{
    return check_fixed(self, p, end, path, 8);
}

INLINE const uint8_t *check_fixed32(checker *self, const uint8_t *p, const uint8_t *end, const char *path)
{
    return check_fixed(self, p, end, path, 4);
}

/* ---- Bytes with a length --------------------------------------------------------------------------------------- */

/* Reads a length: gives the first byte of the body and its length, which lies inside the message. */
INLINE const uint8_t *enter(checker *self, const uint8_t *p, const uint8_t *end, const char *path, size_t *ret_len)
{
    uint64_t len = 0;
    const uint8_t *body;
    if (__builtin_expect(p < end && *p < 0x80, 1)) {
        len = *p;
        body = p + 1;
    } else if (end - p >= 2 && p[1] < 0x80) {
        len = (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7;
        body = p + 2;
    } else {
        body = check_varint_long(self, p, end, path, WEIR_TAG_BYTES_MAX, &len);
        if (!body)
            return NULL;
    }
    if (__builtin_expect(len > (uint64_t)(end - body), 0))
        return fail_cut(self, p, path);
    *ret_len = (size_t)len;
    return body;
}

INLINE const uint8_t *check_bytes(checker *self, const uint8_t *p, const uint8_t *end, const char *path)
{
    size_t len = 0;
    const uint8_t *body = enter(self, p, end, path, &len);
    return body ? body + len : NULL;
}

INLINE const uint8_t *check_id(checker *self, const uint8_t *p, const uint8_t *end, const char *path, size_t size)
{
    if (__builtin_expect((size_t)(end - p) > size && *p == size, 1))
        return p + 1 + size;
    size_t len = 0;
    const uint8_t *body = enter(self, p, end, path, &len);
    if (body && len != 0 && len != size)
        return fail(self, p, "%s must be 0 or %zu bytes, not %zu", path, size, len);
    return body ? body + len : NULL;
}

INLINE const uint8_t *check_trace_id(checker *self, const uint8_t *p, const uint8_t *end, const char *path)
{
    return check_id(self, p, end, path, 16);
}

INLINE const uint8_t *check_span_id(checker *self, const uint8_t *p, const uint8_t *end, const char *path)
{
    return check_id(self, p, end, path, 8);
}

static const uint8_t *check_packed_fixed64(checker *self, const uint8_t *p, const uint8_t *end, const char *path)
{
    size_t len = 0;
    const uint8_t *body = enter(self, p, end, path, &len);
    if (body && len % 8 != 0)
        return fail(self, p, "%s is packed numbers of 8 bytes, but %zu bytes long", path, len);
    return body ? body + len : NULL;
}

static const uint8_t *check_packed_varint(checker *self, const uint8_t *p, const uint8_t *end, const char *path)
{
    size_t len = 0;
    const uint8_t *body = enter(self, p, end, path, &len);
    if (!body)
        return NULL;
    const uint8_t *body_end = body + len;
    while (body && body < body_end)
        body = check_varint(self, body, body_end, path);
    return body;
}

/* ---- Unknown fields -------------------------------------------------------------------------------------------- */

/* A tag of more than one byte, and the checks every tag must pass. */
static const uint8_t *check_tag_long(checker *self, const uint8_t *p, const uint8_t *end, uint32_t *ret_tag)
{
    uint64_t tag = 0;
    const uint8_t *after = check_varint_long(self, p, end, "a field's tag", WEIR_TAG_BYTES_MAX, &tag);
    if (!after)
        return NULL;
    if (tag > UINT32_MAX)
        return fail(self, p, "a field number is over 536870911");
    *ret_tag = (uint32_t)tag;
    return after;
}

INLINE const uint8_t *check_tag(checker *self, const uint8_t *p, const uint8_t *end, uint32_t *ret_tag)
{
    if (__builtin_expect(*p < 0x80, 1)) {
        *ret_tag = *p;
        return p + 1;
    }
    return check_tag_long(self, p, end, ret_tag);
}

static const uint8_t *skip_value(checker *self, const uint8_t *p, const uint8_t *end, uint32_t tag);

/* Skips to behind the end tag that matches the start tag of group `number`. */
static const uint8_t *skip_group(checker *self, const uint8_t *p, const uint8_t *end, uint32_t number)
{
    const uint8_t *group = p;
    if (++self->nesting > WEIR_OTLP_NESTING_MAX)
        return fail(self, p, "groups nest deeper than %d", WEIR_OTLP_NESTING_MAX);
    while (p < end) {
        uint32_t tag = 0;
        const uint8_t *field = p;
        p = check_tag(self, p, end, &tag);
        if (!p)
            return NULL;
        if ((tag & 7) == WEIR_WIRE_GROUP_END) {
            if (tag >> 3 != number)
                return fail(self, field, "group %u is ended as group %u", number, tag >> 3);
            self->nesting--;
            return p;
        }
        if (tag >> 3 == 0)
            return fail(self, field, "a field has the number 0");
        p = skip_value(self, p, end, tag);
        if (!p)
            return NULL;
    }
    return fail(self, group, "group %u has no end", number);
}

static const uint8_t *skip_value(checker *self, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    switch (tag & 7) {
    case WEIR_WIRE_VARINT:
        return check_varint(self, p, end, "an unknown field");
    case WEIR_WIRE_FIXED64:
        return check_fixed64(self, p, end, "an unknown field");
    case WEIR_WIRE_LEN:
        return check_bytes(self, p, end, "an unknown field");
    case WEIR_WIRE_GROUP_START:
        return skip_group(self, p, end, tag >> 3);
    case WEIR_WIRE_FIXED32:
        return check_fixed32(self, p, end, "an unknown field");
    case WEIR_WIRE_GROUP_END:
        return fail(self, p - 1, "group %u ends without a start", tag >> 3);
    default:
        return fail(self, p - 1, "field %u has the unknown wire type %u", tag >> 3, tag & 7);
    }
}

/* A field that is not in the schema, or is there with another wire type. `field` is where its tag starts. */
COLD static const uint8_t *check_other(checker *self, const uint8_t *field, const uint8_t *p, const uint8_t *end,
                                       uint32_t tag, path_of path_of_number)
{
    if (tag >> 3 == 0)
        return fail(self, field, "a field has the number 0");
    const char *path = path_of_number(tag >> 3);
    if (path)
        return fail(self, field, "%s has the wrong wire type %u", path, tag & 7);
    return skip_value(self, p, end, tag);
}

/* ---- The messages, one function each from schema.h --------------------------------------------------------------- */

/* The wire type of each kind of field. */
#define WIRE_varint WEIR_WIRE_VARINT
#define WIRE_fixed64 WEIR_WIRE_FIXED64
#define WIRE_fixed32 WEIR_WIRE_FIXED32
#define WIRE_bytes WEIR_WIRE_LEN
#define WIRE_trace_id WEIR_WIRE_LEN
#define WIRE_span_id WEIR_WIRE_LEN

#define PATH_CASE(number, kind, path) \
    case number:                      \
        return path;

#define FIELD_CASE(number, kind, path)        \
    case (number) << 3 | WIRE_##kind:         \
        p = check_##kind(self, p, end, path); \
        break;

#define PACKED_CASE(number, kind, path)              \
    case (number) << 3 | WEIR_WIRE_LEN:              \
        p = check_packed_##kind(self, p, end, path); \
        break;                                       \
    case (number) << 3 | WIRE_##kind:                \
        p = check_##kind(self, p, end, path);        \
        break;

#define MESSAGE_CASE(number, message, path)        \
    case (number) << 3 | WEIR_WIRE_LEN:            \
        p = enter(self, p, end, path, &len);       \
        if (p)                                     \
            p = check_##message(self, p, p + len); \
        break;

#define NESTED_CASE(number, message, path)                                                    \
    case (number) << 3 | WEIR_WIRE_LEN:                                                       \
        if (++self->nesting > WEIR_OTLP_NESTING_MAX)                                          \
            return fail(self, field, "%s nests deeper than %d", path, WEIR_OTLP_NESTING_MAX); \
        p = enter(self, p, end, path, &len);                                                  \
        if (p)                                                                                \
            p = check_##message(self, p, p + len);                                            \
        self->nesting--;                                                                      \
        break;

#define ITEM_CASE(number, message, path)           \
    case (number) << 3 | WEIR_WIRE_LEN:            \
        self->items++;                             \
        p = enter(self, p, end, path, &len);       \
        if (p)                                     \
            p = check_##message(self, p, p + len); \
        break;

#define CHOICE_CASE(number, message, path)         \
    case (number) << 3 | WEIR_WIRE_LEN:            \
        if (chosen != tag)                         \
            self->items = items_before;            \
        chosen = tag;                              \
        p = enter(self, p, end, path, &len);       \
        if (p)                                     \
            p = check_##message(self, p, p + len); \
        break;

#define DECLARE_MESSAGE(message, FIELDS) \
    static const uint8_t *check_##message(checker *self, const uint8_t *p, const uint8_t *end);

#define DEFINE_MESSAGE(message, FIELDS)                                                            \
    static const char *path_of_##message(uint32_t number)                                          \
    {                                                                                              \
        switch (number) {                                                                          \
            FIELDS(PATH_CASE, PATH_CASE, PATH_CASE, PATH_CASE, PATH_CASE, PATH_CASE)               \
        default:                                                                                   \
            return NULL;                                                                           \
        }                                                                                          \
    }                                                                                              \
    static const uint8_t *check_##message(checker *self, const uint8_t *p, const uint8_t *end)     \
    {                                                                                              \
        __attribute__((unused)) size_t len = 0;                                                    \
        __attribute__((unused)) uint32_t chosen = 0;                                               \
        __attribute__((unused)) const uint64_t items_before = self->items;                         \
        while (p < end) {                                                                          \
            const uint8_t *field = p;                                                              \
            uint32_t tag = 0;                                                                      \
            p = check_tag(self, p, end, &tag);                                                     \
            if (__builtin_expect(!p, 0))                                                           \
                return NULL;                                                                       \
            switch (tag) {                                                                         \
                FIELDS(FIELD_CASE, MESSAGE_CASE, NESTED_CASE, ITEM_CASE, CHOICE_CASE, PACKED_CASE) \
            default:                                                                               \
                p = check_other(self, field, p, end, tag, path_of_##message);                      \
                break;                                                                             \
            }                                                                                      \
            if (__builtin_expect(!p, 0))                                                           \
                return NULL;                                                                       \
        }                                                                                          \
        return p;                                                                                  \
    }

OTLP_MESSAGES(DECLARE_MESSAGE)

/* The form in which SDKs write nearly every attribute: a key, then one scalar that fills the rest, all lengths of one
 * byte. Knowing it by its outline costs half of what walking through its five tags and lengths does. */
INLINE bool is_plain_attribute(const uint8_t *p, const uint8_t *end)
{
    enum { KEY = 0x0a, VALUE = 0x12, STRING = 0x0a, BOOL = 0x10, INT = 0x18, DOUBLE = 0x21 };
    size_t len = (size_t)(end - p);
    if (len < 6 || p[0] != KEY || p[1] >= 0x80 || (size_t)p[1] + 6 > len)
        return false;
    const uint8_t *value = p + 2 + p[1];
    size_t value_len = (size_t)(end - value) - 2;
    if (value[0] != VALUE || value[1] != value_len || value_len >= 0x80)
        return false;
    switch (value[2]) {
    case STRING:
        return value[3] == value_len - 2;
    case BOOL:
    case INT:
        return value_len == 2 && value[3] < 0x80;
    case DOUBLE:
        return value_len == 9;
    default:
        return false;
    }
}

INLINE const uint8_t *check_attribute(checker *self, const uint8_t *p, const uint8_t *end)
{
    return is_plain_attribute(p, end) ? end : check_key_value(self, p, end);
}

OTLP_MESSAGES(DEFINE_MESSAGE)

weir_status weir_otlp_validate(weir_otlp_kind kind, const uint8_t *data, size_t len, uint64_t *ret_items,
                               weir_error *ret_error)
{
    static const uint8_t nothing = 0;
    if (len == 0)
        data = &nothing;
    checker self = {.start = data, .error = ret_error};
    const uint8_t *end = NULL;
    switch (kind) {
    case WEIR_OTLP_TRACES:
        end = check_trace_request(&self, data, data + len);
        break;
    case WEIR_OTLP_METRICS:
        end = check_metrics_request(&self, data, data + len);
        break;
    case WEIR_OTLP_LOGS:
        end = check_logs_request(&self, data, data + len);
        break;
    }
    if (!end)
        return WEIR_INVALID;
    WEIR_ASSERT(end == data + len);
    *ret_items = self.items;
    return WEIR_OK;
}
