/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/setup/files.h"

#include "core/assert.h"

weir_bytes setup_file_bytes(const char *name)
{
    for (size_t i = 0; i < setup_file_count; i++) {
        if (strcmp(setup_files[i].name, name) == 0)
            return setup_files[i].bytes;
    }
    WEIR_ASSERT(!"every file that a table names is in dashboards/");
    return (weir_bytes){NULL, 0};
}
