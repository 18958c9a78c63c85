/* SPDX-License-Identifier: Apache-2.0
 *
 * The file_storage extension: the directory in which exporters keep their queues (`sending_queue.storage`), and the
 * dead letters of all of them. What it lends is a weir_storage, with one thread of its own. A storage that no exporter
 * uses starts and does nothing.
 */
#ifndef WEIR_EXTENSIONS_FILE_STORAGE_H
#define WEIR_EXTENSIONS_FILE_STORAGE_H

#include "component.h"

extern const weir_component_type weir_extension_file_storage;

#endif
