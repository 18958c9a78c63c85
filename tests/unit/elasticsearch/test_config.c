/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file's words become, and what is refused or warned of with which words.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "config/diagnostics.h"
#include "config/yaml.h"
#include "exporters/elasticsearch/config.h"

typedef struct reading {
    weir_tree *tree;
    weir_diagnostics *diagnostics;
    es_config config;
    weir_buffer messages;
} reading;

/* `yaml` is the exporter's settings. */
static void read_config(reading *self, const char *yaml)
{
    weir_node *node;
    weir_yaml_error yaml_error;
    weir_place place = {.file = "test.yaml"};
    *self = (reading){.tree = weir_tree_new(), .diagnostics = weir_diagnostics_new()};
    cr_assert_eq(weir_yaml_parse(self->tree, weir_text_of(yaml), &place, &node, &yaml_error), WEIR_OK, "%s", yaml);
    if (weir_options_read(es_options, node, &self->config, self->diagnostics))
        es_check(&self->config, node, self->diagnostics);
    weir_diagnostics_print(self->diagnostics, WEIR_SEVERITY_NOTE, &self->messages);
}

static void done(reading *self)
{
    weir_options_free(es_options, &self->config);
    weir_diagnostics_free(self->diagnostics);
    weir_tree_free(self->tree);
    weir_buffer_done(&self->messages);
}

static void read_good(reading *self, const char *yaml)
{
    read_config(self, yaml);
    cr_assert_eq(weir_diagnostics_count(self->diagnostics, WEIR_SEVERITY_ERROR), 0, "%s\n%s", yaml,
                 weir_buffer_string(&self->messages));
}

/* The settings, behind an endpoint that needs no more said about it, are answered with these words at this line. */
static void expect(const char *settings, weir_severity severity, unsigned line, const char *words)
{
    reading self;
    WEIR_FREE char *yaml = weir_format("endpoint: http://localhost:9200\n%s", settings);
    WEIR_FREE char *place = weir_format("test.yaml:%u:", line + 1);
    read_config(&self, yaml);
    const char *messages = weir_buffer_string(&self.messages);
    cr_expect_eq(weir_diagnostics_count(self.diagnostics, severity), 1, "%s: %s", settings, messages);
    cr_expect_not_null(strstr(messages, words), "%s: no '%s' in: %s", settings, words, messages);
    cr_expect_not_null(strstr(messages, place), "%s: not at %s: %s", settings, place, messages);
    done(&self);
}

static void expect_error(const char *settings, unsigned line, const char *words)
{
    expect(settings, WEIR_SEVERITY_ERROR, line, words);
}

static void expect_warning(const char *settings, unsigned line, const char *words)
{
    expect(settings, WEIR_SEVERITY_WARNING, line, words);
}

/* The whole configuration is refused with these words, and without those. */
static void expect_refused(const char *yaml, const char *words, const char *secret)
{
    reading self;
    read_config(&self, yaml);
    const char *messages = weir_buffer_string(&self.messages);
    cr_expect_eq(weir_diagnostics_count(self.diagnostics, WEIR_SEVERITY_ERROR), 1, "%s: %s", yaml, messages);
    cr_expect_not_null(strstr(messages, words), "%s: no '%s' in: %s", yaml, words, messages);
    if (secret)
        cr_expect_null(strstr(messages, secret), "the secret is shown: %s", messages);
    done(&self);
}

/* ---- where to ---- */

static void expect_urls(const char *yaml, const char *joined)
{
    reading self;
    weir_strings urls = {0};
    weir_error error = {0};
    WEIR_BUFFER text = {0};
    read_good(&self, yaml);
    cr_assert_eq(es_config_urls(&self.config, &urls, &error), WEIR_OK, "%s: %s", yaml, error.text);
    for (size_t i = 0; i < urls.count; i++) {
        weir_buffer_printf(&text, "%s%s", i ? " " : "", urls.items[i]);
        free(urls.items[i]);
    }
    free(urls.items);
    cr_expect_str_eq(weir_buffer_string(&text), joined);
    done(&self);
}

