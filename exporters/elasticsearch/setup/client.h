/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP request after the other, each waited for: what a command that runs once needs of the client in
 * exporters/curl. With several URLs the first that answers is used from then on.
 *
 * Bounded: an answer by 8 MiB and 60 s.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_CLIENT_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_CLIENT_H

#include "exporters/elasticsearch/setup/settings.h"

typedef struct setup_client setup_client;

/* Borrows `settings` while it lives. NULL and an error if libcurl or the certificates are not usable. */
setup_client *setup_client_new(const setup_settings *settings, weir_error *ret_error);
void setup_client_free(setup_client *client); /* NULL is fine */

typedef struct setup_request {
    const char *method;
    const char *path;         /* behind the URL: "/_index_template/weir-logs" */
    const char *content_type; /* NULL: there is no body */
    weir_bytes body;          /* borrowed */
} setup_request;

typedef struct setup_answer {
    unsigned status; /* of HTTP */
    weir_buffer body;
} setup_answer;

void setup_answer_done(setup_answer *answer); /* a zeroed one is fine */

/* Sends and waits. Whatever the status of the answer, it is WEIR_OK; else no server was reached, and the error says
 * which and why. `*ret_answer` is to be done in both cases. */
WEIR_MUST_USE weir_status setup_client_send(setup_client *client, const setup_request *request,
                                            setup_answer *ret_answer, weir_error *ret_error);

/* The URL that is in use. */
const char *setup_client_url(const setup_client *client);

#endif
