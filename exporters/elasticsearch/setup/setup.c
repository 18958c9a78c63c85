/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/setup/setup.h"

#include <signal.h>
#include <stdio.h>

#include "exporters/elasticsearch/setup/answers.h"
#include "exporters/elasticsearch/setup/installer.h"

void setup_print_refusal(const setup_client *client, const char *what, const char *privileges,
                         const setup_answer *answer)
{
    WEIR_BUFFER reason = {0};
    const char *url = setup_client_url(client);
    setup_reason((weir_bytes){answer->body.data, answer->body.len}, &reason);
    if (answer->status == 401)
        fprintf(stderr,
                "weir setup: %s wants to know who asks (401): give --user and --password-file, or --api-key-file; %s "
                "are needed\n",
                url, privileges);
    else if (answer->status == 403)
        fprintf(stderr, "weir setup: %s does not allow this (403): %s are needed. It says: %s\n", url, privileges,
                weir_buffer_string(&reason));
    else
        fprintf(stderr, "weir setup: %s%s was answered with %u: %s\n", url, what, answer->status,
                weir_buffer_string(&reason));
}

static int run_target(const setup_arguments *given, setup_client *client)
{
    return given->target == SETUP_KIBANA ? setup_kibana(given, client) : setup_elasticsearch(given, client);
}

static int run_with_server(const setup_arguments *given)
{
    weir_error error;
    WEIR_CLEANUP(setup_settings_done) setup_settings settings = {0};
    if (!setup_settings_read(given, &settings))
        return 1;
    setup_client *client = setup_client_new(&settings, &error);
    if (!client) {
        fprintf(stderr, "weir setup: %s\n", error.text);
        return 1;
    }
    int code = run_target(given, client);
    setup_client_free(client);
    return code;
}

static int run(int argc, char **argv)
{
    setup_arguments given;
    signal(SIGPIPE, SIG_IGN);
    setlinebuf(stdout); /* in step with what goes to stderr */
    switch (setup_arguments_parse(argc, argv, &given)) {
    case SETUP_RUN:
        return given.target == SETUP_KIBANA && given.output ? setup_kibana(&given, NULL) : run_with_server(&given);
    case SETUP_HELP:
        return 0;
    case SETUP_WRONG:
        break;
    }
    return 2;
}

const weir_setup weir_setup_elasticsearch = {.abi = WEIR_SETUP_ABI, .run = run};
