/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/answer.h"

#include <stdio.h>

#include "exporters/elasticsearch/scan.h"
#include "exporters/support/web_page.h"
#include "net/rpc_status.h"

/* ---- one document ---- */

static bool is_any_of(weir_text text, const char *const *list)
{
    for (; *list; list++) {
        if (weir_text_is(text, *list))
            return true;
    }
    return false;
}

static bool has(weir_text text, const char *words)
{
    return text.len > 0 && memmem(text.data, text.len, words, strlen(words)) != NULL;
}

/* A person who minds the cluster can mend these, and then the document is taken: to refuse it would lose all that comes
 * for an index while somebody has closed it, made it read-only, or not made it yet. */
static bool is_fault_of_index(const es_result *result)
{
    static const char *const types[] = {
        "cluster_block_exception",      /* read-only; 429 when the disk is full (flood stage) */
        "index_create_block_exception", /* OpenSearch: no new index while disks are full */
        "index_closed_exception",
        "index_not_found_exception", /* must be created by hand (action.auto_create_index) */
        "security_exception",        /* no right to write to this index; an API key that has expired meanwhile */
        "validation_exception",      /* the index to be created would exceed cluster.max_shards_per_node */
        NULL};
    if (result->status == 401 || result->status == 403 || result->status == 404 || is_any_of(result->type, types))
        return true;
    if (!weir_text_is(result->type, "illegal_argument_exception"))
        return false;
    /* A missing ingest pipeline; an alias between two indices; the limit of shards as older versions say it. */
    return (weir_text_starts(result->reason, "pipeline with id [") && has(result->reason, "does not exist")) ||
           weir_text_starts(result->reason, "no write index is defined for alias") ||
           (has(result->reason, "maximum") && has(result->reason, "shards open"));
}

/* Exceptions that a document's content raises in Elasticsearch, or that an ingest pipeline raises because of it, and
 * that it answers with 500: the same document raises them again whenever it comes. */
static bool is_raised_by_document(const es_result *result)
{
    static const char *const types[] = {"fail_processor_exception",
                                        "ingest_processor_exception",
                                        "script_exception",
                                        "null_pointer_exception",
                                        "class_cast_exception",
                                        "arithmetic_exception",
                                        "number_format_exception",
                                        "index_out_of_bounds_exception",
                                        "array_index_out_of_bounds_exception",
                                        "string_index_out_of_bounds_exception",
                                        "unsupported_operation_exception",
                                        NULL};
    return result->status == 500 && is_any_of(result->type, types);
}

/* Two requests created the index at once; the one that came second finds it there when it comes again. */
static bool is_race(const es_result *result)
{
    return weir_text_is(result->type, "resource_already_exists_exception");
}

static bool is_duplicate(const es_result *result)
{
    return result->status == 409 &&
           (result->type.len == 0 || weir_text_is(result->type, "version_conflict_engine_exception"));
}

static void judge(es_result *result, bool is_set_aside)
{
    unsigned status = result->status;
    if (status == 0) {
        result->fate = ES_UNKNOWN;
    } else if (status >= 200 && status < 300) {
        result->fate = is_set_aside ? ES_SET_ASIDE : ES_STORED;
    } else if (is_duplicate(result)) {
        result->fate = ES_THERE;
    } else if (is_fault_of_index(result)) {
        result->fate = ES_LATER;
        result->is_of_index = true;
    } else if (is_raised_by_document(result)) {
        result->fate = ES_REFUSED;
    } else {
        bool is_later = status == 408 || status == 409 || status == 429 || status >= 500 || is_race(result);
        result->fate = is_later ? ES_LATER : ES_REFUSED;
    }
}

/* ---- reading items ---- */

/* What Elasticsearch says of an error. */
typedef struct error_texts {
    weir_text type, reason;
    weir_text credentials; /* why those of the request were not taken, which is not in the reason */
} error_texts;

