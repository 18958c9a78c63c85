/* SPDX-License-Identifier: Apache-2.0
 *
 * resource: changes the attributes of resources, with the same actions as `attributes`.
 */
#include "component.h"
#include "core/memory.h"
#include "processors/actions.h"
#include "processors/counters.h"
#include "processors/edit_batch.h"
#include "processors/processors.h"

typedef struct resource_config {
    weir_list actions; /* of weir_action_config */
} resource_config;

static const weir_option resource_options[] = {{.name = "attributes",
                                                .type = WEIR_OPTION_LIST,
                                                .offset = offsetof(resource_config, actions),
                                                .group = weir_action_options,
                                                .group_size = sizeof(weir_action_config),
                                                .summary = "What to do with the resource's attributes, in this order."},
                                               {0}};

/* The process part: what `open` was given. */
typedef struct resource_shared {
    const weir_host *host;
    const char *id;
    const resource_config *config;
} resource_shared;

typedef struct resource_processor {
    weir_consumer super;
    weir_consumer *next;
    weir_processor_counters counters;
    weir_actions *actions;
    weir_otlp_attributes list;
    const weir_metadata *metadata; /* of the batch being processed */
} resource_processor;

static void resource_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const resource_config *resource = config;
    if (resource->actions.count == 0)
        weir_diagnostics_error(diagnostics, node, "attributes is missing: there is nothing to do");
    weir_actions_check(&resource->actions, weir_node_find(node, "attributes"), diagnostics);
}

static weir_status resource_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                 weir_error *ret_error)
{
    (void)ret_error;
    resource_shared *shared = WEIR_NEW(resource_shared);
    *shared = (resource_shared){.host = host, .id = id, .config = config};
    *ret_shared = shared;
    return WEIR_OK;
}

static weir_otlp_verdict resource_on_resource(void *context, weir_bytes resource, weir_buffer *out)
{
    resource_processor *processor = context;
    weir_otlp_attributes_load(&processor->list, resource, WEIR_OTLP_RESOURCE_ATTRIBUTES);
    weir_actions_apply(processor->actions, &processor->list, processor->metadata);
    if (!processor->list.changed)
        return WEIR_OTLP_KEEP;
    weir_otlp_attributes_store(&processor->list, out);
    return WEIR_OTLP_REPLACE;
}

static void resource_consume(weir_consumer *self, weir_batch *takes_batch)
{
    resource_processor *processor = (resource_processor *)self;
    const weir_otlp_editor editor = {.context = processor, .on_resource = resource_on_resource};
    processor->metadata = takes_batch->metadata;
    weir_processor_edit_batch(takes_batch, &editor, &processor->counters, processor->next);
}

static weir_consumer *resource_create(void *shared, const weir_worker *worker, weir_signal signal, const char *pipeline,
                                      weir_consumer *next)
{
    (void)worker;
    const resource_shared *part = shared;
    resource_processor *processor = WEIR_NEW(resource_processor);
    processor->super.consume = resource_consume;
    processor->next = next;
    processor->counters = weir_processor_counters_register(part->host, part->id, signal, pipeline, NULL);
    processor->actions = weir_actions_new(&part->config->actions);
    return &processor->super;
}

static void resource_free(weir_consumer *consumer)
{
    resource_processor *processor = (resource_processor *)consumer;
    weir_actions_free(processor->actions);
    weir_otlp_attributes_done(&processor->list);
    free(processor);
}

const weir_component_type weir_processor_resource = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_PROCESSOR,
    .name = "resource",
    .summary = "Changes the attributes of resources.",
    .signals = WEIR_ON_ALL,
    .options = resource_options,
    .config_size = sizeof(resource_config),
    .check = resource_check,
    .open = resource_open,
    .close = free,
    .processor_create = resource_create,
    .processor_free = resource_free,
};
