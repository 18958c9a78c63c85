/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/scan.h"

es_scan es_scan_of(weir_bytes bytes)
{
    const char *text = bytes.len > 0 ? (const char *)bytes.data : "";
    return (es_scan){.at = text, .end = text + bytes.len};
}

/* Nothing more is given. */
static void give_up(es_scan *scan)
{
    scan->is_broken = true;
    scan->at = scan->end;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The next character that is no space, which stays; '\0' at the end. */
static char peek(es_scan *scan)
{
    while (scan->at < scan->end && is_space(*scan->at))
        scan->at++;
    return scan->at < scan->end ? *scan->at : '\0';
}

/* Takes `wanted`, or gives up. */
static bool take(es_scan *scan, char wanted)
{
    if (peek(scan) != wanted || scan->at == scan->end) {
        give_up(scan);
        return false;
    }
    scan->at++;
    return true;
}

/* True if an odd number of backslashes stands before `quote`, none of them before `begin`. */
static bool is_escaped(const char *begin, const char *quote)
{
    const char *at = quote;
    while (at > begin && at[-1] == '\\')
        at--;
    return (quote - at) % 2 == 1;
}

/* Behind the opening quote: the inside of the string. */
static weir_text take_string(es_scan *scan)
{
    const char *begin = scan->at;
    for (const char *from = begin; from < scan->end;) {
        const char *quote = memchr(from, '"', (size_t)(scan->end - from));
        if (!quote)
            break;
        if (!is_escaped(begin, quote)) {
            scan->at = quote + 1;
            return (weir_text){begin, (size_t)(quote - begin)};
        }
        from = quote + 1;
    }
    give_up(scan);
    return (weir_text){NULL, 0};
}

/* A number, true, false or null: up to what ends it. */
static weir_text take_word(es_scan *scan)
{
    const char *begin = scan->at;
    while (scan->at < scan->end && !is_space(*scan->at) && !memchr(",:\"{}[]", *scan->at, 7))
        scan->at++;
    if (scan->at == begin || scan->at == scan->end) /* a number that the text ends in may go on */
        give_up(scan);
    return (weir_text){begin, (size_t)(scan->at - begin)};
}

void es_scan_skip(es_scan *scan)
{
    size_t depth = 0;
    do {
        char c = peek(scan);
        if (c == '"') {
            scan->at++;
            (void)take_string(scan);
        } else if (c == '{' || c == '[') {
            scan->at++;
            depth++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            scan->at++;
            depth--;
        } else if ((c == ',' || c == ':') && depth > 0) {
            scan->at++;
        } else {
            (void)take_word(scan);
        }
    } while (depth > 0 && !scan->is_broken);
}

bool es_scan_enter(es_scan *scan, char opening, es_scan_level *ret_level)
{
    *ret_level = (es_scan_level){0};
    if (peek(scan) == opening && scan->at < scan->end) {
        scan->at++;
        return true;
    }
    es_scan_skip(scan);
    return false;
}

/* True if another one follows before `closing`, which is taken otherwise. */
static bool has_next(es_scan *scan, es_scan_level *level, char closing)
{
    if (scan->is_broken)
        return false;
    if (peek(scan) == closing && scan->at < scan->end) {
        scan->at++;
        return false;
    }
    if (level->has_begun && !take(scan, ','))
        return false;
    level->has_begun = true;
    return true;
}

bool es_scan_member(es_scan *scan, es_scan_level *object, weir_text *ret_key)
{
    if (!has_next(scan, object, '}') || !take(scan, '"'))
        return false;
    *ret_key = take_string(scan);
    return !scan->is_broken && take(scan, ':');
}

bool es_scan_element(es_scan *scan, es_scan_level *array)
{
    return has_next(scan, array, ']');
}

weir_text es_scan_text(es_scan *scan)
{
    if (peek(scan) == '"' && scan->at < scan->end) {
        scan->at++;
        return take_string(scan);
    }
    es_scan_skip(scan);
    return (weir_text){NULL, 0};
}

uint32_t es_scan_uint(es_scan *scan)
{
    uint64_t number = 0;
    char c = peek(scan);
    if (c < '0' || c > '9') {
        es_scan_skip(scan);
        return 0;
    }
    weir_text word = take_word(scan);
    if (scan->is_broken || !weir_text_to_uint(word, UINT32_MAX, &number))
        return 0;
    return (uint32_t)number;
}
