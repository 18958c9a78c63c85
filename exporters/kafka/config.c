/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/kafka/config.h"

#include <stdio.h>
#include <strings.h>

#include "core/memory.h"

enum {
    /* Kafka counts a message's bytes in 32 bits, and so does librdkafka in its settings. */
    MESSAGE_BYTES_MAX = 1000000000,
    MESSAGE_BYTES_MIN = 1024,
    MESSAGES_PER_REQUEST_MAX = 1000000,
    LINGER_MS_MAX = 60 * 1000,
    /* What may wait inside the library, of all workers: a fraction of the memory, and never less than a few of the
     * largest messages, without which nothing would move. */
    BUFFER_SHARE = 4,
    BUFFER_MESSAGES_MIN = 4,
};

#define NO_ENCODING \
    "is not built: use otlp_proto, which every Collector's kafka receiver reads; a Collector can translate from there"
#define TOPIC_REMEDY "write it below traces, metrics or logs, as the Collector asks since its release 0.124"

static const char *const encoding_names[] = {"otlp_proto",   "otlp_json",   "jaeger_proto", "jaeger_json",
                                             "zipkin_proto", "zipkin_json", "raw",          NULL};
static const char *const acks_names[] = {"all", "-1", "0", "1", NULL};
static const char *const compression_names[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};
static const char *const hasher_names[] = {"sarama_compat", "murmur2", NULL};

/* ---- tables ---- */

#define SIGNAL_OPTIONS(default_topic)                                                                               \
    {                                                                                                               \
        {.name = "topic",                                                                                           \
         .type = WEIR_OPTION_STRING,                                                                                \
         .offset = offsetof(kafka_signal_config, topic),                                                            \
         .default_text = (default_topic),                                                                           \
         .summary = "The topic, unless one of the other keys names another."},                                      \
            {.name = "encoding",                                                                                    \
             .type = WEIR_OPTION_ENUM,                                                                              \
             .offset = offsetof(kafka_signal_config, encoding),                                                     \
             .default_text = "otlp_proto",                                                                          \
             .enum_names = encoding_names,                                                                          \
             .summary = "How messages are encoded: otlp_proto or otlp_json; the others are not built."},            \
            {.name = "topic_from_metadata_key",                                                                     \
             .type = WEIR_OPTION_STRING,                                                                            \
             .offset = offsetof(kafka_signal_config, topic_from_metadata_key),                                      \
             .summary =                                                                                             \
                 "The key of the data's metadata that names the topic; where it is there, it beats the others."},   \
            {.name = "message_key_from_metadata_key",                                                               \
             .type = WEIR_OPTION_STRING,                                                                            \
             .offset = offsetof(kafka_signal_config, message_key_from_metadata_key),                                \
             .summary = "The key of the data's metadata that becomes the key of the messages and decides on their " \
                        "partition."},                                                                              \
        {                                                                                                           \
            0                                                                                                       \
        }                                                                                                           \
    }

static const weir_option traces_options[] = SIGNAL_OPTIONS("otlp_spans");
static const weir_option metrics_options[] = SIGNAL_OPTIONS("otlp_metrics");
static const weir_option logs_options[] = SIGNAL_OPTIONS("otlp_logs");

static const weir_option compression_params_options[] = {
    {.name = "level",
     .type = WEIR_OPTION_INT,
     .offset = offsetof(kafka_compression_params, level),
     .default_text = "-1",
     .min = -1,
     .max = 22,
     .summary = "gzip: 1 (fast) to 9 (small); zstd: 1 to 22; lz4: 1 to 12; -1 for the codec's default."},
    {0}};

