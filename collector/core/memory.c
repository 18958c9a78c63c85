/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((noreturn, cold)) static void out_of_memory(size_t count, size_t size)
{
    fprintf(stderr, "weir: out of memory (%zu x %zu bytes)\n", count, size);
    abort();
}

void *weir_alloc(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size ? size : 1);
    if (!block)
        out_of_memory(count, size);
    return block;
}

void *weir_realloc(void *block, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        out_of_memory(count, size);
    void *grown = realloc(block, total ? total : 1);
    if (!grown)
        out_of_memory(count, size);
    return grown;
}

char *weir_strndup(const char *text, size_t len)
{
    char *copy = weir_alloc(len + 1, 1);
    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *weir_strdup(const char *text)
{
    return weir_strndup(text, strlen(text));
}

char *weir_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0)
        out_of_memory(1, strlen(format));
    return text;
}
