/* SPDX-License-Identifier: Apache-2.0
 *
 * Which folders are taken for queues, and whose.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"
#include "tools/logs.h"

static char root[] = "/tmp/weir-tools-XXXXXX";

static void make_root(void)
{
    cr_assert_not_null(mkdtemp(root));
}

static void remove_root(void)
{
    WEIR_FREE char *command = weir_format("rm -r %s", root);
    cr_assert_eq(system(command), 0);
}

/* Makes root/name, with the folder above it. */
static void put(const char *folder, const char *name, const char *text)
{
    WEIR_FREE char *folder_path = weir_format("%s/%s", root, folder);
    WEIR_FREE char *path = weir_format("%s/%s", folder_path, name);
    mkdir(folder_path, 0700);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

TestSuite(tools_logs, .init = make_root, .fini = remove_root);

Test(tools_logs, logs_of_a_storage_sorted_dead_letters_last)
{
    put("exporter_otlp_b_logs", "0000000000000001.log", "");
    put("exporter_otlp_b_logs", "owner", "exporter otlp/b logs\n");
    put("deadletter", "lock", "");
    put("deadletter", "owner", "dead letters\n");
    put("exporter_otlp_a_traces", "lock", "");
    put("exporter_otlp_a_traces", "owner", "exporter otlp/with blank traces\n");
    put("something_else", "readme.log", "");

    tool_logs logs;
    weir_error error;
    cr_assert_eq(tool_logs_find(root, &logs, &error), WEIR_OK);
    cr_assert_eq(logs.count, 3);
    cr_expect_str_eq(logs.items[0].owner, "otlp/with blank");
    cr_expect(logs.items[0].has_signal && logs.items[0].signal == WEIR_TRACES && !logs.items[0].is_dead_letters);
    cr_expect_str_eq(logs.items[1].owner, "otlp/b");
    cr_expect_eq(logs.items[1].signal, WEIR_LOGS);
    cr_expect(logs.items[2].is_dead_letters && !logs.items[2].has_signal);
    tool_logs_done(&logs);
}

Test(tools_logs, a_log_by_itself_with_slashes_and_without_owner)
{
    put("any", "0000000000000001.log", "");
    WEIR_FREE char *path = weir_format("%s/any///", root);
    tool_logs logs;
    weir_error error;
    cr_assert_eq(tool_logs_find(path, &logs, &error), WEIR_OK);
    cr_assert_eq(logs.count, 1);
    cr_expect_str_eq(logs.items[0].owner, "");
    cr_expect_not(logs.items[0].has_signal);
    cr_expect_eq(strcmp(logs.items[0].path + strlen(logs.items[0].path) - 4, "/any"), 0);
    tool_logs_done(&logs);
}

Test(tools_logs, owners_that_make_no_sense_are_no_harm)
{
    static const char *const texts[] = {"", "\n", "exporter", "exporter ", "exporter  ", "exporter x", "nonsense"};
    for (size_t i = 0; i < WEIR_COUNT_OF(texts); i++) {
        put("odd", "lock", "");
        put("odd", "owner", texts[i]);
        tool_logs logs;
        weir_error error;
        cr_assert_eq(tool_logs_find(root, &logs, &error), WEIR_OK);
        cr_expect_not(logs.items[0].has_signal, "%s", texts[i]);
        tool_logs_done(&logs);
    }
}

Test(tools_logs, no_queue_and_no_folder)
{
    tool_logs logs;
    weir_error error;
    cr_expect_eq(tool_logs_find(root, &logs, &error), WEIR_NOT_FOUND);
    cr_expect_not_null(strstr(error.text, "holds no queue"));
    cr_expect_eq(tool_logs_find("/nowhere/at/all", &logs, &error), WEIR_NOT_FOUND);
    cr_expect_not_null(strstr(error.text, "there is no folder"));
}

Test(tools_logs, who_holds_it)
{
    put("held", "lock", "");
    WEIR_FREE char *folder = weir_format("%s/held", root);
    WEIR_FREE char *path = weir_format("%s/lock", folder);
    cr_expect_eq(tool_log_holder(folder), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    cr_expect_eq(tool_log_holder(folder), getpid());
    close(fd);
    cr_expect_eq(tool_log_holder(folder), 0);
}
