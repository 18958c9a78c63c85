/* SPDX-License-Identifier: Apache-2.0
 *
 * attributes: changes the attributes of spans, log records and data points, of all of them or of those that `include`
 * and `exclude` choose.
 */
#include "component.h"
#include "core/memory.h"
#include "processors/actions.h"
#include "processors/counters.h"
#include "processors/edit_batch.h"
#include "processors/filter.h"
#include "processors/processors.h"

typedef struct attributes_config {
    weir_list actions; /* of weir_action_config */
    weir_filter_config *include;
    weir_filter_config *exclude;
} attributes_config;

static const weir_option attributes_options[] = {{.name = "actions",
                                                  .type = WEIR_OPTION_LIST,
                                                  .offset = offsetof(attributes_config, actions),
                                                  .group = weir_action_options,
                                                  .group_size = sizeof(weir_action_config),
                                                  .summary = "What to do, in this order."},
                                                 {.name = "include",
                                                  .type = WEIR_OPTION_POINTER,
                                                  .offset = offsetof(attributes_config, include),
                                                  .group = weir_filter_options,
                                                  .group_size = sizeof(weir_filter_config),
                                                  .summary = "Only items that match this are changed."},
                                                 {.name = "exclude",
                                                  .type = WEIR_OPTION_POINTER,
                                                  .offset = offsetof(attributes_config, exclude),
                                                  .group = weir_filter_options,
                                                  .group_size = sizeof(weir_filter_config),
                                                  .summary = "Items that match this are not changed."},
                                                 {0}};

/* The process part: what `open` was given. */
typedef struct attributes_shared {
    const weir_host *host;
    const char *id;
    const attributes_config *config;
} attributes_shared;

typedef struct attributes_processor {
    weir_consumer super;
    weir_consumer *next;
    weir_processor_counters counters;
    weir_filter *include;
    weir_filter *exclude;
    weir_actions *actions;
    weir_otlp_attributes list;
    const weir_metadata *metadata; /* of the batch being processed */
} attributes_processor;

static void attributes_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const attributes_config *attributes = config;
    if (attributes->actions.count == 0)
        weir_diagnostics_error(diagnostics, node, "actions is missing: there is nothing to do");
    weir_actions_check(&attributes->actions, weir_node_find(node, "actions"), diagnostics);
    weir_filter_check(attributes->include, weir_node_find(node, "include"), diagnostics);
    weir_filter_check(attributes->exclude, weir_node_find(node, "exclude"), diagnostics);
}

static weir_status attributes_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                   weir_error *ret_error)
{
    (void)ret_error;
    attributes_shared *shared = WEIR_NEW(attributes_shared);
    *shared = (attributes_shared){.host = host, .id = id, .config = config};
    *ret_shared = shared;
    return WEIR_OK;
}

static weir_otlp_verdict attributes_on_item(void *context, const weir_otlp_items *at, weir_buffer *out)
{
    attributes_processor *processor = context;
    if (processor->include && !weir_filter_matches(processor->include, at))
        return WEIR_OTLP_KEEP;
    if (processor->exclude && weir_filter_matches(processor->exclude, at))
        return WEIR_OTLP_KEEP;
    weir_otlp_attributes_load(&processor->list, at->item, weir_otlp_item_attributes(at->kind, at->data));
    weir_actions_apply(processor->actions, &processor->list, processor->metadata);
    if (!processor->list.changed)
        return WEIR_OTLP_KEEP;
    weir_otlp_attributes_store(&processor->list, out);
    return WEIR_OTLP_REPLACE;
}

static void attributes_consume(weir_consumer *self, weir_batch *takes_batch)
{
    attributes_processor *processor = (attributes_processor *)self;
    const weir_otlp_editor editor = {.context = processor, .on_item = attributes_on_item};
    processor->metadata = takes_batch->metadata;
    weir_processor_edit_batch(takes_batch, &editor, &processor->counters, processor->next);
}

static weir_consumer *attributes_create(void *shared, const weir_worker *worker, weir_signal signal,
                                        const char *pipeline, weir_consumer *next)
{
    (void)worker;
    const attributes_shared *part = shared;
    attributes_processor *processor = WEIR_NEW(attributes_processor);
    processor->super.consume = attributes_consume;
    processor->next = next;
    processor->counters = weir_processor_counters_register(part->host, part->id, signal, pipeline, NULL);
    processor->include = weir_filter_new(part->config->include, signal);
    processor->exclude = weir_filter_new(part->config->exclude, signal);
    processor->actions = weir_actions_new(&part->config->actions);
    return &processor->super;
}

static void attributes_free(weir_consumer *consumer)
{
    attributes_processor *processor = (attributes_processor *)consumer;
    weir_filter_free(processor->include);
    weir_filter_free(processor->exclude);
    weir_actions_free(processor->actions);
    weir_otlp_attributes_done(&processor->list);
    free(processor);
}

const weir_component_type weir_processor_attributes = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_PROCESSOR,
    .name = "attributes",
    .summary = "Changes the attributes of spans, log records and data points.",
    .signals = WEIR_ON_ALL,
    .options = attributes_options,
    .config_size = sizeof(attributes_config),
    .check = attributes_check,
    .open = attributes_open,
    .close = free,
    .processor_create = attributes_create,
    .processor_free = attributes_free,
};
