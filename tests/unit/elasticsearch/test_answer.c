/* SPDX-License-Identifier: Apache-2.0
 *
 * What answers mean. Where a case names a server, its body is what that server answered (Elasticsearch 8.19.21,
 * OpenSearch 3.6.0), with nothing but long reasons cut short.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "exporters/elasticsearch/answer.h"

enum { RESULTS_MAX = 16 };

typedef struct results {
    es_result items[RESULTS_MAX];
    size_t count;
} results;

static void keep(void *user, size_t place, const es_result *result)
{
    results *kept = user;
    cr_assert_eq(place, kept->count, "results come in order");
    cr_assert_lt(place, RESULTS_MAX);
    kept->items[kept->count++] = *result;
}

static weir_error read_answer(const es_answer *answer, size_t count, results *ret_results)
{
    weir_error error = {.class_ = WEIR_ERROR_PERMANENT, .text = "untouched"};
    *ret_results = (results){0};
    es_answer_read(answer, count, 0, keep, ret_results, &error);
    cr_expect_eq(ret_results->count, error.class_ == WEIR_ERROR_NONE ? count : 0);
    return error;
}

static es_answer answer_of(unsigned status, const char *body)
{
    return (es_answer){
        .status = status, .content_type = WEIR_TEXT("application/json"), .body = {(const uint8_t *)body, strlen(body)}};
}

static results read_items(const char *body, size_t count)
{
    results made;
    es_answer answer = answer_of(200, body);
    weir_error error = read_answer(&answer, count, &made);
    cr_assert_eq(error.class_, WEIR_ERROR_NONE, "%s", error.text);
    return made;
}

/* The result of a single document, of which `inside` is what stands behind "create". */
static es_result read_one(const char *inside)
{
    WEIR_FREE char *body = weir_format("{\"errors\":true,\"items\":[{\"create\":{%s}}]}", inside);
    es_result result = read_items(body, 1).items[0];
    result.index = result.type = result.reason = (weir_text){NULL, 0};
    result.cause_type = result.cause_reason = result.index;
    return result;
}

/* ---- documents ---- */

Test(elasticsearch_answer, every_document_has_its_result)
{
    static const char elasticsearch[] =
        "{\"errors\":true,\"items\":[{\"create\":{\"_index\":\"t1\",\"status\":201}},{\"create\":{\"_index\":\"t1\","
        "\"status\":409,\"error\":{\"type\":\"version_conflict_engine_exception\",\"reason\":\"[a]: version conflict, "
        "document already exists (current version [1])\"}}},{\"create\":{\"_index\":\"t1\",\"status\":400,\"error\":{"
        "\"type\":\"document_parsing_exception\",\"reason\":\"[1:7] failed to parse field [x] of type [long] in "
        "document with id 'Y'. Preview of field's value: "
        "'abc'\",\"caused_by\":{\"type\":\"illegal_argument_exception\","
        "\"reason\":\"For input string: \\\"abc\\\"\"}}}}]}";
    results made = read_items(elasticsearch, 3);
    cr_expect_eq(made.items[0].fate, ES_STORED);
    cr_expect(weir_text_is(made.items[0].index, "t1"));
    cr_expect_eq(made.items[1].fate, ES_THERE);
    cr_expect_eq(made.items[2].fate, ES_REFUSED);
    cr_expect_eq(made.items[2].status, 400);
    cr_expect(weir_text_is(made.items[2].type, "document_parsing_exception"));
    cr_expect(weir_text_starts(made.items[2].reason, "[1:7] failed to parse field [x]"));
    cr_expect(weir_text_is(made.items[2].cause_type, "illegal_argument_exception"));
    cr_expect(weir_text_is(made.items[2].cause_reason, "For input string: \\\"abc\\\""), "escapes stay");
}

typedef struct fate_case {
    const char *inside; /* "create" */
    es_fate fate;
    bool is_of_index;
} fate_case;

#define ERROR(type, reason) "\"error\":{\"type\":\"" type "\",\"reason\":\"" reason "\"}"

