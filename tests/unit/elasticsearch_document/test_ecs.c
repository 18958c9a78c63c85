/* SPDX-License-Identifier: Apache-2.0
 *
 * The mode ecs: logs, spans and events of spans under the names of the Elastic Common Schema, as the Collector writes
 * them. The rules for names that contradict each other are in test_object.c.
 */
#include <criterion/criterion.h>

#include "documents.h"

#define STREAM "\"data_stream\":{\"type\":\"T\",\"dataset\":\"D\",\"namespace\":\"N\"}"
#define START "\"@timestamp\":\"1970-01-01T00:00:00.000000000Z\""
#define LOG_OF(resource, scope, members)                          \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[" resource \
    "]},\"scopeLogs\":[{\"scope\":{\"attributes\":[" scope "]},\"logRecords\":[{" members "}]}]}]}"
#define RESOURCE(attributes) LOG_OF(attributes, "", "")
#define EVENT(members) "\"events\":[{" members "}]"

static void assert_log(const char *request, const char *expected)
{
    documents_assert(ES_MODE_ECS, WEIR_OTLP_LOGS, request, expected);
}

static void assert_span(const char *request, const char *expected)
{
    documents_assert(ES_MODE_ECS, WEIR_OTLP_TRACES, request, expected);
}

/* ---- Logs -------------------------------------------------------------------------------------------------------- */

Test(elasticsearch_ecs, an_empty_record)
{
    assert_log(LOG(""), "{" START "," STREAM "}");
}

Test(elasticsearch_ecs, everything_a_record_has)
{
    assert_log(LOG_OF(STRING("service.name", "shop"), STRING("scope.attribute", "s"),
                      "\"timeUnixNano\":\"1700000000123456789\",\"observedTimeUnixNano\":\"1\",\"severityNumber\":9,"
                      "\"severityText\":\"INFO\",\"body\":{\"stringValue\":\"hello\"},"
                      "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
                      "\"attributes\":[" STRING("user.id", "7") "]"),
               "{\"@timestamp\":\"2023-11-14T22:13:20.123456789Z\"," STREAM ",\"service\":{\"name\":\"shop\"},"
               "\"scope\":{\"attribute\":\"s\"},\"user\":{\"id\":\"7\"},\"message\":\"hello\","
               "\"log\":{\"level\":\"INFO\"},\"event\":{\"severity\":9},"
               "\"trace\":{\"id\":\"0102030405060708090a0b0c0d0e0f10\"},\"span\":{\"id\":\"0102030405060708\"}}");
}

Test(elasticsearch_ecs, a_record_without_a_time_has_the_observed_one)
{
    assert_log(LOG("\"observedTimeUnixNano\":\"1000000001\""),
               "{\"@timestamp\":\"1970-01-01T00:00:01.000000001Z\"," STREAM "}");
}

Test(elasticsearch_ecs, only_a_body_that_is_text_is_the_message)
{
    assert_log(LOG("\"body\":{\"stringValue\":\"\"}"), "{" START "," STREAM ",\"message\":\"\"}");
    assert_log(LOG("\"body\":{\"intValue\":\"1\"}"), "{" START "," STREAM "}");
}

Test(elasticsearch_ecs, ids_of_zeros_are_none)
{
    assert_log(LOG("\"traceId\":\"00000000000000000000000000000000\",\"spanId\":\"0000000000000000\""),
               "{" START "," STREAM "}");
}

Test(elasticsearch_ecs, record_attributes_get_the_names_of_the_schema)
{
    assert_log(LOG("\"attributes\":[" STRING("event.name", "click") "," STRING("exception.message", "m") "," STRING(
                   "exception.stacktrace", "s") "," STRING("exception.type",
                                                           "t") "," STRING("exception.escaped",
                                                                           "e") "," ANY("http.response.body.size",
                                                                                        "{\"intValue\":\"5\"}") "]"),
               "{" START "," STREAM ",\"event\":{\"action\":\"click\",\"error\":{\"exception\":{\"handled\":\"e\"}}},"
               "\"error\":{\"message\":\"m\",\"stacktrace\":\"s\",\"type\":\"t\"},"
               "\"http\":{\"response\":{\"encoded_body_size\":5}}}");
}

