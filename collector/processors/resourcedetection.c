/* SPDX-License-Identifier: Apache-2.0
 *
 * resourcedetection: adds to every resource what is known about where weir runs. The detectors are asked once, at
 * start: `env` reads OTEL_RESOURCE_ATTRIBUTES, `system` asks the host. Of several detectors the first that knows an
 * attribute wins.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "component.h"
#include "core/file.h"
#include "core/memory.h"
#include "otlp/attributes.h"
#include "processors/counters.h"
#include "processors/edit_batch.h"
#include "processors/processors.h"
#include "processors/resource_text.h"

enum { HOSTNAME_SIZE = 1025, MACHINE_ID_BYTES_MAX = 4096 };

typedef struct detected_attribute_config {
    bool enabled;
} detected_attribute_config;

typedef struct system_config {
    weir_strings hostname_sources;
    struct {
        detected_attribute_config host_name, host_arch, host_id, os_type;
    } attributes;
} system_config;

typedef struct detection_config {
    weir_strings detectors;
    bool override;
    system_config system;
} detection_config;

/* ---- options ---- */

static const weir_option enabled_by_default[] = {
    {.name = "enabled", .type = WEIR_OPTION_BOOL, .default_text = "true", .summary = "Whether the attribute is added."},
    {0}};
static const weir_option disabled_by_default[] = {{.name = "enabled",
                                                   .type = WEIR_OPTION_BOOL,
                                                   .default_text = "false",
                                                   .summary = "Whether the attribute is added."},
                                                  {0}};

#define ATTRIBUTE(text, member, table, says)                                                                           \
    {                                                                                                                  \
        .name = text, .type = WEIR_OPTION_GROUP, .offset = offsetof(system_config, attributes.member), .group = table, \
        .group_size = sizeof(detected_attribute_config), .summary = says                                               \
    }
#define ATTRIBUTE_NOT_BUILT(text)                                                                          \
    {                                                                                                      \
        .name = text, .type = WEIR_OPTION_GROUP, .standing = WEIR_NOT_BUILT, .group = disabled_by_default, \
        .remark = "write the attribute with OTEL_RESOURCE_ATTRIBUTES and the env detector",                \
        .summary = "Not detected yet."                                                                     \
    }

static const weir_option system_attribute_options[] = {
    ATTRIBUTE("host.name", host_name, enabled_by_default, "The host's name, from hostname_sources."),
    ATTRIBUTE("os.type", os_type, enabled_by_default, "linux."),
    ATTRIBUTE("host.arch", host_arch, disabled_by_default, "amd64, arm64 …"),
    ATTRIBUTE("host.id", host_id, disabled_by_default, "The contents of /etc/machine-id."),
    ATTRIBUTE_NOT_BUILT("host.cpu.cache.l2.size"),
    ATTRIBUTE_NOT_BUILT("host.cpu.family"),
    ATTRIBUTE_NOT_BUILT("host.cpu.model.id"),
    ATTRIBUTE_NOT_BUILT("host.cpu.model.name"),
    ATTRIBUTE_NOT_BUILT("host.cpu.stepping"),
    ATTRIBUTE_NOT_BUILT("host.cpu.vendor.id"),
    ATTRIBUTE_NOT_BUILT("host.interface"),
    ATTRIBUTE_NOT_BUILT("host.ip"),
    ATTRIBUTE_NOT_BUILT("host.mac"),
    ATTRIBUTE_NOT_BUILT("os.build.id"),
    ATTRIBUTE_NOT_BUILT("os.description"),
    ATTRIBUTE_NOT_BUILT("os.name"),
    ATTRIBUTE_NOT_BUILT("os.version"),
    {0}};

static const weir_option system_options[] = {{.name = "hostname_sources",
                                              .type = WEIR_OPTION_STRINGS,
                                              .offset = offsetof(system_config, hostname_sources),
                                              .summary = "Where host.name comes from, the first that knows it: dns "
                                                         "(the full name), os (the kernel's), cname, lookup (of the "
                                                         "host's address). dns, then os, if not set."},
                                             {.name = "resource_attributes",
                                              .type = WEIR_OPTION_GROUP,
                                              .offset = 0, /* its rows count from system_config */
                                              .group = system_attribute_options,
                                              .group_size = sizeof(system_config),
                                              .summary = "Which attributes the system detector adds."},
                                             {0}};

