/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/log.h"

#include <syslog.h>
#include <time.h>

#include "kafka/client_conf.h"
#include "telemetry/log.h"

enum { QUIET_MS = 10 * 1000 };

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void weir_kafka_log_init(weir_kafka_log *log, const char *id)
{
    log->id = id;
    atomic_init(&log->next_ms, 0);
    atomic_init(&log->left_out, 0);
}

/* What the library calls an error (a lost connection) is nothing that ends it; what it calls information (a connection
 * that was closed because nobody used it) concerns nobody. */
static weir_log_level level_of(int level)
{
    if (level <= LOG_CRIT)
        return WEIR_LOG_ERROR;
    if (level <= LOG_WARNING)
        return WEIR_LOG_WARN;
    return level == LOG_NOTICE ? WEIR_LOG_INFO : WEIR_LOG_DEBUG;
}

/* Several threads may come at once: one of them gets to write. */
static bool is_due(weir_kafka_log *log)
{
    uint64_t now = monotonic_ms();
    uint64_t next = atomic_load(&log->next_ms);
    if (now >= next && atomic_compare_exchange_strong(&log->next_ms, &next, now + QUIET_MS))
        return true;
    atomic_fetch_add(&log->left_out, 1);
    return false;
}

void weir_kafka_log_write(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    weir_kafka_client *client = rk ? rd_kafka_opaque(rk) : NULL;
    const char *id = client ? client->log.id : "kafka";
    /* Each client has its own measure: the call site's would be shared by all of them. */
    weir_log_site unlimited = {0};
    weir_log_level own_level = level_of(level);
    if (!weir_log_enabled(own_level))
        return;
    bool is_limited = client && own_level > WEIR_LOG_DEBUG;
    if (is_limited && !is_due(&client->log))
        return;
    uint32_t left_out = is_limited ? atomic_exchange(&client->log.left_out, 0) : 0;
    if (left_out > 0)
        weir_log_at(&unlimited, own_level, id, "librdkafka: %s facility=%s left_out=%u", line, facility, left_out);
    else
        weir_log_at(&unlimited, own_level, id, "librdkafka: %s facility=%s", line, facility);
}
