/* SPDX-License-Identifier: Apache-2.0
 *
 * Records as bytes: what goes in comes out, and bytes that are no record are refused. Checksums against known values.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "fixtures.h"
#include "queue/crc32c.h"
#include "queue/handed.h"
#include "queue/names.h"

/* ---- checksums ---- */

typedef uint32_t (*crc_function)(uint32_t crc, const void *data, size_t len);

static const crc_function crc_functions[] = {weir_crc32c, weir_crc32c_portable};

/* RFC 3720 appendix B.4; the RFC writes the bytes in the order they are sent, which is little endian. */
Test(crc32c, has_the_values_of_rfc_3720)
{
    uint8_t zeroes[32] = {0}, ones[32], rising[32], falling[32];
    for (uint8_t i = 0; i < 32; i++) {
        ones[i] = 0xFF;
        rising[i] = i;
        falling[i] = (uint8_t)(31 - i);
    }
    static const uint8_t read_command[48] = {0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                             0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
                                             0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
                                             0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    for (size_t i = 0; i < WEIR_COUNT_OF(crc_functions); i++) {
        cr_assert_eq(crc_functions[i](0, zeroes, 32), 0x8A9136AAu);
        cr_assert_eq(crc_functions[i](0, ones, 32), 0x62A8AB43u);
        cr_assert_eq(crc_functions[i](0, rising, 32), 0x46DD794Eu);
        cr_assert_eq(crc_functions[i](0, falling, 32), 0x113FDB5Cu);
        cr_assert_eq(crc_functions[i](0, read_command, 48), 0xD9963A56u);
        cr_assert_eq(crc_functions[i](0, "123456789", 9), 0xE3069283u);
        cr_assert_eq(crc_functions[i](0, NULL, 0), 0);
    }
}

Test(crc32c, is_the_same_in_pieces_and_both_ways)
{
    uint8_t bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i + 7);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        uint32_t whole = weir_crc32c(0, bytes, len);
        cr_assert_eq(whole, weir_crc32c_portable(0, bytes, len));
        for (size_t cut = 0; cut <= len; cut++)
            cr_assert_eq(whole, weir_crc32c(weir_crc32c(0, bytes, cut), bytes + cut, len - cut));
    }
}

/* ---- records ---- */

/* The payload in one chunk, as it would be read. */
static weir_chunk *payload_of(const weir_batch *batch, const char *origin, const char *reason)
{
    weir_record_image image;
    weir_record_image_init(&image, batch, origin, reason);
    weir_chunk *chunk = weir_chunk_new(NULL, image.payload_bytes);
    size_t at = 0;
    for (int i = 0; i < image.part_count; i++) {
        memcpy(chunk->data + at, image.parts[i].iov_base, image.parts[i].iov_len);
        at += image.parts[i].iov_len;
    }
    cr_assert_eq(at, image.payload_bytes);
    cr_assert_eq(image.payload_crc32c, weir_crc32c(0, chunk->data, at));
    cr_assert_eq(image.items, batch->items);
    weir_record_image_done(&image);
    return chunk;
}

static weir_status decode(weir_signal signal, weir_chunk *chunk, size_t len, weir_record *ret_record)
{
    weir_error error;
    return weir_record_decode(signal, &chunk, chunk->data, len, ret_record, &error);
}

static weir_metadata *some_metadata(void)
{
    const weir_metadata_entry entries[] = {{WEIR_TEXT("x-tenant"), WEIR_TEXT("a")},
                                           {WEIR_TEXT("x-tenant"), WEIR_TEXT("b")},
                                           {WEIR_TEXT("empty"), WEIR_TEXT("")},
                                           {WEIR_TEXT("bytes-bin"), WEIR_TEXT("\0\xff")}};
    return weir_metadata_new(entries, WEIR_COUNT_OF(entries), "10.1.2.3:4567");
}

Test(record, keeps_all_signals_and_slices)
{
    for (weir_signal signal = WEIR_TRACES; signal < WEIR_SIGNALS; signal++) {
        for (uint32_t slices = 1; slices < 5; slices++) {
            weir_batch *batch = a_batch(signal, 40, slices, 33);
            weir_chunk *chunk = payload_of(batch, NULL, NULL);
            weir_batch_free(batch);
            weir_record record;
            cr_assert_eq(decode(signal, chunk, chunk->size, &record), WEIR_OK);
            cr_assert(is_record_of(&record, signal, 40, slices, 33));
            cr_assert_null(record.metadata);
            cr_assert_null(record.origin);
            cr_assert_null(record.reason);
            weir_record_done(&record);
        }
    }
}

