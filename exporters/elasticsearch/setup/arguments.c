/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/setup/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "exporters/curl/url.h"

static const char help[] =
    "usage: weir setup elasticsearch [options]\n"
    "       weir setup kibana --kibana-url URL --jaeger-url URL [options]\n"
    "\n"
    "elasticsearch installs index templates for the logs and spans that weir stores, in Elasticsearch or OpenSearch.\n"
    "Running it again changes nothing that is as it should be. Templates of others are left alone.\n"
    "\n"
    "  --retention 14d       how long data is kept; m, h and d (default: as set up before, or for ever)\n"
    "  --ilm-policy NAME     leave that to this policy of Elasticsearch's index lifecycle management\n"
    "  --index PATTERN       also a template for indices that are no data streams, such as 'app-logs-*'; repeatable\n"
    "  --endpoint URL        the server; may be repeated, the first that answers is used (default: "
    "$ELASTICSEARCH_URL)\n"
    "  --config SOURCE       take server, credentials and certificates from an elasticsearch exporter in there "
    "instead\n"
    "  --exporter ID         which one, if there are several\n"
    "  --force               also replace templates of these names that weir has not made\n"
    "\n"
    "kibana imports the data views, searches and the dashboard, with links from traces to Jaeger.\n"
    "\n"
    "  --kibana-url URL      http://kibana:5601, with its base path if it has one\n"
    "  --jaeger-url URL      where Jaeger's pages are, as the people who look at Kibana reach it\n"
    "  --space NAME          Kibana's space (default: the default space)\n"
    "  --output FILE         only write what would be imported, for importing it by hand\n"
    "\n"
    "both:\n"
    "  --dry-run             print the requests that would change something, and send none of them\n"
    "  --user NAME           or $ELASTICSEARCH_USER, with\n"
    "  --password-file FILE  or $ELASTICSEARCH_PASSWORD\n"
    "  --api-key-file FILE   the encoded API key; or $ELASTICSEARCH_API_KEY\n"
    "  --ca-file FILE        verify https:// with the certificates in there\n"
    "  --insecure-skip-verify  do not verify certificates\n"
    "  --help                this text\n"
    "\n"
    "Exit code: 0 if all is as it should be, 1 if something could not be done or was left alone, 2 for a mistake on "
    "the\n"
    "command line.\n";

