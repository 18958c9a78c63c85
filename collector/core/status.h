/* SPDX-License-Identifier: Apache-2.0
 *
 * How functions of weir say what went wrong.
 *
 * Inside a room a function returns `weir_status`: 0 or a negative value, never to be ignored. Results are handed back
 * through `ret_…` parameters, which are untouched on failure. Where an error leaves a room (a receiver answering a
 * client, an exporter reporting a push) it is a `weir_error`: it also says who may do what about it. Only
 * receivers and exporters translate a `weir_error` to and from gRPC and HTTP statuses; see net/rpc_status.h.
 */
#ifndef WEIR_CORE_STATUS_H
#define WEIR_CORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum weir_status {
    WEIR_OK = 0,
    WEIR_AGAIN = -1,       /* full, or not ready: come back later */
    WEIR_NO_MEMORY = -2,   /* the allocator or the memory account said no */
    WEIR_INVALID = -3,     /* bytes or settings from outside are wrong */
    WEIR_TOO_LARGE = -4,   /* over a limit that a sender could have known */
    WEIR_UNSUPPORTED = -5, /* well formed, but not something weir does */
    WEIR_NOT_FOUND = -6,
    WEIR_CLOSED = -7, /* the other side is gone */
    WEIR_TIMEOUT = -8,
    WEIR_IO = -9,         /* the operating system said no; errno has the reason */
    WEIR_CANCELLED = -10, /* given up by us or by the one who asked */
    WEIR_DENIED = -11     /* who asks has not proved who it is */
} weir_status;

#define WEIR_MUST_USE __attribute__((warn_unused_result))

/* A short English phrase for `status`, static storage. */
const char *weir_status_text(weir_status status);

/* What the one who hears of an error may do about it. */
typedef enum weir_error_class {
    WEIR_ERROR_NONE,      /* no error */
    WEIR_ERROR_RETRYABLE, /* the same data may succeed later (unavailable, timeout, lost connection) */
    WEIR_ERROR_THROTTLED, /* as above, and the peer asks to wait: see retry_after_ms */
    WEIR_ERROR_ENDPOINT,  /* the fault of the endpoint or its settings, not of the data (401, 403, 404, closed port):
                             retry, hold the data back, and say it loudly */
    WEIR_ERROR_TOO_LARGE, /* the peer takes smaller requests: split and send again */
    WEIR_ERROR_PERMANENT, /* this data will never be accepted */
} weir_error_class;

enum { WEIR_ERROR_TEXT_SIZE = 256 };

/* Owned by the caller, of fixed size, copied by assignment. */
typedef struct weir_error {
    weir_error_class class_;
    weir_status status;
    uint32_t retry_after_ms;         /* 0: the peer named no delay */
    uint64_t rejected_items;         /* of a permanent error or a partial success: how many items were refused */
    uint64_t offset;                 /* of WEIR_INVALID bytes: where, from the start of the message */
    char text[WEIR_ERROR_TEXT_SIZE]; /* one line for a person, NUL-terminated, cut if too long */
} weir_error;

/* Fills `*ret_error`; `format` as printf. Any thread. Returns `status` so that a caller can write `return
 * weir_error_set(…)`. */
weir_status weir_error_set(weir_error *ret_error, weir_error_class class_, weir_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* True if the same data may be sent again later (retryable, throttled, endpoint). */
static inline bool weir_error_is_retryable(const weir_error *error)
{
    return error->class_ == WEIR_ERROR_RETRYABLE || error->class_ == WEIR_ERROR_THROTTLED ||
           error->class_ == WEIR_ERROR_ENDPOINT;
}

#endif
