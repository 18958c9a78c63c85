/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose turn it is, with a clock that the test moves; cloud ids; the nodes of a cluster.
 */
#include <criterion/criterion.h>

#include "exporters/elasticsearch/endpoints.h"

static const char *const three[] = {"http://a:1", "http://b:2", "http://c:3"};
static const uint64_t second = 1000 * 1000 * 1000;

/* The numbers of the next four picks, as a text. */
static const char *four_picks(es_endpoints *endpoints, uint64_t now_ns)
{
    static char text[5];
    for (int i = 0; i < 4; i++)
        text[i] = (char)('0' + es_endpoints_pick(endpoints, now_ns, SIZE_MAX));
    text[4] = '\0';
    return text;
}

/* ---- in turn ---- */

Test(elasticsearch_endpoints, take_turns_from_where_the_seed_says)
{
    es_endpoints *endpoints = es_endpoints_new(three, 3, 7);
    cr_expect_str_eq(four_picks(endpoints, 0), "1201");
    cr_expect_str_eq(es_endpoints_url(endpoints, 2), "http://c:3");
    cr_expect_eq(es_endpoints_count(endpoints), 3);
    es_endpoints_free(endpoints);
}

Test(elasticsearch_endpoints, a_request_that_failed_goes_to_another)
{
    es_endpoints *endpoints = es_endpoints_new(three, 3, 0);
    cr_expect_eq(es_endpoints_pick(endpoints, 0, 0), 1);
    cr_expect_eq(es_endpoints_pick(endpoints, 0, 2), 0, "the one to be avoided is left out of the turn");
    es_endpoints_free(endpoints);

    es_endpoints *single = es_endpoints_new(three, 1, 0);
    cr_expect_eq(es_endpoints_pick(single, 0, 0), 0, "unless there is no other");
    es_endpoints_free(single);
}

/* ---- rest ---- */

Test(elasticsearch_endpoints, who_failed_rests_for_a_second)
{
    es_endpoints *endpoints = es_endpoints_new(three, 3, 0);
    uint64_t now = 100 * second;
    es_endpoints_report(endpoints, 1, false, now);
    cr_expect_eq(es_endpoints_well(endpoints, now), 2);
    cr_expect_str_eq(four_picks(endpoints, now + second - 1), "0202");
    cr_expect_eq(es_endpoints_well(endpoints, now + second), 3);
    es_endpoints_free(endpoints);
}

Test(elasticsearch_endpoints, who_rested_is_tried_by_one_request_until_that_is_back)
{
    es_endpoints *endpoints = es_endpoints_new(three, 3, 0);
    es_endpoints_report(endpoints, 1, false, 0);
    uint64_t rested = second;
    cr_expect_str_eq(four_picks(endpoints, rested), "0120");
    cr_expect_str_eq(four_picks(endpoints, rested), "2020", "the others leave it out meanwhile");
    es_endpoints_report(endpoints, 1, true, rested);
    cr_expect_str_eq(four_picks(endpoints, rested), "1201");
    es_endpoints_free(endpoints);
}

Test(elasticsearch_endpoints, who_is_tried_and_never_heard_of_is_tried_again)
{
    es_endpoints *endpoints = es_endpoints_new(three, 2, 1);
    es_endpoints_report(endpoints, 1, false, 0);
    cr_expect_eq(es_endpoints_pick(endpoints, second, SIZE_MAX), 1);
    cr_expect_eq(es_endpoints_pick(endpoints, 2 * second - 1, 0), 1, "when the other has just failed");
    cr_expect_eq(es_endpoints_well(endpoints, 2 * second - 1), 1);
    cr_expect_eq(es_endpoints_well(endpoints, 3 * second), 2);
    es_endpoints_free(endpoints);
}

Test(elasticsearch_endpoints, each_further_failure_doubles_the_rest_up_to_a_minute)
{
    static const unsigned rests_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
    es_endpoints *endpoints = es_endpoints_new(three, 2, 0);
    uint64_t now = 0;
    for (size_t i = 0; i < WEIR_COUNT_OF(rests_s); i++) {
        es_endpoints_report(endpoints, 0, false, now);
        now += rests_s[i] * second;
        cr_expect_eq(es_endpoints_well(endpoints, now - 1), 1, "failure %zu", i);
        cr_expect_eq(es_endpoints_well(endpoints, now), 2, "failure %zu", i);
        while (es_endpoints_pick(endpoints, now, SIZE_MAX) != 0)
            continue;
    }
    es_endpoints_report(endpoints, 0, true, now);
    es_endpoints_report(endpoints, 0, false, now);
    cr_expect_eq(es_endpoints_well(endpoints, now + second), 2, "one that is well again begins anew");
    es_endpoints_free(endpoints);
}

Test(elasticsearch_endpoints, requests_that_fail_together_are_one_failure)
{
    es_endpoints *endpoints = es_endpoints_new(three, 2, 0);
    for (int i = 0; i < 10; i++)
        es_endpoints_report(endpoints, 0, false, 0);
    cr_expect_eq(es_endpoints_well(endpoints, second), 2);
    es_endpoints_free(endpoints);
}

Test(elasticsearch_endpoints, with_nobody_well_the_one_whose_rest_ends_first_is_asked)
{
    es_endpoints *endpoints = es_endpoints_new(three, 3, 0);
    es_endpoints_report(endpoints, 2, false, 0);
    es_endpoints_report(endpoints, 0, false, 10);
    es_endpoints_report(endpoints, 1, false, 20);
    cr_expect_eq(es_endpoints_well(endpoints, 30), 0);
    cr_expect_eq(es_endpoints_pick(endpoints, 30, SIZE_MAX), 2);
    cr_expect_eq(es_endpoints_pick(endpoints, 40, 2), 0);
    es_endpoints_free(endpoints);
}

