/* SPDX-License-Identifier: Apache-2.0 */
#include "core/assert.h"
#include "core/memory.h"
#include "exporters/kafka/internal.h"

static const uint64_t ns_per_ms = 1000000;

static const kafka_config *config_of(const kafka_request *request)
{
    return request->writer->shared->config;
}

/* ---- lists ---- */

static void list_add(kafka_request **list, kafka_request *request)
{
    request->previous = NULL;
    request->next = *list;
    if (request->next)
        request->next->previous = request;
    *list = request;
}

static void list_remove(kafka_request **list, kafka_request *request)
{
    if (request->previous)
        request->previous->next = request->next;
    else
        *list = request->next;
    if (request->next)
        request->next->previous = request->previous;
    request->next = request->previous = NULL;
}

static void add_message(kafka_request *request, kafka_message *message)
{
    message->next = request->messages;
    if (message->next)
        message->next->previous = message;
    request->messages = message;
    kafka_queue_message(request->exporter, message);
}

static void remove_message(kafka_request *request, kafka_message *message)
{
    if (message->previous)
        message->previous->next = message->next;
    else
        request->messages = message->next;
    if (message->next)
        message->next->previous = message->previous;
    kafka_message_free(message);
}

/* ---- making one ---- */

static void add_header(kafka_request *request, weir_text key, weir_text value)
{
    request->headers = weir_realloc(request->headers, request->header_count + 1, sizeof *request->headers);
    request->headers[request->header_count++] =
        (weir_kafka_header){.key = key, .value = {(const uint8_t *)value.data, value.len}};
    request->header_bytes += key.len + value.len;
}

/* Those of the configuration first, then those of the metadata: as the Collector. */
static void add_headers(kafka_request *request)
{
    const kafka_config *config = config_of(request);
    const kafka_record_header *fixed = config->record_headers.items;
    for (size_t i = 0; i < config->record_headers.count; i++)
        add_header(request, weir_text_of(fixed[i].name), weir_text_of(fixed[i].value ? fixed[i].value : ""));
    for (size_t i = 0; i < config->include_metadata_keys.count; i++) {
        weir_text key = weir_text_of(config->include_metadata_keys.items[i]), value;
        for (unsigned n = 0; (value = weir_metadata_get(request->metadata, key, n)).data; n++)
            add_header(request, key, value);
    }
}

static void find_key(kafka_request *request)
{
    const char *name = config_of(request)->signals[request->exporter->signal].message_key_from_metadata_key;
    if (kafka_is_empty(name))
        return;
    weir_text key = weir_metadata_get(request->metadata, weir_text_of(name), 0);
    if (key.len > 0)
        request->key = (weir_bytes){(const uint8_t *)key.data, key.len};
    request->header_bytes += key.len;
}

kafka_request *kafka_request_new(kafka_exporter *exporter, weir_push *push)
{
    kafka_request *request = WEIR_NEW(kafka_request);
    request->writer = exporter->writer;
    request->exporter = exporter;
    request->push = push;
    push->user = request;
    if (push->metadata)
        request->metadata = weir_metadata_ref((weir_metadata *)(uintptr_t)push->metadata);
    request->started_ns = weir_loop_now_ns(exporter->writer->worker->loop);
    find_key(request);
    add_headers(request);
    list_add(&exporter->requests, request);
    exporter->unscattered++;
    return request;
}

void kafka_request_free(kafka_request *request)
{
    while (request->messages)
        remove_message(request, request->messages);
    for (size_t i = 0; i < request->rest_count; i++)
        weir_slice_done(&request->rests[i].slice);
    free(request->rests);
    free(request->headers);
    weir_metadata_unref(request->metadata);
    free(request);
}

/* ---- its end ---- */

/* The push is the sender's again. */
static weir_push *leave_exporter(kafka_request *request)
{
    weir_push *push = WEIR_TAKE(request->push);
    kafka_exporter *exporter = WEIR_TAKE(request->exporter);
    list_remove(&exporter->requests, request);
    if (!request->is_scattered)
        exporter->unscattered--;
    kafka_unqueue_messages(exporter, request);
    return push;
}

static void end(kafka_request *request, const weir_error *error)
{
    weir_push *push = leave_exporter(request);
    weir_push_rest *rests = WEIR_TAKE(request->rests);
    size_t rest_count = request->rest_count;
    request->rest_count = 0;
    kafka_request_free(request);
    if (rest_count > 0)
        weir_push_done_but(push, rests, rest_count);
    else
        weir_push_done(push, error);
    free(rests);
}

static void end_if_resolved(kafka_request *request)
{
    if (request->is_scattered && !request->messages)
        end(request, NULL);
}

static void add_rest(kafka_request *request, weir_slice *takes_slice, const weir_error *error)
{
    request->rests = weir_realloc(request->rests, request->rest_count + 1, sizeof *request->rests);
    request->rests[request->rest_count++] = (weir_push_rest){.slice = *takes_slice, .error = *error};
    *takes_slice = (weir_slice){0};
}

