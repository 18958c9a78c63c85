/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: `weir [options]` runs the service, `weir COMMAND …` does one of the things listed in commands.c.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "core/memory.h"
#include "demo/send.h"
#include "tools/tools.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    bool has_own_help; /* it prints an answer of its own to --help */
} command;

static const command commands[] = {
    {"validate", weir_command_validate, false},
    {"components", weir_command_components, false},
    {"schema", weir_command_schema, false},
    {"reference", weir_command_reference, false},
    {"send", weir_send_main, true},
    {"queue", weir_tool_queue, true},
    {"deadletter", weir_tool_deadletter, true},
    {"replay", weir_tool_replay, true},
    {"setup", weir_command_setup, true},
};

static int print_help(void)
{
    puts(
        "weir " WEIR_VERSION ": receives OTLP, and answers OK only for what is safe\n"
        "\n"
        "  weir [--config SOURCE]... [--set KEY=VALUE]...   run; without --config on the embedded default:\n"
        "                                                   OTLP on 127.0.0.1:4317 (gRPC) and 4318 (HTTP), kept in\n"
        "                                                   files below the state folder, a little of it shown here\n"
        "  weir validate [the same options]                 check a configuration and say what an OK will mean\n"
        "  weir validate --print [the same options]         print it as merged and expanded, secrets masked\n"
        "  weir components [NAME]                           the components, or all options of one\n"
        "  weir schema                                      a JSON Schema of the configuration, for editors\n"
        "  weir reference FOLDER                            write the reference pages\n"
        "  weir send [--help]                               send a demo shop's traces and logs to a collector\n"
        "  weir queue ls|cat DIRECTORY                      what waits in disk queues, of a running weir or a stopped "
        "one\n"
        "  weir deadletter ls|cat DIRECTORY                 what backends refused for good, and why\n"
        "  weir replay DIRECTORY --to HOST:PORT             send dead letters, or a queue nobody holds, again\n"
        "  weir setup elasticsearch|kibana [options]        install index templates, import dashboards\n"
        "  weir --version | --help\n"
        "\n"
        "A SOURCE is a file, file:PATH, env:NAME (a variable that holds YAML) or yaml:TEXT; several are merged.\n"
        "\n"
        "  --workers N               worker threads (default: the CPU quota of the control group)\n"
        "  --shutdown-timeout 20s    how long to finish what is held after SIGTERM\n"
        "  --totals 5s               print a line of totals so often (default with the embedded default; 0s: never)\n"
        "  --state-dir FOLDER        where the embedded default keeps its files and queue (default: $STATE_DIRECTORY,\n"
        "                            $XDG_STATE_HOME/weir, /var/lib/weir for root, ~/.local/state/weir)\n"
        "  --feature-gates LIST      accepted for the Collector's sake; weir has no gates and says so");
    return 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return argc > 1 && strcmp(argv[1], "help") == 0;
}

int main(int argc, char **argv)
{
    bool is_help = asks_for_help(argc, argv);
    for (size_t i = 0; argc > 1 && i < WEIR_COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0 && (!is_help || commands[i].has_own_help))
            return commands[i].run(argc - 1, argv + 1);
    }
    if (is_help)
        return print_help();
    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
        puts("weir version " WEIR_VERSION);
        return 0;
    }
    if (argc > 1 && argv[1][0] != '-') {
        fprintf(stderr, "weir: there is no command \"%s\"; see weir --help\n", argv[1]);
        return 2;
    }
    return weir_command_run(argc, argv);
}