Test(elasticsearch_answer, whose_fault_a_refusal_is)
{
    static const fate_case cases[] = {
        /* both servers */
        {"\"status\":403," ERROR("cluster_block_exception", "index [t1] blocked by: [FORBIDDEN/8/index write (api)];"),
         ES_LATER, true},
        {"\"status\":429," ERROR("cluster_block_exception", "index [t1] blocked by: [TOO_MANY_REQUESTS/12/disk usage "
                                                            "exceeded flood-stage watermark, …];"),
         ES_LATER, true},
        {"\"status\":400," ERROR("index_closed_exception", "closed"), ES_LATER, true},
        {"\"status\":404," ERROR("index_not_found_exception", "no such index [nope]"), ES_LATER, true},
        {"\"status\":400," ERROR("illegal_argument_exception", "pipeline with id [gone] does not exist"), ES_LATER,
         true},
        {"\"status\":400," ERROR("illegal_argument_exception", "no write index is defined for alias [al]. The …"),
         ES_LATER, true},
        {"\"status\":400," ERROR("invalid_index_name_exception", "Invalid index name [BAD Name], must not …"),
         ES_REFUSED, false},
        {"\"status\":400," ERROR("document_parsing_exception", "[1:8] failed to parse: data stream timestamp …"),
         ES_REFUSED, false},
        {"\"status\":400," ERROR("mapper_parsing_exception", "failed to parse field [x] of type [long] …"), ES_REFUSED,
         false},
        /* Elasticsearch */
        {"\"status\":404," ERROR("resource_not_found_exception",
                                 "[require_data_stream] request flag is [true] and [t1] is not a data stream"),
         ES_LATER, true},
        {"\"status\":400," ERROR("validation_exception", "Validation Failed: 1: this action would add [2] shards, but "
                                                         "this cluster currently has [2]/[1] maximum normal shards "
                                                         "open; …"),
         ES_LATER, true},
        /* OpenSearch */
        {"\"status\":400," ERROR("illegal_argument_exception", "Limit of total fields [2] has been exceeded"),
         ES_REFUSED, false},
        {"\"status\":500," ERROR("fail_processor_exception", "no 1"), ES_REFUSED, false},
        {"\"status\":400," ERROR("script_exception", "runtime error"), ES_REFUSED, false},
        {"\"status\":400," ERROR("illegal_argument_exception", "unable to convert [x] to integer"), ES_REFUSED, false},
        /* as their sources have it */
        {"\"status\":429," ERROR("es_rejected_execution_exception", "rejected execution of coordinating operation"),
         ES_LATER, false},
        {"\"status\":503," ERROR("unavailable_shards_exception", "[x][0] primary shard is not active"), ES_LATER,
         false},
        {"\"status\":500," ERROR("i_o_exception", "No space left on device"), ES_LATER, false},
        {"\"status\":403," ERROR("security_exception", "action [indices:admin/auto_create] is unauthorized for API "
                                                       "key id [x] of user [stack] on indices [no1], …"),
         ES_LATER, true},
        {"\"status\":401," ERROR("security_exception", "api key is expired"), ES_LATER, true},
        {"\"status\":400," ERROR("resource_already_exists_exception", "index [x] already exists"), ES_LATER, false},
        {"\"status\":409," ERROR("other_conflict_exception", "?"), ES_LATER, false},
        {"\"status\":409", ES_THERE, false},
        {"\"status\":413," ERROR("too_large_exception", "?"), ES_REFUSED, false},
        {"\"status\":408", ES_LATER, false},
        {"\"status\":201,\"failure_store\":\"used\"", ES_SET_ASIDE, false},
        {"\"status\":201,\"failure_store\":\"not_applicable_or_unknown\"", ES_STORED, false},
        {"\"status\":400,\"failure_store\":\"failed\"," ERROR("document_parsing_exception", "?"), ES_REFUSED, false},
        {"\"status\":200", ES_STORED, false},
        {"", ES_UNKNOWN, false},
        {"\"status\":\"201\"", ES_UNKNOWN, false},
        {"\"status\":-1", ES_UNKNOWN, false},
        {"\"status\":201.5", ES_UNKNOWN, false},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        es_result result = read_one(cases[i].inside);
        cr_expect_eq(result.fate, cases[i].fate, "%s: %d", cases[i].inside, result.fate);
        cr_expect_eq(result.is_of_index, cases[i].is_of_index, "%s", cases[i].inside);
    }
}

Test(elasticsearch_answer, members_may_stand_in_any_order_and_among_others)
{
    static const char body[] =
        " { \"took\" : 3 , \"x\" : [ { \"items\" : [ ] } , \"]}\\\"\" , -1.5e3 ] ,\n\"items\" : [\n { \"create\" : {"
        " \"error\" : { \"caused_by\" : { \"caused_by\" : { \"type\" : \"deep\" } , \"type\" : \"cause\" } ,"
        " \"root_cause\" : [ { \"type\" : \"root\" } ] , \"type\" : \"outer\" } , \"status\" : 400 ,"
        " \"_shards\" : { \"total\" : 2 } } } , { \"index\" : { \"status\" : 200 } } ] , \"errors\" : true } ";
    results made = read_items(body, 2);
    cr_expect_eq(made.items[0].fate, ES_REFUSED);
    cr_expect(weir_text_is(made.items[0].type, "outer"));
    cr_expect(weir_text_is(made.items[0].cause_type, "cause"));
    cr_expect_eq(made.items[1].fate, ES_STORED);
}

