/* SPDX-License-Identifier: Apache-2.0
 *
 * `weir setup elasticsearch` and `weir setup kibana`, once the command line is read. Each prints what it does and gives
 * the exit code: 0 all is as it should be, 1 something could not be done or was left alone. Both block.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_INSTALLER_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_INSTALLER_H

#include "exporters/elasticsearch/setup/client.h"

int setup_elasticsearch(const setup_arguments *given, setup_client *client);

/* `client` is NULL without --kibana-url: only a file is written then. */
int setup_kibana(const setup_arguments *given, setup_client *client);

/* Says on stderr that the server refused, why, and which privileges are missing if that is it. */
void setup_print_refusal(const setup_client *client, const char *what, const char *privileges,
                         const setup_answer *answer);

#endif
