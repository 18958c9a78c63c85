/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tools print of a queue and of a record.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/text.h"

/* 2026-09-21T14:13:20.123Z */
#define WALL_NS 1790000000123456789ull
#define SECOND_NS 1000000000ull

static void expect_bytes(uint64_t bytes, const char *text)
{
    WEIR_BUFFER out = {0};
    tool_print_bytes(bytes, &out);
    cr_expect_str_eq(weir_buffer_string(&out), text);
}

Test(tools_text, sizes)
{
    expect_bytes(0, "0 B");
    expect_bytes(1023, "1023 B");
    expect_bytes(1024, "1.0 KiB");
    expect_bytes(1024 * 1024 - 1, "1.0 MiB");
    expect_bytes(1536 * 1024, "1.5 MiB");
    expect_bytes(5ull << 40, "5.0 TiB");
    expect_bytes(UINT64_MAX, "16777216.0 TiB");
}

Test(tools_text, times)
{
    WEIR_BUFFER out = {0};
    tool_print_time(WALL_NS, &out);
    tool_print_time(0, &out);
    cr_expect_str_eq(weir_buffer_string(&out), "2026-09-21T14:13:20.123Zunknown");
}

Test(tools_text, amounts)
{
    WEIR_BUFFER out = {0};
    tool_print_amount(0, (uint64_t[WEIR_SIGNALS]){0}, &out);
    weir_buffer_append_text(&out, "; ");
    tool_print_amount(1, (uint64_t[WEIR_SIGNALS]){[WEIR_TRACES] = 1}, &out);
    weir_buffer_append_text(&out, "; ");
    tool_print_amount(12, (uint64_t[WEIR_SIGNALS]){[WEIR_TRACES] = 30, [WEIR_LOGS] = 4}, &out);
    cr_expect_str_eq(weir_buffer_string(&out), "0 records; 1 record (1 span); 12 records (30 spans, 4 log records)");
}

static char path[] = "/q/exporter_otlp_a_traces", owner[] = "otlp/a";

static tool_log log_of(pid_t holder)
{
    return (tool_log){.path = path, .owner = owner, .has_signal = true, .signal = WEIR_TRACES, .holder = holder};
}

Test(tools_text, a_queue_in_a_line)
{
    WEIR_BUFFER out = {0};
    tool_log log = log_of(4711);
    weir_disk_log_counts counts = {
        .records = 2, .items = {[WEIR_TRACES] = 9}, .file_bytes = 2048, .oldest_wall_ns = WALL_NS};
    tool_print_log(&log, &counts, WALL_NS + 192 * SECOND_NS + SECOND_NS / 2, &out);
    cr_expect_str_eq(weir_buffer_string(&out),
                     "otlp/a traces: 2 records (9 spans), 2.0 KiB on disk, oldest 3m12s ago, held by process 4711\n");
}

Test(tools_text, a_clock_set_back_makes_no_age)
{
    WEIR_BUFFER out = {0};
    tool_log log = log_of(0);
    weir_disk_log_counts counts = {.records = 1, .items = {[WEIR_TRACES] = 1}, .oldest_wall_ns = WALL_NS};
    tool_print_log(&log, &counts, WALL_NS - SECOND_NS, &out);
    cr_expect_str_eq(weir_buffer_string(&out), "otlp/a traces: 1 record (1 span), 0 B on disk, oldest 0s ago\n");
}

Test(tools_text, damage_is_told)
{
    WEIR_BUFFER out = {0};
    tool_log log = log_of(0);
    weir_disk_log_counts counts = {.file_bytes = 500, .damaged_bytes = 300, .damaged_records = 2, .torn_bytes = 17};
    tool_print_log(&log, &counts, WALL_NS, &out);
    cr_expect_str_eq(weir_buffer_string(&out), "otlp/a traces: 0 records, 500 B on disk, damaged: 300 B (2 records), "
                                               "unfinished at the end: 17 B\n");
}