static const weir_option producer_options[] = {
    {.name = "max_message_bytes",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(kafka_producer_config, max_message_bytes),
     .default_text = "1000000",
     .min = MESSAGE_BYTES_MIN,
     .max = MESSAGE_BYTES_MAX,
     .summary =
         "The largest message, before compression, with key and headers; what would be larger is sent as several "
         "messages. The topic's max.message.bytes must allow it."},
    {.name = "required_acks",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(kafka_producer_config, required_acks),
     .default_text = "all",
     .enum_names = acks_names,
     .otel_default = "1",
     .remark = "an OK is a promise: with 1 what the leader has acknowledged is lost with it, before a follower has it",
     .summary =
         "Who must have a message before it counts as delivered: all in-sync replicas (all, -1), the leader (1), "
         "or nobody (0)."},
    {.name = "compression",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(kafka_producer_config, compression),
     .default_text = "none",
     .enum_names = compression_names,
     .summary = "How messages are compressed: none, gzip, snappy, lz4 or zstd."},
    {.name = "compression_params",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_producer_config, compression_params),
     .group = compression_params_options,
     .group_size = sizeof(kafka_compression_params),
     .summary = "How hard the compression tries."},
    {.name = "flush_max_messages",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(kafka_producer_config, flush_max_messages),
     .default_text = "10000",
     .min = 1,
     .max = MESSAGES_PER_REQUEST_MAX,
     .unit = "messages",
     .summary = "The most messages of one partition in a request to a broker."},
    {.name = "linger",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(kafka_producer_config, linger_ms),
     .default_text = "0s",
     .max = LINGER_MS_MAX,
     .otel_default = "10ms",
     .remark = "somebody waits for the acknowledgement, and what gathers meanwhile goes into the next push: a batch is "
               "one message for each partition already",
     .summary = "How long a message waits for others of its partition before they are sent together."},
    {.name = "allow_auto_topic_creation",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(kafka_producer_config, allow_auto_topic_creation),
     .default_text = "true",
     .summary = "Whether brokers may create a topic that is not there, if they are set up to."},
    {.name = "max_broker_write_bytes",
     .type = WEIR_OPTION_BYTES,
     .standing = WEIR_SUBSUMED,
     .remark = "requests have as many messages as fit into max_message_bytes, or one",
     .summary = "The most bytes of one request to a broker."},
    {0}};

static const weir_option record_header_options[] = {{.name = "name",
                                                     .type = WEIR_OPTION_STRING,
                                                     .offset = offsetof(kafka_record_header, name),
                                                     .required = true,
                                                     .summary = "The header's name."},
                                                    {.name = "value",
                                                     .type = WEIR_OPTION_SECRET,
                                                     .offset = offsetof(kafka_record_header, value),
                                                     .summary = "Its value."},
                                                    {0}};

static const weir_option sticky_key_options[] = {
    {.name = "hasher",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(kafka_sticky_key, hasher),
     .default_text = "sarama_compat",
     .enum_names = hasher_names,
     .summary = "The hash of keys: sarama_compat, as the Collector's exporter by default, or murmur2, as Kafka's own "
                "client."},
    {0}};

static const weir_option no_options[] = {{0}};

static const weir_option partitioner_options[] = {
    {.name = "sticky_key",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(kafka_partitioner_config, sticky_key),
     .group = sticky_key_options,
     .group_size = sizeof(kafka_sticky_key),
     .summary = "By the hash of the key; the default."},
    {.name = "round_robin",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(kafka_partitioner_config, round_robin),
     .group = no_options,
     .group_size = sizeof(kafka_no_keys),
     .summary = "Each message into the next partition in turn, whatever its key: a push is one message, and traces are "
                "not kept together."},
    {.name = "least_backup",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(kafka_partitioner_config, least_backup),
     .group = no_options,
     .group_size = sizeof(kafka_no_keys),
     .summary = "Likewise; weir takes the partitions in turn here too."},
    {.name = "extension",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = "use sticky_key, or round_robin",
     .summary = "An extension that chooses the partition."},
    {0}};

#define SIGNAL_GROUP(key, signal, table, text)                                                                         \
    {                                                                                                                  \
        .name = (key), .type = WEIR_OPTION_GROUP, .offset = offsetof(kafka_config, signals[signal]), .group = (table), \
        .group_size = sizeof(kafka_signal_config), .summary = (text)                                                   \
    }
#define FLAG(key, member, default_value, ...)                                              \
    {                                                                                      \
        .name = (key), .type = WEIR_OPTION_BOOL, .offset = offsetof(kafka_config, member), \
        .default_text = (default_value), __VA_ARGS__                                       \
    }

