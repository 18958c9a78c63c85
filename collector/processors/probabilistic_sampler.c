/* SPDX-License-Identifier: Apache-2.0
 *
 * probabilistic_sampler: keeps a share of spans or log records, whole traces at a time, and writes to what it keeps
 * how it was chosen: spans carry it in their tracestate (ot=rv:…;th:…), log records in the attributes
 * sampling.randomness and sampling.threshold. Decides item by item as the Collector's. Nothing is allocated for an
 * item that is dropped.
 */
#include <math.h>
#include <string.h>

#include "component.h"
#include "core/memory.h"
#include "otlp/attributes.h"
#include "otlp/wire.h"
#include "processors/counters.h"
#include "processors/edit_batch.h"
#include "processors/number_text.h"
#include "processors/processors.h"
#include "processors/sampler.h"
#include "processors/tracestate.h"
#include "processors/value.h"

#define PRIORITY_KEY "sampling.priority"
#define THRESHOLD_KEY "sampling.threshold"
#define RANDOMNESS_KEY "sampling.randomness"

enum { SPAN_TRACE_ID = 1, VALUE_FIELD = 2, TRACE_ID_BYTES = 16 };

enum { SOURCE_TRACE_ID, SOURCE_RECORD };

typedef struct sampler_config {
    double sampling_percentage;
    uint64_t hash_seed;
    int mode; /* weir_sampler_mode */
    bool fail_closed;
    uint64_t sampling_precision;
    int attribute_source; /* SOURCE_… */
    char *from_attribute;
    char *sampling_priority;
} sampler_config;

static const char *const mode_names[] = {"hash_seed", "equalizing", "proportional", NULL};
static const char *const source_names[] = {"traceID", "record", NULL};

static const weir_option sampler_options[] = {
    {.name = "sampling_percentage",
     .type = WEIR_OPTION_DOUBLE,
     .offset = offsetof(sampler_config, sampling_percentage),
     .default_text = "0",
     .unit = "%",
     .summary = "The share that is kept; 100 and more keep everything."},
    {.name = "mode",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(sampler_config, mode),
     .enum_names = mode_names,
     .default_text = "hash_seed",
     .summary = "hash_seed: by a hash of the trace id. equalizing: down to one probability for all, whatever was "
                "sampled before. "
                "proportional: this share of what arrives, whatever was sampled before."},
    {.name = "hash_seed",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(sampler_config, hash_seed),
     .default_text = "0",
     .max = UINT32_MAX,
     .summary = "Goes into the hash; collectors that share a trace need the same, stages one behind the other "
                "different ones."},
    {.name = "fail_closed",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(sampler_config, fail_closed),
     .default_text = "true",
     .summary =
         "Whether items without randomness or with a malformed tracestate are dropped; otherwise they are kept."},
    {.name = "sampling_precision",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(sampler_config, sampling_precision),
     .default_text = "4",
     .min = 1,
     .max = WEIR_SAMPLING_DIGITS,
     .unit = "hex digits",
     .summary = "How exactly thresholds are written."},
    {.name = "attribute_source",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(sampler_config, attribute_source),
     .enum_names = source_names,
     .default_text = "traceID",
     .summary = "Log records only: whether the trace id or the attribute from_attribute is hashed."},
    {.name = "from_attribute",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(sampler_config, from_attribute),
     .summary = "Log records only: the attribute that is hashed where there is no trace id, or always with "
                "attribute_source record."},
    {.name = "sampling_priority",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(sampler_config, sampling_priority),
     .summary = "Log records only: an attribute whose number is the percentage to keep the record at."},
    {0}};

/* The process part: what `open` was given. */
typedef struct sampler_shared {
    const weir_host *host;
    const char *id;
    const sampler_config *config;
} sampler_shared;

typedef struct sampler_processor {
    weir_consumer super;
    weir_consumer *next;
    const sampler_config *config;
    weir_sampler sampler;
    weir_processor_counters counters;
    weir_metric *decided[WEIR_POLICIES][2]; /* by policy, dropped and kept */
    int64_t uncounted[WEIR_POLICIES][2];    /* counted and not yet added there */
    weir_otlp_attributes list;              /* log records only */
    weir_buffer text;                       /* log records only: a hashed value */
} sampler_processor;

static void sampler_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const sampler_config *sampler = config;
    const weir_node *place = weir_node_find(node, "sampling_percentage");
    float percentage = (float)sampler->sampling_percentage;
    if (!isfinite(percentage))
        weir_diagnostics_error(diagnostics, place, "sampling_percentage must be a number");
    else if (percentage < 0)
        weir_diagnostics_error(diagnostics, place, "sampling_percentage must not be negative");
    else if (percentage > 0 && (double)percentage / 100 < 0x1p-56)
        weir_diagnostics_error(diagnostics, place,
                               "sampling_percentage is smaller than one in 2^56, the least that can be kept");
}

