/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/request.h"

#include "core/assert.h"
#include "core/limits.h"
#include "core/memory.h"
#include "otlp/validate.h"
#include "receivers/otlp/answer.h"
#include "receivers/otlp/service.h"

enum { NS_PER_MS = 1000 * 1000 };

/* grpc-timeout may name 11,000 years; nobody waits longer than this, and sums with it do not overflow. */
static const uint64_t timeout_ns_max = 24ull * 60 * 60 * 1000 * NS_PER_MS;

static void outcome_arrived(weir_ack *ack, const weir_outcome *outcome);
static void deadline_came(void *user);

/* ---- the pool ---- */

static otlp_request *take_from_pool(otlp_instance *instance)
{
    otlp_request *request = instance->free_requests;
    if (request) {
        instance->free_requests = request->next_free;
    } else {
        request = WEIR_NEW(otlp_request);
        request->deadline = weir_timer_new(instance->loop, deadline_came, request);
    }
    instance->requests_out++;
    return request;
}

static void give_back(otlp_request *request)
{
    otlp_instance *instance = request->port->instance;
    WEIR_ASSERT(!request->http && !request->in_pipeline);
    weir__otlp_body_done(&request->body);
    weir_headers_done(&request->identity);
    request->next_free = instance->free_requests;
    instance->free_requests = request;
    instance->requests_out--;
    weir__otlp_instance_release(instance);
}

void weir__otlp_instance_release(otlp_instance *instance)
{
    if (!instance->freed || instance->requests_out)
        return;
    while (instance->free_requests) {
        otlp_request *request = instance->free_requests;
        instance->free_requests = request->next_free;
        weir_timer_free(request->deadline);
        free(request);
    }
    free(instance->http.headers);
    weir__otlp_cors_free(instance->http.cors);
    free(instance);
}

/* ---- a request's life ---- */

otlp_request *weir__otlp_request_begin(otlp_port *port, weir_http_request *http, otlp_protocol protocol)
{
    otlp_instance *instance = port->instance;
    otlp_request *request = take_from_pool(instance);
    weir_timer *deadline = request->deadline;
    *request = (otlp_request){.deadline = deadline,
                              .ack.complete = outcome_arrived,
                              .port = port,
                              .http = http,
                              .protocol = protocol,
                              .received_ns = weir_loop_now_ns(instance->loop)};
    weir__otlp_body_init(&request->body, instance->host->account, port->body_bytes_max);
    http->user = request;
    weir__otlp_request_set_timeout(request, (uint64_t)WEIR_ANSWER_TIMEOUT_MS * NS_PER_MS);
    return request;
}

void weir__otlp_request_set_timeout(otlp_request *request, uint64_t timeout_ns)
{
    if (timeout_ns > timeout_ns_max)
        timeout_ns = timeout_ns_max;
    uint64_t own_ns = request->port->answer_timeout_ms * NS_PER_MS;
    if (own_ns && own_ns < timeout_ns)
        timeout_ns = own_ns;
    /* The answer needs time to arrive; of a very short timeout half is left for it. */
    uint64_t margin_ns = (uint64_t)WEIR_ANSWER_MARGIN_MS * NS_PER_MS;
    uint64_t wait_ns = timeout_ns > 2 * margin_ns ? timeout_ns - margin_ns : timeout_ns / 2;
    request->deadline_ns = request->received_ns + wait_ns;
}

void weir__otlp_request_answered(otlp_request *request, otlp_result result)
{
    weir_metric_add(request->port->instance->counters[request->protocol].requests[result], 1);
    request->http = NULL;
    if (!request->in_pipeline)
        give_back(request);
}

void weir__otlp_request_abort(otlp_request *request)
{
    if (request->in_pipeline) {
        request->ack.abandoned = true;
        weir_timer_stop(request->deadline);
    }
    weir__otlp_request_answered(request, OTLP_CLIENT_GONE);
}

/* ---- to the pipeline ---- */

/* Headers that are about this connection or this body, and say nothing about the data once it is read. */
static bool is_metadata(weir_text name)
{
    static const char *const left_out[] = {"connection",        "keep-alive", "te",    "trailer",
                                           "transfer-encoding", "upgrade",    "expect"};
    if (weir_text_starts(name, "content-") || weir_text_starts(name, "grpc-") || weir_text_starts(name, "proxy-"))
        return false;
    for (size_t i = 0; i < WEIR_COUNT_OF(left_out); i++)
        if (weir_text_is(name, left_out[i]))
            return false;
    return true;
}

