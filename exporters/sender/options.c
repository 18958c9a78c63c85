/* SPDX-License-Identifier: Apache-2.0
 *
 * Key names and defaults are those of the Collector's exporterhelper (queuebatch, configretry); where a default
 * differs, the row says so.
 */
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include "exporters/sender/sender.h"

static const char *const sizer_names[] = {"requests", "items", "bytes", NULL};
static const char *const batch_sizer_names[] = {"auto", "items", "bytes", NULL};

static const weir_option partition_options[] = {
    {.name = "metadata_keys",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(weir_sender_partition_config, metadata_keys),
     .summary = "Data that differs in these request headers is never sent in one request."},
    {0}};

static const weir_option batch_options[] = {
    {.name = "flush_timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(weir_sender_batch_config, flush_timeout_ms),
     .default_text = "200ms",
     .min = 1,
     .max = 3600e3,
     .summary = "A request is sent when its oldest part has waited so long, whatever its size."},
    {.name = "sizer",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(weir_sender_batch_config, sizer),
     .default_text = "auto",
     .enum_names = batch_sizer_names,
     .otel_default = "items",
     .remark = "`auto` is the queue's sizer where that counts items or bytes, and items otherwise",
     .summary = "What min_size and max_size count."},
    {.name = "min_size",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(weir_sender_batch_config, min_size),
     .default_text = "8192",
     .summary = "A request is sent as soon as it has this size."},
    {.name = "max_size",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(weir_sender_batch_config, max_size),
     .default_text = "0",
     .summary = "Larger requests are split; 0 means no limit."},
    {.name = "partition",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(weir_sender_batch_config, partition),
     .group = partition_options,
     .group_size = sizeof(weir_sender_partition_config),
     .summary = "Which data may share a request."},
    {0}};

const weir_option weir_sender_queue_options[] = {
    {.name = "enabled",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(weir_sender_queue_config, enabled),
     .default_text = "true",
     .summary =
         "Whether data may wait in a queue; without one every batch is sent at once and answered by the backend."},
    {.name = "num_consumers",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(weir_sender_queue_config, num_consumers),
     .default_text = "10",
     .min = 1,
     .max = 1000,
     .summary = "How many requests may be under way at the same time; shared out among the workers, rounded up."},
    {.name = "queue_size",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(weir_sender_queue_config, queue_size),
     .min = 1,
     .max = 1e15,
     .otel_default = "1000",
     .remark =
         "1000 in memory as in the Collector; on disk the storage's size is the limit, unless this one is written",
     .summary = "How much may wait or be under way, in units of the sizer. In memory 1000 if not written, and in bytes "
                "never more than half of the memory limit; on disk no limit if not written. Counted per signal."},
    {.name = "sizer",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(weir_sender_queue_config, sizer),
     .default_text = "requests",
     .enum_names = sizer_names,
     .summary = "What queue_size counts; requests are counted as they will be sent, after batching."},
    {.name = "block_on_overflow",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(weir_sender_queue_config, block_on_overflow),
     .default_text = "false",
     .summary = "With a full queue, let callers wait for room instead of refusing them."},
    {.name = "wait_for_result",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(weir_sender_queue_config, wait_for_result),
     .default_text = "true",
     .otel_default = "false",
     .remark = "an OK is a promise: a queue in memory cannot answer for data it loses when the process dies",
     .summary =
         "Whether the sender of data is answered by the backend (true) or once its data is in memory (false). With "
         "a storage the answer comes from the disk, and true is an error, as in the Collector."},
    {.name = "storage",
     .type = WEIR_OPTION_EXTENSION,
     .offset = offsetof(weir_sender_queue_config, storage),
     .lends = WEIR_LENDS_STORAGE,
     .summary = "The extension that keeps the queue on disk: data is answered OK once it is written there and synced."},
    {.name = "batch",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(weir_sender_queue_config, batch),
     .group = batch_options,
     .group_size = sizeof(weir_sender_batch_config),
     .summary = "How requests are formed; takes the place of what a batch processor in front asks for."},
    {0}};

const weir_option weir_sender_retry_options[] = {
    {.name = "enabled",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(weir_sender_retry_config, enabled),
     .default_text = "true",
     .summary = "Whether a request that failed is sent again."},
    {.name = "initial_interval",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(weir_sender_retry_config, initial_interval_ms),
     .default_text = "5s",
     .max = 3600e3,
     .summary = "The pause after the first failure."},
    {.name = "randomization_factor",
     .type = WEIR_OPTION_DOUBLE,
     .offset = offsetof(weir_sender_retry_config, randomization_factor),
     .default_text = "0.5",
     .max = 1,
     .summary = "Each pause is this share longer or shorter, at random."},
    {.name = "multiplier",
     .type = WEIR_OPTION_DOUBLE,
     .offset = offsetof(weir_sender_retry_config, multiplier),
     .default_text = "1.5",
     .max = 1000,
     .summary = "How much longer each pause is than the one before."},
    {.name = "max_interval",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(weir_sender_retry_config, max_interval_ms),
     .default_text = "30s",
     .max = 24 * 3600e3,
     .summary = "The longest pause."},
    {.name = "max_elapsed_time",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(weir_sender_retry_config, max_elapsed_time_ms),
     .default_text = "0",
     .otel_default = "5m",
     .remark = "data that was accepted is not thrown away unless the user wrote a limit",
     .summary = "Gives up so long after the first attempt; 0 means never."},
    {0}};