static const struct option options[] = {
    {"retention", required_argument, NULL, 'r'},
    {"ilm-policy", required_argument, NULL, 'i'},
    {"index", required_argument, NULL, 'x'},
    {"endpoint", required_argument, NULL, 'e'},
    {"config", required_argument, NULL, 'c'},
    {"exporter", required_argument, NULL, 'E'},
    {"force", no_argument, NULL, 'f'},
    {"kibana-url", required_argument, NULL, 'k'},
    {"jaeger-url", required_argument, NULL, 'j'},
    {"space", required_argument, NULL, 's'},
    {"output", required_argument, NULL, 'o'},
    {"dry-run", no_argument, NULL, 'd'},
    {"user", required_argument, NULL, 'u'},
    {"password-file", required_argument, NULL, 'p'},
    {"api-key-file", required_argument, NULL, 'a'},
    {"ca-file", required_argument, NULL, 'C'},
    {"insecure-skip-verify", no_argument, NULL, 'I'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char only_elasticsearch[] = "rixecEf", only_kibana[] = "kjso";

static bool complain(const char *what, const char *value)
{
    fprintf(stderr, "weir setup: %s: \"%s\" (see weir setup --help)\n", what, value);
    return false;
}

static bool is_one_of(char c, const char *characters)
{
    return c != '\0' && strchr(characters, c) != NULL;
}

bool setup_is_retention(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    bool is_zero = strspn(text, "0") == digits;
    return digits > 0 && digits < 10 && !is_zero && is_one_of(text[digits], "smhd") && text[digits + 1] == '\0';
}

bool setup_is_plain_url(const char *text)
{
    weir_url url;
    weir_error error;
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~' || is_one_of(*c, "\"\\<>`{}@"))
            return false;
    }
    if (weir_url_parse(text, &url, &error) != WEIR_OK)
        return false;
    weir_url_done(&url);
    return true;
}

/* What Kibana allows in the identifier of a space. */
static bool is_space_name(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static bool add(setup_values *values, const char *value)
{
    if (values->count == SETUP_VALUES_MAX)
        return complain("an option can be repeated 16 times, which is one too many", value);
    values->items[values->count++] = value;
    return true;
}

static bool take_url(const char *name, const char **ret_url)
{
    if (!setup_is_plain_url(optarg))
        return complain(name, optarg);
    *ret_url = optarg;
    return true;
}

static bool take_target_option(int option, setup_arguments *out)
{
    switch (option) {
    case 'r':
        out->retention = optarg;
        return setup_is_retention(optarg) || complain("--retention is a number with d, h, m or s, such as 14d", optarg);
    case 'i':
        out->ilm_policy = optarg;
        return *optarg || complain("--ilm-policy is the name of a policy", optarg);
    case 'x':
        return add(&out->indices, optarg);
    case 'e':
        return add(&out->endpoints, optarg);
    case 'c':
        return add(&out->configs, optarg);
    case 'E':
        out->exporter = optarg;
        return true;
    case 'k':
        return take_url("--kibana-url is a URL such as http://kibana:5601", &out->kibana_url);
    case 'j':
        return take_url("--jaeger-url is a URL such as https://jaeger.example.com", &out->jaeger_url);
    case 's':
        out->space = optarg;
        return is_space_name(optarg) || complain("--space has lower-case letters, digits, _ and -", optarg);
    case 'o':
        out->output = optarg;
        return true;
    default:
        return false; /* getopt_long has said why */
    }
}

static bool take_option(int option, setup_arguments *out)
{
    switch (option) {
    case 'd':
        out->is_dry_run = true;
        return true;
    case 'f':
        out->is_forced = true;
        return true;
    case 'I':
        out->skips_verification = true;
        return true;
    case 'u':
        out->user = optarg;
        return true;
    case 'p':
        out->password_file = optarg;
        return true;
    case 'a':
        out->api_key_file = optarg;
        return true;
    case 'C':
        out->ca_file = optarg;
        return true;
    default:
        return take_target_option(option, out);
    }
}

static bool fails(const char *what)
{
    fprintf(stderr, "weir setup: %s (see weir setup --help)\n", what);
    return false;
}

static bool check_elasticsearch(const setup_arguments *given)
{
    if (given->retention && given->ilm_policy)
        return fails("--retention and --ilm-policy: only one of them can decide");
    if (given->configs.count > 0 && given->endpoints.count > 0)
        return fails("--config and --endpoint: only one of them can say where the server is");
    if (given->exporter && given->configs.count == 0)
        return fails("--exporter chooses one in a --config");
    return true;
}

static bool check_kibana(const setup_arguments *given)
{
    if (!given->jaeger_url)
        return fails("kibana needs --jaeger-url, for the links to traces");
    if (!given->kibana_url && !given->output)
        return fails("kibana needs --kibana-url, or --output to only write a file");
    return true;
}

static bool check(const setup_arguments *given)
{
    if (given->user && given->api_key_file)
        return fails("--user and --api-key-file: only one of them can say who asks");
    return given->target == SETUP_KIBANA ? check_kibana(given) : check_elasticsearch(given);
}

static bool take_target(int argc, char **argv, setup_arguments *out)
{
    if (argc < 2 || argv[1][0] == '-')
        return fails("set up what? elasticsearch or kibana");
    out->target = strcmp(argv[1], "kibana") == 0 ? SETUP_KIBANA : SETUP_ELASTICSEARCH;
    if (out->target == SETUP_ELASTICSEARCH && strcmp(argv[1], "elasticsearch") != 0)
        return complain("sets up elasticsearch (OpenSearch too) or kibana, not", argv[1]);
    return true;
}

static bool belongs(int option, setup_target target)
{
    const char *others = target == SETUP_KIBANA ? only_elasticsearch : only_kibana;
    return !is_one_of((char)option, others);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

setup_parsed setup_arguments_parse(int argc, char **argv, setup_arguments *ret_arguments)
{
    *ret_arguments = (setup_arguments){0};
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return SETUP_HELP;
    }
    if (!take_target(argc, argv, ret_arguments))
        return SETUP_WRONG;
    optind = 0; /* glibc: start anew, somebody may have parsed before us */
    int at = -1;
    for (int option; (option = getopt_long(argc - 1, argv + 1, "", options, &at)) != -1;) {
        if (option != '?' && !belongs(option, ret_arguments->target)) {
            complain("this is no option of the target you named", options[at].name);
            return SETUP_WRONG;
        }
        if (!take_option(option, ret_arguments))
            return SETUP_WRONG;
    }
    if (optind < argc - 1) {
        complain("what is this", argv[optind + 1]);
        return SETUP_WRONG;
    }
    return check(ret_arguments) ? SETUP_RUN : SETUP_WRONG;
}
