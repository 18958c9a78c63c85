/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/tracestate.h"

#include <string.h>

enum {
    KEY_BYTES_MAX = 256,
    TENANT_BYTES_MAX = 241,
    SYSTEM_BYTES_MAX = 14,
    VALUE_BYTES_MAX = 256,
    OPENTELEMETRY_BYTES_MAX = 256
};

/* Cuts the next member off `*rest`; false at its end. */
static bool next_member(weir_text *rest, char separator, weir_text *ret_member)
{
    if (rest->len == 0)
        return false;
    const char *found = memchr(rest->data, separator, rest->len);
    size_t len = found ? (size_t)(found - rest->data) : rest->len;
    *ret_member = (weir_text){rest->data, len};
    size_t step = found ? len + 1 : len;
    *rest = (weir_text){rest->data + step, rest->len - step};
    return true;
}

static weir_text trim(weir_text text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = (weir_text){text.data + 1, text.len - 1};
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Splits "key=value" at the first separator. False if there is none or it comes first; then all of it is the key. */
static bool split(weir_text member, char separator, weir_text *ret_key, weir_text *ret_value)
{
    const char *found = member.len > 0 ? memchr(member.data, separator, member.len) : NULL;
    *ret_key = member;
    *ret_value = (weir_text){0};
    if (!found || found == member.data)
        return false;
    size_t key_len = (size_t)(found - member.data);
    *ret_key = (weir_text){member.data, key_len};
    *ret_value = (weir_text){found + 1, member.len - key_len - 1};
    return true;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool all_key_chars(weir_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!is_lower(c) && !is_digit(c) && c != '_' && c != '-' && c != '*' && c != '/')
            return false;
    }
    return true;
}

/* A key is "simple" or "tenant@system" (W3C Trace Context §3.3.1.3.1). */
static bool is_key(weir_text key)
{
    weir_text tenant, system;
    if (!memchr(key.data, '@', key.len))
        return is_lower(key.data[0]) && all_key_chars(key);
    return split(key, '@', &tenant, &system) && system.len > 0 &&
           (is_lower(tenant.data[0]) || is_digit(tenant.data[0])) && is_lower(system.data[0]) &&
           all_key_chars(tenant) && all_key_chars(system);
}

static bool is_value(weir_text value)
{
    if (value.len == 0 || value.len > VALUE_BYTES_MAX || value.data[value.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c < ' ' || c > '~' || c == ',' || c == '=')
            return false;
    }
    return true;
}

static bool is_tracestate(weir_text text)
{
    weir_text member, key, value;
    while (next_member(&text, ',', &member)) {
        member = trim(member);
        if (member.len > 0 && !(split(member, '=', &key, &value) && is_key(key) && is_value(value)))
            return false;
    }
    return true;
}

static bool is_opentelemetry_key(weir_text key)
{
    if (!is_lower(key.data[0]))
        return false;
    for (size_t i = 1; i < key.len; i++)
        if (!is_lower(key.data[i]) && !is_digit(key.data[i]))
            return false;
    return true;
}

