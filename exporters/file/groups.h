/* SPDX-License-Identifier: Apache-2.0
 *
 * A push by the value of a resource attribute. The parts of a group are cut out of the slices as they lie, one per
 * resource: each is a request by itself, and so are all of a group together.
 */
#ifndef WEIR_EXPORTERS_FILE_GROUPS_H
#define WEIR_EXPORTERS_FILE_GROUPS_H

#include "exporters/sender/sender.h"

typedef struct file_group {
    weir_text value;         /* of the attribute; borrowed from the slices, as are the parts */
    const weir_bytes *parts; /* in their order in the push */
    size_t part_count;
    uint64_t items;
} file_group;

typedef struct file_groups {
    file_group *items;
    size_t count;
    uint64_t items_without; /* spans … of resources that lack the attribute, or have no text there */
    weir_bytes *parts;      /* of all groups */
} file_groups;

/* Groups in the order of their values; free with file_groups_done. */
file_groups file_groups_of(const weir_push *push, weir_text attribute);
void file_groups_done(file_groups *groups);

#endif