static void add_rests(kafka_request *request, weir_otlp_group *group, const weir_error *error)
{
    for (uint32_t i = 0; i < group->slice_count; i++)
        add_rest(request, &group->slices[i], error);
}

void kafka_request_acknowledged(kafka_request *request, kafka_message *message)
{
    remove_message(request, message);
    end_if_resolved(request);
}

void kafka_request_rest(kafka_request *request, kafka_message *message, const weir_error *error)
{
    add_rests(request, &message->group, error);
    remove_message(request, message);
    end_if_resolved(request);
}

void kafka_request_detach(kafka_request *request)
{
    kafka_writer *writer = request->writer;
    (void)leave_exporter(request);
    kafka_message *next;
    for (kafka_message *message = request->messages; message; message = next) {
        next = message->next;
        if (message->place != KAFKA_FLYING)
            remove_message(request, message);
    }
    if (request->messages)
        list_add(&writer->detached, request);
    else
        kafka_request_free(request);
}

void kafka_request_forget(kafka_request *request, kafka_message *message)
{
    WEIR_ASSERT(!request->exporter);
    remove_message(request, message);
    if (request->messages)
        return;
    list_remove(&request->writer->detached, request);
    kafka_request_free(request);
}

/* ---- scattering ---- */

/* Messages of a scattering, which are the request's once all of them are made. */
typedef struct made_messages {
    kafka_message *first, **end;
} made_messages;

typedef struct scatter_job {
    kafka_request *request;
    kafka_route *route; /* NULL: all of it is for `target` */
    kafka_target target;
    made_messages *made;
} scatter_job;

static weir_status scatter(scatter_job *job, const weir_slice *const *slices, uint32_t slice_count, uint64_t items_max);

static weir_status scatter_slices(scatter_job *job, const weir_slice *slices, uint32_t slice_count, uint64_t items_max)
{
    WEIR_FREE const weir_slice **list = weir_alloc(slice_count, sizeof *list);
    for (uint32_t i = 0; i < slice_count; i++)
        list[i] = &slices[i];
    return scatter(job, list, slice_count, items_max);
}

static void refuse_topic(kafka_request *request, weir_otlp_group *group)
{
    weir_error error;
    weir_error_set(
        &error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
        "the topic that the data names cannot be one: letters, digits, '.', '_' and '-', at most %d of them, "
        "and not more than %d topics",
        KAFKA_TOPIC_NAME_MAX, KAFKA_TOPICS_MAX);
    add_rests(request, group, &error);
}

static void refuse_size(kafka_request *request, weir_otlp_group *group)
{
    weir_error error;
    weir_error_set(&error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
                   "an item of %zu bytes does not fit into a message of max_message_bytes (%llu)", group->bytes.len,
                   (unsigned long long)config_of(request)->producer.max_message_bytes);
    add_rests(request, group, &error);
}

/* A group that does not fit after all is halved, until it fits or is a single item. */
static weir_status halve(const scatter_job *job, kafka_target target, const weir_otlp_group *group)
{
    scatter_job halves = {.request = job->request, .target = target, .made = job->made};
    return scatter_slices(&halves, group->slices, group->slice_count, (group->items + 1) / 2);
}

static weir_status make_message(const scatter_job *job, kafka_target target, weir_otlp_group *takes_group)
{
    kafka_message *message;
    weir_status status = kafka_message_new(job->request, takes_group, target, &message);
    if (status == WEIR_OK) {
        *job->made->end = message;
        job->made->end = &message->queue_next;
    } else if (status == WEIR_TOO_LARGE && takes_group->items > 1) {
        return halve(job, target, takes_group);
    } else if (status == WEIR_TOO_LARGE) {
        refuse_size(job->request, takes_group);
        return WEIR_OK;
    }
    return status;
}

static weir_status take_group(void *context, weir_otlp_group *takes_group)
{
    const scatter_job *job = context;
    kafka_target target = job->route ? kafka_route_target(job->route, takes_group->bucket) : job->target;
    weir_status status = WEIR_OK;
    if (target.topic)
        status = make_message(job, target, takes_group);
    else
        refuse_topic(job->request, takes_group);
    weir_otlp_group_done(takes_group);
    return status;
}

static uint32_t bucket_of(void *context, const weir_otlp_items *at)
{
    scatter_job *job = context;
    return kafka_route_bucket(job->route, at);
}

static weir_status scatter(scatter_job *job, const weir_slice *const *slices, uint32_t slice_count, uint64_t items_max)
{
    const kafka_request *request = job->request;
    bool has_one_bucket = !job->route || job->route->buckets == 1;
    const weir_otlp_scattering scattering = {
        .buckets = has_one_bucket ? 1 : job->route->buckets,
        .bytes_max = kafka_message_group_max(request),
        .items_max = items_max < UINT32_MAX ? (uint32_t)items_max : 0,
        .bucket_of = has_one_bucket ? NULL : bucket_of,
        .give = take_group,
        .context = job,
    };
    return weir_otlp_scatter((weir_otlp_kind)request->exporter->signal, slices, slice_count, &scattering,
                             request->writer->shared->host->account);
}