/* ---- answers that end too early, or say too much ---- */

Test(elasticsearch_answer, wherever_it_is_cut_nothing_is_taken_for_stored_that_is_not)
{
    static const char whole[] = "{\"errors\":false,\"items\":[{\"create\":{\"_index\":\"a\",\"status\":201}},"
                                "{\"create\":{\"status\":429,\"error\":{\"type\":\"t\",\"reason\":\"r\"}}},"
                                "{\"create\":{\"status\":201}}]}";
    static const es_fate fates[] = {ES_STORED, ES_LATER, ES_STORED};
    const char *items = strstr(whole, "\"items\"");
    for (size_t len = 0; len < sizeof whole; len++) {
        WEIR_FREE char *body = weir_strndup(whole, len);
        es_answer answer = answer_of(200, body);
        answer.is_cut = true;
        results made;
        weir_error error = read_answer(&answer, 3, &made);
        if (error.class_ != WEIR_ERROR_NONE) {
            cr_expect(weir_error_is_retryable(&error), "%zu bytes: %s", len, error.text);
            cr_expect_leq(len, (size_t)(items - whole) + strlen("\"items\":"), "%zu bytes", len);
            continue;
        }
        bool has_ended = false;
        for (size_t i = 0; i < 3; i++) {
            has_ended = has_ended || made.items[i].fate == ES_UNKNOWN;
            cr_expect_eq(made.items[i].fate, has_ended ? ES_UNKNOWN : fates[i], "%zu bytes, item %zu", len, i);
        }
    }
}

Test(elasticsearch_answer, there_are_as_many_results_as_documents)
{
    static const char two[] = "{\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":201}}]}";
    cr_expect_eq(read_items(two, 4).items[3].fate, ES_UNKNOWN);
    cr_expect_eq(read_items(two, 1).items[0].fate, ES_STORED);
    cr_expect_eq(read_items("{\"items\":[3,{},{\"create\":[]},{\"create\":{\"status\":201}}]}", 4).items[3].fate,
                 ES_STORED, "what is no item is unknown, and the next one is read");
    cr_expect_eq(read_items("{\"items\":{}}", 1).items[0].fate, ES_UNKNOWN);
}

/* ---- the whole request ---- */

typedef struct request_case {
    unsigned status;
    const char *body;
    weir_error_class class_;
    const char *words;
} request_case;