Test(elasticsearch_config, urls_are_named_in_one_of_four_ways)
{
    unsetenv("ELASTICSEARCH_URL");
    expect_urls("endpoint: https://es:9200/", "https://es:9200");
    expect_urls("endpoint: https://es.example.com/a/b//", "https://es.example.com/a/b");
    expect_urls("endpoints: [http://127.0.0.1:9200, 'http://[::1]:9201']", "http://127.0.0.1:9200 http://[::1]:9201");
    expect_urls("cloudid: foo:YmFyLmNsb3VkLmVzLmlvJGFiYzEyMyRkZWY0NTY=", "https://abc123.bar.cloud.es.io");
    setenv("ELASTICSEARCH_URL", "http://localhost:9200 , http://localhost:9201", 1);
    expect_urls("{}", "http://localhost:9200 http://localhost:9201");
    expect_urls("endpoint: http://localhost:9", "http://localhost:9");
    unsetenv("ELASTICSEARCH_URL");
}

Test(elasticsearch_config, exactly_one_way_is_used)
{
    unsetenv("ELASTICSEARCH_URL");
    expect_refused("{}", "exactly one of endpoint, endpoints and cloudid", NULL);
    expect_refused("{endpoint: 'http://localhost:1', endpoints: ['http://localhost:2']}", "only one of endpoint", NULL);
    expect_refused("{endpoint: 'http://localhost:1', cloudid: 'a:b'}", "only one of endpoint", NULL);
}

Test(elasticsearch_config, bad_urls_are_shown_without_their_secrets)
{
    expect_refused("endpoint: ftp://ann:hidden@es:9200", "ftp://***@es:9200", "hidden");
    expect_refused("endpoint: ann:hidden@es:9200", "***@es:9200", "hidden");
    expect_refused("endpoint: http://localhost:9200/?token=hidden", "has a query", "hidden");
    expect_refused("endpoints: ['http://localhost:9200', '']", "a URL is empty", NULL);
    expect_refused("endpoints: ['http://localhost:9200', 'es2']", "test.yaml:1:38", NULL);
    expect_refused("cloudid: nothing", "no cloud id", NULL);
}

/* ---- who asks ---- */

static void expect_authorization(const char *yaml, const char *value)
{
    reading self;
    read_good(&self, yaml);
    WEIR_FREE char *made = es_config_authorization(&self.config);
    cr_expect_str_eq(made ? made : "none", value, "%s", yaml);
    done(&self);
}

Test(elasticsearch_config, authorization_comes_from_one_place)
{
    expect_authorization("endpoint: http://localhost:9200", "none");
    expect_authorization("{endpoint: 'https://es', user: ann, password: 'a:b'}", "Basic YW5uOmE6Yg==");
    expect_authorization("{endpoint: 'https://es', api_key: VFR2}", "ApiKey VFR2");
    expect_authorization("endpoint: https://ann:p%40ss@es", "Basic YW5uOnBAc3M=");
    expect_authorization("endpoints: ['https://ann:b@es1', 'https://ann:b@es2']", "Basic YW5uOmI=");
}

Test(elasticsearch_config, authorization_that_cannot_be_meant)
{
    expect_error("user: ann", 1, "write `password`");
    expect_error("password: b", 1, "write `user`");
    expect_error("user: ann\npassword: b\napi_key: VFR2", 3, "only one of user and password");
    expect_error("api_key: 'id:key'", 1, "encoded form");
    expect_refused("endpoints: ['https://ann:b@es1', 'https://es2']", "name different users", NULL);
    expect_refused("{endpoint: 'https://ann:b@es', api_key: VFR2}", "only one of user and password", NULL);
}

Test(elasticsearch_config, credentials_in_clear_text_are_warned_of)
{
    static const char *const clear[] = {
        "{endpoint: 'http://es:9200', api_key: VFR2}", "{endpoints: ['https://a', 'http://b'], user: ann, password: b}",
        "endpoint: http://ann:b@es:9200", "{endpoint: 'http://es:9200', headers: {X-Api-Key: b}}"};
    static const char *const fine[] = {"{endpoint: 'http://127.0.0.1:9200', api_key: VFR2}",
                                       "{endpoint: 'https://es:9200', api_key: VFR2}", "endpoint: http://es:9200"};
    for (size_t i = 0; i < WEIR_COUNT_OF(clear); i++) {
        reading self;
        read_good(&self, clear[i]);
        cr_expect_not_null(strstr(weir_buffer_string(&self.messages), "in clear text"), "%s", clear[i]);
        done(&self);
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(fine); i++) {
        reading self;
        read_good(&self, fine[i]);
        cr_expect_eq(self.messages.len, 0, "%s: %s", fine[i], weir_buffer_string(&self.messages));
        done(&self);
    }
}