Test(record, keeps_metadata_in_its_order)
{
    weir_batch *batch = a_batch(WEIR_LOGS, 1, 1, 5);
    batch->metadata = some_metadata();
    weir_chunk *chunk = payload_of(batch, NULL, NULL);
    weir_record record;
    cr_assert_eq(decode(WEIR_LOGS, chunk, chunk->size, &record), WEIR_OK);
    cr_assert_str_eq(weir_metadata_peer(record.metadata), "10.1.2.3:4567");
    cr_assert_eq(weir_metadata_count(record.metadata), weir_metadata_count(batch->metadata));
    for (size_t i = 0; i < weir_metadata_count(batch->metadata); i++) {
        weir_metadata_entry written = weir_metadata_at(batch->metadata, i);
        weir_metadata_entry read = weir_metadata_at(record.metadata, i);
        cr_assert(weir_text_equal(written.key, read.key) && weir_text_equal(written.value, read.value));
    }
    weir_record_done(&record);
    weir_batch_free(batch);
}

Test(record, keeps_where_a_dead_letter_comes_from)
{
    weir_batch *batch = a_batch(WEIR_TRACES, 1, 2, 5);
    weir_chunk *chunk = payload_of(batch, "otlp/backend", "400 Bad Request: no such tenant");
    weir_batch_free(batch);
    weir_record record;
    cr_assert_eq(decode(WEIR_TRACES, chunk, chunk->size, &record), WEIR_OK);
    cr_assert_str_eq(record.origin, "otlp/backend");
    cr_assert_str_eq(record.reason, "400 Bad Request: no such tenant");
    cr_assert(is_record_of(&record, WEIR_TRACES, 1, 2, 5));
    weir_record_done(&record);
}

/* Two items, as the two of a request that processors cut down to. */
static weir_batch *a_batch_with_ordinals(uint32_t first, uint32_t second)
{
    weir_batch *batch = a_batch(WEIR_TRACES, 1, 1, 5);
    weir_slice one = a_slice(WEIR_TRACES, 1, 5);
    weir_slice both = {.chunk = weir_chunk_new(NULL, 2 * one.len), .len = 2 * one.len, .items = 2, .id = one.id};
    memcpy(both.chunk->data, one.data, one.len);
    memcpy(both.chunk->data + one.len, one.data, one.len);
    both.data = both.chunk->data;
    both.ordinals = weir_ordinals_new(2);
    both.ordinals->kept[0] = first;
    both.ordinals->kept[1] = second;
    weir_batch_replace(batch, 0, &both);
    weir_slice_done(&one);
    return batch;
}

Test(record, keeps_ordinals)
{
    static const uint32_t pairs[][2] = {{0, 1}, {0, 2}, {5, 1000000}, {0, UINT32_MAX}, {UINT32_MAX - 1, UINT32_MAX}};
    for (size_t i = 0; i < WEIR_COUNT_OF(pairs); i++) {
        weir_batch *batch = a_batch_with_ordinals(pairs[i][0], pairs[i][1]);
        weir_chunk *chunk = payload_of(batch, NULL, NULL);
        weir_batch_free(batch);
        weir_record record;
        cr_assert_eq(decode(WEIR_TRACES, chunk, chunk->size, &record), WEIR_OK);
        cr_assert_eq(weir_slice_ordinal(&record.slices[0], 0), pairs[i][0]);
        cr_assert_eq(weir_slice_ordinal(&record.slices[0], 1), pairs[i][1]);
        weir_record_done(&record);
    }
}

Test(record, becomes_a_batch)
{
    for (uint32_t slices = 1; slices < 4; slices++) {
        weir_batch *written = a_batch(WEIR_TRACES, 9, slices, 20);
        written->metadata = some_metadata();
        weir_chunk *chunk = payload_of(written, NULL, NULL);
        weir_record record;
        cr_assert_eq(decode(WEIR_TRACES, chunk, chunk->size, &record), WEIR_OK);
        weir_ack ack = {0};
        weir_batch *batch = weir_record_take_batch(&record, &ack);
        weir_record_done(&record);
        cr_assert_eq(batch->slice_count, slices);
        cr_assert_eq(batch->items, slices);
        cr_assert_eq(batch->bytes, written->bytes);
        cr_assert_eq(batch->ack, &ack);
        cr_assert_eq(batch->slices[slices - 1].id.sequence, 9 + slices - 1);
        cr_assert_str_eq(weir_metadata_peer(batch->metadata), "10.1.2.3:4567");
        weir_batch_free(batch);
        weir_batch_free(written);
    }
}

/* ---- bytes that are no record ---- */

static weir_chunk *full_payload(void)
{
    weir_batch *batch = a_batch_with_ordinals(3, 700);
    batch->metadata = some_metadata();
    weir_chunk *chunk = payload_of(batch, "otlp", "why");
    weir_batch_free(batch);
    return chunk;
}

