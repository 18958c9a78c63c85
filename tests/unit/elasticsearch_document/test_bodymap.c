/* SPDX-License-Identifier: Apache-2.0
 *
 * The mode bodymap: the body is the document.
 */
#include <criterion/criterion.h>

#include "documents.h"

#define MAP(members) "{\"kvlistValue\":{\"values\":[" members "]}}"
#define ARRAY(elements) "{\"arrayValue\":{\"values\":[" elements "]}}"

Test(elasticsearch_bodymap, the_body_and_nothing_else)
{
    documents_assert(
        ES_MODE_BODYMAP, WEIR_OTLP_LOGS,
        LOG("\"timeUnixNano\":\"5\",\"severityText\":\"INFO\",\"attributes\":[" STRING(
            "a",
            "b") "],"
                 "\"body\":" MAP(STRING("@timestamp", "2024-03-12T20:00:41.123456789Z") "," ANY(
                     "id",
                     "{\"intValue\":"
                     "\"1\"}") "," ANY("b",
                                       "{\"boolValue\":false}") "," ANY("d",
                                                                        "{\"doubleValue\":1}") "," ANY("n",
                                                                                                       "{}") "," ANY("x",
                                                                                                                     "{"
                                                                                                                     "\"bytesValue\":\"qg==\"}") "," ANY("list",
                                                                                                                                                         ARRAY(
                                                                                                                                                             "{\"intValue"
                                                                                                                                                             "\":1}," MAP(STRING(
                                                                                                                                                                 "k",
                                                                                                                                                                 "v")))) "," ANY("m",
                                                                                                                                                                                 MAP(STRING(
                                                                                                                                                                                     "k",
                                                                                                                                                                                     "v"))))),
        "{\"@timestamp\":\"2024-03-12T20:00:41.123456789Z\",\"id\":1,\"b\":false,\"d\":1.0,\"n\":null,"
        "\"x\":\"aa\",\"list\":[1,{\"k\":\"v\"}],\"m\":{\"k\":\"v\"}}");
}

Test(elasticsearch_bodymap, an_empty_map)
{
    documents_assert(ES_MODE_BODYMAP, WEIR_OTLP_LOGS, LOG("\"body\":" MAP("")), "{}");
}

Test(elasticsearch_bodymap, of_a_key_that_comes_twice_the_first_stays)
{
    documents_assert(ES_MODE_BODYMAP, WEIR_OTLP_LOGS,
                     LOG("\"body\":" MAP(STRING("a", "1") "," STRING("a", "2") "," ANY(
                         "m", MAP(STRING("a", "3") "," STRING("a", "4"))))),
                     "{\"a\":\"1\",\"m\":{\"a\":\"3\"}}");
}

Test(elasticsearch_bodymap, what_is_no_map_has_no_document)
{
    static const char problem[] = "the body of the log record is not a map, which the mapping mode bodymap needs";
    documents_assert_refused(ES_MODE_BODYMAP, WEIR_OTLP_LOGS, LOG("\"body\":{\"stringValue\":\"a\"}"), problem);
    documents_assert_refused(ES_MODE_BODYMAP, WEIR_OTLP_LOGS, LOG("\"body\":" ARRAY(MAP(""))), problem);
    documents_assert_refused(ES_MODE_BODYMAP, WEIR_OTLP_LOGS, LOG(""), problem);
    documents_assert_refused(ES_MODE_BODYMAP, WEIR_OTLP_TRACES, SPAN("\"name\":\"a\""),
                             "spans have no form in the mapping mode bodymap");
}

Test(elasticsearch_bodymap, names_that_elasticsearch_keeps_for_itself)
{
    documents_assert(ES_MODE_BODYMAP, WEIR_OTLP_LOGS,
                     LOG("\"body\":" MAP(STRING("_id", "1") "," ANY("m", MAP(STRING("_id", "2"))))),
                     "{\"__id\":\"1\",\"m\":{\"_id\":\"2\"}}");
}