static bool is_opentelemetry_value(weir_text value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (!is_lower(c) && !is_digit(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static bool is_opentelemetry_member(weir_text text)
{
    weir_text member, key, value;
    if (text.len == 0 || text.data[text.len - 1] == ';')
        return false;
    while (next_member(&text, ';', &member))
        if (!split(member, ':', &key, &value) || !is_opentelemetry_key(key) || !is_opentelemetry_value(value))
            return false;
    return true;
}

/* The value of the "ot" member. A second one replaces the first, as in the Collector. */
static bool parse_opentelemetry(weir_tracestate *state, weir_text text)
{
    state->opentelemetry = (weir_text){0};
    state->has_randomness = state->has_threshold = false;
    if (text.len > OPENTELEMETRY_BYTES_MAX || !is_opentelemetry_member(text))
        return false;
    state->opentelemetry = text;
    bool valid = true;
    weir_text member, key, value;
    while (next_member(&text, ';', &member)) {
        split(member, ':', &key, &value);
        if (weir_text_is(key, "rv")) {
            state->has_randomness = weir_randomness_parse(value, &state->randomness);
            state->randomness_text = value;
            valid &= state->has_randomness;
        } else if (weir_text_is(key, "th")) {
            state->has_threshold = weir_threshold_parse(value, &state->threshold);
            state->threshold_text = value;
            valid &= state->has_threshold;
        }
    }
    return valid;
}

static bool key_fits(weir_text key)
{
    weir_text tenant, system;
    if (key.len > KEY_BYTES_MAX)
        return false;
    return !split(key, '@', &tenant, &system) || (tenant.len <= TENANT_BYTES_MAX && system.len <= SYSTEM_BYTES_MAX);
}

bool weir_tracestate_parse(weir_tracestate *state, weir_text text)
{
    state->text = state->opentelemetry = (weir_text){0};
    state->has_randomness = state->has_threshold = false;
    if (text.len == 0)
        return true;
    if (text.len > WEIR_TRACESTATE_BYTES_MAX || !is_tracestate(text))
        return false;
    state->text = text;
    bool valid = true;
    unsigned members = 0;
    weir_text member, key, value;
    while (next_member(&text, ',', &member)) {
        if (++members > WEIR_TRACESTATE_MEMBERS_MAX) {
            state->text.len =
                (size_t)(member.data - state->text.data); /* what comes after is lost, as in the Collector */
            return false;
        }
        member = trim(member);
        if (member.len == 0)
            continue;
        split(member, '=', &key, &value);
        if (!key_fits(key))
            valid = false;
        else if (weir_text_is(key, "ot"))
            valid &= parse_opentelemetry(state, value);
    }
    return valid;
}

void weir_tracestate_set_randomness(weir_tracestate *state, uint64_t randomness)
{
    state->has_randomness = true;
    state->randomness = randomness;
    state->randomness_text =
        (weir_text){state->randomness_digits, weir_randomness_format(randomness, state->randomness_digits)};
}

void weir_tracestate_set_threshold(weir_tracestate *state, uint64_t threshold)
{
    state->has_threshold = threshold < WEIR_SAMPLING_NEVER;
    state->threshold = threshold;
    state->threshold_text =
        (weir_text){state->threshold_digits, weir_threshold_format(threshold, state->threshold_digits)};
}

void weir_tracestate_clear_threshold(weir_tracestate *state)
{
    state->has_threshold = false;
}

/* Where the next piece goes: "ot=", then its members, then the others. */
typedef struct writer {
    char *end;
    char separator; /* '\0' before the first piece */
} writer;

static void put(writer *out, weir_text text)
{
    if (text.len > 0)
        memcpy(out->end, text.data, text.len);
    out->end += text.len;
}

static void put_member(writer *out, char next_separator, weir_text name, weir_text value)
{
    if (out->separator)
        *out->end++ = out->separator;
    out->separator = next_separator;
    put(out, name);
    put(out, value);
}

static void format_opentelemetry(const weir_tracestate *state, writer *out)
{
    weir_text rest = state->opentelemetry, member, key, value;
    writer inner = {.end = out->end + sizeof "ot=" - 1};
    if (state->has_randomness)
        put_member(&inner, ';', WEIR_TEXT("rv:"), state->randomness_text);
    if (state->has_threshold)
        put_member(&inner, ';', WEIR_TEXT("th:"), state->threshold_text);
    while (next_member(&rest, ';', &member)) {
        split(member, ':', &key, &value);
        if (!weir_text_is(key, "rv") && !weir_text_is(key, "th"))
            put_member(&inner, ';', member, (weir_text){0});
    }
    if (!inner.separator)
        return;
    memcpy(out->end, "ot=", sizeof "ot=" - 1);
    *out = (writer){.end = inner.end, .separator = ','};
}

size_t weir_tracestate_format(const weir_tracestate *state, char *ret_text)
{
    writer out = {.end = ret_text};
    format_opentelemetry(state, &out);
    weir_text rest = state->text, member, key, value;
    while (next_member(&rest, ',', &member)) {
        member = trim(member);
        if (member.len == 0)
            continue;
        split(member, '=', &key, &value);
        if (key_fits(key) && !weir_text_is(key, "ot"))
            put_member(&out, ',', member, (weir_text){0});
    }
    return (size_t)(out.end - ret_text);
}