/* ---- indices and modes ---- */

Test(elasticsearch_config, names_that_no_index_may_have)
{
    expect_error("logs_index: Logs", 1, "no index can have the name \"Logs\"");
    expect_error("traces_index: _spans", 1, "no index can have the name \"_spans\"");
    expect_error("logs_index: a b", 1, "no index can have the name \"a b\"");
    expect_warning("logs_index: <logs-{now/d}>", 1, "the server's clock");
    expect_error("logs_index: a\nlogs_dynamic_index: {enabled: true}", 1, "contradict");
    expect_error("logstash_format: {enabled: true, date_format: '%Q'}", 1, "%Q");
    expect_error("logstash_format: {enabled: true, date_format: '%Y/%m'}", 1, "x-1970/01");
    expect_error("logstash_format: {enabled: true, prefix_separator: X}", 1, "xX1970.01.01");
    reading self;
    read_good(&self, "{endpoint: 'http://localhost:9200', logs_index: .ds-x_y, logstash_format: {enabled: false, "
                     "date_format: '%Q'}}");
    done(&self);
}

Test(elasticsearch_config, modes_that_are_none)
{
    expect_error("mapping: {mode: otell}", 1, "did you mean \"otel\"?");
    expect_error("mapping:\n  allowed_modes:\n  - ecs\n  - zzz", 4, "\"zzz\" is no mapping mode");
    expect_error("mapping: {mode: otel, allowed_modes: [ecs]}", 1, "not in allowed_modes");
}

static void expect_mode(const char *mapping, es_mode mode, unsigned signals)
{
    reading self;
    WEIR_FREE char *yaml = weir_format("{endpoint: 'http://localhost:9200', mapping: %s}", mapping);
    read_good(&self, yaml);
    cr_expect_eq(es_config_mode(&self.config), mode, "%s", mapping);
    cr_expect_eq(es_config_signals(&self.config), signals, "%s", mapping);
    done(&self);
}

Test(elasticsearch_config, the_mode_is_the_written_one_or_the_first_that_is_allowed)
{
    const unsigned both = WEIR_ON_LOGS | WEIR_ON_TRACES;
    expect_mode("{}", ES_MODE_OTEL, both);
    expect_mode("{mode: ECS}", ES_MODE_ECS, both);
    expect_mode("{mode: ''}", ES_MODE_NONE, both);
    expect_mode("{allowed_modes: [raw, otel]}", ES_MODE_OTEL, both);
    expect_mode("{allowed_modes: [raw, ecs]}", ES_MODE_RAW, both);
    expect_mode("{mode: ecs, allowed_modes: [raw, ecs]}", ES_MODE_ECS, both);
    expect_mode("{mode: bodymap}", ES_MODE_BODYMAP, WEIR_ON_LOGS);
}

Test(elasticsearch_config, data_may_ask_for_what_is_allowed)
{
    reading self;
    read_good(&self, "{endpoint: 'http://localhost:9200', mapping: {allowed_modes: [ECS, no]}}");
    cr_expect(es_config_allows(&self.config, ES_MODE_ECS));
    cr_expect(es_config_allows(&self.config, ES_MODE_NONE));
    cr_expect_not(es_config_allows(&self.config, ES_MODE_OTEL));
    done(&self);
    read_good(&self, "endpoint: http://localhost:9200");
    cr_expect(es_config_allows(&self.config, ES_MODE_BODYMAP));
    done(&self);
}

/* ---- the sender ---- */

static weir_sender_config sender_of(reading *self, const char *settings)
{
    WEIR_FREE char *yaml = weir_format("endpoint: http://localhost:9200\n%s", settings);
    read_good(self, yaml);
    return es_sender_config(&self->config);
}

