/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the `file` exporter: whole records or nothing, whatever the disk answers; rotation, torn ends, paths made of
 * what clients send.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "exporters/file/backups.h"
#include "exporters/file/output.h"
#include "exporters/file/outputs.h"
#include "exporters/file/path.h"

static const uint64_t noon_ns = 1769860800000000000u; /* 2026-01-31T12:00:00Z */

/* ---- A disk that fails ------------------------------------------------------------------------------------------- */

static char folder[64];
static unsigned calls;   /* of operations that change something */
static unsigned fail_at; /* which of them fails; 0: none */
static bool is_short;    /* a write then writes half instead */

static bool fails(void)
{
    if (++calls != fail_at)
        return false;
    errno = ENOSPC;
    return true;
}

static int failing_open(const weir_files *files, const char *path, int flags, unsigned mode)
{
    return (flags & O_CREAT) && fails() ? -1 : weir_files_real.open(files, path, flags, mode);
}

static ssize_t failing_pwritev(const weir_files *files, int fd, const struct iovec *parts, int count, uint64_t offset)
{
    if (!fails())
        return weir_files_real.pwritev(files, fd, parts, count, offset);
    if (!is_short || parts[0].iov_len < 2)
        return -1;
    fail_at++; /* the rest fails too */
    struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};
    return weir_files_real.pwritev(files, fd, &half, 1, offset);
}

static int failing_ftruncate(const weir_files *files, int fd, uint64_t size)
{
    return fails() ? -1 : weir_files_real.ftruncate(files, fd, size);
}

static int failing_rename(const weir_files *files, const char *from, const char *to)
{
    return fails() ? -1 : weir_files_real.rename(files, from, to);
}

static int failing_unlink(const weir_files *files, const char *path)
{
    return fails() ? -1 : weir_files_real.unlink(files, path);
}

static int failing_fdatasync(const weir_files *files, int fd)
{
    return fails() ? -1 : weir_files_real.fdatasync(files, fd);
}

static int failing_sync_folder(const weir_files *files, const char *path)
{
    return fails() ? -1 : weir_files_real.sync_folder(files, path);
}

static weir_files failing_files;

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/weir-file-XXXXXX");
    cr_assert(mkdtemp(folder));
    failing_files = weir_files_real;
    failing_files.open = failing_open;
    failing_files.pwritev = failing_pwritev;
    failing_files.ftruncate = failing_ftruncate;
    failing_files.rename = failing_rename;
    failing_files.unlink = failing_unlink;
    failing_files.fdatasync = failing_fdatasync;
    failing_files.sync_folder = failing_sync_folder;
    calls = fail_at = 0;
}

static void remove_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(file_output, .init = make_folder, .fini = remove_folder);

/* ---- Helpers ----------------------------------------------------------------------------------------------------- */

static char *in_folder(const char *name)
{
    return weir_format("%s/%s", folder, name);
}