uint64_t weir_sender_queue_size(const weir_sender_queue_config *queue)
{
    enum { DEFAULT_IN_MEMORY = 1000 };
    if (queue->queue_size > 0)
        return queue->queue_size;
    return queue->storage ? UINT64_MAX : DEFAULT_IN_MEMORY;
}

static void check_keys(const weir_strings *keys, const weir_node *node, weir_diagnostics *diagnostics)
{
    for (size_t i = 0; i < keys->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcasecmp(keys->items[i], keys->items[j]) == 0)
                weir_diagnostics_error(diagnostics, weir_node_find(node, "sending_queue.batch.partition.metadata_keys"),
                                       "\"%s\" is in metadata_keys twice (case does not matter)", keys->items[i]);
        }
    }
}

static void check_batch(const weir_sender_queue_config *queue, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_sender_batch_config *batch = queue->batch;
    if (batch->max_size > 0 && batch->max_size < batch->min_size)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "sending_queue.batch.max_size"),
                               "max_size (%llu) is smaller than min_size (%llu)", (unsigned long long)batch->max_size,
                               (unsigned long long)batch->min_size);
    bool same_unit = (queue->sizer == WEIR_SIZE_ITEMS && batch->sizer != WEIR_BATCH_SIZE_BYTES) ||
                     (queue->sizer == WEIR_SIZE_BYTES && batch->sizer != WEIR_BATCH_SIZE_ITEMS);
    uint64_t queue_size = weir_sender_queue_size(queue);
    if (same_unit && batch->min_size > queue_size)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "sending_queue.batch"),
                               "min_size (%llu) is larger than queue_size (%llu): no request would ever be full",
                               (unsigned long long)batch->min_size, (unsigned long long)queue_size);
    check_keys(&batch->partition.metadata_keys, node, diagnostics);
}

static void check_retry(const weir_sender_retry_config *retry, const weir_node *node, weir_diagnostics *diagnostics)
{
    uint64_t limit = retry->max_elapsed_time_ms;
    if (limit == 0)
        return;
    const weir_node *at = weir_node_find(node, "retry_on_failure.max_elapsed_time");
    if (limit < retry->initial_interval_ms)
        weir_diagnostics_error(diagnostics, at, "max_elapsed_time is shorter than initial_interval");
    else if (limit < retry->max_interval_ms)
        weir_diagnostics_error(diagnostics, at, "max_elapsed_time is shorter than max_interval");
}

static void check_storage(const weir_sender_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_sender_queue_config *queue = &config->queue;
    if (!queue->enabled) {
        weir_diagnostics_warning(diagnostics, weir_node_find(node, "sending_queue.storage"),
                                 "with enabled: false there is no queue, and nothing is stored");
        return;
    }
    const weir_node *wait = weir_node_find(node, "sending_queue.wait_for_result");
    if (wait && queue->wait_for_result)
        weir_diagnostics_error(diagnostics, wait,
                               "wait_for_result: true and storage exclude each other: with a storage the answer comes "
                               "from the disk; leave one of them out");
    if (!config->retry.enabled || config->retry.max_elapsed_time_ms > 0)
        weir_diagnostics_warning(diagnostics,
                                 weir_node_find(node, config->retry.enabled ? "retry_on_failure.max_elapsed_time"
                                                                            : "retry_on_failure.enabled"),
                                 "data that was answered OK and is not delivered %s goes to the dead letters",
                                 config->retry.enabled ? "in this time" : "at the first attempt");
}

void weir_sender_check(const weir_sender_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    if (config->queue.enabled && config->queue.batch)
        check_batch(&config->queue, node, diagnostics);
    if (config->queue.storage)
        check_storage(config, node, diagnostics);
    else if (config->queue.enabled && !config->queue.wait_for_result)
        weir_diagnostics_warning(
            diagnostics, weir_node_find(node, "sending_queue.wait_for_result"),
            "with wait_for_result: false an OK means \"in memory\": what is in the queue is lost with the process");
    check_retry(&config->retry, node, diagnostics);
}

void weir_sender_promise(const weir_sender_config *config, const char *destination, char *ret_text, size_t size)
{
    bool ends = !config->retry.enabled || config->retry.max_elapsed_time_ms > 0;
    if (config->queue.enabled && config->queue.storage)
        snprintf(ret_text, size, "OK means on disk (%s): kept until %s has the data%s", config->queue.storage,
                 destination, ends ? ", or in the dead letters when retries end" : "");
    else if (config->queue.enabled && !config->queue.wait_for_result)
        snprintf(ret_text, size, "OK means in memory: lost if weir dies before %s has the data%s", destination,
                 ends ? ", or when retries end" : "");
    else
        snprintf(ret_text, size, "OK means %s has the data", destination);
}
