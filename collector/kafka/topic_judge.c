/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/topic_judge.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct judge {
    void (*warn)(void *user, const char *sentence);
    void *user;
    const char *topic;
} judge;

static void say(const judge *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const judge *self, const char *format, ...)
{
    char sentence[512];
    int len = snprintf(sentence, sizeof sentence, "topic %.200s ", self->topic);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence + len, sizeof sentence - (size_t)len, format, arguments);
    va_end(arguments);
    self->warn(self->user, sentence);
}

static void judge_replicas(const judge *self, const weir_kafka_topic_facts *facts)
{
    if (facts->replicas == 1)
        say(self, "has one replica: what was acknowledged is gone if that broker's disk is; give it three "
                  "(kafka-reassign-partitions)");
    else if (facts->min_insync_replicas == 1)
        say(self,
            "has min.insync.replicas=1: while other replicas are behind, what one broker has is acknowledged, and "
            "gone if its disk is; set min.insync.replicas=2");
    if (facts->replicas > 0 && facts->min_insync_replicas > facts->replicas)
        say(self,
            "has %lld replicas and min.insync.replicas=%lld: nothing can be written with required_acks: all; set "
            "min.insync.replicas to less",
            (long long)facts->replicas, (long long)facts->min_insync_replicas);
}

static void judge_retention(const judge *self, const weir_kafka_topic_facts *facts)
{
    if (facts->compacts)
        say(self, "is compacted: Kafka refuses or removes messages that are not read yet; set cleanup.policy=delete");
    if (facts->deletes && facts->retention_ms >= 0 && facts->retention_ms < WEIR_KAFKA_RETENTION_SMALL_MS)
        say(self,
            "keeps messages for %lld s only: a reader that is away for longer loses them; set retention.ms to more "
            "than an hour",
            (long long)(facts->retention_ms / 1000));
    if (facts->deletes && facts->retention_bytes >= 0 && facts->retention_bytes < WEIR_KAFKA_RETENTION_SMALL_BYTES)
        say(self,
            "keeps %lld bytes of each partition only: a reader that is further behind loses messages; set "
            "retention.bytes to more than %d",
            (long long)facts->retention_bytes, WEIR_KAFKA_RETENTION_SMALL_BYTES);
}

static void judge_size(const judge *self, const weir_kafka_topic_facts *facts, uint64_t message_bytes_max)
{
    if (facts->message_bytes_max >= 0 && (uint64_t)facts->message_bytes_max < message_bytes_max)
        say(self,
            "takes no messages over %lld bytes, and producer.max_message_bytes is %llu: larger ones are sent twice, "
            "the second time in parts; set them to the same",
            (long long)facts->message_bytes_max, (unsigned long long)message_bytes_max);
}

void weir_kafka_topic_judge(const weir_kafka_topic_facts *facts, uint64_t message_bytes_max,
                            void (*warn)(void *user, const char *sentence), void *user)
{
    const judge self = {warn, user, facts->topic};
    if (message_bytes_max > 0) {
        judge_replicas(&self, facts);
        judge_size(&self, facts, message_bytes_max);
    }
    judge_retention(&self, facts);
}
