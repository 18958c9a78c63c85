/* SPDX-License-Identifier: Apache-2.0
 *
 * weir's own log, one line per event on standard error, as text (`2026-01-31T12:00:00.000Z  warn  otlp/jaeger 
 * message key=value`) or as JSON. Only components and the pipeline log, at the edge; core and protocol code returns
 * its errors. Nothing is logged per item. Each call site is rate-limited on its own: after a burst the rest is
 * counted and the count is told later. Any thread.
 */
#ifndef WEIR_TELEMETRY_LOG_H
#define WEIR_TELEMETRY_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum weir_log_level { WEIR_LOG_DEBUG, WEIR_LOG_INFO, WEIR_LOG_WARN, WEIR_LOG_ERROR } weir_log_level;

/* The state of one call site's rate limit. */
typedef struct weir_log_site {
    _Atomic uint64_t window_start_ms;
    _Atomic uint32_t in_window;
    _Atomic uint32_t suppressed;
} weir_log_site;

void weir_log_configure(weir_log_level level, bool json);
bool weir_log_enabled(weir_log_level level);

/* `component` is an id such as "otlp/jaeger", or NULL for weir itself. The message is a sentence without a final
 * period, followed by key=value pairs. Use the macro. */
void weir_log_at(weir_log_site *site, weir_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define weir_log(level, component, ...)                             \
    do {                                                            \
        static weir_log_site site_;                                 \
        if (weir_log_enabled(level))                                \
            weir_log_at(&site_, (level), (component), __VA_ARGS__); \
    } while (0)

#endif
