/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "core/memory.h"
#include "exporters/kafka/internal.h"

/* In seconds: from a broker on the same host to one that is restarted. */
static const double latency_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                        0.5,   1,      2.5,   5,    10,    30,   60,  120};

static void meters_init(kafka_meters *meters, const kafka_shared *shared, const char *topic, const char *outcome)
{
    weir_metrics *metrics = shared->host->metrics;
    const weir_label labels[] = {{"exporter", shared->id}, {"topic", topic}, {"outcome", outcome}};
    size_t count = WEIR_COUNT_OF(labels);
    meters->records = weir_metrics_register(metrics, WEIR_COUNTER, "otelcol_kafka_exporter_records",
                                            "The number of exported records.", "1", labels, count);
    meters->messages =
        weir_metrics_register(metrics, WEIR_COUNTER, "otelcol_kafka_exporter_messages",
                              "The number of exported messages: the same as records.", "1", labels, count);
    meters->bytes = weir_metrics_register(metrics, WEIR_COUNTER, "otelcol_kafka_exporter_bytes_uncompressed",
                                          "The uncompressed size of exported messages.", "By", labels, count);
    meters->latency = weir_metrics_register_histogram(metrics, "otelcol_kafka_exporter_write_latency",
                                                      "From handing a message to the library to its report.", "s",
                                                      labels, count, latency_bounds, WEIR_COUNT_OF(latency_bounds));
}

/* Kafka's rule for names. */
static bool is_name(weir_text name)
{
    if (name.len == 0 || name.len > KAFKA_TOPIC_NAME_MAX || weir_text_is(name, ".") || weir_text_is(name, ".."))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c >= 0x80 || !(isalnum(c) || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static kafka_topic *topic_new(kafka_writer *writer, weir_text name)
{
    kafka_topic *topic = WEIR_NEW(kafka_topic);
    topic->name = weir_strndup(name.data, name.len);
    topic->turn = writer->worker->index; /* so that workers do not march in step */
    meters_init(&topic->meters[false], writer->shared, topic->name, "failure");
    meters_init(&topic->meters[true], writer->shared, topic->name, "success");
    topic->next = writer->topics;
    writer->topics = topic;
    writer->topic_count++;
    return topic;
}

kafka_topic *kafka_topic_find(kafka_writer *writer, weir_text name)
{
    for (kafka_topic *topic = writer->topics; topic; topic = topic->next) {
        if (weir_text_is(name, topic->name))
            return topic;
    }
    return is_name(name) && writer->topic_count < KAFKA_TOPICS_MAX ? topic_new(writer, name) : NULL;
}

void kafka_topic_count(kafka_topic *topic, const weir_kafka_report *report, uint64_t bytes)
{
    static const double ns_per_s = 1e9;
    const kafka_meters *meters = &topic->meters[report->error == NULL];
    weir_metric_add(meters->records, 1);
    weir_metric_add(meters->messages, 1);
    weir_metric_add(meters->bytes, (int64_t)bytes);
    weir_histogram_record(meters->latency, (double)report->latency_ns / ns_per_s);
}

void kafka_topics_free(kafka_writer *writer)
{
    kafka_topic *next;
    for (kafka_topic *topic = writer->topics; topic; topic = next) {
        next = topic->next;
        free(topic->name);
        free(topic);
    }
    writer->topics = NULL;
    writer->topic_count = 0;
}
