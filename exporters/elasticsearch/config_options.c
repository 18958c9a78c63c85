/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of the `elasticsearch` exporter; the order is that of the Collector's README. What they mean together is in
 * config.c, what is wrong with them in config_check.c.
 */
#include <stddef.h>

#include "exporters/elasticsearch/config.h"

/* WEIR_ENCODING_GZIP, WEIR_ENCODING_IDENTITY: see es_config_encoding. */
static const char *const compression_names[] = {"gzip", "none", NULL};
static const char *const document_id_names[] = {"identity", "none", NULL}; /* the order of es_document_id */
static const char *const sizer_names[] = {"requests", "items", "bytes", NULL};
static const char *const batch_sizer_names[] = {"auto", "items", "bytes", NULL};

#define NO_METRICS "this exporter sends logs and spans only; a pipeline with metrics that names it is an error"
#define ALWAYS_DYNAMIC "documents are always routed by their attributes, unless a static index is written"

/* ---- groups ---- */

static const weir_option compression_params_options[] = {
    {.name = "level",
     .type = WEIR_OPTION_INT,
     .offset = offsetof(es_compression_params, level),
     .default_text = "1",
     .min = -2,
     .max = 9,
     .summary = "1 (fast) to 9 (small); -1 and 0 for the usual one, -2 for the fastest."},
    {0}};

static const weir_option enabled_options[] = {{.name = "enabled",
                                               .type = WEIR_OPTION_BOOL,
                                               .offset = offsetof(es_enabled, enabled),
                                               .default_text = "false",
                                               .summary = "Whether it is done."},
                                              {0}};

static const weir_option dynamic_index_options[] = {{.name = "enabled",
                                                     .type = WEIR_OPTION_BOOL,
                                                     .standing = WEIR_DEPRECATED,
                                                     .offset = offsetof(es_enabled, enabled),
                                                     .default_text = "false",
                                                     .remark = ALWAYS_DYNAMIC,
                                                     .summary = "Has no effect."},
                                                    {0}};

static const weir_option logstash_options[] = {
    {.name = "enabled",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(es_logstash_config, enabled),
     .default_text = "false",
     .summary = "Whether index names end with the date of the record (the Collector takes the date of sending)."},
    {.name = "prefix_separator",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_logstash_config, prefix_separator),
     .default_text = "-",
     .summary = "What stands between the name and the date."},
    {.name = "date_format",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_logstash_config, date_format),
     .default_text = "%Y.%m.%d",
     .summary = "The date as strftime writes it, in UTC."},
    {0}};

static const weir_option mapping_options[] = {
    {.name = "mode",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_mapping_config, mode),
     .otel_default = "otel, whatever is written: the Collector ignores this key",
     .remark = "a file that says how documents are to look should get such documents",
     .summary = "How documents look, unless the data asks for another mode: otel, ecs, none, raw or bodymap. Unless "
                "written it is otel if that is allowed, else the first of allowed_modes."},
    {.name = "allowed_modes",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(es_mapping_config, allowed_modes),
     .summary = "The modes that data may ask for, by the scope attribute elastic.mapping.mode or the metadata key "
                "x-elastic-mapping-mode; all of them unless written."},
    {0}};

static const weir_option discover_options[] = {
    {.name = "on_start",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(es_discover_config, on_start),
     .default_text = "false",
     .summary = "Whether the cluster is asked for its nodes before the first request."},
    {.name = "interval",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(es_discover_config, interval_ms),
     .default_text = "0",
     .max = 24 * 3600e3,
     .summary = "How often the cluster is asked again; 0 for never."},
    {0}};

#define ALWAYS_RETRIED                                                                                              \
    "408, 429 and 5xx are always sent again, of requests and of single documents, and so is what an administrator " \
    "can mend; what no repetition mends is a dead letter"
#define NO_COUNTED_RETRIES                                                                                          \
    "a request that fails waits for the backend with all others, so that attempts are not counted for each: it is " \
    "sent again without end, or for as long as `max_elapsed_time` beside this key says"

