/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/debug/debug.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "exporters/debug/text.h"
#include "exporters/sender/sender.h"

typedef enum debug_verbosity { DEBUG_BASIC, DEBUG_NORMAL, DEBUG_DETAILED, DEBUG_BRIEF } debug_verbosity;

typedef struct debug_config {
    weir_sender_config sender;
    int verbosity; /* debug_verbosity */
    uint64_t sampling_initial;
    uint64_t sampling_thereafter;
    uint64_t lines_per_second;
    weir_strings output_paths;
} debug_config;

static const char *const verbosity_names[] = {"basic", "normal", "detailed", "brief", NULL};

static const weir_option debug_options[] = {
    {.name = "verbosity",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(debug_config, verbosity),
     .default_text = "basic",
     .enum_names = verbosity_names,
     .summary = "How much is written: counts, one line per item, or everything; brief, weir's own, is one short line "
                "per item for a person who watches."},
    {.name = "sampling_initial",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(debug_config, sampling_initial),
     .default_text = "2",
     .summary = "How many requests are written in each second …"},
    {.name = "sampling_thereafter",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(debug_config, sampling_thereafter),
     .default_text = "1",
     .summary = "… and after these every so-many-th; 0 means none."},
    {.name = "lines_per_second",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(debug_config, lines_per_second),
     .default_text = "0",
     .summary = "How many lines are written in each second for one signal (by each worker); how much was left out is "
                "said. weir's own key; 0 means no limit."},
    {.name = "use_internal_logger",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark =
         "weir writes plain text to output_paths, as the Collector does with false: easier to read than log lines",
     .summary = "Whether the output goes through the process's own log."},
    {.name = "output_paths",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(debug_config, output_paths),
     .summary = "Where to write: \"stdout\" (the default), \"stderr\", or files."},
    WEIR_SENDER_QUEUE_OPTION(debug_config, sender),
    {0}};

/* The process part: the open outputs. */
typedef struct debug_shared {
    const debug_config *config;
    weir_sender_shared *sender;
    FILE **outputs;
    size_t output_count;
} debug_shared;

typedef struct debug_exporter {
    const debug_shared *shared;
    weir_loop *loop;
    uint64_t second_started_ns;
    uint64_t in_second;                       /* requests since then */
    uint64_t lines;                           /* written since then */
    uint64_t skipped_requests, skipped_items; /* left out since something was written */
} debug_exporter;

/* ---- writing ---- */

static void begin_second(debug_exporter *exporter)
{
    uint64_t now = weir_loop_now_ns(exporter->loop);
    if (now - exporter->second_started_ns < 1000000000)
        return;
    exporter->second_started_ns = now;
    exporter->in_second = 0;
    exporter->lines = 0;
}

/* As the sampler of the Collector's log. */
static bool is_sampled(debug_exporter *exporter)
{
    const debug_config *config = exporter->shared->config;
    uint64_t number = ++exporter->in_second;
    if (number <= config->sampling_initial)
        return true;
    return config->sampling_thereafter > 0 && (number - config->sampling_initial) % config->sampling_thereafter == 0;
}

static void describe_traces(const traces_message *message, uint64_t items, int verbosity, weir_buffer *out)
{
    if (verbosity == DEBUG_BRIEF) {
        debug_brief_traces(message, out);
        return;
    }
    weir_buffer_printf(out, "Traces\t{\"resource spans\": %zu, \"spans\": %" PRIu64 "}\n", message->n_resource_spans,
                       items);
    if (verbosity == DEBUG_NORMAL)
        debug_normal_traces(message, out);
    else if (verbosity == DEBUG_DETAILED)
        debug_detailed_traces(message, out);
}

static void describe_logs(const logs_message *message, uint64_t items, int verbosity, weir_buffer *out)
{
    if (verbosity == DEBUG_BRIEF) {
        debug_brief_logs(message, out);
        return;
    }
    weir_buffer_printf(out, "Logs\t{\"resource logs\": %zu, \"log records\": %" PRIu64 "}\n", message->n_resource_logs,
                       items);
    if (verbosity == DEBUG_NORMAL)
        debug_normal_logs(message, out);
    else if (verbosity == DEBUG_DETAILED)
        debug_detailed_logs(message, out);
}