static weir_status sampler_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                weir_error *ret_error)
{
    (void)ret_error;
    sampler_shared *shared = WEIR_NEW(sampler_shared);
    *shared = (sampler_shared){.host = host, .id = id, .config = config};
    *ret_shared = shared;
    return WEIR_OK;
}

/* 16 bytes that are not all zero, which means no trace id. */
static const uint8_t *usable_trace_id(weir_bytes trace_id)
{
    static const uint8_t none[TRACE_ID_BYTES];
    return trace_id.len == TRACE_ID_BYTES && memcmp(trace_id.data, none, sizeof none) != 0 ? trace_id.data : NULL;
}

/* ---- spans ---- */

typedef struct span_view {
    weir_bytes trace_id;
    weir_text trace_state;
    weir_bytes priority; /* the KeyValue of sampling.priority; empty if there is none */
} span_view;

static bool is_priority(weir_bytes key_value)
{
    static const char key[] = "\x0a\x11" PRIORITY_KEY; /* as every encoder writes it: field 1, 17 bytes */
    return key_value.len > sizeof key - 1 && memcmp(key_value.data, key, sizeof key - 1) == 0;
}

/* What the decision needs, in one pass. */
static span_view look_at_span(weir_bytes span)
{
    span_view view = {0};
    const uint8_t *at = span.data, *end = span.data + span.len;
    weir_otlp_field field;
    while (weir_otlp_field_next(&at, end, &field)) {
        if (field.number == SPAN_TRACE_ID)
            view.trace_id = field.body;
        else if (field.number == WEIR_OTLP_SPAN_TRACE_STATE)
            view.trace_state = (weir_text){(const char *)field.body.data, field.body.len};
        else if (field.number == WEIR_OTLP_SPAN_ATTRIBUTES && view.priority.len == 0 && is_priority(field.body))
            view.priority = field.body;
    }
    return view;
}

/* OpenTracing's attribute: above zero the span is kept, at zero dropped; below, or no number, it says nothing. */
static void apply_span_priority(weir_bytes priority, weir_sampler_case *item)
{
    if (priority.len == 0)
        return;
    weir_otlp_value value = weir_otlp_value_in(priority, VALUE_FIELD);
    double number = -1;
    if (value.type == WEIR_OTLP_INT)
        number = (double)value.integer;
    else if (value.type == WEIR_OTLP_DOUBLE)
        number = value.number;
    else if (value.type != WEIR_OTLP_STRING || !weir_text_to_double(value.string, &number))
        return;
    if (number == 0)
        weir_sampler_override(item, WEIR_SAMPLING_NEVER);
    else if (number > 0)
        weir_sampler_override(item, WEIR_SAMPLING_ALWAYS);
}

/* Writes the span with its new tracestate; keeps it as it is if that is the same. */
static weir_otlp_verdict mark_span(weir_bytes span, weir_text trace_state, const weir_sampler_case *item,
                                   weir_tracestate *state, weir_buffer *out)
{
    char text[WEIR_TRACESTATE_TEXT_SIZE];
    uint64_t threshold;
    if (item->sets_randomness)
        weir_tracestate_set_randomness(state, item->decided_randomness);
    if (item->clears_threshold)
        weir_tracestate_clear_threshold(state);
    if (weir_sampler_new_threshold(item, &threshold))
        weir_tracestate_set_threshold(state, threshold);
    weir_text marked = {text, weir_tracestate_format(state, text)};
    if (weir_text_equal(marked, trace_state))
        return WEIR_OTLP_KEEP;
    weir_otlp_set_text(out, span, WEIR_OTLP_SPAN_TRACE_STATE, marked);
    return WEIR_OTLP_REPLACE;
}

static weir_otlp_verdict sampler_on_span(void *context, const weir_otlp_items *at, weir_buffer *out)
{
    sampler_processor *processor = context;
    span_view span = look_at_span(at->item);
    const uint8_t *trace_id = usable_trace_id(span.trace_id);
    weir_bytes hashed = {trace_id, trace_id ? TRACE_ID_BYTES : 0};
    weir_tracestate state;
    weir_sampler_case item;
    item.is_valid = weir_tracestate_parse(&state, span.trace_state);
    item.has_randomness = state.has_randomness;
    item.has_threshold = state.has_threshold;
    item.randomness = state.has_randomness ? state.randomness : 0;
    item.threshold = state.has_threshold ? state.threshold : 0;
    weir_sampler_judge(&processor->sampler, hashed, WEIR_POLICY_TRACE_ID_HASH, trace_id, &item);
    apply_span_priority(span.priority, &item);
    bool kept = weir_sampler_keeps(&item);
    processor->uncounted[item.policy][kept]++;
    if (!kept)
        return WEIR_OTLP_DROP;
    return item.is_marked ? mark_span(at->item, span.trace_state, &item, &state, out) : WEIR_OTLP_KEEP;
}

