/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/internal.h"
#include "telemetry/log.h"

enum { QUIET_MS = 10 * 1000 };

static const uint64_t ns_per_ms = 1000000;

/* A push under way. */
typedef struct es_request {
    es_exporter *exporter;
    weir_push *push;
    weir_curl_call *call; /* NULL between calls */
    es_bulk bulk;
    es_fates fates;
    uint32_t unsent_groups; /* of the fates: those of items that made no document stand before this one */
    weir_chunk *body;       /* as it is sent */
    bool is_compressed;
    size_t endpoint; /* the node it was sent to … */
    unsigned generation;
    size_t endpoints_tried;
    /* While the answer is read. */
    uint64_t fate_counts[ES_FATES];
    uint32_t shown; /* the refused document to be written to the log; UINT32_MAX: none */
} es_request;

static void send_to_next(es_request *request, size_t avoid);

/* ---- the end ---- */

static void request_free(es_request *request)
{
    es_exporter *exporter = request->exporter;
    weir_chunk_unref(request->body);
    es_bulk_done(&request->bulk);
    es_fates_done(&request->fates);
    free(request);
    WEIR_ASSERT(exporter->requests > 0);
    exporter->requests--;
    weir_timer_start(exporter->quiet, QUIET_MS);
}

static void end(es_request *request, const weir_error *error)
{
    weir_push *push = request->push;
    request_free(request);
    weir_push_done(push, error);
}

static void put_off(es_request *request, const weir_error *error)
{
    weir_push *push = request->push;
    request_free(request);
    weir_push_put_off(push, error);
}

static void end_in_parts(es_request *request)
{
    weir_push *push = request->push;
    weir_error error = {0};
    WEIR_FREE weir_push_rest *rests = NULL;
    size_t count = 0;
    if (es_fates_rests(&request->fates, push, request->exporter->shared->host->account, &rests, &count) == WEIR_OK) {
        request_free(request);
        weir_push_done_but(push, rests, count);
        return;
    }
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_NO_MEMORY, "no memory to part what was stored from what was not");
    end(request, &error);
}

/* Only once all is settled: what is sent again as a whole is made anew, and then counted. */
static void count_documents(es_request *request)
{
    es_counters *counters = &request->exporter->counters;
    uint64_t now = weir_loop_now_ns(request->exporter->loop);
    for (int fate = 0; fate < ES_FATES; fate++)
        weir_metric_add(counters->documents[fate], (int64_t)request->fate_counts[fate]);
    weir_metric_add(counters->hidden, request->bulk.hidden);
    for (uint32_t i = 1; i < request->unsent_groups; i++) {
        const es_fate_group *group = &request->fates.groups[i];
        es_counters_refused(counters, WEIR_TEXT("not_sent"), &group->error, group->items, now);
    }
}

/* Every item's fate is known. */
static void settle(es_request *request)
{
    const es_fates *fates = &request->fates;
    weir_error again = es_fates_why_again(fates);
    count_documents(request);
    if (!fates->group_of)
        end(request, NULL);
    else if (es_fates_count(fates, ES_ITEM_AGAIN) == fates->items)
        put_off(request, &again);
    else
        end_in_parts(request);
}

/* ---- reading the answer ---- */

static bool shows_input(const es_exporter *exporter)
{
    const es_telemetry_config *telemetry = &exporter->shared->config->telemetry;
    uint64_t now = weir_loop_now_ns(exporter->loop);
    return telemetry->log_failed_docs_input && weir_log_enabled(WEIR_LOG_DEBUG) &&
           (exporter->input_log_ns == 0 ||
            now - exporter->input_log_ns >= telemetry->log_failed_docs_input_rate_limit_ms * ns_per_ms);
}

static void on_result(void *user, size_t place, const es_result *result)
{
    es_request *request = user;
    es_exporter *exporter = request->exporter;
    WEIR_ASSERT(place < request->bulk.documents);
    request->fate_counts[result->fate]++;
    es_fates_add(&request->fates, request->bulk.item_of[place], result);
    if (result->fate != ES_REFUSED)
        return;
    weir_error error;
    es_result_error(result, &error);
    es_counters_refused(&exporter->counters, result->type, &error, 1, weir_loop_now_ns(exporter->loop));
    if (request->shown == UINT32_MAX && shows_input(exporter))
        request->shown = (uint32_t)place;
}