const weir_option kafka_options[] = {
    WEIR_KAFKA_CLIENT_OPTIONS(kafka_config, client),
    SIGNAL_GROUP("traces", WEIR_TRACES, traces_options, "Where and how traces are written."),
    SIGNAL_GROUP("metrics", WEIR_METRICS, metrics_options, "Where and how metrics are written."),
    SIGNAL_GROUP("logs", WEIR_LOGS, logs_options, "Where and how logs are written."),
    {.name = "profiles",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = "weir has no pipelines for profiles, so nothing would be written there",
     .summary = "Where and how profiles are written."},
    {.name = "topic",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = TOPIC_REMEDY,
     .summary = "The topic, in old files."},
    {.name = "encoding",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = TOPIC_REMEDY,
     .summary = "The encoding, in old files."},
    {.name = "topic_from_attribute",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(kafka_config, topic_from_attribute),
     .summary = "The attribute of resources whose text names the topic; what has none goes to `topic`."},
    {.name = "include_metadata_keys",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(kafka_config, include_metadata_keys),
     .summary = "The keys of the data's metadata that become headers of its messages, each value one."},
    {.name = "record_headers",
     .type = WEIR_OPTION_LIST,
     .offset = offsetof(kafka_config, record_headers),
     .group = record_header_options,
     .group_size = sizeof(kafka_record_header),
     .summary = "Headers of every message."},
    FLAG("partition_traces_by_id", partition_traces_by_id, "true", .otel_default = "false",
         .remark = "a trace whose spans lie in several partitions is seen whole by no gateway: tail sampling needs it",
         .summary = "Whether all spans of a trace go into one partition, the one that the Collector's exporter picks "
                    "with this key; false spreads pushes instead."),
    FLAG("partition_logs_by_trace_id", partition_logs_by_trace_id, "true", .otel_default = "false",
         .remark = "the logs of a trace then go to the same partition number as its spans",
         .summary = "Whether log records with a trace id go into the partition of that id; those without one go with "
                    "others of their push, into partitions in turn."),
    FLAG("partition_logs_by_resource_attributes", partition_logs_by_resource_attributes, "false",
         .summary =
             "Whether log records go into partitions by the attributes of their resource, as the Collector's do; "
             "beats partition_logs_by_trace_id where that is not written."),
    FLAG("partition_metrics_by_resource_attributes", partition_metrics_by_resource_attributes, "false",
         .summary = "Whether metrics go into partitions by the attributes of their resource, as the Collector's do; "
                    "false spreads pushes."),
    {.name = "record_partitioner",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_config, partitioner),
     .group = partitioner_options,
     .group_size = sizeof(kafka_partitioner_config),
     .summary = "How messages are shared out among partitions; one of these."},
    {.name = "producer",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(kafka_config, producer),
     .group = producer_options,
     .group_size = sizeof(kafka_producer_config),
     .summary = "How messages are made and sent."},
    {.name = "timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(kafka_config, sender.timeout_ms),
     .default_text = "5s",
     .min = 1,
     .max = 900e3,
     .summary = "How long a broker may take to acknowledge a request, and how long a push waits to learn of its topic; "
                "an unanswered request is sent again."},
    WEIR_SENDER_QUEUE_OPTION(kafka_config, sender),
    WEIR_SENDER_RETRY_OPTION(kafka_config, sender),
    {0}};

/* ---- what follows from them ---- */

static bool is_in_turn(const kafka_config *config)
{
    return config->partitioner.round_robin || config->partitioner.least_backup;
}

kafka_rule kafka_rule_of(const kafka_config *config, weir_signal signal)
{
    kafka_rule without_key = is_in_turn(config) ? KAFKA_IN_TURN : KAFKA_SPREAD;
    if (!kafka_is_empty(config->signals[signal].message_key_from_metadata_key))
        return KAFKA_BY_KEY;
    if (is_in_turn(config))
        return KAFKA_IN_TURN;
    switch (signal) {
    case WEIR_TRACES:
        return config->partition_traces_by_id ? KAFKA_BY_TRACE : without_key;
    case WEIR_METRICS:
        return config->partition_metrics_by_resource_attributes ? KAFKA_BY_RESOURCE : without_key;
    default:
        if (config->partition_logs_by_resource_attributes)
            return KAFKA_BY_RESOURCE;
        return config->partition_logs_by_trace_id ? KAFKA_BY_TRACE : without_key;
    }
}

weir_kafka_hasher kafka_hasher_of(const kafka_config *config)
{
    const kafka_sticky_key *sticky = config->partitioner.sticky_key;
    return sticky ? (weir_kafka_hasher)sticky->hasher : WEIR_KAFKA_SARAMA_COMPAT;
}

int kafka_acks_of(const kafka_config *config)
{
    static const int acks[] = {[KAFKA_ACKS_ALL] = -1, [KAFKA_ACKS_MINUS_ONE] = -1, [KAFKA_ACKS_LEADER] = 1};
    return acks[config->producer.required_acks];
}

/* How long the library may try by itself: as long as the retries may last, or a single attempt. */
static uint64_t message_timeout_ms(const weir_sender_config *sender)
{
    return sender->retry.enabled ? sender->retry.max_elapsed_time_ms : sender->timeout_ms;
}

static uint64_t buffer_bytes_max(const kafka_config *config, const weir_host *host)
{
    uint64_t least = BUFFER_MESSAGES_MIN * config->producer.max_message_bytes;
    uint64_t share = host->account->limit_bytes / BUFFER_SHARE / host->workers;
    return share > least ? share : least;
}

