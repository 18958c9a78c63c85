/* SPDX-License-Identifier: Apache-2.0
 *
 * Which server `weir setup` talks to and who it is there: from the command line, from an exporter in a configuration, or
 * from the environment (ELASTICSEARCH_URL, ELASTICSEARCH_USER, ELASTICSEARCH_PASSWORD, ELASTICSEARCH_API_KEY). The
 * command line comes first, and the environment is asked for credentials only if nothing else names any.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_SETTINGS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_SETTINGS_H

#include "exporters/elasticsearch/config.h"
#include "exporters/elasticsearch/setup/arguments.h"

typedef struct setup_settings {
    es_config config;    /* as an exporter would have it */
    weir_strings urls;   /* owned, without a slash at their end */
    char *authorization; /* owned; NULL: none */
} setup_settings;

/* False, and why was printed to stderr, if something is missing or cannot be read. Free in both cases. */
WEIR_MUST_USE bool setup_settings_read(const setup_arguments *given, setup_settings *ret_settings);
void setup_settings_done(setup_settings *settings);

#endif