/* Without `include_metadata` only what the authenticator found out is kept; NULL if that is nothing. */
static weir_metadata *metadata_of(const otlp_request *request)
{
    const weir_http_request *http = request->http;
    const weir_headers *identity = &request->identity;
    bool all = request->port->include_metadata;
    if (!all && identity->count == 0)
        return NULL;
    weir_metadata_entry entries[WEIR_HEADERS_MAX + OTLP_IDENTITY_MAX];
    size_t count = 0;
    WEIR_ASSERT(identity->count <= OTLP_IDENTITY_MAX);
    for (size_t i = 0; i < identity->count; i++)
        entries[count++] = (weir_metadata_entry){identity->items[i].name, identity->items[i].value};
    for (size_t i = 0; all && i < http->header_count && count < WEIR_COUNT_OF(entries); i++)
        if (is_metadata(http->headers[i].name))
            entries[count++] = (weir_metadata_entry){http->headers[i].name, http->headers[i].value};
    return weir_metadata_new(entries, count, all ? http->peer : "");
}

static weir_batch *make_batch(otlp_request *request, uint32_t items)
{
    weir_slice slice = {.len = request->body.len, .items = items, .id = weir_slice_id_next()};
    slice.chunk = weir__otlp_body_take(&request->body);
    slice.data = slice.chunk->data;
    weir_batch *batch = weir_batch_new(request->signal, &slice, &request->ack);
    batch->received_ns = request->received_ns;
    batch->deadline_ns = request->deadline_ns;
    batch->metadata = metadata_of(request);
    return batch;
}

/* The outcome may arrive before weir_entry_offer returns: the request is not touched after it. */
static void offer(otlp_request *request, uint32_t items, uint64_t now_ns)
{
    weir_entry *entry = request->port->instance->entries[request->signal];
    WEIR_ASSERT(entry);
    weir_batch *batch = make_batch(request, items);
    request->items = items;
    request->in_pipeline = true;
    weir_timer_start(request->deadline, (request->deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
    weir_entry_offer(entry, batch);
}

/* Checks the body and counts its items; JSON becomes wire form. False if the request was refused. */
static bool read_body(otlp_request *request, uint64_t *ret_items)
{
    const weir_otlp_kind kind = (weir_otlp_kind)request->signal;
    const weir_bytes body = weir__otlp_body_bytes(&request->body);
    weir_error error = {0};
    weir_status status = request->is_json ? weir__otlp_body_from_json(&request->body, kind, ret_items, &error)
                                          : weir_otlp_validate(kind, body.data, body.len, ret_items, &error);
    if (status == WEIR_NO_MEMORY)
        weir__otlp_refuse_body(request, status);
    else if (status != WEIR_OK)
        weir__otlp_refuse(request, OTLP_REFUSED_MALFORMED, "%s", error.text);
    return status == WEIR_OK;
}

void weir__otlp_request_deliver(otlp_request *request)
{
    uint64_t items = 0;
    if (!read_body(request, &items))
        return;
    uint64_t now_ns = weir_loop_now_ns(request->port->instance->loop);
    if (items == 0) /* also requests of resources without items: nothing of them would ever arrive anywhere */
        weir__otlp_answer_accepted(request, 0, "");
    else if (now_ns >= request->deadline_ns)
        weir__otlp_refuse(request, OTLP_REFUSED_DEADLINE, "the deadline has passed before the request was complete");
    else
        offer(request, (uint32_t)items, now_ns); /* an item takes two bytes at least: 32 bits are enough */
}

/* ---- and back ---- */

static void count_outcome(const otlp_request *request, const weir_outcome *outcome)
{
    const otlp_counters *counters = &request->port->instance->counters[request->protocol];
    bool accepted = outcome->kind == WEIR_DELIVERED;
    weir_metric_add((accepted ? counters->accepted : counters->refused)[request->signal], (int64_t)request->items);
    if (!request->http && accepted)
        weir_metric_add(counters->abandoned[request->signal], (int64_t)request->items);
}

/* Several exporters may have refused the same items. */
static uint64_t rejected_of(const otlp_request *request, const weir_outcome *outcome)
{
    uint64_t rejected = outcome->error.rejected_items;
    return rejected < request->items ? rejected : request->items;
}

static void outcome_arrived(weir_ack *ack, const weir_outcome *outcome)
{
    otlp_request *request = WEIR_CONTAINER(ack, otlp_request, ack);
    WEIR_ASSERT(request->in_pipeline);
    request->in_pipeline = false;
    weir_timer_stop(request->deadline);
    count_outcome(request, outcome);
    if (!request->http)
        give_back(request);
    else if (outcome->kind == WEIR_DELIVERED)
        weir__otlp_answer_accepted(request, rejected_of(request, outcome), outcome->error.text);
    else
        weir__otlp_answer_failed(request, outcome);
}

/* What nobody has taken yet is given up by the pipeline; what is on its way may arrive although the client was told
 * "later". */
static void deadline_came(void *user)
{
    otlp_request *request = user;
    WEIR_ASSERT(request->in_pipeline && request->http);
    request->ack.abandoned = true;
    weir__otlp_refuse(request, OTLP_REFUSED_OUTCOME_UNKNOWN, "the data was not safe in time: send it again");
}