/* ---- log records ---- */

/* A text attribute that is not empty. */
static bool find_text(weir_otlp_walk attributes, weir_text key, weir_text *ret_text)
{
    weir_otlp_value value;
    if (!weir_otlp_attribute_find(attributes, key, &value) || value.type != WEIR_OTLP_STRING || value.string.len == 0)
        return false;
    *ret_text = value.string;
    return true;
}

static void read_record(weir_otlp_walk attributes, weir_sampler_case *item)
{
    weir_text text;
    *item = (weir_sampler_case){.is_valid = true};
    if (find_text(attributes, WEIR_TEXT(THRESHOLD_KEY), &text)) {
        item->has_threshold = weir_threshold_parse(text, &item->threshold);
        item->is_valid &= item->has_threshold;
    }
    if (find_text(attributes, WEIR_TEXT(RANDOMNESS_KEY), &text)) {
        item->has_randomness = weir_randomness_parse(text, &item->randomness);
        item->is_valid &= item->has_randomness;
    }
}

/* What hash_seed mode hashes of a record; empty if there is nothing. */
static weir_bytes hashed_bytes(sampler_processor *processor, const uint8_t *trace_id, weir_otlp_walk attributes,
                               weir_sampler_policy *ret_policy)
{
    const sampler_config *config = processor->config;
    weir_otlp_value value;
    *ret_policy = WEIR_POLICY_TRACE_ID_HASH;
    if (config->attribute_source == SOURCE_TRACE_ID && trace_id)
        return (weir_bytes){trace_id, TRACE_ID_BYTES};
    *ret_policy = WEIR_POLICY_ATTRIBUTE;
    if (!config->from_attribute || !*config->from_attribute ||
        !weir_otlp_attribute_find(attributes, weir_text_of(config->from_attribute), &value))
        return (weir_bytes){0};
    if (value.type == WEIR_OTLP_BYTES)
        return value.bytes;
    processor->text.len = 0;
    weir_value_to_text(&value, &processor->text);
    return (weir_bytes){processor->text.data, processor->text.len};
}

/* A record's priority is a percentage that takes the place of the configured one. */
static void apply_record_priority(const sampler_processor *processor, weir_otlp_walk attributes,
                                  weir_sampler_case *item)
{
    const char *key = processor->config->sampling_priority;
    weir_otlp_value value;
    uint64_t threshold;
    if (!key || !*key || !weir_otlp_attribute_find(attributes, weir_text_of(key), &value))
        return;
    double probability = 0;
    if (value.type == WEIR_OTLP_INT)
        probability = (double)value.integer / 100;
    else if (value.type == WEIR_OTLP_DOUBLE)
        probability = value.number / 100;
    if (weir_threshold_of_probability(probability, processor->sampler.precision, &threshold))
        weir_sampler_override(item, threshold);
}

static weir_otlp_value text_value(const char *text, size_t len)
{
    return (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = {text, len}};
}

static weir_otlp_verdict mark_record(weir_otlp_attributes *list, weir_bytes record, const weir_sampler_case *item,
                                     weir_buffer *out)
{
    char text[WEIR_SAMPLING_TEXT_SIZE];
    uint64_t threshold;
    weir_otlp_attributes_load(list, record, WEIR_OTLP_LOG_ATTRIBUTES);
    if (item->sets_randomness) {
        weir_otlp_value value = text_value(text, weir_randomness_format(item->decided_randomness, text));
        weir_otlp_attributes_set(list, WEIR_TEXT(RANDOMNESS_KEY), &value);
    }
    if (item->clears_threshold)
        weir_otlp_attributes_remove(list, WEIR_TEXT(THRESHOLD_KEY));
    if (weir_sampler_new_threshold(item, &threshold)) {
        weir_otlp_value value = text_value(text, weir_threshold_format(threshold, text));
        weir_otlp_attributes_set(list, WEIR_TEXT(THRESHOLD_KEY), &value);
    }
    if (!list->changed)
        return WEIR_OTLP_KEEP;
    weir_otlp_attributes_store(list, out);
    return WEIR_OTLP_REPLACE;
}