Test(elasticsearch_config, the_sender_has_defaults_of_its_own)
{
    reading self;
    weir_sender_config sender = sender_of(&self, "");
    cr_expect_eq(sender.timeout_ms, 90000);
    cr_expect_eq(sender.queue.num_consumers, 4);
    cr_expect(sender.queue.wait_for_result);
    cr_expect_eq(sender.queue.batch->sizer, WEIR_BATCH_SIZE_BYTES);
    cr_expect_eq(sender.queue.batch->min_size, 1000000);
    cr_expect_eq(sender.queue.batch->max_size, 5000000);
    cr_expect_eq(sender.queue.batch->flush_timeout_ms, 10000);
    cr_expect_eq(sender.queue.batch->partition.metadata_keys.count, 1);
    cr_expect_str_eq(sender.queue.batch->partition.metadata_keys.items[0], "x-elastic-mapping-mode");
    cr_expect(sender.retry.enabled);
    cr_expect_eq(sender.retry.initial_interval_ms, 100);
    cr_expect_eq(sender.retry.max_interval_ms, 60000);
    cr_expect_eq(sender.retry.max_elapsed_time_ms, 0);
    es_sender_config_done(&sender);
    done(&self);
}

Test(elasticsearch_config, a_batch_that_is_written_in_part_has_the_same_defaults)
{
    reading self;
    weir_sender_config sender = sender_of(&self, "sending_queue: {batch: {min_size: 7}}");
    cr_expect_eq(sender.queue.batch->min_size, 7);
    cr_expect_eq(sender.queue.batch->sizer, WEIR_BATCH_SIZE_BYTES);
    cr_expect_eq(sender.queue.batch->flush_timeout_ms, 10000);
    cr_expect_eq(sender.queue.batch->max_size, 5000000);
    es_sender_config_done(&sender);
    done(&self);
}

Test(elasticsearch_config, old_keys_count_where_the_new_ones_are_not_written)
{
    reading self;
    weir_sender_config sender =
        sender_of(&self, "flush: {bytes: 2000000, interval: 3s}\nnum_workers: 2\nmetadata_keys: [X-Tenant]\n"
                         "retry: {enabled: false, max_elapsed_time: 1h}");
    cr_expect_eq(sender.queue.batch->max_size, 2000000);
    cr_expect_eq(sender.queue.batch->flush_timeout_ms, 3000);
    cr_expect_eq(sender.queue.num_consumers, 2);
    cr_expect_eq(sender.queue.batch->partition.metadata_keys.count, 2);
    cr_expect_not(sender.retry.enabled);
    cr_expect_eq(sender.retry.max_elapsed_time_ms, 3600000);
    es_sender_config_done(&sender);
    done(&self);
    sender = sender_of(&self, "flush: {bytes: 1, interval: 3s}\nnum_workers: 2\nsending_queue:\n  num_consumers: 10\n"
                              "  batch: {max_size: 9000000, flush_timeout: 4s, partition: {metadata_keys: [A]}}");
    cr_expect_eq(sender.queue.batch->max_size, 9000000);
    cr_expect_eq(sender.queue.batch->flush_timeout_ms, 4000);
    cr_expect_eq(sender.queue.num_consumers, 10);
    cr_expect_eq(sender.queue.batch->partition.metadata_keys.count, 2);
    es_sender_config_done(&sender);
    done(&self);
}

Test(elasticsearch_config, what_fits_the_collector_is_made_to_fit)
{
    reading self;
    weir_sender_config sender = sender_of(&self, "flush: {bytes: 500000}\nretry: {initial_interval: 2m}");
    cr_expect_eq(sender.queue.batch->max_size, 500000);
    cr_expect_eq(sender.queue.batch->min_size, 500000);
    cr_expect_eq(sender.retry.initial_interval_ms, 60000, "no pause is longer than max_interval");
    es_sender_config_done(&sender);
    done(&self);
}

