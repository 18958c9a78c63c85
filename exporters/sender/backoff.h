/* SPDX-License-Identifier: Apache-2.0
 *
 * How long to leave a failing backend alone: exponential, with jitter, never shorter than the backend asks for. One
 * backoff serves a whole sender. Requests that were already under way when it began do not make it grow: each carries
 * the round it was sent in. No clock of its own: the caller says what time it is.
 */
#ifndef WEIR_EXPORTERS_SENDER_BACKOFF_H
#define WEIR_EXPORTERS_SENDER_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_sender_retry_config weir_sender_retry_config;

typedef struct weir_backoff {
    const weir_sender_retry_config *config;
    bool is_failing;    /* the last answer of this round was a failure */
    double interval_ms; /* before jitter */
    uint64_t until_ns;  /* nothing is sent before; meaningful while failing */
    uint32_t round;     /* grows with every failure that counts */
    uint64_t random;
} weir_backoff;

void weir_backoff_init(weir_backoff *backoff, const weir_sender_retry_config *config, uint64_t seed);

/* A request of `round` failed; the backend asked for `retry_after_ms` (0: it did not), of which ten minutes are believed.
 * Returns the milliseconds left
 * until the next attempt. */
uint64_t weir_backoff_failed(weir_backoff *backoff, uint64_t now_ns, uint32_t round, uint64_t retry_after_ms);

/* For a request that waits by itself while others go on: `interval_ms` is its own, 0 before its first failure. Returns
 * when it is due. */
uint64_t weir_backoff_alone(weir_backoff *backoff, uint64_t now_ns, double *interval_ms, uint64_t retry_after_ms);

/* The backend answered. */
void weir_backoff_succeeded(weir_backoff *backoff);

/* Milliseconds left, rounded up; 0: send. */
uint64_t weir_backoff_left_ms(const weir_backoff *backoff, uint64_t now_ns);

#endif