Test(elasticsearch_ecs, resource_attributes_get_the_names_of_the_schema)
{
    static const char *const rows[][2] = {
        {"service.instance.id", "\"service\":{\"node\":{\"name\":\"x\"}}"},
        {"deployment.environment", "\"service\":{\"environment\":\"x\"}"},
        {"deployment.environment.name", "\"service\":{\"environment\":\"x\"}"},
        {"telemetry.sdk.language", "\"service\":{\"language\":{\"name\":\"x\"}}"},
        {"telemetry.sdk.version", "\"service\":{\"language\":{\"version\":\"x\"}}"},
        {"cloud.platform", "\"cloud\":{\"service\":{\"name\":\"x\"}}"},
        {"container.image.tags", "\"container\":{\"image\":{\"tag\":\"x\"}}"},
        {"host.arch", "\"host\":{\"architecture\":\"x\"}"},
        {"process.parent_pid", "\"process\":{\"parent\":{\"pid\":\"x\"}}"},
        {"process.executable.name", "\"process\":{\"title\":\"x\"}"},
        {"process.executable.path", "\"process\":{\"executable\":\"x\"}"},
        {"process.command_line", "\"process\":{\"args\":\"x\"}"},
        {"process.runtime.name", "\"service\":{\"runtime\":{\"name\":\"x\"}}"},
        {"process.runtime.version", "\"service\":{\"runtime\":{\"version\":\"x\"}}"},
        {"os.name", "\"host\":{\"os\":{\"name\":\"x\"}}"},
        {"os.type", "\"host\":{\"os\":{\"platform\":\"x\"}}"},
        {"os.description", "\"host\":{\"os\":{\"full\":\"x\"}}"},
        {"os.version", "\"host\":{\"os\":{\"version\":\"x\"}}"},
        {"client.address", "\"client\":{\"ip\":\"x\"}"},
        {"source.address", "\"source\":{\"ip\":\"x\"}"},
        {"k8s.deployment.name", "\"kubernetes\":{\"deployment\":{\"name\":\"x\"}}"},
        {"k8s.namespace.name", "\"kubernetes\":{\"namespace\":\"x\"}"},
        {"k8s.node.name", "\"kubernetes\":{\"node\":{\"name\":\"x\"}}"},
        {"k8s.pod.name", "\"kubernetes\":{\"pod\":{\"name\":\"x\"}}"},
        {"k8s.pod.uid", "\"kubernetes\":{\"pod\":{\"uid\":\"x\"}}"},
        {"k8s.job.name", "\"kubernetes\":{\"job\":{\"name\":\"x\"}}"},
        {"k8s.cronjob.name", "\"kubernetes\":{\"cronjob\":{\"name\":\"x\"}}"},
        {"k8s.statefulset.name", "\"kubernetes\":{\"statefulset\":{\"name\":\"x\"}}"},
        {"k8s.replicaset.name", "\"kubernetes\":{\"replicaset\":{\"name\":\"x\"}}"},
        {"k8s.daemonset.name", "\"kubernetes\":{\"daemonset\":{\"name\":\"x\"}}"},
        {"k8s.container.name", "\"kubernetes\":{\"container\":{\"name\":\"x\"}}"},
        {"k8s.cluster.name", "\"orchestrator\":{\"cluster\":{\"name\":\"x\"}}"},
        {"faas.instance", "\"faas\":{\"id\":\"x\"}"},
        {"faas.trigger", "\"faas\":{\"trigger\":{\"type\":\"x\"}}"},
        {"host.name", "\"host\":{\"name\":\"x\",\"hostname\":\"x\"}"},
        {"some.other", "\"some\":{\"other\":\"x\"}"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        WEIR_FREE char *request =
            weir_format(RESOURCE("{\"key\":\"%s\",\"value\":{\"stringValue\":\"x\"}}"), rows[i][0]);
        WEIR_FREE char *expected = weir_format("{" START "," STREAM ",%s}", rows[i][1]);
        assert_log(request, expected);
    }
}

Test(elasticsearch_ecs, what_only_tells_of_the_sdk_is_left_out)
{
    assert_log(RESOURCE(STRING("telemetry.sdk.name", "a") "," STRING("telemetry.distro.name",
                                                                     "b") "," STRING("telemetry.distro.version", "c")),
               "{" START "," STREAM "}");
}

Test(elasticsearch_ecs, a_host_name_of_its_own_is_kept)
{
    assert_log(RESOURCE(STRING("host.name", "a") "," STRING("host.hostname", "b")),
               "{" START "," STREAM ",\"host\":{\"name\":\"a\",\"hostname\":\"b\"}}");
}

Test(elasticsearch_ecs, resource_names_are_not_converted_in_records)
{
    assert_log(LOG("\"attributes\":[" STRING("host.arch", "a") "]"),
               "{" START "," STREAM ",\"host\":{\"arch\":\"a\"}}");
}

Test(elasticsearch_ecs, the_record_beats_the_scope_and_the_scope_the_resource)
{
    assert_log(LOG_OF(STRING("a", "resource") "," STRING("b", "resource"),
                      STRING("a", "scope") "," STRING("b", "scope"), "\"attributes\":[" STRING("b", "record") "]"),
               "{" START "," STREAM ",\"a\":\"scope\",\"b\":\"record\"}");
}

Test(elasticsearch_ecs, what_the_record_says_of_itself_beats_attributes)
{
    assert_log(LOG("\"severityText\":\"WARN\",\"attributes\":[" STRING("@timestamp", "x") "," STRING(
                   "log.level", "x") "," STRING("data_stream.type", "x") "]"),
               "{" START "," STREAM ",\"log\":{\"level\":\"WARN\"}}");
}

Test(elasticsearch_ecs, a_target_without_data_stream_is_not_told)
{
    WEIR_BUFFER request = {0}, out = {0};
    const es_target target = {.index = WEIR_TEXT("my-index")};
    documents_request(WEIR_OTLP_LOGS, LOG(""), &request);
    documents_write(ES_MODE_ECS, WEIR_OTLP_LOGS, (weir_bytes){request.data, request.len}, &target, &out);
    cr_assert_str_eq(weir_buffer_string(&out), "{" START "}\n");
}

/* ---- Spans ------------------------------------------------------------------------------------------------------- */

Test(elasticsearch_ecs, an_empty_span)
{
    assert_span(SPAN(""), "{" START "," STREAM "}");
}

Test(elasticsearch_ecs, everything_a_span_has)
{
    assert_span(
        SPAN("\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
             "\"parentSpanId\":\"1112131415161718\",\"name\":\"GET /\",\"kind\":2,\"startTimeUnixNano\":\"1000000000\","
             "\"endTimeUnixNano\":\"2000000000\",\"status\":{\"code\":2,\"message\":\"bad\"},"
             "\"links\":[{\"traceId\":\"a102030405060708090a0b0c0d0e0f10\",\"spanId\":\"a102030405060708\"},{}],"
             "\"attributes\":[" STRING("db.system", "sql") "," STRING("db.namespace", "n") "," STRING(
                 "db.query.text", "select") "," ANY("http.response.body.size", "{\"intValue\":\"5\"}") "]"),
        "{\"@timestamp\":\"1970-01-01T00:00:01.000000000Z\"," STREAM
        ",\"trace\":{\"id\":\"0102030405060708090a0b0c0d0e0f10\"},\"parent\":{\"id\":\"1112131415161718\"},"
        "\"event\":{\"outcome\":\"failure\"},\"http\":{\"response\":{\"encoded_body_size\":5}},"
        "\"span\":{\"id\":\"0102030405060708\",\"name\":\"GET /\",\"kind\":\"SERVER\","
        "\"db\":{\"type\":\"sql\",\"instance\":\"n\",\"statement\":\"select\"},"
        "\"links\":[{\"trace\":{\"id\":\"a102030405060708090a0b0c0d0e0f10\"},"
        "\"span\":{\"id\":\"a102030405060708\"}},null]}}");
}

Test(elasticsearch_ecs, kinds_of_spans)
{
    static const char *const kinds[] = {NULL, "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER", NULL};
    for (int kind = 0; kind < (int)WEIR_COUNT_OF(kinds); kind++) {
        WEIR_FREE char *request = weir_format(SPAN("\"kind\":%d"), kind);
        WEIR_FREE char *expected = kinds[kind]
                                       ? weir_format("{" START "," STREAM ",\"span\":{\"kind\":\"%s\"}}", kinds[kind])
                                       : weir_strdup("{" START "," STREAM "}");
        assert_span(request, expected);
    }
}

Test(elasticsearch_ecs, a_span_that_went_well)
{
    assert_span(SPAN("\"status\":{\"code\":1}"), "{" START "," STREAM ",\"event\":{\"outcome\":\"success\"}}");
}

/* ---- Events of spans --------------------------------------------------------------------------------------------- */

#define IN_SPAN "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
#define SPAN_ITSELF                                                                                   \
    "{" START "," STREAM ",\"trace\":{\"id\":\"0102030405060708090a0b0c0d0e0f10\"},\"span\":{\"id\":" \
    "\"0102030405060708\"}}\n"
#define TRACE "\"trace\":{\"id\":\"0102030405060708090a0b0c0d0e0f10\"}"

Test(elasticsearch_ecs, an_event_is_a_log)
{
    assert_span(
        SPAN(IN_SPAN EVENT("\"name\":\"cache miss\",\"timeUnixNano\":\"1\",\"attributes\":[" STRING("cache", "c") "]")),
        SPAN_ITSELF "{\"@timestamp\":\"1970-01-01T00:00:00.000000001Z\"," STREAM "," TRACE
                    ",\"span\":{\"id\":\"0102030405060708\"},\"event\":{\"kind\":\"event\"},"
                    "\"message\":\"cache miss\",\"cache\":\"c\"}");
}

Test(elasticsearch_ecs, an_exception_is_an_error_with_the_span_for_a_parent)
{
    assert_span(SPAN(IN_SPAN EVENT("\"name\":\"exception\",\"attributes\":[" STRING("exception.type", "T") "," STRING(
                    "exception.message",
                    "M") "," STRING("exception.stacktrace",
                                    "S") "," STRING("exception.escaped",
                                                    "E") "," STRING("error.grouping_name",
                                                                    "G") "," STRING("data_stream.dataset", "D2") "]")),
                SPAN_ITSELF "{" START "," STREAM "," TRACE ",\"parent\":{\"id\":\"0102030405060708\"},"
                            "\"error\":{\"exception\":{\"type\":\"T\",\"message\":\"M\"},\"stack_trace\":\"S\"}}");
}

Test(elasticsearch_ecs, an_exception_without_type_and_message_is_none)
{
    assert_span(SPAN(IN_SPAN EVENT("\"name\":\"exception\",\"attributes\":[" STRING("exception.stacktrace", "S") "]")),
                SPAN_ITSELF "{" START "," STREAM "," TRACE ",\"span\":{\"id\":\"0102030405060708\"},"
                            "\"event\":{\"kind\":\"event\"},\"message\":\"exception\","
                            "\"error\":{\"stack_trace\":\"S\"}}");
}

#define IN_TRANSACTION IN_SPAN "\"attributes\":[" STRING("transaction.id", "tx") "],"
#define TRANSACTION_ITSELF \
    "{" START "," STREAM "," TRACE ",\"span\":{\"id\":\"0102030405060708\"},\"transaction\":{\"id\":\"tx\"}}\n"

Test(elasticsearch_ecs, events_of_a_transaction_refer_to_it)
{
    assert_span(SPAN(IN_TRANSACTION EVENT("\"name\":\"e\"")),
                TRANSACTION_ITSELF "{" START "," STREAM "," TRACE ",\"span\":{\"id\":\"tx\"},"
                                   "\"transaction\":{\"id\":\"tx\"},\"event\":{\"kind\":\"event\"},\"message\":\"e\"}");
    assert_span(SPAN(IN_TRANSACTION EVENT("\"name\":\"exception\",\"attributes\":[" STRING("exception.type", "T") "]")),
                TRANSACTION_ITSELF "{" START "," STREAM "," TRACE ",\"span\":{\"id\":\"tx\"},"
                                   "\"transaction\":{\"id\":\"tx\"},\"parent\":{\"id\":\"tx\"},"
                                   "\"error\":{\"exception\":{\"type\":\"T\"}}}");
}