static void write_text(const char *name, const char *text)
{
    WEIR_FREE char *path = in_folder(name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void assert_content(const char *name, const char *expected, size_t len)
{
    WEIR_FREE char *path = in_folder(name);
    WEIR_BUFFER found = {0};
    cr_assert_eq(weir_file_read_all(&weir_files_real, path, 1 << 20, &found), WEIR_OK, "%s", path);
    cr_assert(found.len == len && memcmp(found.data, expected, len) == 0, "%s: \"%s\", not \"%s\"", name,
              weir_buffer_string(&found), expected);
}

static void assert_text(const char *name, const char *expected)
{
    assert_content(name, expected, strlen(expected));
}

static weir_status append(file_output *output, const char *record, weir_error *ret_error)
{
    /* In two writes of two parts, so that a failure has many places. */
    size_t len = strlen(record), half = len / 2;
    char *text = (char *)(uintptr_t)record;
    struct iovec first[] = {{text, half / 2}, {text + half / 2, half - half / 2}};
    struct iovec second[] = {{text + half, 0}, {text + half, len - half}};
    weir_status status = file_output_begin(output, len, noon_ns, ret_error);
    if (status == WEIR_OK)
        status = file_output_write(output, first, 2, ret_error);
    if (status == WEIR_OK)
        status = file_output_write(output, second, 2, ret_error);
    return status == WEIR_OK ? file_output_end(output, ret_error) : status;
}

static file_output *open_output(const file_output_settings *settings, const char *name, bool empties)
{
    WEIR_FREE char *path = in_folder(name);
    file_output *output = NULL;
    weir_error error = {0};
    cr_assert_eq(file_output_open(settings, path, empties, &output, &error), WEIR_OK, "%s", error.text);
    return output;
}

static const file_output_settings lines = {.files = &weir_files_real, .framing = FILE_LINES};
static const file_output_settings frames = {.files = &weir_files_real, .framing = FILE_FRAMES};

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

Test(file_output, appends_or_empties)
{
    weir_error error;
    write_text("a", "old\n");
    file_output *output = open_output(&lines, "a", false);
    cr_assert_eq(append(output, "new\n", &error), WEIR_OK);
    file_output_close(output);
    assert_text("a", "old\nnew\n");
    output = open_output(&lines, "a", true);
    cr_assert_eq(append(output, "only\n", &error), WEIR_OK);
    file_output_close(output);
    assert_text("a", "only\n");
}

Test(file_output, a_torn_line_gets_its_end)
{
    write_text("a", "{\"whole\":1}\n{\"torn");
    file_output_close(open_output(&lines, "a", false));
    assert_text("a", "{\"whole\":1}\n{\"torn\n");
    file_output_close(open_output(&lines, "a", false));
    assert_text("a", "{\"whole\":1}\n{\"torn\n");
}

static void write_bytes(const char *name, const char *bytes, size_t len)
{
    WEIR_FREE char *path = in_folder(name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

Test(file_output, a_torn_frame_is_cut_off_wherever_it_ends)
{
    static const char bytes[] = "\0\0\0\3abc\0\0\0\0\0\0\0\2de";
    static const size_t ends[] = {0, 7, 11, 17};
    for (size_t len = 0; len < sizeof bytes; len++) {
        size_t whole = 0;
        for (size_t i = 0; i < WEIR_COUNT_OF(ends); i++)
            whole = ends[i] <= len ? ends[i] : whole;
        write_bytes("a", bytes, len);
        file_output_close(open_output(&frames, "a", false));
        assert_content("a", bytes, whole);
    }
}

Test(file_output, what_are_no_frames_is_left_alone)
{
    WEIR_FREE char *path = in_folder("a");
    file_output *output;
    weir_error error = {0};
    write_text("a", "{\"resourceSpans\":[]}\n");
    cr_assert_eq(file_output_open(&frames, path, false, &output, &error), WEIR_INVALID);
    cr_assert(strstr(error.text, "another format"), "%s", error.text);
    assert_text("a", "{\"resourceSpans\":[]}\n");
}

Test(file_output, a_second_writer_is_refused_before_it_empties)
{
    WEIR_FREE char *path = in_folder("a");
    file_output *second;
    weir_error error = {0};
    file_output *first = open_output(&lines, "a", false);
    cr_assert_eq(append(first, "first\n", &error), WEIR_OK);
    cr_assert_eq(file_output_open(&lines, path, true, &second, &error), WEIR_IO);
    cr_assert(strstr(error.text, "another process or exporter"), "%s", error.text);
    file_output_close(first);
    assert_text("a", "first\n");
}

Test(file_output, pipes_and_hopeless_names_are_permanent_errors)
{
    WEIR_FREE char *pipe_path = in_folder("pipe");
    file_output *output;
    weir_error error = {0};
    cr_assert_eq(mkfifo(pipe_path, 0600), 0);
    cr_assert_neq(file_output_open(&lines, pipe_path, false, &output, &error), WEIR_OK);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
    cr_assert_neq(file_output_open(&lines, folder, false, &output, &error), WEIR_OK);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
}

Test(file_output, devices_take_everything)
{
    file_output *output;
    weir_error error = {0};
    cr_assert_eq(file_output_open(&lines, "/dev/null", true, &output, &error), WEIR_OK, "%s", error.text);
    cr_assert_eq(append(output, "gone\n", &error), WEIR_OK);
    file_output_close(output);
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

/* Three records with one operation failing at each position in turn: what was acknowledged is there, in order, whole,
 * and nothing else is. */
static void fail_everywhere(file_output_settings settings)
{
    settings.files = &failing_files;
    for (unsigned position = 1;; position++) {
        WEIR_BUFFER expected = {0};
        weir_error error = {0};
        fail_at = 0;
        file_output *output = open_output(&settings, "a", true);
        calls = 0;
        fail_at = position;
        static const char *const records[] = {"{\"first\"}\n", "{\"second\"}\n", "{\"third\"}\n"};
        unsigned failed = 0;
        for (size_t i = 0; i < WEIR_COUNT_OF(records); i++) {
            if (append(output, records[i], &error) == WEIR_OK) {
                weir_buffer_append_text(&expected, records[i]);
                continue;
            }
            cr_assert_eq(error.class_, WEIR_ERROR_RETRYABLE);
            cr_assert(strstr(error.text, strerror(ENOSPC)), "%s", error.text);
            failed++;
        }
        bool reached = calls >= position;
        cr_assert_eq(failed > 0, reached);
        file_output_close(output);
        assert_text("a", weir_buffer_string(&expected));
        if (!reached)
            return;
    }
}

Test(file_output, a_failed_write_leaves_nothing)
{
    fail_everywhere(lines);
}

Test(file_output, what_could_not_be_synced_leaves_nothing)
{
    file_output_settings settings = lines;
    settings.syncs = true;
    fail_everywhere(settings);
}

Test(file_output, a_short_write_leaves_nothing)
{
    is_short = true;
    fail_everywhere(lines);
}

Test(file_output, what_could_not_be_cut_off_is_cut_off_before_the_next)
{
    file_output_settings settings = lines;
    settings.files = &failing_files;
    weir_error error = {0};
    file_output *output = open_output(&settings, "a", false);
    cr_assert_eq(append(output, "whole\n", &error), WEIR_OK);
    is_short = true;
    fail_at = calls + 1; /* half a write, then nothing; and the cutting fails too */
    cr_assert_neq(append(output, "torn....\n", &error), WEIR_OK);
    fail_at = calls + 1;
    cr_assert_eq(append(output, "next\n", &error) == WEIR_OK, false);
    fail_at = 0;
    cr_assert_eq(append(output, "last\n", &error), WEIR_OK);
    file_output_close(output);
    assert_text("a", "whole\nlast\n");
}

/* ---- Rotation ---------------------------------------------------------------------------------------------------- */

static const file_output_settings rotating = {
    .files = &weir_files_real, .framing = FILE_LINES, .rotates = true, .bytes_max = 10, .backups_max = 2};

Test(file_output, is_put_aside_before_it_would_be_too_large)
{
    weir_error error = {0};
    file_output *output = open_output(&rotating, "data.json", false);
    static const char *const records[] = {"1234\n", "5678\n", "9\n", "a record that is longer than a file\n", "z\n"};
    for (size_t i = 0; i < WEIR_COUNT_OF(records); i++)
        cr_assert_eq(append(output, records[i], &error), WEIR_OK, "%s", error.text);
    file_output_close(output);
    /* All in the same millisecond: the names go up, and only two are kept. */
    assert_text("data-2026-01-31T12-00-00.001-size.json", "9\n");
    assert_text("data-2026-01-31T12-00-00.002-size.json", "a record that is longer than a file\n");
    assert_text("data.json", "z\n");
    WEIR_FREE char *pruned = in_folder("data-2026-01-31T12-00-00.000-size.json");
    cr_assert_neq(access(pruned, F_OK), 0);
}

Test(file_output, nothing_is_lost_when_putting_aside_fails)
{
    file_output_settings settings = rotating;
    settings.files = &failing_files;
    for (unsigned position = 1; position <= 2; position++) { /* rename, open */
        weir_error error = {0};
        fail_at = 0;
        file_output *output = open_output(&settings, "data.json", false);
        cr_assert_eq(append(output, "12345678\n", &error), WEIR_OK);
        calls = 0;
        fail_at = position;
        cr_assert_neq(append(output, "90\n", &error), WEIR_OK);
        assert_text("data.json", "12345678\n");
        cr_assert_eq(append(output, "90\n", &error), WEIR_OK);
        assert_text("data.json", "90\n");
        assert_text("data-2026-01-31T12-00-00.000-size.json", "12345678\n");
        file_output_close(output);
        remove_folder();
        make_folder();
    }
}

Test(file_output, old_files_go_and_others_stay)
{
    static const char *const names[] = {"data-2026-01-31T11-00-00.000-size.json",
                                        "data-2026-01-29T13-00-00.000.json", /* of an older Collector */
                                        "data-2026-01-29T11-59-59.999-size.json",
                                        "data-2020-01-01T00-00-00.000.json",
                                        "data-2020-01-01.json",
                                        "data-2020-01-01T00-00-00.000-size-matters.json",
                                        "data.json",
                                        "other-2020-01-01T00-00-00.000.json",
                                        "data-2020-01-01T00-00-00.000.txt"};
    static const bool stays[] = {true, true, false, false, true, true, true, true, true};
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++)
        write_text(names[i], "x");
    WEIR_FREE char *path = in_folder("data.json");
    file_backups_prune(&weir_files_real, path, 2, 0, noon_ns, false);
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        WEIR_FREE char *name = in_folder(names[i]);
        cr_assert_eq(access(name, F_OK) == 0, stays[i], "%s", names[i]);
    }
}

/* ---- Several files ----------------------------------------------------------------------------------------------- */

Test(file_output, the_one_used_longest_ago_is_closed_and_continued_later)
{
    file_outputs *outputs = file_outputs_new(&lines, 2, true, 0755);
    static const char *const order[] = {"x/1", "x/2", "x/1", "x/3", "x/1", "x/2", "x/3"};
    for (size_t i = 0; i < WEIR_COUNT_OF(order); i++) {
        WEIR_FREE char *path = in_folder(order[i]);
        file_output *output;
        weir_error error = {0};
        cr_assert_eq(file_outputs_get(outputs, path, false, &output, &error), WEIR_OK, "%s", error.text);
        char text[8];
        snprintf(text, sizeof text, "%zu\n", i);
        cr_assert_eq(append(output, text, &error), WEIR_OK);
    }
    file_outputs_free(outputs);
    assert_text("x/1", "0\n2\n4\n");
    assert_text("x/2", "1\n5\n");
    assert_text("x/3", "3\n6\n");
}

/* ---- Paths ------------------------------------------------------------------------------------------------------- */

static void assert_clean(const char *path, const char *expected)
{
    WEIR_FREE char *found = file_path_clean(weir_text_of(path));
    cr_assert_str_eq(found, expected, "%s", path);
}

/* What Go's path.Clean gives. */
Test(file_path, clean)
{
    assert_clean("", ".");
    assert_clean(".", ".");
    assert_clean("/", "/");
    assert_clean("//", "/");
    assert_clean("a//b/./c/", "a/b/c");
    assert_clean("a/../b", "b");
    assert_clean("a/..", ".");
    assert_clean("../a", "../a");
    assert_clean("../../a/..", "../..");
    assert_clean("/../a", "/a");
    assert_clean("/a/../../b", "/b");
    assert_clean("a/../../b", "../b");
    assert_clean("..a/.b", "..a/.b");
}

static void assert_group(const char *pattern, const char *segment, const char *expected)
{
    WEIR_FREE char *found = file_path_of_group(pattern, weir_text_of(segment));
    cr_assert_str_eq(found, expected, "%s with %s", pattern, segment);
}

Test(file_path, groups_stay_inside)
{
    assert_group("/data/*.json", "one", "/data/one.json");
    assert_group("/data/*.json", "a/b", "/data/a/b.json");
    assert_group("/data/*.json", "../etc/my_config", "/data/etc/my_config.json");
    assert_group("/data/*.json", "../../../etc/passwd", "/data/etc/passwd.json");
    assert_group("/data/*.json", "a/../../../etc/passwd", "/data/etc/passwd.json");
    assert_group("/data/*.json", "/etc/passwd", "/data/etc/passwd.json");
    assert_group("/data/*.json", "", "/data/.json");
    assert_group("/data/log-*", "../x", "/data/log-/x");
    assert_group("./data/*.json", "../x", "data/x.json");
    assert_group("./*.json", "../../x", "x.json");
    cr_assert_null(file_path_of_group("/data/*.json", (weir_text){"a\0b", 3}));
}
