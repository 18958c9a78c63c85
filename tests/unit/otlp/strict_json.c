/* SPDX-License-Identifier: Apache-2.0 */
#include "strict_json.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
    unsigned depth_left;
} reader;

static bool read_value(reader *self, weir_buffer *out);

static bool take(reader *self, char c)
{
    if (self->at == self->end || *self->at != (uint8_t)c)
        return false;
    self->at++;
    return true;
}

static bool take_word(reader *self, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(self->end - self->at) < len || memcmp(self->at, word, len) != 0)
        return false;
    self->at += len;
    return true;
}

static void skip_blanks(reader *self)
{
    while (self->at < self->end && memchr(" \t\r\n", *self->at, 4))
        self->at++;
}

static bool take_escape(reader *self)
{
    if (self->at == self->end || !memchr("\"\\/bfnrtu", *self->at, 9))
        return false;
    bool has_digits = *self->at++ == 'u';
    for (int i = 0; has_digits && i < 4; i++) {
        if (self->at == self->end || *self->at == 0 || !strchr("0123456789abcdefABCDEF", *self->at++))
            return false;
    }
    return true;
}

static bool read_string(reader *self, weir_buffer *out)
{
    const uint8_t *start = self->at;
    if (!take(self, '"'))
        return false;
    while (self->at < self->end && *self->at != '"') {
        size_t len = weir_utf8_sequence(self->at, (size_t)(self->end - self->at));
        if (len == 0 || *self->at < 0x20)
            return false;
        bool is_escape = *self->at == '\\';
        self->at += len;
        if (is_escape && !take_escape(self))
            return false;
    }
    if (!take(self, '"'))
        return false;
    weir_buffer_append(out, start, (size_t)(self->at - start));
    return true;
}

static bool take_digits(reader *self)
{
    const uint8_t *start = self->at;
    while (self->at < self->end && *self->at >= '0' && *self->at <= '9')
        self->at++;
    return self->at > start;
}

static bool read_number(reader *self, weir_buffer *out)
{
    const char *start = (const char *)self->at;
    take(self, '-');
    if (!take(self, '0') && !take_digits(self))
        return false;
    if (take(self, '.') && !take_digits(self))
        return false;
    if (take(self, 'e') || take(self, 'E')) {
        if (!take(self, '-'))
            take(self, '+');
        if (!take_digits(self))
            return false;
    }
    WEIR_FREE char *text = weir_strndup(start, (size_t)((const char *)self->at - start));
    weir_buffer_printf(out, "%.17g", strtod(text, NULL));
    return true;
}

static bool read_array(reader *self, weir_buffer *out)
{
    weir_buffer_append_byte(out, '[');
    skip_blanks(self);
    bool more = !take(self, ']');
    while (more) {
        if (!read_value(self, out))
            return false;
        more = take(self, ',');
        if (!more && !take(self, ']'))
            return false;
        weir_buffer_append_byte(out, ',');
    }
    weir_buffer_append_byte(out, ']');
    return true;
}

/* "key":value in canonical form; the key ends where its length says. */
typedef struct member {
    weir_buffer text;
    size_t key_len;
} member;

static int by_key(const void *a, const void *b)
{
    const member *left = a, *right = b;
    size_t len = left->key_len < right->key_len ? left->key_len : right->key_len;
    int order = memcmp(left->text.data, right->text.data, len);
    return order ? order : (left->key_len > right->key_len) - (left->key_len < right->key_len);
}

static bool read_member(reader *self, member *ret_member)
{
    skip_blanks(self);
    if (!read_string(self, &ret_member->text))
        return false;
    ret_member->key_len = ret_member->text.len;
    skip_blanks(self);
    weir_buffer_append_byte(&ret_member->text, ':');
    return take(self, ':') && read_value(self, &ret_member->text);
}

static bool read_members(reader *self, member **members, size_t *count)
{
    skip_blanks(self);
    if (take(self, '}'))
        return true;
    do {
        *members = weir_realloc(*members, *count + 1, sizeof **members);
        (*members)[*count] = (member){0};
        if (!read_member(self, &(*members)[(*count)++]))
            return false;
    } while (take(self, ','));
    return take(self, '}');
}

static void put_members(const member *members, size_t count, weir_buffer *out)
{
    weir_buffer_append_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        weir_buffer_append(out, members[i].text.data, members[i].text.len);
        weir_buffer_append_byte(out, ',');
    }
    weir_buffer_append_byte(out, '}');
}

static bool read_object(reader *self, weir_buffer *out)
{
    member *members = NULL;
    size_t count = 0;
    bool valid = read_members(self, &members, &count);
    if (valid && count > 0)
        qsort(members, count, sizeof *members, by_key);
    for (size_t i = 1; valid && i < count; i++)
        valid = by_key(&members[i - 1], &members[i]) != 0;
    if (valid)
        put_members(members, count, out);
    for (size_t i = 0; i < count; i++)
        weir_buffer_done(&members[i].text);
    free(members);
    return valid;
}

static bool read_some(reader *self, weir_buffer *out)
{
    if (take(self, '{'))
        return read_object(self, out);
    if (take(self, '['))
        return read_array(self, out);
    if (self->at < self->end && *self->at == '"')
        return read_string(self, out);
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < WEIR_COUNT_OF(words); i++) {
        if (take_word(self, words[i])) {
            weir_buffer_append_text(out, words[i]);
            return true;
        }
    }
    return read_number(self, out);
}

static bool read_value(reader *self, weir_buffer *out)
{
    if (self->depth_left == 0)
        return false;
    self->depth_left--;
    skip_blanks(self);
    bool valid = read_some(self, out);
    skip_blanks(self);
    self->depth_left++;
    return valid;
}

bool strict_json_canonical(weir_bytes text, unsigned depth_max, weir_buffer *out)
{
    reader self = {.at = text.data, .end = text.data + text.len, .depth_left = depth_max};
    return read_value(&self, out) && self.at == self.end;
}