/* The body is gone by now, and the buffer may have another's: documents are the same every time they are made. */
static void show_input(es_request *request)
{
    es_exporter *exporter = request->exporter;
    weir_error error;
    es_bulk again = {0};
    WEIR_CLEANUP(es_fates_done) es_fates fates = {0};
    if (request->shown == UINT32_MAX)
        return;
    es_fates_init(&fates, request->fates.items);
    if (es_bulk_make(exporter->maker, request->push, request->bulk.requires_data_stream, &again, &fates, &error) !=
        WEIR_OK)
        return;
    weir_text document = es_bulk_document(exporter->maker, request->shown);
    weir_log(WEIR_LOG_DEBUG, exporter->shared->id, "a refused document: %.*s", WEIR_TEXT_ARG(document));
    exporter->input_log_ns = weir_loop_now_ns(exporter->loop);
    es_bulk_done(&again);
}

static void read_answer(es_request *request, const weir_curl_answer *answer)
{
    const es_exporter *exporter = request->exporter;
    weir_curl_call *call = request->call;
    weir_error error = {0};
    const es_answer es = {
        .status = answer->status,
        .content_type = weir_curl_answer_header(call, "Content-Type"),
        .retry_after = weir_curl_answer_header(call, "Retry-After"),
        .product = weir_curl_answer_header(call, "X-Elastic-Product"),
        .body = answer->body,
        .is_cut = answer->is_cut,
    };
    es_answer_read(&es, request->bulk.documents, weir_loop_wall_ns(exporter->loop), on_result, request, &error);
    if (error.class_ != WEIR_ERROR_NONE) {
        end(request, &error);
        return;
    }
    show_input(request);
    settle(request);
}

/* ---- making the body ---- */

static void keep_body(es_request *request)
{
    es_exporter *exporter = request->exporter;
    weir_account *account = exporter->shared->host->account;
    weir_bytes made = es_bulk_body(exporter->maker);
    const struct iovec whole = {(void *)(uintptr_t)made.data, made.len};
    weir_chunk_unref(request->body);
    request->body = exporter->compressor ? weir_compressor_run(exporter->compressor, &whole, 1, account) : NULL;
    request->is_compressed = request->body != NULL;
    if (!request->body) {
        request->body = weir_chunk_new_forced(account, made.len);
        WEIR_ASSERT(request->body); /* out of memory */
        memcpy(request->body->data, made.data, made.len);
    }
    weir_metric_add(exporter->counters.document_bytes, (int64_t)made.len);
    weir_metric_add(exporter->counters.sent_bytes, (int64_t)request->body->size);
    if (weir_account_over_soft_limit(account))
        es_bulk_trim(exporter->maker);
}

static void make_and_send(es_request *request)
{
    es_exporter *exporter = request->exporter;
    bool may_require = !atomic_load(&exporter->shared->lacks_require_data_stream);
    weir_error error = {0};
    es_bulk_done(&request->bulk);
    es_fates_done(&request->fates);
    es_fates_init(&request->fates, (uint32_t)request->push->items);
    if (es_bulk_make(exporter->maker, request->push, may_require, &request->bulk, &request->fates, &error) != WEIR_OK) {
        weir_push *push = request->push;
        request_free(request);
        weir_push_cut(push, &error);
        return;
    }
    request->unsent_groups = request->fates.group_count;
    if (request->bulk.documents == 0) {
        settle(request);
        return;
    }
    keep_body(request);
    send_to_next(request, SIZE_MAX);
}

/* ---- sending ---- */

bool es_report_endpoint(es_exporter *exporter, size_t number, unsigned generation, unsigned status)
{
    uint64_t now = weir_loop_now_ns(exporter->loop);
    bool is_fine = status > 0 && status != 502 && status != 503 && status != 504;
    if (generation == es_endpoints_generation(exporter->endpoints))
        es_endpoints_report(exporter->endpoints, number, is_fine, now);
    weir_metric_set(exporter->counters.endpoints_well, (int64_t)es_endpoints_well(exporter->endpoints, now));
    return is_fine;
}

static bool may_try_another(const es_request *request)
{
    const es_exporter *exporter = request->exporter;
    uint64_t deadline_ns = request->push->deadline_ns;
    return request->endpoints_tried < es_endpoints_count(exporter->endpoints) &&
           (deadline_ns == 0 || weir_loop_now_ns(exporter->loop) < deadline_ns);
}

/* OpenSearch, and Elasticsearch before 8.13, answer 400 and name the parameter. */
static bool is_about_require_data_stream(const es_request *request, const weir_curl_answer *answer)
{
    static const char name[] = "require_data_stream";
    return answer->status == 400 && request->bulk.requires_data_stream && answer->body.len > 0 &&
           memmem(answer->body.data, answer->body.len, name, strlen(name));
}