#define DETECTOR_NOT_BUILT(text)                                                                          \
    {                                                                                                     \
        .name = text, .type = WEIR_OPTION_ANY, .standing = WEIR_NOT_BUILT,                                \
        .remark = "leave this detector out and set its attributes with OTEL_RESOURCE_ATTRIBUTES and env", \
        .summary = "Settings of a detector of the Collector."                                             \
    }

static const weir_option detection_options[] = {
    {.name = "detectors",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(detection_config, detectors),
     .default_text = "env",
     .summary = "Which detectors are asked, in this order: env, system."},
    {.name = "override",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(detection_config, override),
     .default_text = "true",
     .summary = "Whether attributes that a resource already has are replaced."},
    {.name = "system",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(detection_config, system),
     .group = system_options,
     .group_size = sizeof(system_config),
     .summary = "Settings of the system detector."},
    {.name = "timeout",
     .type = WEIR_OPTION_DURATION,
     .standing = WEIR_SUBSUMED,
     .remark = "env and system answer at once",
     .summary = "How long the Collector waits for detectors."},
    {.name = "fail_on_missing_metadata",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "no detector that asks over the network is built",
     .summary = "Whether an unreachable metadata service is an error."},
    {.name = "refresh_interval",
     .type = WEIR_OPTION_DURATION,
     .standing = WEIR_NOT_BUILT,
     .remark = "leave it out: the environment and the host's name do not change while weir runs",
     .summary = "How often the Collector asks again."},
    DETECTOR_NOT_BUILT("akamai"),
    DETECTOR_NOT_BUILT("aks"),
    DETECTOR_NOT_BUILT("alibaba_ecs"),
    DETECTOR_NOT_BUILT("azure"),
    DETECTOR_NOT_BUILT("consul"),
    DETECTOR_NOT_BUILT("digitalocean"),
    DETECTOR_NOT_BUILT("docker"),
    DETECTOR_NOT_BUILT("dynatrace"),
    DETECTOR_NOT_BUILT("ec2"),
    DETECTOR_NOT_BUILT("ecs"),
    DETECTOR_NOT_BUILT("eks"),
    DETECTOR_NOT_BUILT("elasticbeanstalk"),
    DETECTOR_NOT_BUILT("gcp"),
    DETECTOR_NOT_BUILT("heroku"),
    DETECTOR_NOT_BUILT("hetzner"),
    DETECTOR_NOT_BUILT("ibmcloud_classic"),
    DETECTOR_NOT_BUILT("ibmcloud_vpc"),
    DETECTOR_NOT_BUILT("k8s_api"),
    DETECTOR_NOT_BUILT("k8snode"),
    DETECTOR_NOT_BUILT("kubeadm"),
    DETECTOR_NOT_BUILT("lambda"),
    DETECTOR_NOT_BUILT("nova"),
    DETECTOR_NOT_BUILT("openshift"),
    DETECTOR_NOT_BUILT("oraclecloud"),
    DETECTOR_NOT_BUILT("scaleway"),
    DETECTOR_NOT_BUILT("tencent_cvm"),
    DETECTOR_NOT_BUILT("upcloud"),
    DETECTOR_NOT_BUILT("vultr"),
    {0}};

static void check_members(const weir_strings *list, const char *const *known, const weir_node *place,
                          const char *message, weir_diagnostics *diagnostics)
{
    for (size_t i = 0; i < list->count; i++) {
        bool found = false;
        for (const char *const *name = known; *name; name++)
            found |= strcmp(list->items[i], *name) == 0;
        if (!found)
            weir_diagnostics_error(diagnostics, place, "\"%s\" %s", list->items[i], message);
    }
}

static void detection_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    static const char *const detectors[] = {"env", "system", NULL}, *const sources[] = {"os", "dns", "cname", "lookup",
                                                                                        NULL};
    const detection_config *detection = config;
    check_members(&detection->detectors, detectors, weir_node_find(node, "detectors"),
                  "is not built; there are env and system. Give its attributes in OTEL_RESOURCE_ATTRIBUTES and use env",
                  diagnostics);
    check_members(&detection->system.hostname_sources, sources, weir_node_find(node, "system.hostname_sources"),
                  "is no source of the host's name; there are dns, os, cname and lookup", diagnostics);
}

