/* SPDX-License-Identifier: Apache-2.0
 *
 * librdkafka's log lines in weir's log. A broker that is away makes the library speak every second or so, in several
 * threads: a client writes at most one line of warnings and errors in ten seconds, and says how many it left out.
 * Lines of information are only written at the level debug.
 */
#ifndef WEIR_KAFKA_LOG_H
#define WEIR_KAFKA_LOG_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct weir_kafka_log {
    const char *id;           /* the component's; borrowed */
    _Atomic uint64_t next_ms; /* monotonic: no line before */
    _Atomic uint32_t left_out;
} weir_kafka_log;

void weir_kafka_log_init(weir_kafka_log *log, const char *id);

/* For rd_kafka_conf_set_log_cb. The client's opaque must be a weir_kafka_client. Any thread. */
void weir_kafka_log_write(const rd_kafka_t *rk, int level, const char *facility, const char *line);

#endif
