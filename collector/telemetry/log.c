/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/text.h"

/* So many lines a call site may write in one window; what comes on top is counted. */
enum { SITE_BURST = 10, SITE_WINDOW_MS = 10 * 1000, MESSAGE_SIZE = 1024 };

static _Atomic int lowest_level = WEIR_LOG_INFO;
static _Atomic bool as_json;

void weir_log_configure(weir_log_level level, bool json)
{
    atomic_store(&lowest_level, (int)level);
    atomic_store(&as_json, json);
}

bool weir_log_enabled(weir_log_level level)
{
    return (int)level >= atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* True if this line may be written; `*ret_suppressed` is how many were not since the last one that was. */
static bool site_admits(weir_log_site *site, uint32_t *ret_suppressed)
{
    uint64_t now = monotonic_ms();
    uint64_t start = atomic_load(&site->window_start_ms);
    if (now - start >= SITE_WINDOW_MS && atomic_compare_exchange_strong(&site->window_start_ms, &start, now))
        atomic_store(&site->in_window, 0);
    if (atomic_fetch_add(&site->in_window, 1) >= SITE_BURST) {
        atomic_fetch_add(&site->suppressed, 1);
        return false;
    }
    *ret_suppressed = atomic_exchange(&site->suppressed, 0);
    return true;
}

static void append_time(weir_buffer *line)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    weir_buffer_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                       utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static void write_json(weir_buffer *line, weir_log_level level, const char *component, const char *message,
                       uint32_t suppressed)
{
    weir_buffer_append_text(line, "{\"ts\":\"");
    append_time(line);
    weir_buffer_printf(line, "\",\"level\":\"%s\",\"component\":", level_names[level]);
    weir_buffer_append_json_string(line, component);
    weir_buffer_append_text(line, ",\"msg\":");
    weir_buffer_append_json_string(line, message);
    if (suppressed > 0)
        weir_buffer_printf(line, ",\"suppressed\":%u", suppressed);
    weir_buffer_append_text(line, "}\n");
}

static void write_text(weir_buffer *line, weir_log_level level, const char *component, const char *message,
                       uint32_t suppressed)
{
    append_time(line);
    weir_buffer_printf(line, "  %-5s  %s  ", level_names[level], component);
    weir_buffer_append_plain(line, message);
    if (suppressed > 0)
        weir_buffer_printf(line, " suppressed=%u", suppressed);
    weir_buffer_append_byte(line, '\n');
}

void weir_log_at(weir_log_site *site, weir_log_level level, const char *component, const char *format, ...)
{
    uint32_t suppressed = 0;
    if (!site_admits(site, &suppressed))
        return;
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    WEIR_BUFFER line = {0};
    if (!component)
        component = "weir";
    if (atomic_load(&as_json))
        write_json(&line, level, component, message, suppressed);
    else
        write_text(&line, level, component, message, suppressed);
    /* One write per line, so that lines of several threads do not mix. A log that cannot be written is not worth
     * more. */
    if (write(STDERR_FILENO, line.data, line.len) < 0)
        return;
}