static const weir_option retry_options[] = {
    {.name = "enabled",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(es_retry_config, enabled),
     .default_text = "true",
     .summary = "Whether a request, or a document of it, that failed is sent again."},
    {.name = "max_requests",
     .type = WEIR_OPTION_UINT,
     .standing = WEIR_SUBSUMED,
     .remark = NO_COUNTED_RETRIES,
     .summary = "How often the Collector sends a request, at most."},
    {.name = "max_retries",
     .type = WEIR_OPTION_UINT,
     .standing = WEIR_SUBSUMED,
     .remark = NO_COUNTED_RETRIES,
     .summary = "How often the Collector sends a request again: 2 times unless written, then its data is lost."},
    {.name = "initial_interval",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(es_retry_config, initial_interval_ms),
     .default_text = "100ms",
     .max = 3600e3,
     .summary = "The pause after the first failure; each further one is twice as long, and up to half longer or "
                "shorter at random."},
    {.name = "max_interval",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(es_retry_config, max_interval_ms),
     .default_text = "1m",
     .max = 24 * 3600e3,
     .summary = "The longest pause."},
    {.name = "max_elapsed_time",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(es_retry_config, max_elapsed_time_ms),
     .default_text = "0",
     .summary = "Gives up so long after the first attempt; 0 means never. Not a key of the Collector's."},
    {.name = "retry_on_status",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = ALWAYS_RETRIED,
     .summary = "The HTTP statuses of requests that the Collector sends again."},
    {.name = "retry_on_document_status",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = ALWAYS_RETRIED,
     .summary = "The statuses of documents that the Collector sends again."},
    {0}};

static const weir_option flush_options[] = {{.name = "bytes",
                                             .type = WEIR_OPTION_BYTES,
                                             .standing = WEIR_DEPRECATED,
                                             .offset = offsetof(es_flush_config, bytes),
                                             .min = 1,
                                             .max = 1e9,
                                             .remark = "write `sending_queue.batch.max_size`, which beats it",
                                             .summary = "The largest request, before it becomes documents."},
                                            {.name = "interval",
                                             .type = WEIR_OPTION_DURATION,
                                             .standing = WEIR_DEPRECATED,
                                             .offset = offsetof(es_flush_config, interval_ms),
                                             .min = 1,
                                             .max = 3600e3,
                                             .remark = "write `sending_queue.batch.flush_timeout`, which beats it",
                                             .summary = "How long a record may wait for others."},
                                            {0}};

#define NO_BODIES_IN_LOG "bodies are never written to the log; use the `debug` exporter to look at data"

static const weir_option telemetry_options[] = {
    {.name = "log_request_body",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = NO_BODIES_IN_LOG,
     .summary = "Whether request bodies are written to the log."},
    {.name = "log_response_body",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = NO_BODIES_IN_LOG,
     .summary = "Whether answers are written to the log."},
    {.name = "log_failed_docs_input",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(es_telemetry_config, log_failed_docs_input),
     .default_text = "false",
     .summary = "Whether documents that Elasticsearch refused are written to the log, at level debug."},
    {.name = "log_failed_docs_input_rate_limit",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(es_telemetry_config, log_failed_docs_input_rate_limit_ms),
     .default_text = "1s",
     .summary = "One of them in so long; 0 for all."},
    {0}};

/* ---- sending_queue: the sender's keys with the defaults of this exporter ---- */

static const weir_option partition_options[] = {
    {.name = "metadata_keys",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(weir_sender_partition_config, metadata_keys),
     .summary = "Data that differs in these request headers is never sent in one request; x-elastic-mapping-mode and "
                "the exporter's own metadata_keys are always among them."},
    {0}};

static const weir_option batch_options[] = {
    {.name = "flush_timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(weir_sender_batch_config, flush_timeout_ms),
     .min = 1,
     .max = 3600e3,
     .summary = "10s unless written. A request is sent when its oldest part has waited so long, whatever its size; and "
                "when somebody waits for the answer, as soon as no other is under way."},
    {.name = "sizer",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(weir_sender_batch_config, sizer),
     .default_text = "bytes",
     .enum_names = batch_sizer_names,
     .summary = "What min_size and max_size count; bytes are those of OTLP, which documents of it exceed. `auto` is "
                "the queue's sizer where that counts items or bytes, and items otherwise."},
    {.name = "min_size",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(weir_sender_batch_config, min_size),
     .default_text = "1000000",
     .summary = "A request is sent as soon as it has this size."},
    {.name = "max_size",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(weir_sender_batch_config, max_size),
     .min = 1,
     .max = 1e9,
     .summary = "5000000 unless written (or flush.bytes is). Larger requests are split."},
    {.name = "partition",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(weir_sender_batch_config, partition),
     .group = partition_options,
     .group_size = sizeof(weir_sender_partition_config),
     .summary = "Which data may share a request."},
    {0}};

