/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <stdio.h>

#include "exporters/elasticsearch/counters.h"

typedef struct fixture {
    weir_host host;
    weir_worker worker;
    es_counters counters;
} fixture;

static void fixture_init(fixture *self)
{
    *self = (fixture){.host.metrics = weir_metrics_new()};
    self->worker.host = &self->host;
    es_counters_init(&self->counters, &self->worker, "elasticsearch/x", WEIR_LOGS);
}

static void fixture_done(fixture *self)
{
    weir_metrics_free(self->host.metrics);
}

static void refuse(fixture *self, const char *type, uint64_t count)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "no");
    es_counters_refused(&self->counters, weir_text_of(type), &error, count, 1);
}

static int64_t refused(const fixture *self, const char *type)
{
    const weir_label labels[] = {{"exporter", "elasticsearch/x"}, {"type", type}};
    return weir_metrics_sum(self->host.metrics, "weir_elasticsearch_refused_documents", labels, type ? 2 : 1);
}

Test(elasticsearch_counters, refused_documents_are_told_by_type)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self);
    refuse(&self, "document_parsing_exception", 2);
    refuse(&self, "illegal_argument_exception", 1);
    refuse(&self, "document_parsing_exception", 3);
    cr_assert_eq(refused(&self, "document_parsing_exception"), 5);
    cr_assert_eq(refused(&self, "illegal_argument_exception"), 1);
    cr_assert_eq(refused(&self, "other"), 0);
}

Test(elasticsearch_counters, what_is_no_word_does_not_become_a_label)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self);
    refuse(&self, "", 1);
    refuse(&self, "two words", 1);
    refuse(&self, "quote\"", 1);
    refuse(&self, "a_name_that_is_longer_than_any_of_the_names_that_elasticsearch_has_for_its_exceptions", 1);
    cr_assert_eq(refused(&self, "other"), 4);
}

Test(elasticsearch_counters, types_beyond_the_limit_are_counted_together)
{
    enum { TYPES = 200 };
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TYPES; i++) {
            char type[32];
            snprintf(type, sizeof type, "type_%d", i);
            refuse(&self, type, 1);
        }
    }
    cr_assert_eq(refused(&self, NULL), 2 * TYPES);
    cr_assert_eq(refused(&self, "type_0"), 2);
    cr_assert_eq(refused(&self, "other"), 2 * (TYPES - (ES_ERROR_TYPES_MAX - 1)));
}

Test(elasticsearch_counters, requests_are_told_by_class)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self);
    static const unsigned statuses[] = {0, 200, 201, 404, 503, 999};
    for (size_t i = 0; i < WEIR_COUNT_OF(statuses); i++)
        es_counters_request(&self.counters, statuses[i]);
    static const int64_t expected[ES_STATUS_CLASSES] = {2, 0, 2, 0, 1, 1};
    for (int class_ = 0; class_ < ES_STATUS_CLASSES; class_++)
        cr_assert_eq(weir_metric_get(self.counters.requests[class_]), expected[class_]);
}
