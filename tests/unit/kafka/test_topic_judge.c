/* SPDX-License-Identifier: Apache-2.0
 *
 * Which settings of a topic are warned about, and which are not.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/text.h"
#include "kafka/topic_judge.h"

static const weir_kafka_topic_facts sound = {.topic = "otlp_spans",
                                             .replicas = 3,
                                             .min_insync_replicas = 2,
                                             .retention_ms = 7 * 24 * 3600 * 1000LL,
                                             .retention_bytes = -1,
                                             .message_bytes_max = 1048588,
                                             .deletes = true};

static void collect(void *user, const char *sentence)
{
    weir_buffer_append_text(user, sentence);
    weir_buffer_append_byte(user, '\n');
}

static size_t lines_of(weir_buffer *text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text->len; i++)
        lines += text->data[i] == '\n';
    return lines;
}

static void expect(const weir_kafka_topic_facts *facts, uint64_t message_bytes_max, size_t lines, const char *part)
{
    WEIR_BUFFER text = {0};
    weir_kafka_topic_judge(facts, message_bytes_max, collect, &text);
    const char *found = weir_buffer_string(&text);
    cr_expect_eq(lines_of(&text), lines, "%s", found);
    cr_expect(strstr(found, part), "\"%s\" is not in \"%s\"", part, found);
}

Test(kafka_topic_judge, says_nothing_of_a_sound_topic)
{
    expect(&sound, 1000000, 0, "");
    expect(&sound, 0, 0, "");
}

Test(kafka_topic_judge, says_nothing_of_what_is_not_known)
{
    const weir_kafka_topic_facts unknown = {"t", -2, -2, -2, -2, -2, false, false};
    expect(&unknown, 1000000, 0, "");
}

Test(kafka_topic_judge, warns_about_replicas)
{
    weir_kafka_topic_facts facts = sound;
    facts.replicas = 1;
    facts.min_insync_replicas = 1;
    expect(&facts, 1000000, 1, "has one replica");
    expect(&facts, 0, 0, "");
    facts.replicas = 3;
    expect(&facts, 1000000, 1, "set min.insync.replicas=2");
    facts.min_insync_replicas = 4;
    expect(&facts, 1000000, 1, "nothing can be written");
}

Test(kafka_topic_judge, warns_about_retention)
{
    weir_kafka_topic_facts facts = sound;
    facts.retention_ms = 59 * 60 * 1000;
    expect(&facts, 1000000, 1, "keeps messages for 3540 s only");
    expect(&facts, 0, 1, "retention.ms");
    facts.retention_ms = 60 * 60 * 1000;
    expect(&facts, 1000000, 0, "");
    facts.retention_ms = -1;
    facts.retention_bytes = 1024;
    expect(&facts, 0, 1, "keeps 1024 bytes of each partition only");
}

Test(kafka_topic_judge, warns_about_compaction)
{
    weir_kafka_topic_facts facts = sound;
    facts.compacts = true;
    facts.deletes = false;
    facts.retention_ms = 1; /* of no effect without delete */
    expect(&facts, 1000000, 1, "cleanup.policy=delete");
}

Test(kafka_topic_judge, warns_about_the_size_of_messages)
{
    expect(&sound, 1048588, 0, "");
    expect(&sound, 1048589, 1, "takes no messages over 1048588 bytes");
}