static const weir_option queue_options[] = {
    {.name = "enabled",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(weir_sender_queue_config, enabled),
     .default_text = "true",
     .summary = "Whether data may wait in a queue; without one every batch is sent at once, as it came."},
    {.name = "num_consumers",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(weir_sender_queue_config, num_consumers),
     .min = 1,
     .max = 1000,
     .otel_default = "10",
     .remark = "each holds its data and its body until it is answered, and more than a few do not make one node of "
               "Elasticsearch faster",
     .summary = "How many requests may be under way at the same time; 4 unless written (or num_workers is). Shared out "
                "among the workers, rounded up."},
    {.name = "queue_size",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(weir_sender_queue_config, queue_size),
     .min = 1,
     .max = 1e15,
     .otel_default = "10",
     .remark =
         "the memory limit is what bounds it; on disk the storage's size is the limit, unless this one is written",
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
     .otel_default = "true",
     .remark = "a client that is told when to come back is better off than one that waits for its timeout",
     .summary = "With a full queue, let callers wait for room instead of refusing them."},
    {.name = "wait_for_result",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(weir_sender_queue_config, wait_for_result),
     .default_text = "true",
     .otel_default = "false",
     .remark = "an OK is a promise: a queue in memory cannot answer for data it loses when the process dies",
     .summary =
         "Whether the sender of data is answered by Elasticsearch (true) or once its data is in memory (false). With "
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
     .summary = "How requests are formed, also when the key is not written; takes the place of what a batch processor "
                "in front asks for."},
    {0}};

/* ---- all of it ---- */

/* A group that has nothing but `enabled`. */
#define ENABLED_OPTION(key, member, rows, text)                                                           \
    {                                                                                                     \
        .name = (key), .type = WEIR_OPTION_GROUP, .offset = offsetof(es_config, member), .group = (rows), \
        .group_size = sizeof(es_enabled), .summary = (text)                                               \
    }
#define GROUP_OPTION(key, member, rows, text)                                                             \
    {                                                                                                     \
        .name = (key), .type = WEIR_OPTION_GROUP, .offset = offsetof(es_config, member), .group = (rows), \
        .group_size = sizeof(((es_config *)0)->member), .summary = (text)                                 \
    }