static void describe_metrics(const metrics_message *message, uint64_t items, int verbosity, weir_buffer *out)
{
    size_t metrics = 0;
    if (verbosity == DEBUG_BRIEF) {
        debug_brief_metrics(message, out);
        return;
    }
    for (size_t i = 0; i < message->n_resource_metrics; i++) {
        for (size_t j = 0; j < message->resource_metrics[i]->n_scope_metrics; j++)
            metrics += message->resource_metrics[i]->scope_metrics[j]->n_metrics;
    }
    weir_buffer_printf(out, "Metrics\t{\"resource metrics\": %zu, \"metrics\": %zu, \"data points\": %" PRIu64 "}\n",
                       message->n_resource_metrics, metrics, items);
    if (verbosity == DEBUG_NORMAL)
        debug_normal_metrics(message, out);
    else if (verbosity == DEBUG_DETAILED)
        debug_detailed_metrics(message, out);
}

static const ProtobufCMessageDescriptor *descriptor_of(weir_signal signal)
{
    switch (signal) {
    case WEIR_TRACES:
        return &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor;
    case WEIR_METRICS:
        return &opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor;
    default:
        return &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor;
    }
}

/* False if the bytes are no such message: cannot happen to what was validated, but is not ours to assert. */
static bool describe(const weir_push *push, int verbosity, weir_buffer *out)
{
    WEIR_BUFFER whole = {0};
    for (uint32_t i = 0; i < push->slice_count; i++)
        weir_buffer_append(&whole, push->slices[i]->data, push->slices[i]->len);
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor_of(push->signal), NULL, whole.len, whole.data);
    if (!message)
        return false;
    if (push->signal == WEIR_TRACES)
        describe_traces((const traces_message *)(void *)message, push->items, verbosity, out);
    else if (push->signal == WEIR_METRICS)
        describe_metrics((const metrics_message *)(void *)message, push->items, verbosity, out);
    else
        describe_logs((const logs_message *)(void *)message, push->items, verbosity, out);
    protobuf_c_message_free_unpacked(message, NULL);
    return true;
}

/* False if this second's lines are used up: then it need not even be decoded. */
static bool has_lines_left(debug_exporter *exporter, const weir_push *push)
{
    const debug_config *config = exporter->shared->config;
    if (config->lines_per_second == 0 || exporter->lines < config->lines_per_second)
        return true;
    exporter->skipped_requests++;
    exporter->skipped_items += push->items;
    return false;
}

/* Cuts the text to what is left of this second's lines, and says so. */
static void cut_lines(debug_exporter *exporter, weir_buffer *text)
{
    const debug_config *config = exporter->shared->config;
    if (config->lines_per_second == 0)
        return;
    size_t kept_len = 0;
    uint64_t more = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != '\n')
            continue;
        if (exporter->lines < config->lines_per_second) {
            exporter->lines++;
            kept_len = i + 1;
        } else {
            more++;
        }
    }
    text->len = kept_len;
    if (more > 0)
        weir_buffer_printf(text, "… %" PRIu64 " more line%s\n", more, more == 1 ? "" : "s");
}

static const char *const item_names[WEIR_SIGNALS] = {
    [WEIR_TRACES] = "spans", [WEIR_METRICS] = "metric points", [WEIR_LOGS] = "log records"};

static void tell_skipped(debug_exporter *exporter, const weir_push *push, weir_buffer *out)
{
    if (exporter->skipped_requests > 0)
        weir_buffer_printf(out, "… left out: %" PRIu64 " requests with %" PRIu64 " %s\n", exporter->skipped_requests,
                           exporter->skipped_items, item_names[push->signal]);
    exporter->skipped_requests = exporter->skipped_items = 0;
}

/* A line feed ends each request's text, so that it stands apart. One write: workers do not mix their lines. */
static void write_out(const debug_shared *shared, const weir_buffer *text)
{
    for (size_t i = 0; i < shared->output_count; i++) {
        fwrite(text->data, 1, text->len, shared->outputs[i]);
        fflush(shared->outputs[i]);
    }
}