Test(tools_text, a_queue_as_json)
{
    WEIR_BUFFER out = {0};
    tool_log log = log_of(0);
    weir_disk_log_counts counts = {
        .records = 2, .items = {[WEIR_TRACES] = 9}, .record_bytes = 100, .file_bytes = 2048, .oldest_wall_ns = WALL_NS};
    tool_print_log_json(&log, &counts, WALL_NS + 3 * SECOND_NS, &out);
    cr_expect_str_eq(
        weir_buffer_string(&out),
        "{\"kind\":\"queue\",\"exporter\":\"otlp/a\",\"signal\":\"traces\",\"path\":\"/q/"
        "exporter_otlp_a_traces\",\"records\":2,\"items\":{\"spans\":9},\"record_bytes\":100,\"file_"
        "bytes\":2048,\"oldest\":\"2026-09-21T14:13:20.123Z\",\"oldest_age_seconds\":3,\"damaged_bytes\":0,"
        "\"damaged_records\":0,\"torn_bytes\":0,\"pid\":null}\n");
}

Test(tools_text, what_is_known_of_a_dead_letter)
{
    WEIR_BUFFER out = {0};
    tool_log log = {.path = path, .owner = (char[]){""}, .is_dead_letters = true};
    weir_ordinals *kept = weir_ordinals_new(2);
    kept->kept[0] = 3;
    kept->kept[1] = 7;
    weir_slice slices[] = {{.items = 2, .ordinals = kept, .id = {0xabc, 1}}, {.items = 5, .id = {0xabc, 2}}};
    weir_metadata_entry entries[] = {{WEIR_TEXT("tenant"), WEIR_TEXT("a\"b")}, {WEIR_TEXT("tenant"), WEIR_TEXT("c")}};
    weir_metadata *metadata = weir_metadata_new(entries, 2, "127.0.0.1:5");
    weir_record record = {.signal = WEIR_LOGS,
                          .slice_count = 2,
                          .items = 7,
                          .wall_ns = WALL_NS,
                          .metadata = metadata,
                          .slices = slices,
                          .origin = owner,
                          .reason = (char[]){"no\nway"}};
    tool_print_meta_json(&log, &record, &out);
    cr_expect_str_eq(
        weir_buffer_string(&out),
        "\"origin\":\"otlp/a\",\"reason\":\"no\\u000away\",\"signal\":\"logs\",\"time\":\"2026-09-21T14:13:20."
        "123Z\",\"items\":7,\"slices\":[{\"id\":\"0000000000000abc0000000000000001\",\"items\":2,"
        "\"ordinals\":[3,7]},{\"id\":\"0000000000000abc0000000000000002\",\"items\":5}],\"metadata\":[{"
        "\"tenant\":\"a\\\"b\"},{\"tenant\":\"c\"}],\"peer\":\"127.0.0.1:5\",");
    weir_metadata_unref(metadata);
    weir_ordinals_unref(kept);
}

Test(tools_text, what_lets_somebody_in_is_not_shown)
{
    static const char *const secret[] = {"authorization", "cookie", "x-api-key", ":auth.raw", ":auth.token"};
    static const char *const harmless[] = {"tenant", ":auth.username", ":auth.subject"};
    tool_log log = {.owner = (char[]){"otlp/a"}};
    for (size_t i = 0; i < WEIR_COUNT_OF(secret) + WEIR_COUNT_OF(harmless); i++) {
        bool is_secret = i < WEIR_COUNT_OF(secret);
        const char *key = is_secret ? secret[i] : harmless[i - WEIR_COUNT_OF(secret)];
        WEIR_BUFFER out = {0};
        weir_metadata_entry entry = {weir_text_of(key), WEIR_TEXT("canary")};
        weir_metadata *metadata = weir_metadata_new(&entry, 1, "");
        weir_record record = {.signal = WEIR_LOGS, .wall_ns = WALL_NS, .metadata = metadata};
        tool_print_meta_json(&log, &record, &out);
        cr_expect_eq(strstr(weir_buffer_string(&out), "canary") == NULL, is_secret, "%s", key);
        weir_metadata_unref(metadata);
    }
}

Test(tools_text, what_is_no_otlp_is_found_before_it_is_printed)
{
    weir_error error = {0};
    weir_slice slice = {.data = (const uint8_t *)"\x0a\xff", .len = 2};
    weir_record record = {.signal = WEIR_TRACES, .slice_count = 1, .slices = &slice};
    cr_expect_eq(tool_check_record(&record, &error), WEIR_INVALID);
    slice.len = 0;
    cr_expect_eq(tool_check_record(&record, &error), WEIR_OK);
}