/* ---- detecting ---- */

/* The process part: what was detected. */
typedef struct detection_shared {
    const weir_host *host;
    const char *id;
    bool override;
    weir_resource_text attributes;
} detection_shared;

static bool canonical_name(const char *name, char *ret_name)
{
    const struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool known = getaddrinfo(name, NULL, &hints, &found) == 0 && found && found->ai_canonname && *found->ai_canonname;
    if (known) {
        size_t len = strnlen(found->ai_canonname, HOSTNAME_SIZE - 1);
        memcpy(ret_name, found->ai_canonname, len);
        ret_name[len] = '\0';
    }
    if (found)
        freeaddrinfo(found);
    return known;
}

static bool name_of_address(const char *name, char *ret_name)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool known = false;
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return false;
    for (const struct addrinfo *address = found; address && !known; address = address->ai_next)
        known = getnameinfo(address->ai_addr, address->ai_addrlen, ret_name, HOSTNAME_SIZE, NULL, 0, NI_NAMEREQD) == 0;
    freeaddrinfo(found);
    return known;
}

static bool host_name_from(const char *source, const char *kernel_name, char *ret_name)
{
    if (strcmp(source, "os") == 0) {
        strcpy(ret_name, kernel_name); /* both HOSTNAME_SIZE */
        return true;
    }
    if (strcmp(source, "lookup") == 0)
        return name_of_address(kernel_name, ret_name);
    return canonical_name(kernel_name, ret_name); /* dns, cname */
}

static bool detect_host_name(const weir_strings *sources, char *ret_name)
{
    static const char *const usual[] = {"dns", "os"};
    char kernel_name[HOSTNAME_SIZE] = "";
    if (gethostname(kernel_name, sizeof kernel_name - 1) != 0)
        return false;
    size_t count = sources->count > 0 ? sources->count : WEIR_COUNT_OF(usual);
    for (size_t i = 0; i < count; i++)
        if (host_name_from(sources->count > 0 ? sources->items[i] : usual[i], kernel_name, ret_name))
            return true;
    return false;
}

/* Go's names, which the Collector uses, for the kernel's. */
static const char *architecture(const char *machine)
{
    static const char *const names[][2] = {
        {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "x86"}, {"armv7l", "arm32"}, {"ppc64le", "ppc64"}};
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++)
        if (strcmp(machine, names[i][0]) == 0)
            return names[i][1];
    return machine;
}

static bool read_machine_id(weir_buffer *out)
{
    static const char *const paths[] = {"/etc/machine-id", "/var/lib/dbus/machine-id"};
    for (size_t i = 0; i < WEIR_COUNT_OF(paths); i++) {
        out->len = 0;
        if (weir_file_read_all(&weir_files_real, paths[i], MACHINE_ID_BYTES_MAX, out) != WEIR_OK)
            continue;
        while (out->len > 0 && strchr(" \t\r\n", out->data[out->len - 1]))
            out->len--;
        if (out->len > 0)
            return true;
    }
    return false;
}

static bool detect_system(const system_config *config, weir_resource_text *attributes)
{
    char name[HOSTNAME_SIZE];
    WEIR_BUFFER machine_id = {0};
    struct utsname kernel;
    if (!detect_host_name(&config->hostname_sources, name))
        return false;
    if (config->attributes.host_name.enabled)
        weir_resource_text_add(attributes, WEIR_TEXT("host.name"), weir_text_of(name));
    if (config->attributes.os_type.enabled)
        weir_resource_text_add(attributes, WEIR_TEXT("os.type"), WEIR_TEXT("linux"));
    if (config->attributes.host_arch.enabled && uname(&kernel) == 0)
        weir_resource_text_add(attributes, WEIR_TEXT("host.arch"), weir_text_of(architecture(kernel.machine)));
    if (config->attributes.host_id.enabled && read_machine_id(&machine_id))
        weir_resource_text_add(attributes, WEIR_TEXT("host.id"), weir_text_of(weir_buffer_string(&machine_id)));
    return true;
}

