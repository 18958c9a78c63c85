/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <string.h>

#include "core/memory.h"
#include "net/grpc.h"

/* ---- framing ---- */

static const uint8_t two_messages[] = {0, 0, 0, 0, 3, 'a', 'b', 'c', 1, 0, 0, 0, 0};

/* The events of a stream fed in pieces, as text: "M3 abc E M0z E". */
static void read_all(const uint8_t *bytes, size_t len, size_t piece, weir_buffer *out, weir_grpc_reader *reader)
{
    for (size_t done = 0; done < len; done += piece) {
        weir_bytes fragment = {bytes + done, len - done < piece ? len - done : piece};
        weir_bytes body;
        weir_grpc_event event;
        while ((event = weir_grpc_read(reader, &fragment, &body)) != WEIR_GRPC_NEED_MORE) {
            if (event == WEIR_GRPC_MESSAGE)
                weir_buffer_printf(out, "M%u%s ", reader->message_len, reader->is_compressed ? "z" : "");
            else if (event == WEIR_GRPC_PIECE)
                weir_buffer_append(out, body.data, body.len);
            else if (event == WEIR_GRPC_END)
                weir_buffer_append_text(out, " E ");
            else {
                weir_buffer_append_text(out, "X");
                return;
            }
        }
        cr_assert_eq(fragment.len, 0);
    }
}

Test(grpc, messages_are_read_however_they_are_cut)
{
    for (size_t piece = 1; piece <= sizeof two_messages; piece++) {
        WEIR_BUFFER out = {0};
        weir_grpc_reader reader = {0};
        read_all(two_messages, sizeof two_messages - 1, piece, &out, &reader);
        cr_assert(!weir_grpc_reader_is_between(&reader), "one byte is missing");
        read_all(two_messages + sizeof two_messages - 1, 1, 1, &out, &reader);
        cr_assert_str_eq(weir_buffer_string(&out), "M3 abc E M0z  E ", "in pieces of %zu", piece);
        cr_assert(weir_grpc_reader_is_between(&reader));
    }
}

Test(grpc, a_wrong_flag_is_malformed_at_its_first_byte)
{
    WEIR_BUFFER out = {0};
    weir_grpc_reader reader = {0};
    read_all((const uint8_t *)"\x02", 1, 1, &out, &reader);
    cr_assert_str_eq(weir_buffer_string(&out), "X");
}

Test(grpc, prefixes_are_written_as_they_are_read)
{
    uint8_t prefix[WEIR_GRPC_PREFIX_LEN];
    weir_grpc_prefix_write(true, 0x01020304, prefix);
    cr_assert_arr_eq(prefix, ((uint8_t[]){1, 1, 2, 3, 4}), sizeof prefix);
}

/* ---- grpc-timeout ---- */

Test(grpc, timeouts)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {
        {"1n", 1},
        {"7u", 7000},
        {"100m", 100000000},
        {"10S", 10000000000},
        {"2M", 120000000000},
        {"1H", 3600000000000},
        {"99999999H", UINT64_MAX},
        {"0m", 0},
        {"99999999S", 99999999000000000},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(good); i++) {
        uint64_t ns;
        cr_assert_eq(weir_grpc_timeout_parse(weir_text_of(good[i].text), &ns), WEIR_OK, "%s", good[i].text);
        cr_assert_eq(ns, good[i].ns, "%s", good[i].text);
    }
    static const char *const bad[] = {"",    "m",   "1",   "1s",         "1h",   "-1m",
                                      "+1m", " 1m", "1 m", "123456789m", "1.5S", "1mm"};
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++) {
        uint64_t ns = 42;
        cr_assert_eq(weir_grpc_timeout_parse(weir_text_of(bad[i]), &ns), WEIR_INVALID, "%s", bad[i]);
    }
}

Test(grpc, timeouts_are_written_rounded_up_in_the_finest_unit)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0n"},
        {99999999, "99999999n"},
        {100000000, "100000u"},
        {100000001, "100001u"},
        {100000000000, "100000m"},
        {UINT64_MAX, "5124096H"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        char text[WEIR_GRPC_TIMEOUT_SIZE];
        uint64_t back;
        weir_grpc_timeout_format(cases[i].ns, text);
        cr_assert_str_eq(text, cases[i].text);
        cr_assert_eq(weir_grpc_timeout_parse(weir_text_of(text), &back), WEIR_OK);
        cr_assert_geq(back, cases[i].ns);
    }
}

/* ---- text in headers ---- */

Test(grpc, messages_are_percent_encoded)
{
    WEIR_BUFFER encoded = {0}, decoded = {0};
    weir_grpc_message_encode(WEIR_TEXT("100 % of \n\xc3\xa4~"), &encoded);
    cr_assert_str_eq(weir_buffer_string(&encoded), "100 %25 of %0A%C3%A4~");
    weir_grpc_message_decode((weir_text){(char *)encoded.data, encoded.len}, &decoded);
    cr_assert_str_eq(weir_buffer_string(&decoded), "100 % of \n\xc3\xa4~");
}

Test(grpc, broken_percent_encoding_is_kept)
{
    WEIR_BUFFER decoded = {0};
    weir_grpc_message_decode(WEIR_TEXT("a%zz%4%c3%4"), &decoded);
    cr_assert_str_eq(weir_buffer_string(&decoded), "a%zz%4\xc3%4");
}

Test(grpc, base64_of_every_length_goes_there_and_back)
{
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 255);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        WEIR_BUFFER text = {0}, back = {0};
        weir_base64_encode((weir_bytes){bytes, len}, &text);
        cr_assert_eq(weir_base64_decode((weir_text){(char *)text.data, text.len}, &back), WEIR_OK);
        cr_assert_eq(back.len, len);
        cr_assert_eq(len ? memcmp(back.data, bytes, len) : 0, 0);
    }
}

Test(grpc, base64_known_answers)
{
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
    } cases[] = {
        {"", ""},    {"Zg", "f"},   {"Zg==", "f"},   {"Zm8", "fo"},  {"Zm8=", "fo"}, {"Zm9v", "foo"},
        {"Z", NULL}, {"Zg=", NULL}, {"Zm9v=", NULL}, {"Zm 9", NULL}, {"====", NULL}, {"Zm9-", NULL},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        WEIR_BUFFER out = {0};
        weir_status status = weir_base64_decode(weir_text_of(cases[i].text), &out);
        cr_assert_eq(status, cases[i].bytes ? WEIR_OK : WEIR_INVALID, "%s", cases[i].text);
        cr_assert_str_eq(weir_buffer_string(&out), cases[i].bytes ? cases[i].bytes : "");
    }
}
