/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/text.h"

enum { RATE_MAX = 100000 };

static const char help[] =
    "usage: weir send [options]\n"
    "\n"
    "Sends the traces and logs of a made-up shop to an OTLP endpoint, until Ctrl-C.\n"
    "\n"
    "  --endpoint HOST:PORT  where to (default 127.0.0.1:4317 for grpc, 127.0.0.1:4318 for http)\n"
    "  --protocol NAME       grpc or http (default grpc)\n"
    "  --rate NUMBER         visits to the shop per second; 0: as fast as the answers come (default 10)\n"
    "  --visits NUMBER       stop after that many (default: never)\n"
    "  --seed NUMBER         the same seed gives the same visits (default: from the clock)\n"
    "  --quiet               print only the totals at the end\n"
    "  --help                this text\n"
    "\n"
    "Exit code: 0 when told to stop or when everything was delivered, 1 when some of --visits was not, 2 for a\n"
    "mistake on the command line.\n";

/* The options as they stand on the command line; NULL for those that do not. */
typedef struct written_options {
    const char *endpoint;
    const char *protocol;
    const char *rate;
    const char *visits;
    const char *seed;
    bool is_quiet;
    bool is_help;
} written_options;

static bool complain(const char *what, const char *value)
{
    fprintf(stderr, "weir send: %s: \"%s\" (see weir send --help)\n", what, value);
    return false;
}

static bool split(int argc, char **argv, written_options *ret_written)
{
    static const struct option known[] = {
        {"endpoint", required_argument, NULL, 'e'}, {"protocol", required_argument, NULL, 'p'},
        {"rate", required_argument, NULL, 'r'},     {"visits", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},     {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    optind = 0; /* glibc: start anew, somebody may have parsed before us */
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        switch (option) {
        case 'e':
            ret_written->endpoint = optarg;
            break;
        case 'p':
            ret_written->protocol = optarg;
            break;
        case 'r':
            ret_written->rate = optarg;
            break;
        case 'n':
            ret_written->visits = optarg;
            break;
        case 's':
            ret_written->seed = optarg;
            break;
        case 'q':
            ret_written->is_quiet = true;
            break;
        case 'h':
            ret_written->is_help = true;
            break;
        default:
            return false; /* getopt_long has said why */
        }
    }
    return optind == argc || complain("takes options only", argv[optind]);
}

static bool read_endpoint(const char *text, const weir_demo_protocol *protocol, weir_endpoint *ret_endpoint)
{
    weir_error error;
    if (!text)
        text = protocol->default_endpoint;
    if (weir_endpoint_parse(text, ret_endpoint, &error) != WEIR_OK) {
        fprintf(stderr, "weir send: %s\n", error.text);
        return false;
    }
    if (ret_endpoint->host[0] == '\0' || ret_endpoint->port == 0)
        return complain("--endpoint needs a host and a port", text);
    return true;
}

static bool read_rate(const char *text, double *ret_rate)
{
    char *end;
    double rate = strtod(text, &end);
    if (end == text || *end || !isfinite(rate) || rate < 0 || rate > RATE_MAX)
        return complain("--rate is a number from 0 to 100000", text);
    *ret_rate = rate;
    return true;
}

/* An absent option leaves the default in place. */
static bool read_number(const char *name_and_range, const char *text, uint64_t *ret_number)
{
    return !text || weir_text_to_uint(weir_text_of(text), UINT64_MAX, ret_number) || complain(name_and_range, text);
}

static uint64_t seed_from_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static bool interpret(const written_options *written, weir_demo_options *options)
{
    const char *protocol = written->protocol ? written->protocol : "grpc";
    options->protocol = weir_demo_protocol_get(protocol);
    if (!options->protocol)
        return complain("--protocol is grpc or http", protocol);
    return read_endpoint(written->endpoint, options->protocol, &options->endpoint) &&
           (!written->rate || read_rate(written->rate, &options->rate)) &&
           read_number("--visits is a whole number", written->visits, &options->visits) &&
           read_number("--seed is a whole number", written->seed, &options->seed);
}

weir_demo_parsed weir_demo_options_parse(int argc, char **argv, weir_demo_options *ret_options)
{
    written_options written = {0};
    if (!split(argc, argv, &written))
        return WEIR_DEMO_WRONG;
    if (written.is_help) {
        fputs(help, stdout);
        return WEIR_DEMO_HELP;
    }
    weir_demo_options options = {.rate = 10, .visits = UINT64_MAX, .is_quiet = written.is_quiet};
    options.seed = seed_from_clock();
    if (!interpret(&written, &options))
        return WEIR_DEMO_WRONG;
    *ret_options = options;
    return WEIR_DEMO_RUN;
}
