/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/arguments.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config/quantity.h"
#include "core/memory.h"
#include "net/endpoint.h"
#include "tools/logs.h"

/* The letters by which a command says which of these it takes. */
static const struct option known[] = {
    {"json", no_argument, NULL, 'j'},
    {"limit", required_argument, NULL, 'l'},
    {"signal", required_argument, NULL, 's'},
    {"meta", no_argument, NULL, 'm'},
    {"origin", required_argument, NULL, 'o'},
    {"to", required_argument, NULL, 't'},
    {"dry-run", no_argument, NULL, 'd'},
    {"header", required_argument, NULL, 'H'},
    {"timeout", required_argument, NULL, 'T'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool complain(const char *command, const char *what, const char *value)
{
    fprintf(stderr, "%s: %s: \"%s\" (see %s --help)\n", command, what, value, command);
    return false;
}

/* "name=value"; HTTP/2 wants names in lower case (RFC 9113 §8.2). */
static bool read_header(const char *text, tool_arguments *out)
{
    const char *equal = strchr(text, '=');
    if (!equal || equal == text || out->header_count == TOOL_HEADERS_MAX)
        return false;
    size_t name_len = (size_t)(equal - text);
    char *name = weir_strndup(text, name_len);
    for (size_t i = 0; i < name_len; i++)
        name[i] = (char)tolower((unsigned char)name[i]);
    out->header_names[out->header_count] = name;
    out->headers[out->header_count++] = (weir_http_header){{name, name_len}, weir_text_of(equal + 1)};
    return true;
}

static bool read_endpoint(const char *text, tool_arguments *out)
{
    weir_endpoint endpoint;
    weir_error error;
    if (weir_endpoint_parse(text, &endpoint, &error) != WEIR_OK || endpoint.host[0] == '\0' || endpoint.port == 0)
        return false;
    out->to = text;
    return true;
}

static bool take_option(int option, const char *command, tool_arguments *out)
{
    switch (option) {
    case 'j':
        out->is_json = true;
        return true;
    case 'm':
        out->with_meta = true;
        return true;
    case 'd':
        out->is_dry_run = true;
        return true;
    case 'o':
        out->origin = optarg;
        return true;
    case 'l':
        return (weir_text_to_uint(weir_text_of(optarg), UINT64_MAX, &out->limit) && out->limit > 0) ||
               complain(command, "--limit is a number of records from 1", optarg);
    case 's':
        out->has_signal = weir_signal_find(optarg, &out->signal);
        return out->has_signal || complain(command, "--signal is traces, metrics or logs", optarg);
    case 't':
        return read_endpoint(optarg, out) || complain(command, "--to is a host and a port", optarg);
    case 'H':
        return read_header(optarg, out) || complain(command, "--header is name=value, 32 at most", optarg);
    case 'T':
        return (weir_parse_duration(optarg, &out->timeout_ms) && out->timeout_ms > 0) ||
               complain(command, "--timeout is a duration such as 10s", optarg);
    default:
        return false; /* getopt_long has said why */
    }
}

static bool take_operands(int argc, char **argv, const char *command, tool_arguments *out)
{
    if (optind == argc) {
        fprintf(stderr, "%s: which directory? (see %s --help)\n", command, command);
        return false;
    }
    out->directory = argv[optind];
    return optind + 1 == argc || complain(command, "takes one directory, so what is this", argv[optind + 1]);
}

static const char *name_of(int letter)
{
    const struct option *option = known;
    while (option->name && option->val != letter)
        option++;
    return option->name;
}

tool_parsed tool_arguments_parse(int argc, char **argv, const char *command, const char *allowed, const char *help,
                                 tool_arguments *ret_arguments)
{
    *ret_arguments = (tool_arguments){.limit = UINT64_MAX, .timeout_ms = TOOL_TIMEOUT_MS};
    optind = 0; /* glibc: start anew, somebody may have parsed before us */
    for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return TOOL_HELP;
        }
        if (option != '?' && !strchr(allowed, option)) {
            complain(command, "there is no such option here", name_of(option));
            return TOOL_WRONG;
        }
        if (!take_option(option, command, ret_arguments))
            return TOOL_WRONG;
    }
    return take_operands(argc, argv, command, ret_arguments) ? TOOL_RUN : TOOL_WRONG;
}

void tool_arguments_done(tool_arguments *arguments)
{
    for (size_t i = 0; i < arguments->header_count; i++)
        free(arguments->header_names[i]);
    arguments->header_count = 0;
}
