/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/kafka/config.h"

#include <regex.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static const char *const initial_offset_names[] = {"earliest", "latest", NULL};

static const char *const default_topics[WEIR_SIGNALS] = {
    [WEIR_TRACES] = "otlp_spans",
    [WEIR_METRICS] = "otlp_metrics",
    [WEIR_LOGS] = "otlp_logs",
};

#define TOPICS_OPTIONS(default_topic)                                                                          \
    {                                                                                                          \
        {.name = "topics",                                                                                     \
         .type = WEIR_OPTION_STRINGS,                                                                          \
         .offset = offsetof(kafka_topics_config, topics),                                                      \
         .default_text = default_topic,                                                                        \
         .summary = "The topics to read; a name that begins with ^ is a regular expression for topics."},      \
            {.name = "topic",                                                                                  \
             .type = WEIR_OPTION_STRING,                                                                       \
             .standing = WEIR_DEPRECATED,                                                                      \
             .offset = offsetof(kafka_topics_config, topic),                                                   \
             .remark = "write topics",                                                                         \
             .summary = "One topic to read instead of topics."},                                               \
            {.name = "encoding",                                                                               \
             .type = WEIR_OPTION_ENUM,                                                                         \
             .offset = offsetof(kafka_topics_config, encoding),                                                \
             .default_text = "otlp_proto",                                                                     \
             .enum_names = weir_kafka_encoding_names,                                                          \
             .summary = "What a message holds: an OTLP request as protobuf or as JSON."},                      \
            {.name = "exclude_topics",                                                                         \
             .type = WEIR_OPTION_STRINGS,                                                                      \
             .offset = offsetof(kafka_topics_config, exclude_topics),                                          \
             .summary = "Regular expressions for topics that are left out although one in topics fits them."}, \
            {.name = "exclude_topic",                                                                          \
             .type = WEIR_OPTION_STRING,                                                                       \
             .standing = WEIR_DEPRECATED,                                                                      \
             .offset = offsetof(kafka_topics_config, exclude_topic),                                           \
             .remark = "write exclude_topics",                                                                 \
             .summary = "One expression instead of exclude_topics."},                                          \
        {                                                                                                      \
            0                                                                                                  \
        }                                                                                                      \
    }

static const weir_option traces_options[] = TOPICS_OPTIONS("otlp_spans");
static const weir_option metrics_options[] = TOPICS_OPTIONS("otlp_metrics");
static const weir_option logs_options[] = TOPICS_OPTIONS("otlp_logs");

static const weir_option autocommit_options[] = {
    {.name = "interval",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(kafka_autocommit_config, interval_ms),
     .default_text = "1s",
     .min = 10,
     .max = 3600e3,
     .summary = "How often offsets of what exporters have acknowledged are committed."},
    {.name = "enable",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "weir commits what is acknowledged, and nothing else, every interval",
     .summary = "Whether offsets are committed in the background."},
    {0}};

#define MARKING_REMARK "an offset moves once every exporter has the message, or the dead-letter topic has"

static const weir_option marking_options[] = {{.name = "after",
                                               .type = WEIR_OPTION_BOOL,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = MARKING_REMARK,
                                               .summary = "Whether messages are marked after the pipeline."},
                                              {.name = "on_error",
                                               .type = WEIR_OPTION_BOOL,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = MARKING_REMARK,
                                               .summary = "Whether messages are marked that could not be delivered."},
                                              {.name = "on_permanent_error",
                                               .type = WEIR_OPTION_BOOL,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = MARKING_REMARK,
                                               .summary = "Whether messages are marked that were refused for good."},
                                              {0}};

#define BACKOFF_REMARK "what cannot be delivered now is kept and offered again until it is, from 100ms to 5s apart"

static const weir_option backoff_options[] = {{.name = "enabled",
                                               .type = WEIR_OPTION_BOOL,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = BACKOFF_REMARK,
                                               .summary = "Whether messages are offered again."},
                                              {.name = "initial_interval",
                                               .type = WEIR_OPTION_DURATION,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = BACKOFF_REMARK,
                                               .summary = "The first wait."},
                                              {.name = "max_interval",
                                               .type = WEIR_OPTION_DURATION,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = BACKOFF_REMARK,
                                               .summary = "The longest wait."},
                                              {.name = "max_elapsed_time",
                                               .type = WEIR_OPTION_DURATION,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = BACKOFF_REMARK,
                                               .summary = "When to give up."},
                                              {.name = "multiplier",
                                               .type = WEIR_OPTION_DOUBLE,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = BACKOFF_REMARK,
                                               .summary = "How waits grow."},
                                              {.name = "randomization_factor",
                                               .type = WEIR_OPTION_DOUBLE,
                                               .standing = WEIR_SUBSUMED,
                                               .remark = BACKOFF_REMARK,
                                               .summary = "How much chance there is in a wait."},
                                              {0}};

