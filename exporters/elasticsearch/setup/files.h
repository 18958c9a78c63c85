/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of dashboards/ that `weir setup` installs, put into the module when it is built (embed.cmake).
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_FILES_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_FILES_H

#include "core/text.h"

typedef struct setup_file {
    const char *name; /* below dashboards/: "kibana/weir.ndjson" */
    weir_bytes bytes;
} setup_file;

/* In the order of their names. */
extern const setup_file setup_files[];
extern const size_t setup_file_count;

/* The file of that name. It must be there. */
weir_bytes setup_file_bytes(const char *name);

#endif
