/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `weir send`.
 */
#ifndef WEIR_DEMO_OPTIONS_H
#define WEIR_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "demo/client.h"
#include "net/endpoint.h"

typedef struct weir_demo_options {
    const weir_demo_protocol *protocol;
    weir_endpoint endpoint;
    double rate;     /* visits per second, 0: as fast as the answers come */
    uint64_t visits; /* how many, UINT64_MAX: until told to stop */
    uint64_t seed;
    bool is_quiet;
} weir_demo_options;

typedef enum weir_demo_parsed {
    WEIR_DEMO_RUN,   /* the options are good */
    WEIR_DEMO_HELP,  /* help was asked for and printed to stdout */
    WEIR_DEMO_WRONG, /* what is wrong was printed to stderr */
} weir_demo_parsed;

/* Reads `argv` from argv[1] on. `*ret_options` is set for WEIR_DEMO_RUN only. */
weir_demo_parsed weir_demo_options_parse(int argc, char **argv, weir_demo_options *ret_options);

#endif