static const weir_option extraction_options[] = {
    {.name = "extract_headers",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(kafka_extraction_config, extract_headers),
     .default_text = "false",
     .summary = "Makes resource attributes of the headers named in headers: kafka.header.NAME."},
    {.name = "headers",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(kafka_extraction_config, headers),
     .summary = "The headers' names, exactly."},
    {0}};

static const weir_option records_delay_options[] = {
    {.name = "enabled",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(kafka_metric_config, enabled),
     .default_text = "false",
     .summary = "Whether otelcol_kafka_receiver_records_delay is measured."},
    {0}};
static const weir_option telemetry_metrics_options[] = {
    {.name = "kafka_receiver_records_delay",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_metrics_config, records_delay),
     .group = records_delay_options,
     .group_size = sizeof(kafka_metric_config),
     .summary = "The time from a message's timestamp to its arrival here."},
    {0}};
static const weir_option telemetry_options[] = {{.name = "metrics",
                                                 .type = WEIR_OPTION_GROUP,
                                                 .offset = offsetof(kafka_telemetry_config, metrics),
                                                 .group = telemetry_metrics_options,
                                                 .group_size = sizeof(kafka_metrics_config),
                                                 .summary = "Metrics of this receiver that are off unless asked for."},
                                                {0}};

const weir_option weir__kafka_options[] = {
    WEIR_KAFKA_CLIENT_OPTIONS(kafka_config, client),
    {.name = "group_id",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(kafka_config, group_id),
     .default_text = "otel-collector",
     .summary = "The consumer group: its members share the partitions among them."},
    {.name = "group_instance_id",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(kafka_config, group_instance_id),
     .summary = "A name of this member's own that keeps its partitions over a restart; with several workers each adds "
                "its number."},
    {.name = "initial_offset",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(kafka_config, initial_offset),
     .default_text = "earliest",
     .enum_names = initial_offset_names,
     .otel_default = "latest",
     .remark =
         "what is in Kafka has been acknowledged to its sender: a group that starts at the end would never read it",
     .summary = "Where a group begins that has not read a topic before; partitions that are added later are read from "
                "their beginning in any case."},
    {.name = "session_timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(kafka_config, session_timeout_ms),
     .default_text = "10s",
     .min = 1,
     .max = 3600e3,
     .summary = "A member that was silent for so long loses its partitions to the others."},
    {.name = "heartbeat_interval",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(kafka_config, heartbeat_interval_ms),
     .default_text = "3s",
     .min = 1,
     .max = 3600e3,
     .summary = "How often a member says that it is there; also how soon it hears that others came or went."},
    {.name = "group_rebalance_strategies",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(kafka_config, strategies),
     .otel_default = "cooperative-sticky",
     .remark = "when one topic is read it is that too; of several topics `range` gives a member the same partitions of "
               "each, so that a trace and its logs meet",
     .summary = "How partitions are shared: range, roundrobin or cooperative-sticky. The brokers take the first that "
                "all members know."},
    {.name = "group_rebalance_strategy",
     .type = WEIR_OPTION_STRING,
     .standing = WEIR_DEPRECATED,
     .offset = offsetof(kafka_config, strategy),
     .remark = "write group_rebalance_strategies",
     .summary = "One strategy."},
    {.name = "min_fetch_size",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(kafka_config, min_fetch_size),
     .default_text = "1",
     .min = 1,
     .max = 100e6,
     .summary = "A broker answers once it has so many bytes of messages, or after max_fetch_wait."},
    {.name = "max_fetch_size",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(kafka_config, max_fetch_size),
     .default_text = "262144",
     .otel_default = "1048576",
     .remark = "answers are held decompressed: small ones keep memory flat, and cost no speed",
     .min = 1024,
     .max = 100e6,
     .summary = "A broker answers with at most so many bytes of messages, unless the first alone is larger."},
    {.name = "max_fetch_wait",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(kafka_config, max_fetch_wait_ms),
     .default_text = "250ms",
     .min = 0,
     .max = 300e3,
     .summary = "A broker answers after so long with what it has."},
    {.name = "max_partition_fetch_size",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(kafka_config, max_partition_fetch_size),
     .default_text = "1048576",
     .min = 1024,
     .max = 100e6,
     .summary = "The same for each partition in an answer."},
    {.name = "autocommit",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_config, autocommit),
     .group = autocommit_options,
     .group_size = sizeof(kafka_autocommit_config),
     .summary = "How offsets are committed."},
    {.name = "traces",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_config, topics[WEIR_TRACES]),
     .group = traces_options,
     .group_size = sizeof(kafka_topics_config),
     .summary = "Where traces are read from, if a traces pipeline has this receiver."},
    {.name = "metrics",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_config, topics[WEIR_METRICS]),
     .group = metrics_options,
     .group_size = sizeof(kafka_topics_config),
     .summary = "Where metrics are read from, if a metrics pipeline has this receiver."},
    {.name = "logs",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_config, topics[WEIR_LOGS]),
     .group = logs_options,
     .group_size = sizeof(kafka_topics_config),
     .summary = "Where logs are read from, if a logs pipeline has this receiver."},
    {.name = "profiles",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = "weir carries traces, metrics and logs; remove the key",
     .summary = "Where profiles are read from."},
    {.name = "header_extraction",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_config, header_extraction),
     .group = extraction_options,
     .group_size = sizeof(kafka_extraction_config),
     .summary = "Message headers as resource attributes. As metadata, headers are there in any case."},
    {.name = "dead_letter_topic",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(kafka_config, dead_letter_topic),
     .default_text = "otlp_dead_letters",
     .summary = "Where messages go that hold no OTLP, or that a backend refused for good: as they are, with headers "
                "that say where they lay and why."},
    {.name = "message_marking",
     .type = WEIR_OPTION_GROUP,
     .standing = WEIR_SUBSUMED,
     .group = marking_options,
     .remark = MARKING_REMARK,
     .summary = "When a message counts as read."},
    {.name = "error_backoff",
     .type = WEIR_OPTION_GROUP,
     .standing = WEIR_SUBSUMED,
     .group = backoff_options,
     .remark = BACKOFF_REMARK,
     .summary = "What happens to messages that cannot be delivered now."},
    {.name = "telemetry",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_config, telemetry),
     .group = telemetry_options,
     .group_size = sizeof(kafka_telemetry_config),
     .summary = "What is measured."},
    {0}};

