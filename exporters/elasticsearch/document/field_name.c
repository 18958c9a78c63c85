/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/field_name.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/document/memory_kept.h"
#include "otlp/json_writer.h"

/* ---- The arena --------------------------------------------------------------------------------------------------- */

enum { BLOCK_BYTES_MIN = 16 * 1024 };

struct es_text_block {
    struct es_text_block *next;
    size_t used, capacity;
    char bytes[];
};

void es_text_arena_done(es_text_arena *arena)
{
    for (struct es_text_block *block = arena->first, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (es_text_arena){0};
}

void es_text_arena_clear(es_text_arena *arena)
{
    arena->current = arena->first;
    if (arena->first)
        arena->first->used = 0;
}

void es_text_arena_give_back(es_text_arena *arena)
{
    if (es_is_too_much_to_keep(arena->capacity, 1))
        es_text_arena_done(arena);
    else
        es_text_arena_clear(arena);
}

static struct es_text_block *block_new(size_t len)
{
    const size_t capacity = len > BLOCK_BYTES_MIN ? len : BLOCK_BYTES_MIN;
    struct es_text_block *block = weir_alloc(1, sizeof *block + capacity);
    block->capacity = capacity;
    return block;
}

/* The first block behind the current one that has room, or a new one at the end. */
static struct es_text_block *next_block(es_text_arena *arena, size_t len)
{
    struct es_text_block **at = arena->current ? &arena->current->next : &arena->first;
    while (*at && (*at)->capacity < len)
        at = &(*at)->next;
    if (!*at) {
        *at = block_new(len);
        arena->capacity += (*at)->capacity;
    }
    (*at)->used = 0;
    return *at;
}

char *es_text_arena_take(es_text_arena *arena, size_t len)
{
    if (!arena->current || arena->current->capacity - arena->current->used < len)
        arena->current = next_block(arena, len);
    char *text = arena->current->bytes + arena->current->used;
    arena->current->used += len;
    return text;
}

/* ---- Joining ----------------------------------------------------------------------------------------------------- */

/* FNV-1a: https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
static uint64_t hash_of(weir_text text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* A name that is too long ends with '_' and the hash of all of it, so that it stays another than its neighbours. */
static weir_text cut(es_text_arena *arena, weir_text name)
{
    enum { HASH_LEN = 1 + 16 };
    char *text = es_text_arena_take(arena, ES_NAME_BYTES_MAX + 1);
    memcpy(text, name.data, ES_NAME_BYTES_MAX - HASH_LEN);
    const uint64_t value = hash_of(name);
    uint8_t hash[8];
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] = (uint8_t)(value >> 8 * i);
    text[ES_NAME_BYTES_MAX - HASH_LEN] = '_';
    weir_hex(hash, sizeof hash, text + ES_NAME_BYTES_MAX - HASH_LEN + 1);
    return (weir_text){text, ES_NAME_BYTES_MAX};
}

weir_text es_name_join(es_text_arena *arena, weir_text path, weir_text key)
{
    if (path.len == 0)
        return key;
    char *text = es_text_arena_take(arena, path.len + 1 + key.len);
    memcpy(text, path.data, path.len);
    text[path.len] = '.';
    if (key.len > 0)
        memcpy(text + path.len + 1, key.data, key.len);
    const weir_text name = {text, path.len + 1 + key.len};
    return name.len <= ES_NAME_BYTES_MAX ? name : cut(arena, name);
}

/* ---- What Elasticsearch takes ------------------------------------------------------------------------------------ */

unsigned es_name_parts(weir_text name)
{
    unsigned parts = 1;
    for (size_t i = 0; i < name.len; i++)
        parts += name.data[i] == '.';
    return parts;
}

/* True for nearly all names that need no mending, and quickly: every part begins with a character that can be seen. */
static bool is_regular(weir_text name, unsigned parts_max)
{
    if (name.len == 0 || name.len > ES_NAME_BYTES_MAX || name.data[0] == '_' ||
        !weir_otlp_json_is_plain((const uint8_t *)name.data, name.len))
        return false;
    const char *at = name.data, *const end = name.data + name.len;
    for (unsigned parts = 0; parts < parts_max; parts++) {
        if (at == end || *at == ' ' || *at == '.')
            return false;
        at = memchr(at, '.', (size_t)(end - at));
        if (!at)
            return true;
        at++;
    }
    return false;
}

/* Names that Elasticsearch 8 keeps for itself at the top of a document. */
static bool is_metadata(weir_text part)
{
    static const char *const names[] = {
        "_data_stream_timestamp", "_doc_count", "_field_names", "_id",     "_ignored", "_ignored_source", "_index",
        "_nested_path",           "_routing",   "_seq_no",      "_source", "_tier",    "_version",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        if (weir_text_is(part, names[i]))
            return true;
    }
    return false;
}