/* ---- discovery ---- */

Test(elasticsearch_endpoints, a_new_list_keeps_the_state_of_who_stays)
{
    static const char *const others[] = {"http://d:4", "http://b:2"};
    es_endpoints *endpoints = es_endpoints_new(three, 3, 2);
    es_endpoints_report(endpoints, 1, false, 0);
    unsigned before = es_endpoints_generation(endpoints);
    es_endpoints_replace(endpoints, others, 2);
    cr_expect_neq(es_endpoints_generation(endpoints), before);
    cr_expect_eq(es_endpoints_count(endpoints), 2);
    cr_expect_str_eq(four_picks(endpoints, 0), "0000", "b is at rest still");
    es_endpoints_report(endpoints, SIZE_MAX, false, 0);
    es_endpoints_report(endpoints, 2, false, 0);
    cr_expect_eq(es_endpoints_well(endpoints, second), 2, "numbers that are none are ignored");
    es_endpoints_free(endpoints);
}

static weir_bytes bytes_of(const char *text)
{
    return (weir_bytes){(const uint8_t *)text, strlen(text)};
}

static void strings_done(weir_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
}

/* As Elasticsearch 8.19 and OpenSearch 3.6 write it, with what does not matter cut out. */
Test(elasticsearch_endpoints, reads_the_nodes_of_a_cluster)
{
    static const char body[] =
        "{\"_nodes\":{\"total\":4,\"successful\":4,\"failed\":0},\"cluster_name\":\"c\",\"nodes\":{"
        "\"A\":{\"name\":\"n1\",\"host\":\"127.0.0.1\",\"roles\":[\"data\",\"ingest\",\"master\"],"
        "\"attributes\":{\"x\":\"}\\\"\"},\"http\":{\"bound_address\":[\"127.0.0.1:9200\"],"
        "\"publish_address\":\"127.0.0.1:9200\",\"max_content_length_in_bytes\":104857600}},"
        "\"B\":{\"roles\":[\"master\",\"voting_only\"],\"http\":{\"publish_address\":\"10.0.0.2:9200\"}},"
        "\"C\":{\"roles\":[],\"http\":{\"publish_address\":\"es3.example.com/10.0.0.3:9203\"}},"
        "\"D\":{\"roles\":[\"cluster_manager\",\"data\"],\"http\":{\"publish_address\":\"[::1]:9204\"}},"
        "\"E\":{\"roles\":[\"data\"]},"
        "\"F\":{\"roles\":[\"data\"],\"http\":{\"publish_address\":\"evil@host/?x=1\"}}}}";
    weir_strings urls = {0};
    cr_assert(es_nodes_read(bytes_of(body), "https", &urls));
    cr_assert_eq(urls.count, 3);
    cr_expect_str_eq(urls.items[0], "https://127.0.0.1:9200");
    cr_expect_str_eq(urls.items[1], "https://es3.example.com:9203", "a name is what certificates are for");
    cr_expect_str_eq(urls.items[2], "https://[::1]:9204");
    strings_done(&urls);
}

Test(elasticsearch_endpoints, an_answer_that_names_no_nodes_is_none)
{
    static const char *const bodies[] = {"",
                                         "null",
                                         "[]",
                                         "{}",
                                         "{\"nodes\":{}}",
                                         "{\"nodes\":[]}",
                                         "{\"nodes\":{\"A\":{\"http\":3}}}",
                                         "<html>",
                                         "{\"nodes\":{\"A\":{\"http\":{\"publish_address\":\"127.0.0.1:9200\"}}"};
    weir_strings urls = {0};
    for (size_t i = 0; i < WEIR_COUNT_OF(bodies); i++)
        cr_expect_not(es_nodes_read(bytes_of(bodies[i]), "http", &urls), "%s", bodies[i]);
    cr_expect_null(urls.items);
}

/* ---- Elastic Cloud ---- */

Test(elasticsearch_endpoints, a_cloud_id_is_a_url)
{
    weir_error error = {0};
    /* "bar.cloud.es.io$abc123$def456", the example of the Collector's README. */
    char *url = es_cloud_url("foo:YmFyLmNsb3VkLmVzLmlvJGFiYzEyMyRkZWY0NTY=", &error);
    cr_assert_not_null(url, "%s", error.text);
    cr_expect_str_eq(url, "https://abc123.bar.cloud.es.io");
    free(url);
    /* "us.found.io:443$cec6$" */
    url = es_cloud_url("x:dXMuZm91bmQuaW86NDQzJGNlYzYk", &error);
    cr_assert_not_null(url, "%s", error.text);
    cr_expect_str_eq(url, "https://cec6.us.found.io:443");
    free(url);
}

Test(elasticsearch_endpoints, what_is_no_cloud_id_is_said)
{
    static const char *const ids[] = {"", "foo", "foo:", "foo:%%%", "foo:YmFy"};
    for (size_t i = 0; i < WEIR_COUNT_OF(ids); i++) {
        weir_error error = {0};
        cr_expect_null(es_cloud_url(ids[i], &error), "%s", ids[i]);
        cr_expect_not_null(strstr(error.text, "cloud id"), "%s", error.text);
    }
}