/* ---- what is in force ---- */

const char *weir__kafka_topic(const kafka_config *config, weir_signal signal, size_t index)
{
    const kafka_topics_config *topics = &config->topics[signal];
    if (topics->topic && *topics->topic)
        return index == 0 ? topics->topic : NULL;
    if (topics->topics.count == 0)
        return index == 0 ? default_topics[signal] : NULL;
    return index < topics->topics.count ? topics->topics.items[index] : NULL;
}

const char *weir__kafka_topic_left_out(const kafka_config *config, weir_signal signal, size_t index)
{
    const kafka_topics_config *topics = &config->topics[signal];
    if (topics->exclude_topic && *topics->exclude_topic)
        return index == 0 ? topics->exclude_topic : NULL;
    return index < topics->exclude_topics.count ? topics->exclude_topics.items[index] : NULL;
}

/* Expressions have been checked to compile. */
static bool matches(const char *expression, const char *topic)
{
    regex_t compiled;
    if (regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool does = regexec(&compiled, topic, 0, NULL, 0) == 0;
    regfree(&compiled);
    return does;
}

bool weir__kafka_topic_is_of(const kafka_config *config, weir_signal signal, const char *topic)
{
    const char *name;
    for (size_t i = 0; (name = weir__kafka_topic_left_out(config, signal, i)); i++)
        if (matches(name, topic))
            return false;
    for (size_t i = 0; (name = weir__kafka_topic(config, signal, i)); i++)
        if (name[0] == '^' ? matches(name, topic) : strcmp(name, topic) == 0)
            return true;
    return false;
}

char *weir__kafka_strategies(const kafka_config *config, bool are_several_topics)
{
    if (config->strategy && *config->strategy)
        return weir_strdup(config->strategy);
    if (config->strategies.count == 0)
        return weir_strdup(are_several_topics ? "range" : "cooperative-sticky");
    char *all = weir_strdup(config->strategies.items[0]);
    for (size_t i = 1; i < config->strategies.count; i++) {
        WEIR_FREE char *before = all;
        all = weir_format("%s,%s", before, config->strategies.items[i]);
    }
    return all;
}

/* ---- checks ---- */

static const weir_node *place(const weir_node *node, const char *path)
{
    const weir_node *found = weir_node_find(node, path);
    return found ? found : node;
}

static void check_expression(const char *expression, const weir_node *at, weir_diagnostics *diagnostics)
{
    regex_t compiled;
    int failed = regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB);
    if (failed) {
        char reason[120];
        regerror(failed, &compiled, reason, sizeof reason);
        weir_diagnostics_error(diagnostics, at, "'%s' is no regular expression (POSIX, extended): %s", expression,
                               reason);
        return;
    }
    regfree(&compiled);
}