weir_kafka_producer_settings kafka_producer_settings(const kafka_config *config, const char *id, const weir_host *host)
{
    const kafka_producer_config *producer = &config->producer;
    return (weir_kafka_producer_settings){
        .client = &config->client,
        .id = id,
        .required_acks = kafka_acks_of(config),
        .compression = producer->compression,
        .compression_level = producer->compression_params.level,
        .message_bytes_max = producer->max_message_bytes,
        .linger_ms = producer->linger_ms,
        .messages_per_request_max = producer->flush_max_messages,
        .request_timeout_ms = config->sender.timeout_ms,
        .message_timeout_ms = message_timeout_ms(&config->sender),
        .buffer_bytes_max = buffer_bytes_max(config, host),
        .allow_auto_topic_creation = producer->allow_auto_topic_creation,
    };
}

/* The delivery report is the answer, whatever the queue in front. */
weir_sender_config kafka_sender_config(const kafka_config *config)
{
    weir_sender_config sender = config->sender;
    sender.queue.wait_for_result = true;
    return sender;
}

/* ---- checks ---- */

static bool is_written_true(const weir_node *node, const char *key, bool value)
{
    return value && weir_node_find(node, key) != NULL;
}

static void check_signal(const kafka_config *config, weir_signal signal, const weir_node *node,
                         weir_diagnostics *diagnostics)
{
    const kafka_signal_config *settings = &config->signals[signal];
    char key[64];
    if (settings->encoding >= KAFKA_NOT_BUILT) {
        snprintf(key, sizeof key, "%s.encoding", weir_signal_name(signal));
        weir_diagnostics_error(diagnostics, weir_node_find(node, key), "encoding \"%s\" " NO_ENCODING,
                               encoding_names[settings->encoding]);
    }
    if (kafka_is_empty(settings->topic)) {
        snprintf(key, sizeof key, "%s.topic", weir_signal_name(signal));
        weir_diagnostics_error(diagnostics, weir_node_find(node, key), "the topic has no name");
    }
}

/* As the Collector: a key that is written beside a flag that would choose another is a contradiction. */
static void check_exclusive(const kafka_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    static const struct {
        weir_signal signal;
        const char *flag;
        size_t offset;
    } flags[] = {
        {WEIR_TRACES, "partition_traces_by_id", offsetof(kafka_config, partition_traces_by_id)},
        {WEIR_METRICS, "partition_metrics_by_resource_attributes",
         offsetof(kafka_config, partition_metrics_by_resource_attributes)},
        {WEIR_LOGS, "partition_logs_by_resource_attributes",
         offsetof(kafka_config, partition_logs_by_resource_attributes)},
        {WEIR_LOGS, "partition_logs_by_trace_id", offsetof(kafka_config, partition_logs_by_trace_id)},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(flags); i++) {
        bool value = *(const bool *)((const char *)config + flags[i].offset);
        if (is_written_true(node, flags[i].flag, value) &&
            !kafka_is_empty(config->signals[flags[i].signal].message_key_from_metadata_key))
            weir_diagnostics_error(diagnostics, weir_node_find(node, flags[i].flag),
                                   "%s and %s.message_key_from_metadata_key both choose the partition: leave one out",
                                   flags[i].flag, weir_signal_name(flags[i].signal));
    }
    if (config->partition_logs_by_resource_attributes &&
        is_written_true(node, "partition_logs_by_trace_id", config->partition_logs_by_trace_id))
        weir_diagnostics_error(diagnostics, weir_node_find(node, "partition_logs_by_trace_id"),
                               "partition_logs_by_resource_attributes and partition_logs_by_trace_id both choose the "
                               "partition: leave one out");
}

static void check_partitioner(const kafka_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const kafka_partitioner_config *partitioner = &config->partitioner;
    int written =
        (partitioner->sticky_key != NULL) + (partitioner->round_robin != NULL) + (partitioner->least_backup != NULL);
    if (written > 1)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "record_partitioner"),
                               "only one partitioner can be in force: leave the others out");
    if (!config->partition_traces_by_id || is_in_turn(config))
        weir_diagnostics_warning(
            diagnostics, weir_node_find(node, is_in_turn(config) ? "record_partitioner" : "partition_traces_by_id"),
            "the spans of a trace are spread over partitions: no gateway of a group sees it whole");
}

static bool has_key(const weir_strings *keys, const char *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcasecmp(keys->items[i], key) == 0)
            return true;
    return false;
}

