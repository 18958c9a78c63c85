/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation of small, bounded structures, and cleanup at the end of a scope.
 *
 * Memory for telemetry itself is not taken here but from chunks (core/slice.h), which are charged to the memory
 * account and may be refused. What is left are structures whose number is bounded by other limits (connections,
 * components, queue entries): for these, running out of memory is answered by stopping with a message.
 */
#ifndef WEIR_CORE_MEMORY_H
#define WEIR_CORE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

/* Zeroed memory for `count` objects of `size` bytes, freed with free(). Never NULL: stops the process instead. */
void *weir_alloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* As realloc(), with `count * size` checked for overflow. New bytes are not initialised. Never NULL. */
void *weir_realloc(void *block, size_t count, size_t size) __attribute__((returns_nonnull));

/* A NUL-terminated copy of `len` bytes, freed with free(). Never NULL. */
char *weir_strndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
char *weir_strdup(const char *text) __attribute__((malloc, returns_nonnull));

/* printf into a new string, freed with free(). Never NULL. */
char *weir_format(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

#define WEIR_NEW(type) ((type *)weir_alloc(1, sizeof(type)))

static inline void weir_cleanup_free(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

/* An owned local: `WEIR_FREE char *name = weir_strdup(x);` is freed when it goes out of scope. */
#define WEIR_FREE __attribute__((cleanup(weir_cleanup_free)))
#define WEIR_CLEANUP(function) __attribute__((cleanup(function)))

/* Hands an owned local over: gives its value and sets it to NULL. */
#define WEIR_TAKE(pointer)              \
    (__extension__({                    \
        __auto_type taken_ = (pointer); \
        (pointer) = NULL;               \
        taken_;                         \
    }))

#define WEIR_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The structure that contains `member` at `pointer`. */
#define WEIR_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
