/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/text.h"

#include <inttypes.h>
#include <time.h>

#include "config/option.h"
#include "config/quantity.h"
#include "otlp/validate.h"

/* ---- numbers ---- */

uint64_t tool_wall_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void tool_print_bytes(uint64_t bytes, weir_buffer *out)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        weir_buffer_printf(out, "%" PRIu64 " B", bytes);
        return;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    for (; value >= 1023.95 && unit + 1 < WEIR_COUNT_OF(units); unit++)
        value /= 1024;
    weir_buffer_printf(out, "%.1f %s", value, units[unit]);
}

void tool_print_time(uint64_t wall_ns, weir_buffer *out)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    struct tm calendar;
    if (wall_ns == 0 || !gmtime_r(&seconds, &calendar)) {
        weir_buffer_append_text(out, "unknown");
        return;
    }
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &calendar);
    weir_buffer_printf(out, "%s.%03uZ", text, (unsigned)(wall_ns / 1000000 % 1000));
}

static const char *const item_names[WEIR_SIGNALS] = {
    [WEIR_TRACES] = "span", [WEIR_METRICS] = "metric point", [WEIR_LOGS] = "log record"};

void tool_print_amount(uint64_t records, const uint64_t items[WEIR_SIGNALS], weir_buffer *out)
{
    weir_buffer_printf(out, "%" PRIu64 " record%s", records, records == 1 ? "" : "s");
    const char *before = " (";
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++) {
        if (items[signal] == 0)
            continue;
        weir_buffer_printf(out, "%s%" PRIu64 " %s%s", before, items[signal], item_names[signal],
                           items[signal] == 1 ? "" : "s");
        before = ", ";
    }
    if (*before == ',')
        weir_buffer_append_byte(out, ')');
}

void tool_print_items_json(const uint64_t items[WEIR_SIGNALS], weir_buffer *out)
{
    const char *before = "{";
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++) {
        if (items[signal] == 0)
            continue;
        weir_buffer_printf(out, "%s\"%s\":%" PRIu64, before, weir_signal_items(signal), items[signal]);
        before = ",";
    }
    weir_buffer_append_text(out, *before == '{' ? "{}" : "}");
}

/* ---- a log ---- */

static const char *name_of(const tool_log *log)
{
    return log->is_dead_letters ? "dead letters" : log->owner[0] ? log->owner : log->path;
}

static uint64_t age_ms(uint64_t wall_ns, uint64_t now_ns)
{
    return wall_ns > 0 && now_ns > wall_ns ? (now_ns - wall_ns) / 1000000 : 0;
}

static void print_damage(const weir_disk_log_counts *counts, weir_buffer *out)
{
    if (counts->damaged_bytes > 0) {
        weir_buffer_append_text(out, ", damaged: ");
        tool_print_bytes(counts->damaged_bytes, out);
        weir_buffer_printf(out, " (%" PRIu64 " records)", counts->damaged_records);
    }
    if (counts->torn_bytes > 0) {
        weir_buffer_append_text(out, ", unfinished at the end: ");
        tool_print_bytes(counts->torn_bytes, out);
    }
}

void tool_print_log(const tool_log *log, const weir_disk_log_counts *counts, uint64_t now_ns, weir_buffer *out)
{
    weir_buffer_append_text(out, name_of(log));
    if (log->has_signal)
        weir_buffer_printf(out, " %s", weir_signal_name(log->signal));
    weir_buffer_append_text(out, ": ");
    tool_print_amount(counts->records, counts->items, out);
    weir_buffer_append_text(out, ", ");
    tool_print_bytes(counts->file_bytes, out);
    weir_buffer_append_text(out, " on disk");
    if (counts->records > 0) {
        uint64_t age = age_ms(counts->oldest_wall_ns, now_ns);
        weir_buffer_append_text(out, ", oldest ");
        weir_print_duration(age < 1000 ? age : age / 1000 * 1000, out);
        weir_buffer_append_text(out, " ago");
    }
    print_damage(counts, out);
    if (log->holder > 0)
        weir_buffer_printf(out, ", held by process %d", (int)log->holder);
    weir_buffer_append_byte(out, '\n');
}