static void check_batched_key(const kafka_config *config, const char *key, const char *option, const weir_node *node,
                              weir_diagnostics *diagnostics)
{
    const weir_sender_batch_config *batch = config->sender.queue.batch;
    if (kafka_is_empty(key) || has_key(&batch->partition.metadata_keys, key))
        return;
    weir_diagnostics_error(diagnostics, weir_node_find(node, option),
                           "\"%s\" must be in sending_queue.batch.partition.metadata_keys: otherwise data with "
                           "different values would be put together",
                           key);
}

/* What is put together must agree on the metadata that is used. */
static void check_batched_keys(const kafka_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    if (!config->sender.queue.enabled || !config->sender.queue.batch)
        return;
    for (size_t i = 0; i < config->include_metadata_keys.count; i++)
        check_batched_key(config, config->include_metadata_keys.items[i], "include_metadata_keys", node, diagnostics);
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        const kafka_signal_config *settings = &config->signals[signal];
        char option[64];
        snprintf(option, sizeof option, "%s.topic_from_metadata_key", weir_signal_name((weir_signal)signal));
        check_batched_key(config, settings->topic_from_metadata_key, option, node, diagnostics);
        snprintf(option, sizeof option, "%s.message_key_from_metadata_key", weir_signal_name((weir_signal)signal));
        check_batched_key(config, settings->message_key_from_metadata_key, option, node, diagnostics);
    }
}

static void check_promise(const kafka_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    int acks = kafka_acks_of(config);
    const weir_sender_config *sender = &config->sender;
    if (acks >= 0)
        weir_diagnostics_warning(diagnostics, weir_node_find(node, "producer.required_acks"),
                                 acks == 1 ? "with required_acks: 1 data that was answered OK is lost if the "
                                             "partition's leader dies before a follower has it"
                                           : "with required_acks: 0 data is answered OK when it is sent: what a broker "
                                             "does not take is lost, and nobody hears of it");
    if (!sender->queue.storage && sender->retry.max_elapsed_time_ms > 0)
        weir_diagnostics_warning(diagnostics, weir_node_find(node, "retry_on_failure.max_elapsed_time"),
                                 "what Kafka does not take in this time is given back to the client, although parts of "
                                 "it may be there: it is written twice when the client repeats it");
    if (!sender->queue.wait_for_result)
        weir_diagnostics_warning(diagnostics, weir_node_find(node, "sending_queue.wait_for_result"),
                                 "an OK is the brokers' acknowledgement all the same: Kafka is the queue");
}

static void check_level(const kafka_producer_config *producer, const weir_node *node, weir_diagnostics *diagnostics)
{
    static const int level_max[] = {[WEIR_KAFKA_NONE] = -1,
                                    [WEIR_KAFKA_GZIP] = 9,
                                    [WEIR_KAFKA_SNAPPY] = -1,
                                    [WEIR_KAFKA_LZ4] = 12,
                                    [WEIR_KAFKA_ZSTD] = 22};
    int64_t level = producer->compression_params.level;
    if (level > level_max[producer->compression])
        weir_diagnostics_error(diagnostics, weir_node_find(node, "producer.compression_params.level"),
                               "%s has no level %lld", compression_names[producer->compression], (long long)level);
}

/* Without the sender's own rule about wait_for_result, which does not hold here. */
static void check_sender(const kafka_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    weir_sender_config sender = config->sender;
    if (!sender.queue.storage)
        sender.queue.wait_for_result = true;
    weir_sender_check(&sender, node, diagnostics);
}

void kafka_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const kafka_config *kafka = config;
    weir_kafka_client_check(&kafka->client, node, diagnostics);
    for (int signal = 0; signal < WEIR_SIGNALS; signal++)
        check_signal(kafka, (weir_signal)signal, node, diagnostics);
    check_exclusive(kafka, node, diagnostics);
    check_partitioner(kafka, node, diagnostics);
    check_batched_keys(kafka, node, diagnostics);
    check_level(&kafka->producer, node, diagnostics);
    check_promise(kafka, node, diagnostics);
    check_sender(kafka, node, diagnostics);
}

/* ---- the promise ---- */

void kafka_promise(const void *config, char *ret_text, size_t size)
{
    const kafka_config *kafka = config;
    const weir_sender_queue_config *queue = &kafka->sender.queue;
    static const char *const who[] = {"was sent to Kafka, which may lose it without a word",
                                      "is with the partition's leader: lost with it before a follower has it"};
    int acks = kafka_acks_of(kafka);
    if (queue->enabled && queue->storage)
        weir_sender_promise(&kafka->sender, "Kafka", ret_text, size);
    else if (acks >= 0)
        snprintf(ret_text, size, "OK means the data %s", who[acks]);
    else
        snprintf(ret_text, size, "OK means all in-sync replicas of Kafka have the data");
}
