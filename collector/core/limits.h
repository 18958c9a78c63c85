/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds that are not configurable, each with its reason. Configurable ones stand in the option tables.
 */
#ifndef WEIR_CORE_LIMITS_H
#define WEIR_CORE_LIMITS_H

enum {
    WEIR_WORKERS_MAX = 64,

    /* An AnyValue may hold arrays and maps of AnyValues. Real telemetry stays under 10; the limit bounds the stack. */
    WEIR_OTLP_NESTING_MAX = 64,

    /* All header names and values of one request, as HPACK counts them (RFC 9113 §6.5.2
     * SETTINGS_MAX_HEADER_LIST_SIZE). */
    WEIR_HEADER_LIST_BYTES_MAX = 64 * 1024,
    WEIR_HEADERS_MAX = 128,

    /* A compressed body may grow at most this many times. Telemetry reaches 10 to 30; deflate itself ends near 1030. */
    WEIR_INFLATE_RATIO_MAX = 200,
    /* Below this many inflated bytes the ratio is not looked at: tiny repetitive bodies are harmless. */
    WEIR_INFLATE_RATIO_FREE_BYTES = 1024 * 1024,

    /* What one worker reads from a socket at once, into a buffer that all its connections share. */
    WEIR_READ_BUFFER_BYTES = 256 * 1024,
    /* Reads per connection and turn of the loop, so that one busy client cannot starve the rest. */
    WEIR_READS_PER_TURN = 8,

    /* Headers and body must be complete this long after the request's first byte. */
    WEIR_REQUEST_TIMEOUT_MS = 30 * 1000,
    /* A request without a deadline of its own is answered by then. SDKs give up after 10 s by default. */
    WEIR_ANSWER_TIMEOUT_MS = 9 * 1000,
    /* So long before a client's own deadline weir answers, so that the answer still arrives. */
    WEIR_ANSWER_MARGIN_MS = 50,
};

#endif
