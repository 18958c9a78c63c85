/* SPDX-License-Identifier: Apache-2.0
 *
 * The OTLP messages as JSON sees them: a table per message. Inside the room only (and for a test that compares every
 * row with the .proto files).
 */
#ifndef WEIR_OTLP_JSON_SCHEMA_H
#define WEIR_OTLP_JSON_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "otlp/validate.h"

/* How a field's value is written. A quoted number is a string. */
typedef enum weir_otlp_json_form {
    WEIR_JSON_UNKNOWN = 0, /* no such field: not written */
    WEIR_JSON_STRING,
    WEIR_JSON_BASE64,
    WEIR_JSON_TRACE_ID, /* in hex; left out if all its bytes are zero */
    WEIR_JSON_SPAN_ID,
    WEIR_JSON_BOOL, /* varint … */
    WEIR_JSON_INT32,
    WEIR_JSON_ENUM, /* written as an int32 */
    WEIR_JSON_UINT32,
    WEIR_JSON_ZIGZAG32,
    WEIR_JSON_QUOTED_INT64,
    WEIR_JSON_QUOTED_UINT64,
    WEIR_JSON_FIXED32,        /* four bytes: a plain number */
    WEIR_JSON_QUOTED_FIXED64, /* eight bytes … */
    WEIR_JSON_QUOTED_SFIXED64,
    WEIR_JSON_DOUBLE,
    WEIR_JSON_MESSAGE,
} weir_otlp_json_form;

typedef enum weir_otlp_json_presence {
    WEIR_JSON_SINGLE,   /* left out if it has the default value */
    WEIR_JSON_OPTIONAL, /* written whenever it was sent */
    WEIR_JSON_ONE_OF,   /* likewise; only one of those of its message */
    WEIR_JSON_REPEATED,
    WEIR_JSON_ALWAYS, /* a message that is written as {} if it was not sent */
} weir_otlp_json_presence;

enum { WEIR_JSON_KEY_SIZE = 32 };

/* The names of an enum; their values are 0, 1, … */
typedef struct weir_otlp_json_names {
    unsigned count;
    const char *names[25];
} weir_otlp_json_names;

typedef struct weir_otlp_json_field {
    char key[WEIR_JSON_KEY_SIZE]; /* with quotes and colon, "\"traceId\":"; copied as a whole, which is quick */
    uint8_t key_len;
    uint8_t form;     /* weir_otlp_json_form */
    uint8_t presence; /* weir_otlp_json_presence */
    union {
        const struct weir_otlp_json_message *message; /* of WEIR_JSON_MESSAGE */
        const weir_otlp_json_names *names;            /* of WEIR_JSON_ENUM */
    };
} weir_otlp_json_field;

enum {
    WEIR_JSON_FIELDS_MAX = 16, /* the highest field number of all messages */
    WEIR_JSON_MESSAGES = 34,
};

typedef struct weir_otlp_json_message {
    const char *name;  /* of the protobuf message */
    uint8_t index;     /* below WEIR_JSON_MESSAGES, another one for each message */
    bool is_item;      /* counted: a span, log record or data point */
    bool nests;        /* may contain itself: counted against WEIR_OTLP_NESTING_MAX */
    bool is_attribute; /* KeyValue, the most frequent of all: read by a short cut */
    weir_otlp_json_field fields[WEIR_JSON_FIELDS_MAX + 1];
    uint32_t always; /* bit N: field N is WEIR_JSON_ALWAYS */
} weir_otlp_json_message;

/* The message of a whole request. */
const weir_otlp_json_message *weir_otlp__json_request(weir_otlp_kind kind);

#endif