bool es_name_is_of_data_stream(weir_text name)
{
    return weir_text_is(name, "@timestamp") || weir_text_is(name, "data_stream.type") ||
           weir_text_is(name, "data_stream.dataset") || weir_text_is(name, "data_stream.namespace");
}

/* Java's Character.isWhitespace: white space of ASCII, the separators U+001C … U+001F, and Unicode's spaces but for the
 * ones that do not break. The length of the one at `at`, 0 if there is none. */
static size_t blank_len(const uint8_t *at, size_t len)
{
    static const char *const wide[] = {
        "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
        "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u205f", "\u3000",
    };
    enum { WIDE_LEN = 3 };
    if (*at == ' ' || (*at >= '\t' && *at <= '\r') || (*at >= 0x1c && *at <= 0x1f))
        return 1;
    for (size_t i = 0; len >= WIDE_LEN && i < WEIR_COUNT_OF(wide); i++) {
        if (memcmp(at, wide[i], WIDE_LEN) == 0)
            return WIDE_LEN;
    }
    return 0;
}

static bool is_blank(weir_text part)
{
    for (size_t at = 0, step; at < part.len; at += step) {
        step = blank_len((const uint8_t *)part.data + at, part.len - at);
        if (step == 0)
            return false;
    }
    return true;
}

/* Appends the part with U+FFFD for each byte that is not UTF-8, and for U+0000, with which `flattened` fields separate a
 * key from its value. Returns its end. */
static char *put_utf8(char *out, weir_text part)
{
    for (size_t at = 0, step; at < part.len; at += step) {
        const size_t sequence = part.data[at] ? weir_utf8_sequence((const uint8_t *)part.data + at, part.len - at) : 0;
        memcpy(out, sequence ? part.data + at : "\xef\xbf\xbd", sequence ? sequence : 3);
        out += sequence ? sequence : 3;
        step = sequence ? sequence : 1;
    }
    return out;
}

static char *put_part(char *out, weir_text part, bool may_be_metadata)
{
    if (is_blank(part)) {
        *out++ = '_';
        return out;
    }
    if (may_be_metadata && is_metadata(part))
        *out++ = '_';
    return put_utf8(out, part);
}

weir_text es_name_fix(es_text_arena *arena, weir_text name, unsigned depth)
{
    WEIR_ASSERT(depth < ES_NAME_PARTS_MAX);
    const unsigned parts_max = ES_NAME_PARTS_MAX - depth;
    if (is_regular(name, parts_max))
        return name;
    if (name.len > ES_NAME_BYTES_MAX)
        name = cut(arena, name);
    if (name.len == 0)
        return WEIR_TEXT("_");
    /* At most three bytes for one, one for an empty part and its dot, and the underscore before a metadata field. */
    char *const start = es_text_arena_take(arena, 3 * name.len + 2), *out = start;
    const char *part = name.data, *const end = name.data + name.len;
    for (unsigned parts = 1;; parts++) {
        const char *dot = memchr(part, '.', (size_t)(end - part));
        out = put_part(out, (weir_text){part, (size_t)((dot ? dot : end) - part)}, depth == 0 && parts == 1);
        if (!dot)
            return (weir_text){start, (size_t)(out - start)};
        *out++ = parts < parts_max ? '.' : '_';
        part = dot + 1;
    }
}

/* ---- Order ------------------------------------------------------------------------------------------------------- */

/* How many bytes both have in common from the start. */
static size_t common_len(weir_text a, weir_text b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    size_t at = 0;
    for (uint64_t x, y; len - at >= sizeof x; at += sizeof x) {
        memcpy(&x, a.data + at, sizeof x);
        memcpy(&y, b.data + at, sizeof y);
        if (x != y)
            break;
    }
    while (at < len && a.data[at] == b.data[at])
        at++;
    return at;
}

int es_name_compare(weir_text a, weir_text b)
{
    const size_t common = common_len(a, b);
    if (common == a.len || common == b.len)
        return (a.len > b.len) - (a.len < b.len);
    if (a.data[common] == '.' || b.data[common] == '.')
        return a.data[common] == '.' ? -1 : 1;
    return (uint8_t)a.data[common] < (uint8_t)b.data[common] ? -1 : 1;
}

bool es_name_is_beneath(weir_text name, weir_text above)
{
    return name.len > above.len && name.data[above.len] == '.' && memcmp(name.data, above.data, above.len) == 0;
}
