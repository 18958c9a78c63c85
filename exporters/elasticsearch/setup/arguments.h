/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `weir setup elasticsearch` and `weir setup kibana`.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_ARGUMENTS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

enum { SETUP_VALUES_MAX = 16 };

/* The values of an option that may be repeated, borrowed from argv. */
typedef struct setup_values {
    const char *items[SETUP_VALUES_MAX];
    size_t count;
} setup_values;

typedef enum setup_target { SETUP_ELASTICSEARCH, SETUP_KIBANA } setup_target;

/* Texts are borrowed from argv; NULL: not given. */
typedef struct setup_arguments {
    setup_target target;
    bool is_dry_run;
    bool is_forced;
    bool skips_verification; /* of certificates */
    setup_values endpoints;
    setup_values configs;
    setup_values indices; /* patterns of plain indices */
    const char *exporter; /* "elasticsearch/logs" */
    const char *retention;
    const char *ilm_policy;
    const char *user, *password_file, *api_key_file;
    const char *ca_file;
    const char *kibana_url, *jaeger_url, *space, *output;
} setup_arguments;

typedef enum setup_parsed { SETUP_RUN, SETUP_HELP, SETUP_WRONG } setup_parsed;

/* Reads argv[1] …, argv[0] being "setup". SETUP_HELP: help was printed. SETUP_WRONG: what is wrong was printed to
 * stderr. */
setup_parsed setup_arguments_parse(int argc, char **argv, setup_arguments *ret_arguments);

/* True for what Elasticsearch and OpenSearch take as a duration of days and the like: "14d", "36h", "90m", "60s". */
bool setup_is_retention(const char *text);

/* True for an http(s) URL without credentials, and without anything that would have to be escaped in JSON, however deep
 * in it. */
bool setup_is_plain_url(const char *text);

#endif