/* `ret_cause` may be NULL: what caused a cause is not of interest. */
static void read_error(es_scan *scan, error_texts *ret_error, error_texts *ret_cause)
{
    es_scan_level object;
    weir_text key;
    if (!es_scan_enter(scan, '{', &object))
        return;
    while (es_scan_member(scan, &object, &key)) {
        if (weir_text_is(key, "type"))
            ret_error->type = es_scan_text(scan);
        else if (weir_text_is(key, "reason"))
            ret_error->reason = es_scan_text(scan);
        else if (weir_text_is(key, "additional_unsuccessful_credentials"))
            ret_error->credentials = es_scan_text(scan);
        else if (ret_cause && weir_text_is(key, "caused_by"))
            read_error(scan, ret_cause, NULL);
        else
            es_scan_skip(scan);
    }
}

/* What stands behind "create". */
static void read_result(es_scan *scan, es_result *result)
{
    es_scan_level object;
    weir_text key;
    error_texts error = {0}, cause = {0};
    bool is_set_aside = false;
    if (!es_scan_enter(scan, '{', &object))
        return;
    while (es_scan_member(scan, &object, &key)) {
        if (weir_text_is(key, "status"))
            result->status = es_scan_uint(scan);
        else if (weir_text_is(key, "_index"))
            result->index = es_scan_text(scan);
        else if (weir_text_is(key, "failure_store"))
            is_set_aside = weir_text_is(es_scan_text(scan), "used");
        else if (weir_text_is(key, "error"))
            read_error(scan, &error, &cause);
        else
            es_scan_skip(scan);
    }
    result->type = error.type;
    result->reason = error.reason;
    result->cause_type = cause.type;
    result->cause_reason = cause.reason;
    judge(result, is_set_aside);
}

/* One element of "items": {"create": {…}}. An answer that breaks off inside says nothing of it for certain. */
static es_result read_item(es_scan *scan)
{
    es_result result = {.fate = ES_UNKNOWN};
    es_scan_level object;
    weir_text key;
    bool is_read = false;
    if (!es_scan_enter(scan, '{', &object))
        return result;
    while (es_scan_member(scan, &object, &key)) {
        if (is_read)
            es_scan_skip(scan);
        else
            read_result(scan, &result);
        is_read = true;
    }
    if (scan->is_broken)
        result = (es_result){.fate = ES_UNKNOWN};
    return result;
}

/* Finds the array of items; true if the scan stands before it. */
static bool find_items(es_scan *scan)
{
    es_scan_level object;
    weir_text key;
    if (!es_scan_enter(scan, '{', &object))
        return false;
    while (es_scan_member(scan, &object, &key)) {
        if (weir_text_is(key, "items"))
            return true;
        es_scan_skip(scan);
    }
    return false;
}

static void give_items(es_scan *scan, size_t count, es_result_fn give, void *user)
{
    static const es_result unknown = {.fate = ES_UNKNOWN};
    es_scan_level array;
    size_t place = 0;
    bool is_array = es_scan_enter(scan, '[', &array);
    while (is_array && place < count && es_scan_element(scan, &array)) {
        es_result result = read_item(scan);
        give(user, place++, &result);
    }
    while (place < count)
        give(user, place++, &unknown);
}

/* ---- the whole request ---- */

/* True if the reason is about a parameter or setting of the request, which no document has chosen. */
static bool is_about_request(weir_text reason)
{
    return has(reason, "unrecognized parameter") || has(reason, "contains an unknown parameter");
}

static weir_error_class class_of_failure(unsigned status, bool is_elasticsearch, weir_text reason)
{
    if (status == 413)
        return WEIR_ERROR_TOO_LARGE;
    if (status == 429)
        return WEIR_ERROR_THROTTLED;
    if (status == 408 || status >= 500)
        return WEIR_ERROR_RETRYABLE;
    if (status == 400 && is_elasticsearch && !is_about_request(reason))
        return WEIR_ERROR_PERMANENT;
    return WEIR_ERROR_ENDPOINT;
}