static void forget_rests(kafka_request *request, size_t rest_count)
{
    while (request->rest_count > rest_count)
        weir_slice_done(&request->rests[--request->rest_count].slice);
}

/* Makes messages, and rests, of the slices; WEIR_NO_MEMORY: of none of them. */
static weir_status scatter_all(scatter_job *job, const weir_slice *const *slices, uint32_t slice_count,
                               uint64_t items_max)
{
    made_messages made = {.end = &made.first};
    size_t rests_before = job->request->rest_count;
    job->made = &made;
    weir_status status = scatter(job, slices, slice_count, items_max);
    if (status != WEIR_OK)
        forget_rests(job->request, rests_before);
    *made.end = NULL;
    kafka_message *next;
    for (kafka_message *message = made.first; message; message = next) {
        next = message->queue_next;
        if (status == WEIR_OK)
            add_message(job->request, message);
        else
            kafka_message_free(message);
    }
    return status;
}

static weir_status plan(kafka_request *request, kafka_route *route, const weir_slice *const *slices,
                        uint32_t slice_count, const kafka_topic **ret_topic)
{
    route->exporter = request->exporter;
    route->metadata = request->metadata;
    route->key = request->key;
    return kafka_route_plan(route, slices, slice_count, ret_topic);
}

/* ---- the push as a whole ---- */

/* Nothing of it is on its way: the sender sends it again, and gives up what nobody waits for any more. */
static void end_untried(kafka_request *request, const kafka_topic *topic)
{
    weir_error error;
    const kafka_writer *writer = request->writer;
    if (!kafka_writer_is_up(writer))
        weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "no broker can be reached: %.180s",
                       writer->down_error.text);
    else
        weir_error_set(
            &error, WEIR_ERROR_ENDPOINT, WEIR_NOT_FOUND,
            "the brokers do not say which partitions the topic %.100s has: create it, or allow its creation, "
            "and see that weir may describe it",
            topic->name);
    end(request, &error);
}

static void end_without_memory(kafka_request *request)
{
    weir_error error;
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_NO_MEMORY, "no memory for the messages of %llu items",
                   (unsigned long long)request->push->items);
    end(request, &error);
}

static bool has_waited(const kafka_request *request)
{
    uint64_t now_ns = weir_loop_now_ns(request->writer->worker->loop);
    return now_ns >= request->started_ns + config_of(request)->sender.timeout_ms * ns_per_ms;
}

void kafka_request_scatter(kafka_request *request)
{
    weir_error error;
    WEIR_CLEANUP(kafka_route_done) kafka_route route = {0};
    const kafka_topic *topic = NULL;
    const weir_push *push = request->push;
    if (!kafka_writer_is_open(request->writer, &error)) {
        end(request, &error);
        return;
    }
    if (plan(request, &route, push->slices, push->slice_count, &topic) == WEIR_OK) {
        scatter_job job = {.request = request, .route = &route};
        if (scatter_all(&job, push->slices, push->slice_count, UINT64_MAX) != WEIR_OK) {
            end_without_memory(request);
            return;
        }
        request->is_scattered = true;
        request->exporter->unscattered--;
        end_if_resolved(request);
    } else if (has_waited(request)) {
        end_untried(request, topic);
    }
}

/* ---- messages once more ---- */

static const weir_slice **slices_of(const kafka_message *message)
{
    const weir_otlp_group *group = &message->group;
    const weir_slice **slices = weir_alloc(group->slice_count, sizeof *slices);
    for (uint32_t i = 0; i < group->slice_count; i++)
        slices[i] = &group->slices[i];
    return slices;
}

/* Others stand in its place, or rests. */
static void replace(kafka_request *request, kafka_message *message)
{
    remove_message(request, message);
    end_if_resolved(request);
}

weir_status kafka_request_cut(kafka_request *request, kafka_message *message)
{
    if (message->group.items < 2)
        return WEIR_TOO_LARGE;
    WEIR_FREE const weir_slice **slices = slices_of(message);
    scatter_job job = {.request = request, .target = {message->topic, message->partition}};
    weir_status status = scatter_all(&job, slices, message->group.slice_count, (message->group.items + 1) / 2);
    if (status == WEIR_OK)
        replace(request, message);
    return status;
}

bool kafka_request_scatter_again(kafka_request *request, kafka_message *message)
{
    WEIR_CLEANUP(kafka_route_done) kafka_route route = {0};
    const kafka_topic *topic = NULL;
    WEIR_FREE const weir_slice **slices = slices_of(message);
    if (plan(request, &route, slices, message->group.slice_count, &topic) != WEIR_OK)
        return false;
    scatter_job job = {.request = request, .route = &route};
    if (scatter_all(&job, slices, message->group.slice_count, UINT64_MAX) != WEIR_OK)
        return false;
    replace(request, message);
    return true;
}