static void send_without_require_data_stream(es_request *request)
{
    es_shared *shared = request->exporter->shared;
    if (!atomic_exchange(&shared->lacks_require_data_stream, true))
        weir_log(
            WEIR_LOG_INFO, shared->id,
            "the server does not know require_data_stream: it is left out, and where there is no template for a data "
            "stream an index is made instead");
    make_and_send(request);
}

/* The node that has just failed; if the list is another by now, its number means nothing. */
static size_t avoided(const es_request *request)
{
    bool is_same_list = request->generation == es_endpoints_generation(request->exporter->endpoints);
    return is_same_list ? request->endpoint : SIZE_MAX;
}

static void on_done(void *user, weir_curl_call *call, const weir_error *error, const weir_curl_answer *answer)
{
    es_request *request = user;
    es_exporter *exporter = request->exporter;
    unsigned status = answer ? answer->status : 0;
    bool is_fine = es_report_endpoint(exporter, request->endpoint, request->generation, status);
    es_counters_request(&exporter->counters, status);
    WEIR_ASSERT(call == request->call);
    if (!is_fine && may_try_another(request))
        send_to_next(request, avoided(request));
    else if (!answer)
        end(request, error);
    else if (is_about_require_data_stream(request, answer))
        send_without_require_data_stream(request);
    else
        read_answer(request, answer);
}

weir_status es_request_headers(const es_exporter *exporter, const weir_metadata *metadata, weir_headers *out,
                               weir_error *ret_error)
{
    const es_shared *shared = exporter->shared;
    weir_status status = weir_request_headers_make(shared->headers, metadata, out, ret_error);
    if (status != WEIR_OK)
        return status;
    if (shared->authorization && !weir_headers_get(out, WEIR_TEXT("authorization")).data)
        weir_headers_add(out, WEIR_TEXT("authorization"), weir_text_of(shared->authorization));
    weir_headers_add(out, WEIR_TEXT("user-agent"), WEIR_TEXT("weir/" WEIR_VERSION));
    weir_headers_add(out, WEIR_TEXT("accept"), WEIR_TEXT("application/json"));
    return WEIR_OK;
}

static void post(es_request *request, const weir_headers *headers)
{
    es_exporter *exporter = request->exporter;
    WEIR_FREE char *url =
        weir_format("%s/_bulk%s", es_endpoints_url(exporter->endpoints, request->endpoint), exporter->shared->query);
    const struct iovec whole = {request->body->data, request->body->size};
    const weir_curl_request message = {
        .method = "POST",
        .url = url,
        .headers = headers->items,
        .header_count = headers->count,
        .parts = &whole,
        .part_count = 1,
        .deadline_ns = request->push->deadline_ns,
    };
    request->call = weir_curl_start(exporter->client, &message, on_done, request);
}

static void send_to_next(es_request *request, size_t avoid)
{
    es_exporter *exporter = request->exporter;
    WEIR_CLEANUP(weir_headers_done) weir_headers headers = {0};
    weir_error error = {0};
    request->call = NULL;
    if (es_request_headers(exporter, request->push->metadata, &headers, &error) != WEIR_OK) {
        end(request, &error);
        return;
    }
    weir_headers_add(&headers, WEIR_TEXT("content-type"), WEIR_TEXT("application/x-ndjson"));
    if (request->is_compressed)
        weir_headers_add(&headers, WEIR_TEXT("content-encoding"),
                         weir_text_of(weir_encoding_name(weir_compressor_encoding(exporter->compressor))));
    request->endpoint = es_endpoints_pick(exporter->endpoints, weir_loop_now_ns(exporter->loop), avoid);
    request->generation = es_endpoints_generation(exporter->endpoints);
    request->endpoints_tried++;
    post(request, &headers);
}

/* ---- the sender's calls ---- */

static void es_push(void *self, weir_push *push)
{
    es_exporter *exporter = self;
    es_request *request = WEIR_NEW(es_request);
    WEIR_ASSERT(push->items <= UINT32_MAX);
    request->exporter = exporter;
    request->push = push;
    request->shown = UINT32_MAX;
    push->user = request;
    exporter->requests++;
    weir_timer_stop(exporter->quiet);
    make_and_send(request);
}

static void es_cancel(void *self, weir_push *push)
{
    (void)self;
    es_request *request = push->user;
    weir_curl_cancel(request->call);
    request_free(request);
}

const weir_sender_ops es_sender_ops = {.push = es_push, .cancel = es_cancel, .makes_copies = true};