static void debug_push(void *self, weir_push *push)
{
    debug_exporter *exporter = self;
    weir_error error = {0};
    WEIR_BUFFER text = {0};
    begin_second(exporter);
    if (is_sampled(exporter) && has_lines_left(exporter, push)) {
        tell_skipped(exporter, push, &text);
        if (describe(push, exporter->shared->config->verbosity, &text)) {
            cut_lines(exporter, &text);
            write_out(exporter->shared, &text);
        } else {
            weir_error_set(&error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "the data cannot be decoded");
        }
    }
    weir_push_done(push, &error);
}

/* Nothing is ever under way: debug_push answers before it returns. */
static void debug_cancel(void *self, weir_push *push)
{
    (void)self, (void)push;
}

static const weir_sender_ops debug_sender_ops = {.push = debug_push, .cancel = debug_cancel};

/* ---- life ---- */

static void debug_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const debug_config *debug = config;
    weir_sender_check(&debug->sender, node, diagnostics);
}

static void debug_close(void *self)
{
    debug_shared *shared = self;
    if (!shared)
        return;
    weir_sender_shared_free(shared->sender);
    for (size_t i = 0; i < shared->output_count; i++) {
        if (shared->outputs[i] != stdout && shared->outputs[i] != stderr)
            fclose(shared->outputs[i]);
    }
    free(shared->outputs);
    free(shared);
}

static FILE *open_output(const char *path)
{
    weir_text name = weir_text_of(path);
    if (weir_text_is(name, "stdout"))
        return stdout;
    return weir_text_is(name, "stderr") ? stderr : fopen(path, "ae");
}

static weir_status open_outputs(debug_shared *shared, weir_error *ret_error)
{
    const weir_strings *paths = &shared->config->output_paths;
    shared->outputs = weir_alloc(paths->count + 1, sizeof *shared->outputs);
    if (paths->count == 0)
        shared->outputs[shared->output_count++] = stdout;
    for (size_t i = 0; i < paths->count; i++) {
        FILE *output = open_output(paths->items[i]);
        if (!output)
            return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "output_paths: %s: %m", paths->items[i]);
        shared->outputs[shared->output_count++] = output;
    }
    return WEIR_OK;
}

static weir_status debug_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                              weir_error *ret_error)
{
    debug_shared *shared = WEIR_NEW(debug_shared);
    shared->config = config;
    weir_status status = open_outputs(shared, ret_error);
    if (status != WEIR_OK) {
        debug_close(shared);
        return status;
    }
    shared->sender = weir_sender_shared_new(host, id, &shared->config->sender, NULL, 0);
    *ret_shared = shared;
    return WEIR_OK;
}

static weir_exporter *debug_create(void *self, const weir_worker *worker, weir_signal signal,
                                   const weir_batch_shape *shape)
{
    debug_shared *shared = self;
    debug_exporter *exporter = WEIR_NEW(debug_exporter);
    exporter->shared = shared;
    exporter->loop = worker->loop;
    weir_exporter *sender = weir_sender_new(shared->sender, worker, signal, shape, &debug_sender_ops, exporter);
    sender->type = &weir_exporter_debug;
    return sender;
}

static void debug_free(weir_exporter *sender)
{
    debug_exporter *exporter = weir_sender_exporter(sender);
    weir_sender_free(sender);
    free(exporter);
}

static void debug_promise(const void *config, char *ret_text, size_t size)
{
    (void)config;
    snprintf(ret_text, size, "OK means the data was shown (or sampled away): nothing is kept");
}

const weir_component_type weir_exporter_debug = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXPORTER,
    .name = "debug",
    .summary = "Writes what it is given to standard output; for looking, not for load.",
    .signals = WEIR_ON_ALL,
    .options = debug_options,
    .config_size = sizeof(debug_config),
    .check = debug_check,
    .open = debug_open,
    .close = debug_close,
    .exporter_create = debug_create,
    .exporter_free = debug_free,
    .exporter_promise = debug_promise,
};
