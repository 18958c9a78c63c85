/* SPDX-License-Identifier: Apache-2.0 */
#include "core/assert.h"
#include "core/memory.h"
#include "exporters/kafka/internal.h"
#include "exporters/kafka/resource_key.h"

enum { RESOURCES = 1 /* the field of the three requests that their resources are in */, TRACE_ID_BYTES = 16 };

static const kafka_config *config_of(const kafka_route *route)
{
    return route->exporter->writer->shared->config;
}

static const kafka_signal_config *signal_config_of(const kafka_route *route)
{
    return &config_of(route)->signals[route->exporter->signal];
}

static bool content_decides(const kafka_route *route)
{
    return route->exporter->rule == KAFKA_BY_TRACE || route->exporter->rule == KAFKA_BY_RESOURCE;
}

/* ---- topics ---- */

static const kafka_destination *destination_of(kafka_route *route, weir_text name)
{
    kafka_topic *topic = kafka_topic_find(route->exporter->writer, name);
    for (size_t i = 0; i < route->destination_count; i++) {
        if (route->destinations[i].topic == topic)
            return &route->destinations[i];
    }
    route->destinations = weir_realloc(route->destinations, route->destination_count + 1, sizeof *route->destinations);
    kafka_destination *made = &route->destinations[route->destination_count++];
    *made = (kafka_destination){.topic = topic, .partition = -1};
    return made;
}

/* {NULL, 0} if the metadata names none. */
static weir_text topic_of_metadata(const kafka_route *route)
{
    const char *key = signal_config_of(route)->topic_from_metadata_key;
    return kafka_is_empty(key) ? (weir_text){0} : weir_metadata_get(route->metadata, weir_text_of(key), 0);
}

static weir_text topic_of_resource(const kafka_route *route, weir_bytes resource)
{
    weir_otlp_value value;
    weir_text attribute = weir_text_of(config_of(route)->topic_from_attribute);
    if (weir_otlp_attribute_find(weir_otlp_resource_attributes(resource), attribute, &value) &&
        value.type == WEIR_OTLP_STRING && value.string.len > 0)
        return value.string;
    return weir_text_of(signal_config_of(route)->topic);
}

static bool resources_decide(const kafka_route *route)
{
    return !kafka_is_empty(config_of(route)->topic_from_attribute) && !topic_of_metadata(route).data;
}

static void gather_topics_of(kafka_route *route, const weir_slice *slice)
{
    weir_otlp_walk resources = weir_otlp_walk_in((weir_bytes){slice->data, slice->len}, RESOURCES);
    weir_bytes resource;
    while (weir_otlp_walk_next(&resources, &resource))
        destination_of(route, topic_of_resource(route, resource));
}

static void gather_topics(kafka_route *route, const weir_slice *const *slices, uint32_t slice_count)
{
    weir_text named = topic_of_metadata(route);
    if (named.data)
        destination_of(route, named);
    else if (!resources_decide(route))
        destination_of(route, weir_text_of(signal_config_of(route)->topic));
    else
        for (uint32_t i = 0; i < slice_count; i++)
            gather_topics_of(route, slices[i]);
}

/* ---- partitions ---- */

/* One for what is not told apart by its content. */
static int32_t common_partition(const kafka_route *route, kafka_destination *destination)
{
    switch (route->exporter->rule) {
    case KAFKA_SPREAD:
        return -1;
    case KAFKA_BY_KEY:
        if (route->key.len > 0)
            return weir_kafka_partition_of(kafka_hasher_of(config_of(route)), route->key, destination->partitions);
        return -1;
    default:
        return (int32_t)(destination->topic->turn++ % (uint32_t)destination->partitions);
    }
}

static weir_status plan_destination(kafka_route *route, kafka_destination *destination)
{
    destination->first_bucket = route->buckets;
    route->buckets++;
    if (!destination->topic || route->exporter->rule == KAFKA_SPREAD)
        return WEIR_OK;
    destination->partitions = weir_kafka_partitions(route->exporter->writer->producer, destination->topic->name);
    if (destination->partitions <= 0)
        return WEIR_AGAIN;
    if (content_decides(route))
        route->buckets += (uint32_t)destination->partitions - 1;
    destination->partition = common_partition(route, destination);
    return WEIR_OK;
}

weir_status kafka_route_plan(kafka_route *route, const weir_slice *const *slices, uint32_t slice_count,
                             const kafka_topic **ret_topic)
{
    route->destination_count = 0;
    route->buckets = 0;
    route->resource = NULL;
    gather_topics(route, slices, slice_count);
    /* All of them, also after one that is not known: so they are asked about together. */
    weir_status planned = WEIR_OK;
    for (size_t i = 0; i < route->destination_count; i++) {
        weir_status status = plan_destination(route, &route->destinations[i]);
        if (status == WEIR_OK)
            continue;
        planned = status;
        *ret_topic = route->destinations[i].topic;
    }
    return planned;
}

/* ---- items ---- */

static int32_t partition_of_trace(const kafka_route *route, const weir_otlp_items *at)
{
    static const uint8_t no_id[TRACE_ID_BYTES];
    weir_kafka_hasher hasher = kafka_hasher_of(config_of(route));
    weir_bytes id = weir_otlp_trace_id(at->kind, at->item);
    if (id.len == TRACE_ID_BYTES && memcmp(id.data, no_id, TRACE_ID_BYTES) != 0)
        return weir_kafka_partition_of_trace(hasher, id.data, route->at->partitions);
    /* The Collector gives spans without one an empty key, and such logs none. */
    if (at->kind == WEIR_OTLP_TRACES)
        return weir_kafka_partition_of(hasher, (weir_bytes){no_id, 0}, route->at->partitions);
    return route->at->partition;
}

static int32_t partition_of_resource(const kafka_route *route, weir_bytes resource)
{
    uint8_t key[KAFKA_RESOURCE_KEY_BYTES];
    kafka_resource_key(resource, key);
    return weir_kafka_partition_of(kafka_hasher_of(config_of(route)), (weir_bytes){key, sizeof key},
                                   route->at->partitions);
}

/* What the items of a resource have in common is looked up when the walk enters it. */
static void enter_resource(kafka_route *route, weir_bytes resource)
{
    route->resource = resource.data;
    route->at =
        resources_decide(route) ? destination_of(route, topic_of_resource(route, resource)) : &route->destinations[0];
    route->resource_bucket = route->at->first_bucket;
    if (route->exporter->rule == KAFKA_BY_RESOURCE && route->at->topic)
        route->resource_bucket += (uint32_t)partition_of_resource(route, resource);
}

uint32_t kafka_route_bucket(kafka_route *route, const weir_otlp_items *at)
{
    if (route->resource != at->resource.data || !route->resource)
        enter_resource(route, at->resource);
    if (route->exporter->rule != KAFKA_BY_TRACE || !route->at->topic)
        return route->resource_bucket;
    return route->at->first_bucket + (uint32_t)partition_of_trace(route, at);
}

kafka_target kafka_route_target(const kafka_route *route, uint32_t bucket)
{
    size_t i = route->destination_count - 1;
    while (route->destinations[i].first_bucket > bucket)
        i--;
    const kafka_destination *destination = &route->destinations[i];
    bool is_by_content = content_decides(route) && destination->topic;
    return (kafka_target){
        .topic = destination->topic,
        .partition = is_by_content ? (int32_t)(bucket - destination->first_bucket) : destination->partition,
    };
}

void kafka_route_done(kafka_route *route)
{
    free(route->destinations);
    *route = (kafka_route){0};
}
