/* SPDX-License-Identifier: Apache-2.0 */
#include "components.h"

#include <string.h>

#include "core/memory.h"
#include "exporters/file/file_exporter.h"
#include "exporters/nop/nop.h"
#include "exporters/otlp/otlp_exporter.h"
#include "extensions/basicauth.h"
#include "extensions/bearertokenauth.h"
#include "extensions/file_storage.h"
#include "extensions/headers_setter.h"
#include "extensions/health_check.h"
#include "module.h"
#include "processors/processors.h"
#include "receivers/otlp/otlp_receiver.h"
#ifdef WEIR_STATIC_MODULES
#include "exporters/debug/debug.h"
#include "exporters/elasticsearch/elasticsearch.h"
#include "exporters/kafka/kafka_exporter.h"
#include "exporters/otlphttp/otlphttp.h"
#include "receivers/kafka/kafka_receiver.h"
#define IN_MODULE(component_kind, component_name, component_alias, module_file, type_symbol) \
    {                                                                                        \
        .type = &type_symbol                                                                 \
    }
#else
#define IN_MODULE(component_kind, component_name, component_alias, module_file, type_symbol)                   \
    {                                                                                                          \
        .kind = (component_kind), .name = (component_name), .alias = (component_alias), .file = (module_file), \
        .symbol = #type_symbol                                                                                 \
    }
#endif

/* A component is either built in, or in a module that is opened when a configuration names it. */
typedef struct component_row {
    const weir_component_type *type; /* NULL until the module is open */
    weir_component_kind kind;        /* this and the rest only of what is in a module */
    const char *name;
    const char *alias; /* or NULL */
    const char *file;
    const char *symbol;
} component_row;

static component_row rows[] = {
    {.type = &weir_receiver_otlp},
    {.type = &weir_processor_memory_limiter},
    {.type = &weir_processor_batch},
    {.type = &weir_processor_probabilistic_sampler},
    {.type = &weir_processor_attributes},
    {.type = &weir_processor_resource},
    {.type = &weir_processor_resourcedetection},
    {.type = &weir_exporter_otlp},
    {.type = &weir_exporter_file},
    {.type = &weir_exporter_nop},
    IN_MODULE(WEIR_EXPORTER, "debug", NULL, "weir-debug.so", weir_exporter_debug),
    IN_MODULE(WEIR_EXPORTER, "otlphttp", "otlp_http", "weir-otlphttp.so", weir_exporter_otlphttp),
    IN_MODULE(WEIR_EXPORTER, "elasticsearch", NULL, "weir-elasticsearch.so", weir_exporter_elasticsearch),
    IN_MODULE(WEIR_EXPORTER, "kafka", NULL, "weir-kafka.so", weir_exporter_kafka),
    IN_MODULE(WEIR_RECEIVER, "kafka", NULL, "weir-kafka.so", weir_receiver_kafka),
    {.type = &weir_extension_health_check},
    {.type = &weir_extension_basicauth},
    {.type = &weir_extension_bearertokenauth},
    {.type = &weir_extension_headers_setter},
    {.type = &weir_extension_file_storage},
};

static bool open_row(component_row *row, weir_error *ret_error)
{
    if (!row->type)
        row->type = weir_module_open(row->file, row->symbol, WEIR_COMPONENT_ABI, ret_error);
    return row->type != NULL;
}

static bool row_matches(const component_row *row, weir_component_kind kind, const char *name)
{
    const weir_component_type *type = row->type;
    const char *alias = type ? type->alias : row->alias;
    return (type ? type->kind : row->kind) == kind &&
           (strcmp(type ? type->name : row->name, name) == 0 || (alias && strcmp(alias, name) == 0));
}

const weir_component_type *weir_component_find(weir_component_kind kind, const char *name, weir_error *ret_error)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        if (row_matches(&rows[i], kind, name))
            return open_row(&rows[i], ret_error) ? rows[i].type : NULL;
    }
    weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_NOT_FOUND, "weir has no %s \"%s\"",
                   weir_component_kind_name(kind), name);
    return NULL;
}

const char *weir_component_name(weir_component_kind kind, size_t index)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        const weir_component_type *type = rows[i].type;
        if ((type ? type->kind : rows[i].kind) != kind)
            continue;
        if (index-- == 0)
            return type ? type->name : rows[i].name;
        const char *alias = type ? type->alias : rows[i].alias;
        if (alias && index-- == 0)
            return alias;
    }
    return NULL;
}

size_t weir_component_count(void)
{
    return WEIR_COUNT_OF(rows);
}

const weir_component_type *weir_component_at(size_t index)
{
    weir_error error;
    return index < WEIR_COUNT_OF(rows) && open_row(&rows[index], &error) ? rows[index].type : NULL;
}

const char *weir_component_kind_name(weir_component_kind kind)
{
    static const char *const names[] = {"receiver", "processor", "exporter", "extension"};
    return names[kind];
}