Test(record, cut_short_is_refused)
{
    weir_chunk *payload = full_payload();
    for (size_t len = 0; len < payload->size; len++) {
        weir_chunk *cut = weir_chunk_new(NULL, len); /* exactly as large, so that a sanitizer sees any read past it */
        memcpy(cut->data, payload->data, len);
        weir_record record;
        cr_assert_eq(decode(WEIR_TRACES, cut, len, &record), WEIR_INVALID, "%zu bytes", len);
    }
    weir_chunk_unref(payload);
}

Test(record, with_more_bytes_than_it_says_is_refused)
{
    weir_chunk *payload = full_payload();
    weir_chunk *longer = weir_chunk_new(NULL, payload->size + 1);
    memcpy(longer->data, payload->data, payload->size);
    longer->data[payload->size] = 0;
    weir_record record;
    cr_assert_eq(decode(WEIR_TRACES, longer, longer->size, &record), WEIR_INVALID);
    weir_chunk_unref(payload);
}

/* No byte that is wrong makes a record that breaks its own rules. */
Test(record, with_any_byte_changed_is_whole_or_refused)
{
    weir_chunk *payload = full_payload();
    for (size_t at = 0; at < payload->size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            weir_chunk *changed = weir_chunk_new(NULL, payload->size);
            memcpy(changed->data, payload->data, payload->size);
            changed->data[at] ^= (uint8_t)(1u << bit);
            weir_record record;
            if (decode(WEIR_TRACES, changed, payload->size, &record) != WEIR_OK)
                continue;
            const weir_slice *slice = &record.slices[0];
            cr_assert_eq(record.items, slice->items);
            cr_assert(!slice->ordinals || slice->ordinals->count == slice->items);
            weir_record_done(&record);
        }
    }
    weir_chunk_unref(payload);
}

Test(record, whose_telemetry_is_not_valid_is_refused)
{
    weir_batch *batch = a_batch(WEIR_TRACES, 1, 1, 30);
    weir_chunk *chunk = payload_of(batch, NULL, NULL);
    chunk->data[chunk->size - 35] ^= 0x7F; /* the name's length */
    weir_record record;
    cr_assert_eq(decode(WEIR_TRACES, chunk, chunk->size, &record), WEIR_INVALID);
    weir_batch_free(batch);
}

/* ---- handed ---- */

static weir_frame frame_of(uint32_t index)
{
    return (weir_frame){.index = index, .wall_ns = 100 + index, .payload_bytes = 1 + index, .items = index};
}

Test(handed, knows_the_oldest_whatever_the_order)
{
    weir_handed handed = {0};
    for (uint32_t index = 10; index < 1000; index += index % 3 + 1) {
        weir_frame frame = frame_of(index);
        weir_handed_add(&handed, &frame);
    }
    cr_assert_eq(weir_handed_oldest(&handed)->wall_ns, 110);
    cr_assert_eq(weir_handed_remove(&handed, 12).items, 12);
    cr_assert_eq(weir_handed_oldest(&handed)->wall_ns, 110);
    cr_assert_eq(weir_handed_remove(&handed, 10).payload_bytes, 11);
    cr_assert_eq(weir_handed_oldest(&handed)->wall_ns, 113);
    weir_handed_done(&handed);
}

Test(handed, takes_memory_for_what_is_outstanding_only)
{
    weir_handed handed = {0};
    for (uint32_t index = 0; index < 1000000; index++) {
        weir_frame frame = frame_of(index);
        weir_handed_add(&handed, &frame);
        if (index >= 5)
            cr_assert_eq(weir_handed_remove(&handed, index - 5).items, index - 5);
    }
    cr_assert_leq(handed.capacity, 32);
    weir_handed_done(&handed);
}

/* ---- names ---- */

Test(names, are_read_as_written)
{
    uint64_t number = 0;
    WEIR_FREE char *path = weir_segment_path("a", 0xabc, WEIR_FILE_DAMAGED);
    cr_assert_str_eq(path, "a/0000000000000abc.damaged");
    cr_assert_eq(weir_segment_name_read(path + 2, &number), WEIR_FILE_DAMAGED);
    cr_assert_eq(number, 0xabc);
    static const char *const others[] = {"lock",
                                         "0000000000000abc",
                                         "0000000000000abc.lo",
                                         "0000000000000abc.logs",
                                         "0000000000000ABC.log",
                                         "00000000000000abc.log",
                                         ".log",
                                         ""};
    for (size_t i = 0; i < WEIR_COUNT_OF(others); i++)
        cr_assert_eq(weir_segment_name_read(others[i], &number), WEIR_FILE_OTHER, "%s", others[i]);
}
