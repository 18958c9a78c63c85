/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdint.h>
#include <string.h>

#include "core/memory.h"
#include "exporters/elasticsearch/setup/arguments.h"

static setup_arguments given;

/* The words behind `weir setup`, separated by spaces. */
static setup_parsed parse(const char *words)
{
    char *argv[32] = {(char *)(uintptr_t) "setup"};
    int argc = 1;
    char *text = weir_strdup(words); /* kept: the arguments point into it */
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    return setup_arguments_parse(argc, argv, &given);
}

Test(setup_arguments, all_of_elasticsearch)
{
    cr_assert_eq(
        parse("elasticsearch --retention 14d --endpoint http://a:1 --endpoint http://b:2 --index x-* --dry-run "
              "--force --user me --password-file pw --ca-file ca.pem"),
        SETUP_RUN);
    cr_expect_eq(given.target, SETUP_ELASTICSEARCH);
    cr_expect_str_eq(given.retention, "14d");
    cr_expect_eq(given.endpoints.count, 2);
    cr_expect_str_eq(given.endpoints.items[1], "http://b:2");
    cr_expect_str_eq(given.indices.items[0], "x-*");
    cr_expect(given.is_dry_run && given.is_forced);
    cr_expect_str_eq(given.user, "me");
    cr_expect_str_eq(given.password_file, "pw");
    cr_expect_str_eq(given.ca_file, "ca.pem");
}

Test(setup_arguments, all_of_kibana)
{
    cr_assert_eq(parse("kibana --kibana-url http://k:5601/base --jaeger-url https://j/ui --space team-a"), SETUP_RUN);
    cr_expect_eq(given.target, SETUP_KIBANA);
    cr_expect_str_eq(given.kibana_url, "http://k:5601/base");
    cr_expect_str_eq(given.jaeger_url, "https://j/ui");
    cr_expect_str_eq(given.space, "team-a");
}

Test(setup_arguments, what_does_not_go_together_is_refused, .init = cr_redirect_stderr)
{
    static const char *const wrong[] = {
        "",
        "solr",
        "elasticsearch now",
        "elasticsearch --retention 14d --ilm-policy x",
        "elasticsearch --config f --endpoint http://a:1",
        "elasticsearch --exporter elasticsearch/a",
        "elasticsearch --retention 14",
        "elasticsearch --user a --api-key-file b",
        "elasticsearch --jaeger-url http://j",
        "elasticsearch --no-such-thing",
        "kibana --kibana-url http://k",
        "kibana --jaeger-url http://j",
        "kibana --kibana-url k --jaeger-url http://j",
        "kibana --kibana-url http://me:secret@k --jaeger-url http://j",
        "kibana --kibana-url http://k --jaeger-url http://j/\"x",
        "kibana --kibana-url http://k --jaeger-url http://j --space A/B",
        "kibana --kibana-url http://k --jaeger-url http://j --retention 1d",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(wrong); i++)
        cr_expect_eq(parse(wrong[i]), SETUP_WRONG, "%s", wrong[i]);
}

Test(setup_arguments, an_option_is_not_repeated_for_ever, .init = cr_redirect_stderr)
{
    cr_expect_eq(parse("elasticsearch --index a --index a --index a --index a --index a --index a --index a --index a"),
                 SETUP_RUN);
    cr_expect_eq(given.indices.count, 8);
    char *words = weir_strdup("elasticsearch");
    for (int i = 0; i <= SETUP_VALUES_MAX / 2; i++) {
        char *longer = weir_format("%s --index=a --index=b", words);
        free(words);
        words = longer;
    }
    cr_expect_eq(parse(words), SETUP_WRONG);
    free(words);
}

Test(setup_arguments, retention_is_a_number_of_a_unit)
{
    cr_expect(setup_is_retention("14d") && setup_is_retention("1h") && setup_is_retention("90m") &&
              setup_is_retention("5s"));
    static const char *const wrong[] = {"",    "d",    "14",   "14w",  "-1d",        "0d",
                                        "00h", "1.5d", "14d ", "14dd", "9999999999d"};
    for (size_t i = 0; i < WEIR_COUNT_OF(wrong); i++)
        cr_expect_not(setup_is_retention(wrong[i]), "%s", wrong[i]);
}
