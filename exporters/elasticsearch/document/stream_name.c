/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/stream_name.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#include "core/assert.h"

#define FORBIDDEN "\\/*?\"<>| ,#:"

/* ---- Letters ----------------------------------------------------------------------------------------------------- */

static pthread_once_t letters_once = PTHREAD_ONCE_INIT;
static locale_t letters; /* 0: the C library has no tables; then only ASCII has small letters */

static void open_letters(void)
{
    letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The code point of a well-formed sequence. */
static uint32_t decode(const uint8_t *at, size_t len)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = at[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        point = point << 6 | (at[i] & 0x3f);
    return point;
}

static size_t encode(uint32_t point, uint8_t *out)
{
    const size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t first_marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
    out[0] = (uint8_t)(first_marks[len] | point);
    return len;
}

static uint32_t small_letter(uint32_t point)
{
    if (point < 0x80)
        return point >= 'A' && point <= 'Z' ? point + 'a' - 'A' : point;
    pthread_once(&letters_once, open_letters);
    return letters ? (uint32_t)towlower_l((wint_t)point, letters) : point;
}

/* ---- Parts of data streams --------------------------------------------------------------------------------------- */

static bool is_forbidden(es_stream_part part, uint32_t point)
{
    if (point < ' ')
        return true;
    if (point >= 0x80)
        return false;
    return strchr(FORBIDDEN, (int)point) || (part == ES_PART_DATASET && point == '-');
}

void es_stream_part_append(es_stream_part part, weir_text text, const char *suffix, weir_buffer *out)
{
    enum { REPLACEMENT = 0xfffd, CHARACTER_LEN_MAX = 4 };
    const size_t suffix_len = strlen(suffix), start = out->len;
    WEIR_ASSERT(suffix_len < ES_STREAM_PART_LEN_MAX);
    const size_t len_max = ES_STREAM_PART_LEN_MAX - suffix_len;
    const uint8_t *at = (const uint8_t *)text.data;
    for (size_t left = text.len, step; left > 0; at += step, left -= step) {
        step = weir_utf8_sequence(at, left);
        const uint32_t point = step > 0 ? decode(at, step) : REPLACEMENT;
        step = step > 0 ? step : 1;
        uint8_t bytes[CHARACTER_LEN_MAX];
        const size_t len = encode(is_forbidden(part, point) ? '_' : small_letter(point), bytes);
        if (out->len - start + len > len_max)
            break;
        weir_buffer_append(out, bytes, len);
    }
    weir_buffer_append(out, suffix, suffix_len);
}

/* ---- Scopes of the Collector ------------------------------------------------------------------------------------- */

bool es_scope_is_of_collector(weir_text scope_name)
{
    static const char *const names[] = {
        "go.opentelemetry.io/collector/receiver/receiverhelper",
        "go.opentelemetry.io/collector/scraper/scraperhelper",
        "go.opentelemetry.io/collector/processor/processorhelper",
        "go.opentelemetry.io/collector/exporter/exporterhelper",
        "go.opentelemetry.io/collector/service",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++)
        if (weir_text_is(scope_name, names[i]))
            return true;
    return false;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The longest part of the word at `text` that ends with `ending` and is longer than that; its length, or 0. */
static size_t word_ending_with(weir_text text, weir_text ending)
{
    size_t len = 0;
    while (len < text.len && is_word(text.data[len]))
        len++;
    for (; len > ending.len; len--)
        if (memcmp(text.data + len - ending.len, ending.data, ending.len) == 0)
            return len;
    return 0;
}

/* "/receiver/NAMEreceiver" or "/connector/NAMEconnector" anywhere in the name: NAMEreceiver. */
static weir_text component_in(weir_text name, weir_text folder)
{
    const weir_text ending = {folder.data + 1, folder.len - 2};
    for (size_t i = 0; i + folder.len < name.len; i++) {
        if (memcmp(name.data + i, folder.data, folder.len) != 0)
            continue;
        const weir_text rest = {name.data + i + folder.len, name.len - i - folder.len};
        const size_t len = word_ending_with(rest, ending);
        if (len > 0)
            return (weir_text){rest.data, len};
    }
    return (weir_text){NULL, 0};
}

weir_text es_stream_dataset_of_scope(weir_text scope_name)
{
    const weir_text receiver = component_in(scope_name, WEIR_TEXT("/receiver/"));
    return receiver.len > 0 ? receiver : component_in(scope_name, WEIR_TEXT("/connector/"));
}

/* ---- Names of indices -------------------------------------------------------------------------------------------- */

static bool has_capital(weir_text name)
{
    const uint8_t *at = (const uint8_t *)name.data;
    for (size_t left = name.len, step; left > 0; at += step, left -= step) {
        step = weir_utf8_sequence(at, left);
        const uint32_t point = decode(at, step);
        if (small_letter(point) != point)
            return true;
    }
    return false;
}

static bool is_date_math(weir_text name)
{
    return name.len > 2 && name.data[0] == '<' && name.data[name.len - 1] == '>';
}

/* NULL: the name may be used. */
static const char *index_name_problem(weir_text name)
{
    if (name.len == 0)
        return "is empty";
    if (!weir_utf8_valid((const uint8_t *)name.data, name.len))
        return "is not UTF-8";
    if (is_date_math(name))
        return NULL;
    if (name.len > ES_INDEX_NAME_LEN_MAX)
        return "is longer than 255 bytes";
    if (strchr("-_+", name.data[0]))
        return "begins with '-', '_' or '+'";
    if (weir_text_is(name, ".") || weir_text_is(name, ".."))
        return "is \".\" or \"..\"";
    for (size_t i = 0; i < name.len; i++)
        if ((uint8_t)name.data[i] < ' ' || strchr(FORBIDDEN, name.data[i]))
            return "has one of \\ / * ? \" < > | , # : or a blank in it";
    return has_capital(name) ? "has capital letters" : NULL;
}

bool es_index_name_check(weir_text name, weir_error *ret_error)
{
    enum { SHOWN_MAX = 100 };
    const char *problem = index_name_problem(name);
    if (!problem)
        return true;
    const int shown = (int)(name.len < SHOWN_MAX ? name.len : SHOWN_MAX);
    weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "no index can have the name \"%.*s\": it %s", shown,
                   name.data, problem);
    weir_utf8_repair(ret_error->text);
    return false;
}