const weir_option es_options[] = {
    {.name = "endpoint",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_config, endpoint),
     .summary = "Elasticsearch's or OpenSearch's URL, maybe with a path; or `endpoints`, or `cloudid`. If none is "
                "written, the URLs in the variable ELASTICSEARCH_URL, with commas between them."},
    {.name = "endpoints",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(es_config, endpoints),
     .summary = "The URLs of several nodes, which are used in turn; those that fail are left out for a while."},
    {.name = "cloudid",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_config, cloudid),
     .summary = "The id of a deployment in Elastic Cloud."},
    {.name = "user",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_config, user),
     .summary = "The name for basic authentication."},
    {.name = "password",
     .type = WEIR_OPTION_SECRET,
     .offset = offsetof(es_config, password),
     .summary = "The password that goes with `user`."},
    {.name = "api_key",
     .type = WEIR_OPTION_SECRET,
     .offset = offsetof(es_config, api_key),
     .summary = "An API key in its encoded form."},
    WEIR_EXPORTER_AUTH_OPTION(es_config, auth),
    {.name = "compression",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(es_config, compression),
     .default_text = "gzip",
     .enum_names = compression_names,
     .summary = "How requests are compressed."},
    GROUP_OPTION("compression_params", compression_params, compression_params_options,
                 "How hard the compression tries."),
    {.name = "tls",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(es_config, tls),
     .group = weir_tls_client_options,
     .group_size = sizeof(weir_tls_config),
     .summary = "How connections to https:// URLs are protected; whether TLS is used is the URL's to say."},
    {.name = "headers",
     .type = WEIR_OPTION_SECRET_MAP,
     .offset = offsetof(es_config, headers),
     .summary = "Sent with every request; values may be secret and are masked wherever weir prints them."},
    {.name = "timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(es_config, sender.timeout_ms),
     .default_text = "90s",
     .summary = "How long one attempt to send may take; 0 means without end."},
    {.name = "sending_queue",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(es_config, sender.queue),
     .group = queue_options,
     .group_size = sizeof(weir_sender_queue_config),
     .summary = "The window of data between the pipeline and Elasticsearch."},
    {.name = "logs_index",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_config, logs_index),
     .summary = "The one index, alias or data stream for all logs, and for events of spans where they are documents."},
    ENABLED_OPTION("logs_dynamic_index", logs_dynamic_index, dynamic_index_options, "Routing of logs by attributes."),
    {.name = "traces_index",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_config, traces_index),
     .summary = "The one index, alias or data stream for all spans."},
    ENABLED_OPTION("traces_dynamic_index", traces_dynamic_index, dynamic_index_options,
                   "Routing of spans by attributes."),
    {.name = "metrics_index",
     .type = WEIR_OPTION_STRING,
     .standing = WEIR_SUBSUMED,
     .remark = NO_METRICS,
     .summary = "The index for metrics."},
    {.name = "metrics_dynamic_index",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = NO_METRICS,
     .summary = "Routing of metrics by attributes."},
    GROUP_OPTION("logstash_format", logstash_format, logstash_options, "A date behind the name of each index."),
    ENABLED_OPTION("logs_dynamic_id", logs_dynamic_id, enabled_options,
                   "The attribute elasticsearch.document_id of a record as the document's _id."),
    ENABLED_OPTION("traces_dynamic_id", traces_dynamic_id, enabled_options,
                   "The attribute elasticsearch.document_id of a span as the document's _id."),
    {.name = "document_id",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(es_config, document_id),
     .default_text = "identity",
     .enum_names = document_id_names,
     .otel_default = "as none",
     .remark = "with the identity of the record as _id, what is sent again is the same document and not a second one",
     .summary = "What makes the _id of documents that have no dynamic one: the record's identity, or Elasticsearch "
                "itself. Not a key of the Collector's."},
    {.name = "pipeline",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(es_config, pipeline),
     .summary = "The ingest pipeline that documents go through."},
    ENABLED_OPTION("logs_dynamic_pipeline", logs_dynamic_pipeline, enabled_options,
                   "The attribute elasticsearch.ingest_pipeline of a record as the document's ingest pipeline."),
    GROUP_OPTION("mapping", mapping, mapping_options, "How records become documents."),
    GROUP_OPTION("retry", retry, retry_options,
                 "What happens when Elasticsearch does not take a request or a document."),
    GROUP_OPTION("flush", flush, flush_options, "How requests are formed, by old names."),
    {.name = "num_workers",
     .type = WEIR_OPTION_UINT,
     .standing = WEIR_DEPRECATED,
     .offset = offsetof(es_config, num_workers),
     .min = 1,
     .max = 1000,
     .remark = "write `sending_queue.num_consumers`, which beats it",
     .summary = "How many requests may be under way at the same time."},
    GROUP_OPTION("discover", discover, discover_options,
                 "Asking the cluster for its nodes, which then take the place of the URLs. Not behind a proxy."),
    {.name = "include_source_on_error",
     .type = WEIR_OPTION_ANY,
     .offset = offsetof(es_config, include_source_on_error),
     .summary = "true or false: whether Elasticsearch (from 8.18 on; others refuse the parameter) may quote a document "
                "in the reason of its refusal. Left to the server unless written."},
    {.name = "bulk_response_filter_path",
     .type = WEIR_OPTION_STRING,
     .standing = WEIR_SUBSUMED,
     .remark = "weir asks for what it needs: the result of every document",
     .summary = "Which parts of an answer the Collector asks for."},
    {.name = "suppress_conflict_errors",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "a document that is there already (409) is counted, and never an error",
     .summary = "Whether the Collector logs documents that are there already."},
    {.name = "metadata_keys",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(es_config, metadata_keys),
     .summary = "Data that differs in these request headers is never sent in one request."},
    GROUP_OPTION("telemetry", telemetry, telemetry_options, "What is written to the log for debugging."),
    WEIR_CURL_OPTIONS(es_config, connections),
    {0}};
