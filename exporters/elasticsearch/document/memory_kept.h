/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory is kept from one push to the next: what usual documents take, so that nothing is allocated for them,
 * and not what a single huge one took. Inside this folder only.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_MEMORY_KEPT_H
#define WEIR_EXPORTERS_ELASTICSEARCH_MEMORY_KEPT_H

#include "core/text.h"

/* Of each list, table or buffer. */
enum { ES_BYTES_KEPT_MAX = 256 * 1024 };

static inline bool es_is_too_much_to_keep(size_t count, size_t size)
{
    return count > ES_BYTES_KEPT_MAX / size;
}

static inline void es_buffer_give_back(weir_buffer *buffer)
{
    if (es_is_too_much_to_keep(buffer->capacity, 1))
        weir_buffer_done(buffer);
}

#endif
