/* SPDX-License-Identifier: Apache-2.0
 *
 * Arbitrary bytes as a configuration file: parsing, expansion (variables that loop and grow among them), checking,
 * printing back.
 */
#include <stdint.h>
#include <string.h>

#include "config/diagnostics.h"
#include "config/document.h"
#include "config/reference.h"
#include "core/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *environment(void *user, const char *name)
{
    static const char *const variables[] = {"A", "5",         "B", "${env:A}",         "C", "[1, {x: ${env:B}}]",
                                            "D", "x${env:D}", "E", "${env:C}${env:C}", NULL};
    (void)user;
    for (size_t i = 0; variables[i]; i += 2) {
        if (strcmp(variables[i], name) == 0)
            return variables[i + 1];
    }
    return NULL;
}

/* No file but the configuration itself exists. */
static int no_open(const weir_files *files, const char *path, int flags, unsigned mode)
{
    (void)files, (void)path, (void)flags, (void)mode;
    return -1;
}

static const char *catalog_name(void *user, weir_section section, size_t index)
{
    static const char *const names[WEIR_SECTIONS][3] = {
        {"otlp"}, {"batch", "attributes"}, {"otlp", "debug"}, {"health_check"}, {NULL}};
    (void)user;
    return names[section][index];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const weir_files files = {.open = no_open};
    WEIR_BUFFER config = {0};
    weir_buffer_append_text(&config, "yaml:\n");
    weir_buffer_append(&config, data, size);
    const char *configs[] = {weir_buffer_string(&config)};
    weir_sources sources = {.configs = configs, .config_count = 1, .files = &files, .environment = environment};
    weir_catalog catalog = {.name = catalog_name};
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    weir_document *document = weir_document_load(&sources, &catalog, diagnostics);
    WEIR_BUFFER out = {0};
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, &out);
    weir_reference_print(document, NULL, 0, &out);
    weir_document_free(document);
    weir_diagnostics_free(diagnostics);
    return 0;
}