static weir_status status_of_class(weir_error_class class_, unsigned status)
{
    switch (class_) {
    case WEIR_ERROR_TOO_LARGE:
        return WEIR_TOO_LARGE;
    case WEIR_ERROR_THROTTLED:
    case WEIR_ERROR_RETRYABLE:
        return WEIR_AGAIN;
    default:
        return status == 401 || status == 403 ? WEIR_DENIED : status == 404 ? WEIR_NOT_FOUND : WEIR_INVALID;
    }
}

/* {"error":{"type":…,"reason":…},"status":400}, or {"error":"text"} from some services in front. */
static error_texts read_failure(weir_bytes body)
{
    error_texts error = {0};
    es_scan scan = es_scan_of(body);
    es_scan_level object;
    weir_text key;
    bool is_object = es_scan_enter(&scan, '{', &object);
    while (is_object && es_scan_member(&scan, &object, &key)) {
        if (weir_text_is(key, "error"))
            read_error(&scan, &error, NULL);
        else
            es_scan_skip(&scan);
    }
    return error;
}

/* The error that the status and the body make; what weir_error_from_http made of the status is in `ret_error`. */
static void set_failure(const es_answer *answer, weir_error *ret_error)
{
    const error_texts said = read_failure(answer->body);
    const uint32_t retry_after_ms = ret_error->retry_after_ms;
    weir_error_class class_ = class_of_failure(answer->status, said.type.len > 0, said.reason);
    if (class_ == WEIR_ERROR_RETRYABLE && retry_after_ms > 0)
        class_ = WEIR_ERROR_THROTTLED;
    char text[WEIR_ERROR_TEXT_SIZE];
    if (said.type.len > 0)
        snprintf(text, sizeof text, "HTTP %u: %.*s: %.*s%s%.*s", answer->status, WEIR_TEXT_ARG(said.type),
                 WEIR_TEXT_ARG(said.reason), said.credentials.len > 0 ? "; " : "", WEIR_TEXT_ARG(said.credentials));
    else
        snprintf(text, sizeof text, "%s", ret_error->text);
    weir_utf8_repair(text);
    (void)weir_error_set(ret_error, class_, status_of_class(class_, answer->status), "%s", text);
    ret_error->retry_after_ms = retry_after_ms;
}

static void read_success(const es_answer *answer, size_t count, es_result_fn give, void *user, weir_error *ret_error)
{
    es_scan scan = es_scan_of(answer->body);
    if (find_items(&scan)) {
        *ret_error = (weir_error){.class_ = WEIR_ERROR_NONE};
        give_items(&scan, count, give, user);
    } else if (scan.is_broken && answer->body.len > 0 && answer->body.data[0] == '{') {
        (void)weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED,
                             "HTTP %u: the answer ends before it says what became of the documents", answer->status);
    } else {
        const bool is_elastic = weir_text_is(answer->product, "Elasticsearch");
        (void)weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_INVALID,
                             "HTTP %u without the answer to a bulk request: %s", answer->status,
                             is_elastic ? "does the URL lead to the root of Elasticsearch?"
                                        : "is this Elasticsearch or OpenSearch?");
    }
}

void es_answer_read(const es_answer *answer, size_t count, uint64_t wall_ns, es_result_fn give, void *user,
                    weir_error *ret_error)
{
    weir_error_from_http(answer->status, answer->retry_after, wall_ns, answer->body, false, ret_error);
    if (answer->status < 200 || answer->status >= 300)
        set_failure(answer, ret_error);
    if (weir_content_type_is(answer->content_type, "text/html") && answer->body.len > 0)
        weir_web_page_read(answer->status, answer->body, "Elasticsearch's", ret_error);
    else if (answer->status >= 200 && answer->status < 300)
        read_success(answer, count, give, user, ret_error);
}