static void check_topics(const kafka_config *config, weir_signal signal, const weir_node *node,
                         weir_diagnostics *diagnostics)
{
    WEIR_FREE char *path = weir_format("%s", weir_signal_name(signal));
    const weir_node *at = place(node, path);
    bool is_any_expression = false;
    const char *name;
    for (size_t i = 0; (name = weir__kafka_topic(config, signal, i)); i++) {
        if (!*name)
            weir_diagnostics_error(diagnostics, at, "a topic has no name");
        if (name[0] != '^')
            continue;
        is_any_expression = true;
        check_expression(name, at, diagnostics);
    }
    for (size_t i = 0; (name = weir__kafka_topic_left_out(config, signal, i)); i++) {
        if (!is_any_expression)
            weir_diagnostics_error(diagnostics, at,
                                   "exclude_topics needs a regular expression in topics: one that begins with ^");
        if (!*name || strchr(name, ','))
            weir_diagnostics_error(diagnostics, at, "'%s' in exclude_topics: write an expression without commas", name);
        check_expression(name, at, diagnostics);
    }
}

/* A message is of one signal, which its topic tells. */
static void check_overlap(const kafka_config *config, weir_signal signal, const weir_node *node,
                          weir_diagnostics *diagnostics)
{
    const char *name;
    for (size_t i = 0; (name = weir__kafka_topic(config, signal, i)); i++)
        for (weir_signal other = 0; other < WEIR_SIGNALS; other++)
            if (name[0] != '^' && other != signal && weir__kafka_topic_is_of(config, other, name))
                weir_diagnostics_error(diagnostics, node,
                                       "topic %s is read for %s and for %s: give each signal a topic of its own", name,
                                       weir_signal_name(signal), weir_signal_name(other));
}

static bool is_cooperative(const char *strategy)
{
    return strcmp(strategy, "cooperative-sticky") == 0;
}

static void check_strategy(const char *strategy, const weir_node *at, weir_diagnostics *diagnostics)
{
    if (strcmp(strategy, "sticky") == 0)
        weir_diagnostics_error(diagnostics, at,
                               "'sticky' is not built: write cooperative-sticky, which moves as few "
                               "partitions and does not stop the others");
    else if (strcmp(strategy, "range") != 0 && strcmp(strategy, "roundrobin") != 0 && !is_cooperative(strategy))
        weir_diagnostics_error(diagnostics, at,
                               "'%s' is not built: write range, roundrobin or cooperative-sticky, or remove the key",
                               strategy);
}

static void check_strategies(const kafka_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_node *at = place(node, "group_rebalance_strategies");
    if (config->strategy && *config->strategy) {
        check_strategy(config->strategy, place(node, "group_rebalance_strategy"), diagnostics);
        if (config->strategies.count)
            weir_diagnostics_error(diagnostics, at,
                                   "write group_rebalance_strategies or group_rebalance_strategy, "
                                   "not both");
    }
    for (size_t i = 0; i < config->strategies.count; i++) {
        check_strategy(config->strategies.items[i], at, diagnostics);
        if (is_cooperative(config->strategies.items[i]) != is_cooperative(config->strategies.items[0]))
            weir_diagnostics_error(diagnostics, at,
                                   "cooperative-sticky cannot stand beside others, which stop all members to move "
                                   "partitions: write it alone, or leave it out");
    }
}

static void check_dead_letters(const kafka_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_node *at = place(node, "dead_letter_topic");
    const char *topic = config->dead_letter_topic;
    if (!topic || !*topic) {
        weir_diagnostics_error(diagnostics, at, "a message that cannot be read must go somewhere: name a topic");
        return;
    }
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++)
        if (weir__kafka_topic_is_of(config, signal, topic))
            weir_diagnostics_error(diagnostics, at, "dead letters would be read again as %s: name another topic",
                                   weir_signal_name(signal));
}

void weir__kafka_config_check(const void *config_part, const weir_node *node, weir_diagnostics *diagnostics)
{
    const kafka_config *config = config_part;
    weir_kafka_client_check(&config->client, node, diagnostics);
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++) {
        check_topics(config, signal, node, diagnostics);
        check_overlap(config, signal, node, diagnostics);
    }
    check_strategies(config, node, diagnostics);
    check_dead_letters(config, node, diagnostics);
    if (!config->group_id || !*config->group_id)
        weir_diagnostics_error(diagnostics, place(node, "group_id"), "offsets are kept for a group: name one");
    if (config->min_fetch_size > config->max_fetch_size)
        weir_diagnostics_error(diagnostics, place(node, "min_fetch_size"), "is more than max_fetch_size");
    if (config->heartbeat_interval_ms >= config->session_timeout_ms)
        weir_diagnostics_error(diagnostics, place(node, "heartbeat_interval"),
                               "must be less than session_timeout, best a third of it");
    if (config->header_extraction.extract_headers && config->header_extraction.headers.count == 0)
        weir_diagnostics_warning(diagnostics, place(node, "header_extraction"),
                                 "names no headers: nothing is extracted");
}