static weir_status detect_env(weir_resource_text *attributes, weir_error *ret_error)
{
    const char *text = getenv("OTEL_RESOURCE_ATTRIBUTES");
    if (!text || !text[strspn(text, " \t\r\n")])
        text = getenv("OTEL_RESOURCE"); /* its name before 1.0 */
    if (!text || weir_resource_text_parse(attributes, weir_text_of(text)))
        return WEIR_OK;
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                          "OTEL_RESOURCE_ATTRIBUTES is not of the form key=value,key=value");
}

static weir_status detect(const detection_config *config, weir_resource_text *attributes, weir_error *ret_error)
{
    for (size_t i = 0; i < config->detectors.count; i++) {
        weir_status status = WEIR_OK;
        if (strcmp(config->detectors.items[i], "env") == 0)
            status = detect_env(attributes, ret_error);
        else if (!detect_system(&config->system, attributes))
            status = weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_NOT_FOUND, "no source knows the host's name");
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static void detection_close(void *shared)
{
    detection_shared *part = shared;
    weir_resource_text_done(&part->attributes);
    free(part);
}

static weir_status detection_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                  weir_error *ret_error)
{
    const detection_config *detection = config;
    detection_shared *shared = WEIR_NEW(detection_shared);
    *shared = (detection_shared){.host = host, .id = id, .override = detection->override};
    weir_status status = detect(detection, &shared->attributes, ret_error);
    if (status != WEIR_OK) {
        detection_close(shared);
        return status;
    }
    *ret_shared = shared;
    return WEIR_OK;
}

/* ---- the processor ---- */

typedef struct detection_processor {
    weir_consumer super;
    weir_consumer *next;
    weir_processor_counters counters;
    const detection_shared *shared;
    weir_otlp_attributes list;
} detection_processor;

static weir_otlp_verdict detection_on_resource(void *context, weir_bytes resource, weir_buffer *out)
{
    detection_processor *processor = context;
    const weir_resource_text *detected = &processor->shared->attributes;
    weir_otlp_value value;
    weir_otlp_attributes_load(&processor->list, resource, WEIR_OTLP_RESOURCE_ATTRIBUTES);
    for (size_t i = 0; i < detected->count; i++) {
        weir_text key = weir_text_of(detected->keys[i]);
        if (!processor->shared->override && weir_otlp_attributes_get(&processor->list, key, &value))
            continue;
        value = (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = weir_text_of(detected->values[i])};
        weir_otlp_attributes_set(&processor->list, key, &value);
    }
    if (!processor->list.changed)
        return WEIR_OTLP_KEEP;
    weir_otlp_attributes_store(&processor->list, out);
    return WEIR_OTLP_REPLACE;
}

static void detection_consume(weir_consumer *self, weir_batch *takes_batch)
{
    detection_processor *processor = (detection_processor *)self;
    const weir_otlp_editor editor = {.context = processor, .on_resource = detection_on_resource};
    weir_processor_edit_batch(takes_batch, &editor, &processor->counters, processor->next);
}

static weir_consumer *detection_create(void *shared, const weir_worker *worker, weir_signal signal,
                                       const char *pipeline, weir_consumer *next)
{
    (void)worker;
    const detection_shared *part = shared;
    detection_processor *processor = WEIR_NEW(detection_processor);
    processor->super.consume = detection_consume;
    processor->next = next;
    processor->counters = weir_processor_counters_register(part->host, part->id, signal, pipeline, NULL);
    processor->shared = part;
    return &processor->super;
}

static void detection_free(weir_consumer *consumer)
{
    detection_processor *processor = (detection_processor *)consumer;
    weir_otlp_attributes_done(&processor->list);
    free(processor);
}

const weir_component_type weir_processor_resourcedetection = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_PROCESSOR,
    .name = "resourcedetection",
    .alias = "resource_detection",
    .summary = "Adds to every resource what is known about where weir runs.",
    .signals = WEIR_ON_ALL,
    .options = detection_options,
    .config_size = sizeof(detection_config),
    .check = detection_check,
    .open = detection_open,
    .close = detection_close,
    .processor_create = detection_create,
    .processor_free = detection_free,
};