Test(elasticsearch_config, sizes_and_intervals_that_do_not_fit_together)
{
    expect_error("sending_queue: {batch: {max_size: 999999}}", 1, "smaller than min_size");
    expect_error("retry: {max_elapsed_time: 1ms}", 1, "max_elapsed_time is shorter");
    expect_error("retry: {max_requests: 2, max_retries: 1}", 1, "say the same thing");
    expect_error("retry: {max_retries: -1}", 1, "not negative");
    expect_error("retry: {retry_on_status: [429, 99]}", 1, "no HTTP status");
    expect_error("retry: {retry_on_document_status: 429}", 1, "a list of HTTP statuses");
    expect_error("metadata_keys: [a, A]", 1, "twice");
    expect_error("compression_params: {level: 10}", 1, "level");
    expect_error("include_source_on_error: maybe", 1, "true or false");
    expect_error("compression: zstd", 1, "gzip");
}

Test(elasticsearch_config, what_weakens_the_promise_is_warned_of)
{
    expect_warning("document_id: none", 1, "is there twice");
    expect_warning("sending_queue: {wait_for_result: false}", 1, "in memory");
    expect_warning("num_workers: 3", 1, "deprecated");
    expect_warning("logs_dynamic_index: {enabled: true}", 1, "deprecated");
    expect_warning("sending_queue: {storage: file_storage}\nretry: {max_elapsed_time: 1h}", 2, "dead letters");
}

Test(elasticsearch_config, what_weir_does_anyway_is_accepted)
{
    reading self;
    read_good(&self, "endpoint: http://localhost:9200\n"
                     "metrics_index: m\nmetrics_dynamic_index: {enabled: true}\nsuppress_conflict_errors: true\n"
                     "bulk_response_filter_path: items\nretry: {max_retries: 5, retry_on_status: [429, 503]}\n"
                     "telemetry: {log_request_body: true}\n");
    cr_expect_eq(weir_diagnostics_count(self.diagnostics, WEIR_SEVERITY_WARNING), 0, "%s",
                 weir_buffer_string(&self.messages));
    cr_expect_not_null(strstr(weir_buffer_string(&self.messages), "sent again without end"));
    done(&self);
}

/* ---- the rest ---- */

Test(elasticsearch_config, compression_is_gzip_at_its_fastest_unless_written)
{
    static const struct {
        const char *settings;
        weir_encoding encoding;
        int level;
    } cases[] = {{"", WEIR_ENCODING_GZIP, 1},
                 {"compression: none", WEIR_ENCODING_IDENTITY, 1},
                 {"compression_params: {level: 9}", WEIR_ENCODING_GZIP, 9},
                 {"compression_params: {level: -1}", WEIR_ENCODING_GZIP, WEIR_LEVEL_USUAL},
                 {"compression_params: {level: -2}", WEIR_ENCODING_GZIP, 1}};
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        reading self;
        WEIR_FREE char *yaml = weir_format("endpoint: http://localhost:9200\n%s", cases[i].settings);
        read_good(&self, yaml);
        cr_expect_eq(es_config_encoding(&self.config), cases[i].encoding, "%s", cases[i].settings);
        cr_expect_eq(es_config_level(&self.config), cases[i].level, "%s", cases[i].settings);
        done(&self);
    }
}

Test(elasticsearch_config, the_source_in_errors_is_left_to_the_server_unless_written)
{
    static const char *const cases[][2] = {{"", "none"},
                                           {"include_source_on_error: true", "true"},
                                           {"include_source_on_error: false", "false"},
                                           {"include_source_on_error: null", "none"}};
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        reading self;
        WEIR_FREE char *yaml = weir_format("endpoint: http://localhost:9200\n%s", cases[i][0]);
        read_good(&self, yaml);
        const char *made = es_config_include_source(&self.config);
        cr_expect_str_eq(made ? made : "none", cases[i][1]);
        done(&self);
    }
}

Test(elasticsearch_config, the_promise_is_one_sentence)
{
    static const char *const cases[][2] = {{"", "OK means Elasticsearch has the data"},
                                           {"sending_queue: {storage: file_storage}",
                                            "OK means on disk (file_storage): kept until Elasticsearch has the data"},
                                           {"sending_queue: {wait_for_result: false}",
                                            "OK means in memory: lost if weir dies before Elasticsearch has the data"}};
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        reading self;
        char text[256];
        WEIR_FREE char *yaml = weir_format("endpoint: http://localhost:9200\n%s", cases[i][0]);
        read_good(&self, yaml);
        es_promise(&self.config, text, sizeof text);
        cr_expect_str_eq(text, cases[i][1]);
        done(&self);
    }
}