static weir_otlp_verdict sampler_on_record(void *context, const weir_otlp_items *at, weir_buffer *out)
{
    sampler_processor *processor = context;
    weir_otlp_walk attributes = weir_otlp_walk_in(at->item, WEIR_OTLP_LOG_ATTRIBUTES);
    const uint8_t *trace_id = usable_trace_id(weir_otlp_trace_id(WEIR_OTLP_LOGS, at->item));
    weir_sampler_policy policy;
    weir_bytes hashed = hashed_bytes(processor, trace_id, attributes, &policy);
    weir_sampler_case item;
    read_record(attributes, &item);
    weir_sampler_judge(&processor->sampler, hashed, policy, trace_id, &item);
    if (item.policy == WEIR_POLICY_MISSING)
        item.sets_randomness = false; /* a record, unlike a span, is not given randomness that it has not */
    apply_record_priority(processor, attributes, &item);
    bool kept = weir_sampler_keeps(&item);
    processor->uncounted[item.policy][kept]++;
    if (!kept)
        return WEIR_OTLP_DROP;
    return item.is_marked ? mark_record(&processor->list, at->item, &item, out) : WEIR_OTLP_KEEP;
}

/* ---- the processor ---- */

/* What was counted since the last time. Passing a batch on may have brought the next one in, which then counted for
 * both. */
static void flush_decided(sampler_processor *processor)
{
    for (int policy = 0; policy < WEIR_POLICIES; policy++)
        for (int kept = 0; kept < 2; kept++)
            if (processor->uncounted[policy][kept] > 0) {
                weir_metric_add(processor->decided[policy][kept], processor->uncounted[policy][kept]);
                processor->uncounted[policy][kept] = 0;
            }
}

static void sampler_consume(weir_consumer *self, weir_batch *takes_batch)
{
    sampler_processor *processor = (sampler_processor *)self;
    const weir_otlp_editor editor = {
        .context = processor,
        .on_item = takes_batch->signal == WEIR_TRACES ? sampler_on_span : sampler_on_record,
    };
    weir_processor_edit_batch(takes_batch, &editor, &processor->counters, processor->next);
    flush_decided(processor);
}

static void register_decided(sampler_processor *processor, const weir_host *host, weir_signal signal)
{
    const char *from = processor->config->from_attribute ? processor->config->from_attribute : "";
    const char *const policies[WEIR_POLICIES] = {
        "missing_randomness", "trace_id_hash", "trace_id_w3c", "sampling_randomness", from, "sampling_priority"};
    bool traces = signal == WEIR_TRACES;
    for (int policy = 0; policy < WEIR_POLICIES; policy++)
        for (int kept = 0; kept < 2; kept++) {
            const weir_label labels[] = {{"policy", policies[policy]}, {"sampled", kept ? "true" : "false"}};
            processor->decided[policy][kept] = weir_metrics_register(
                host->metrics, WEIR_COUNTER,
                traces ? "otelcol_processor_probabilistic_sampler_count_traces_sampled"
                       : "otelcol_processor_probabilistic_sampler_count_logs_sampled",
                traces ? "Count of traces that were sampled or not" : "Count of logs that were sampled or not", "1",
                labels, WEIR_COUNT_OF(labels));
        }
}

static weir_consumer *sampler_create(void *shared, const weir_worker *worker, weir_signal signal, const char *pipeline,
                                     weir_consumer *next)
{
    (void)worker;
    const sampler_shared *part = shared;
    const sampler_config *config = part->config;
    sampler_processor *processor = WEIR_NEW(sampler_processor);
    processor->super.consume = sampler_consume;
    processor->next = next;
    processor->config = config;
    weir_sampler_init(&processor->sampler, (weir_sampler_mode)config->mode, (float)config->sampling_percentage,
                      (uint32_t)config->hash_seed, (unsigned)config->sampling_precision, config->fail_closed);
    processor->counters = weir_processor_counters_register(part->host, part->id, signal, pipeline, "sampled_out");
    register_decided(processor, part->host, signal);
    return &processor->super;
}

static void sampler_free(weir_consumer *consumer)
{
    sampler_processor *processor = (sampler_processor *)consumer;
    weir_otlp_attributes_done(&processor->list);
    weir_buffer_done(&processor->text);
    free(processor);
}

const weir_component_type weir_processor_probabilistic_sampler = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_PROCESSOR,
    .name = "probabilistic_sampler",
    .summary = "Keeps a share of the traces, or of the log records.",
    .signals = WEIR_ON_TRACES | WEIR_ON_LOGS,
    .options = sampler_options,
    .config_size = sizeof(sampler_config),
    .check = sampler_check,
    .open = sampler_open,
    .close = free,
    .processor_create = sampler_create,
    .processor_free = sampler_free,
};
