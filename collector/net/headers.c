/* SPDX-License-Identifier: Apache-2.0 */
#include "net/headers.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

/* One allocation per header, which begins at its name. */
static void free_header(weir_http_header *header)
{
    free((char *)(uintptr_t)header->name.data);
}

void weir_headers_done(weir_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        free_header(&headers->items[i]);
    free(headers->items);
    *headers = (weir_headers){0};
}

void weir_headers_add(weir_headers *headers, weir_text name, weir_text value)
{
    if (headers->count == headers->capacity) {
        headers->capacity = headers->capacity ? 2 * headers->capacity : 4;
        headers->items = weir_realloc(headers->items, headers->capacity, sizeof *headers->items);
    }
    char *text = weir_alloc(1, name.len + value.len + 1);
    for (size_t i = 0; i < name.len; i++)
        text[i] = (char)tolower((unsigned char)name.data[i]);
    if (value.len)
        memcpy(text + name.len, value.data, value.len);
    headers->items[headers->count++] = (weir_http_header){{text, name.len}, {text + name.len, value.len}};
}

bool weir_headers_remove(weir_headers *headers, weir_text name)
{
    size_t kept = 0;
    for (size_t i = 0; i < headers->count; i++) {
        if (weir_text_equal_nocase(headers->items[i].name, name))
            free_header(&headers->items[i]);
        else
            headers->items[kept++] = headers->items[i];
    }
    bool was_there = kept < headers->count;
    headers->count = kept;
    return was_there;
}

weir_text weir_headers_get(const weir_headers *headers, weir_text name)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (weir_text_equal_nocase(headers->items[i].name, name))
            return headers->items[i].value;
    }
    return (weir_text){NULL, 0};
}

bool weir_header_name_is_valid(weir_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        bool is_alphanumeric = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!is_alphanumeric && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return name.len > 0;
}

bool weir_header_value_is_valid(weir_text value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}