Test(elasticsearch_answer, what_is_wrong_with_the_whole_request)
{
    static const request_case cases[] = {
        /* both servers */
        {400,
         "{\"error\":{\"root_cause\":[{\"type\":\"action_request_validation_exception\",\"reason\":\"…\"}],\"type\":"
         "\"action_request_validation_exception\",\"reason\":\"Validation Failed: 1: id [x] is too long;\"},"
         "\"status\":400}",
         WEIR_ERROR_PERMANENT, "HTTP 400: action_request_validation_exception: Validation Failed: 1: id [x] is too"},
        {400,
         "{\"error\":{\"type\":\"illegal_argument_exception\",\"reason\":\"request [/_bulk] contains unrecognized "
         "parameter: [include_source_on_error]\"},\"status\":400}",
         WEIR_ERROR_ENDPOINT, "unrecognized parameter"},
        {400,
         "{\"error\":{\"type\":\"illegal_argument_exception\",\"reason\":\"Action/metadata line [1] contains an "
         "unknown "
         "parameter [require_data_stream]\"},\"status\":400}",
         WEIR_ERROR_ENDPOINT, "require_data_stream"},
        {400, "{\"error\":\"no handler found for uri [/foo/bar/_bulk] and method [POST]\"}", WEIR_ERROR_ENDPOINT,
         "HTTP 400"},
        {401,
         "{\"error\":{\"root_cause\":[{\"type\":\"security_exception\",\"reason\":\"…\"}],\"type\":"
         "\"security_exception\",\"reason\":\"unable to authenticate with provided credentials and anonymous access is "
         "not allowed for this request\",\"additional_unsuccessful_credentials\":\"API key: api key is expired\","
         "\"header\":{\"WWW-Authenticate\":[\"Basic realm=\\\"security\\\"\",\"ApiKey\"]}},\"status\":401}",
         WEIR_ERROR_ENDPOINT, "API key: api key is expired"},
        {406, "{\"error\":\"Content-Type header [text/plain] is not supported\",\"status\":406}", WEIR_ERROR_ENDPOINT,
         "HTTP 406"},
        /* as their sources have it */
        {401, "{\"error\":{\"type\":\"security_exception\",\"reason\":\"unable to authenticate user [ann]\"}}",
         WEIR_ERROR_ENDPOINT, "HTTP 401: security_exception: unable to authenticate"},
        {403, "{\"error\":{\"type\":\"security_exception\",\"reason\":\"is unauthorized\"}}", WEIR_ERROR_ENDPOINT,
         "unauthorized"},
        {404, "{}", WEIR_ERROR_ENDPOINT, "HTTP 404"},
        {405, "", WEIR_ERROR_ENDPOINT, "HTTP 405"},
        {407, "", WEIR_ERROR_ENDPOINT, "HTTP 407"},
        {400, "", WEIR_ERROR_ENDPOINT, "HTTP 400"},
        {408, "", WEIR_ERROR_RETRYABLE, "HTTP 408"},
        {413, "", WEIR_ERROR_TOO_LARGE, "HTTP 413"},
        {429, "{\"error\":{\"type\":\"circuit_breaking_exception\",\"reason\":\"Data too large\"}}",
         WEIR_ERROR_THROTTLED, "Data too large"},
        {500, "{\"error\":{\"type\":\"x\",\"reason\":\"y\"}}", WEIR_ERROR_RETRYABLE, "HTTP 500: x: y"},
        {503, "{\"error\":{\"type\":\"cluster_block_exception\",\"reason\":\"state not recovered\"}}",
         WEIR_ERROR_RETRYABLE, "state not recovered"},
        {502, "", WEIR_ERROR_RETRYABLE, "HTTP 502"},
        {301, "", WEIR_ERROR_ENDPOINT, "HTTP 301"},
        {307, "{\"items\":[{\"create\":{\"status\":201}}]}", WEIR_ERROR_ENDPOINT, "HTTP 307"},
        /* not Elasticsearch */
        {200, "", WEIR_ERROR_ENDPOINT, "is this Elasticsearch"},
        {200, "OK", WEIR_ERROR_ENDPOINT, "is this Elasticsearch"},
        {200, "{\"took\":1}", WEIR_ERROR_ENDPOINT, "is this Elasticsearch"},
        {204, "", WEIR_ERROR_ENDPOINT, "is this Elasticsearch"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        results made;
        es_answer answer = answer_of(cases[i].status, cases[i].body);
        weir_error error = read_answer(&answer, 1, &made);
        cr_expect_eq(error.class_, cases[i].class_, "%u %s: %d", cases[i].status, cases[i].body, error.class_);
        cr_expect_not_null(strstr(error.text, cases[i].words), "%s: %s", cases[i].words, error.text);
    }
}

Test(elasticsearch_answer, who_says_it_is_elasticsearch_is_not_asked)
{
    results made;
    es_answer answer = answer_of(200, "{\"name\":\"n1\",\"tagline\":\"You Know, for Search\"}");
    answer.product = WEIR_TEXT("Elasticsearch");
    weir_error error = read_answer(&answer, 1, &made);
    cr_expect_eq(error.class_, WEIR_ERROR_ENDPOINT);
    cr_expect_not_null(strstr(error.text, "does the URL lead to the root"), "%s", error.text);
}

Test(elasticsearch_answer, retry_after_is_heard)
{
    static const unsigned statuses[] = {429, 503};
    for (size_t i = 0; i < WEIR_COUNT_OF(statuses); i++) {
        results made;
        es_answer answer = answer_of(statuses[i], "{\"error\":{\"type\":\"t\",\"reason\":\"r\"}}");
        answer.retry_after = WEIR_TEXT("7");
        weir_error error = read_answer(&answer, 1, &made);
        cr_expect_eq(error.class_, WEIR_ERROR_THROTTLED, "%u", statuses[i]);
        cr_expect_eq(error.retry_after_ms, 7000, "%u", statuses[i]);
        cr_expect_not_null(strstr(error.text, "t: r"), "%s", error.text);
    }
}

Test(elasticsearch_answer, a_web_page_is_not_elasticsearch)
{
    static const struct {
        unsigned status;
        weir_error_class class_;
    } cases[] = {{200, WEIR_ERROR_ENDPOINT},
                 {400, WEIR_ERROR_ENDPOINT},
                 {403, WEIR_ERROR_ENDPOINT},
                 {413, WEIR_ERROR_TOO_LARGE},
                 {502, WEIR_ERROR_RETRYABLE}};
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        results made;
        es_answer answer = answer_of(cases[i].status, "<html><body>Please <b>log in</b></body></html>");
        answer.content_type = WEIR_TEXT("text/html; charset=utf-8");
        weir_error error = read_answer(&answer, 1, &made);
        cr_expect_eq(error.class_, cases[i].class_, "%u", cases[i].status);
        cr_expect_not_null(strstr(error.text, "Please log in"), "%s", error.text);
    }
}