void tool_print_log_json(const tool_log *log, const weir_disk_log_counts *counts, uint64_t now_ns, weir_buffer *out)
{
    weir_buffer_append_text(out, "{\"kind\":");
    weir_buffer_append_json_string(out, log->is_dead_letters ? "deadletter" : "queue");
    weir_buffer_append_text(out, ",\"exporter\":");
    weir_buffer_append_json_string(out, log->owner);
    if (log->has_signal)
        weir_buffer_printf(out, ",\"signal\":\"%s\"", weir_signal_name(log->signal));
    weir_buffer_append_text(out, ",\"path\":");
    weir_buffer_append_json_string(out, log->path);
    weir_buffer_printf(out, ",\"records\":%" PRIu64 ",\"items\":", counts->records);
    tool_print_items_json(counts->items, out);
    weir_buffer_printf(out, ",\"record_bytes\":%" PRIu64 ",\"file_bytes\":%" PRIu64, counts->record_bytes,
                       counts->file_bytes);
    if (counts->records > 0) {
        weir_buffer_append_text(out, ",\"oldest\":\"");
        tool_print_time(counts->oldest_wall_ns, out);
        weir_buffer_printf(out, "\",\"oldest_age_seconds\":%" PRIu64, age_ms(counts->oldest_wall_ns, now_ns) / 1000);
    }
    weir_buffer_printf(
        out, ",\"damaged_bytes\":%" PRIu64 ",\"damaged_records\":%" PRIu64 ",\"torn_bytes\":%" PRIu64 ",\"pid\":",
        counts->damaged_bytes, counts->damaged_records, counts->torn_bytes);
    if (log->holder > 0)
        weir_buffer_printf(out, "%d}\n", (int)log->holder);
    else
        weir_buffer_append_text(out, "null}\n");
}

/* ---- a record ---- */

static void print_slices(const weir_record *record, weir_buffer *out)
{
    weir_buffer_append_text(out, ",\"slices\":[");
    for (uint32_t i = 0; i < record->slice_count; i++) {
        const weir_slice *slice = &record->slices[i];
        weir_buffer_printf(out, "%s{\"id\":\"%016" PRIx64 "%016" PRIx64 "\",\"items\":%" PRIu32, i ? "," : "",
                           slice->id.origin, slice->id.sequence, slice->items);
        for (uint32_t item = 0; slice->ordinals && item < slice->items; item++)
            weir_buffer_printf(out, "%s%" PRIu32, item ? "," : ",\"ordinals\":[", weir_slice_ordinal(slice, item));
        weir_buffer_append_text(out, slice->ordinals && slice->items > 0 ? "]}" : "}");
    }
    weir_buffer_append_byte(out, ']');
}

/* What lets somebody in is for replay, not for a terminal. Of what an authenticator knows, `:auth.raw` is that. */
static bool is_secret(const char *key)
{
    const char *attribute = strncmp(key, ":auth.", 6) == 0 ? key + 6 : NULL;
    return attribute ? strcmp(attribute, "raw") == 0 || weir_name_is_of_secret(attribute) : weir_name_is_of_secret(key);
}

static void print_member(const char *name, weir_text value, weir_buffer *out)
{
    WEIR_FREE char *terminated = weir_strndup(value.data ? value.data : "", value.len);
    weir_buffer_append_json_string(out, name);
    weir_buffer_append_byte(out, ':');
    weir_buffer_append_json_string(out, terminated);
}

/* A list, because a header may come more than once. */
static void print_metadata(const weir_metadata *metadata, weir_buffer *out)
{
    weir_buffer_append_text(out, ",\"metadata\":[");
    for (size_t i = 0; i < weir_metadata_count(metadata); i++) {
        weir_metadata_entry entry = weir_metadata_at(metadata, i);
        WEIR_FREE char *key = weir_strndup(entry.key.data, entry.key.len);
        weir_buffer_append_text(out, i ? ",{" : "{");
        print_member(key, is_secret(key) ? WEIR_TEXT("[REDACTED]") : entry.value, out);
        weir_buffer_append_byte(out, '}');
    }
    weir_buffer_append_text(out, "],");
    print_member("peer", weir_text_of(weir_metadata_peer(metadata)), out);
}

void tool_print_meta_json(const tool_log *log, const weir_record *record, weir_buffer *out)
{
    if (record->origin) {
        print_member("origin", weir_text_of(record->origin), out);
        weir_buffer_append_byte(out, ',');
        print_member("reason", weir_text_of(record->reason ? record->reason : ""), out);
    } else {
        print_member("exporter", weir_text_of(log->owner), out);
    }
    weir_buffer_printf(out, ",\"signal\":\"%s\",\"time\":\"", weir_signal_name(record->signal));
    tool_print_time(record->wall_ns, out);
    weir_buffer_printf(out, "\",\"items\":%" PRIu64, record->items);
    print_slices(record, out);
    if (record->metadata)
        print_metadata(record->metadata, out);
    weir_buffer_append_byte(out, ',');
}

weir_status tool_check_record(const weir_record *record, weir_error *ret_error)
{
    for (uint32_t i = 0; i < record->slice_count; i++) {
        uint64_t items;
        weir_status status = weir_otlp_validate((weir_otlp_kind)record->signal, record->slices[i].data,
                                                record->slices[i].len, &items, ret_error);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}
