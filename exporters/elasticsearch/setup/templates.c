/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/setup/templates.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/sha256.h"
#include "exporters/elasticsearch/setup/files.h"

enum { FINGERPRINT_BYTES = 8, HAS_ALL_OTEL = SETUP_HAS_LOGS_OTEL | SETUP_HAS_TRACES_OTEL };

/* clang-format off */
static const setup_template elasticsearch[] = {
    {SETUP_COMPONENT, "logs-otel@custom", "elasticsearch/elasticsearch/component.logs-otel@custom.json", SETUP_HAS_LOGS_OTEL, 0, true},
    {SETUP_COMPONENT, "traces-otel@custom", "elasticsearch/elasticsearch/component.traces-otel@custom.json", SETUP_HAS_TRACES_OTEL, 0, true},
    {SETUP_COMPONENT, "weir-settings", "elasticsearch/elasticsearch/component.weir-settings.json", 0, 0, true},
    {SETUP_COMPONENT, "weir-otel", "elasticsearch/elasticsearch/component.weir-otel.json", 0, HAS_ALL_OTEL, false},
    {SETUP_COMPONENT, "weir-flat", "elasticsearch/elasticsearch/component.weir-flat.json", 0, 0, false},
    {SETUP_INDEX, "weir-logs-otel", "elasticsearch/elasticsearch/index.weir-logs-otel.json", 0, SETUP_HAS_LOGS_OTEL, false},
    {SETUP_INDEX, "weir-traces-otel", "elasticsearch/elasticsearch/index.weir-traces-otel.json", 0, SETUP_HAS_TRACES_OTEL, false},
    {SETUP_INDEX, "weir-logs", "elasticsearch/elasticsearch/index.weir-logs.json", 0, SETUP_HAS_LOGS, false},
    {SETUP_INDEX, "weir-traces", "elasticsearch/elasticsearch/index.weir-traces.json", 0, 0, false},
    {SETUP_INDEX, "weir-indices", "elasticsearch/elasticsearch/index.weir-indices.json", SETUP_HAS_INDICES, 0, false},
};

static const setup_template opensearch[] = {
    {SETUP_COMPONENT, "weir-settings", "elasticsearch/opensearch/component.weir-settings.json", 0, 0, true},
    {SETUP_COMPONENT, "weir-otel", "elasticsearch/opensearch/component.weir-otel.json", 0, 0, false},
    {SETUP_COMPONENT, "weir-flat", "elasticsearch/opensearch/component.weir-flat.json", 0, 0, false},
    {SETUP_INDEX, "weir-logs-otel", "elasticsearch/opensearch/index.weir-logs-otel.json", 0, 0, false},
    {SETUP_INDEX, "weir-traces-otel", "elasticsearch/opensearch/index.weir-traces-otel.json", 0, 0, false},
    {SETUP_INDEX, "weir-logs", "elasticsearch/opensearch/index.weir-logs.json", 0, 0, false},
    {SETUP_INDEX, "weir-traces", "elasticsearch/opensearch/index.weir-traces.json", 0, 0, false},
    {SETUP_INDEX, "weir-indices", "elasticsearch/opensearch/index.weir-indices.json", SETUP_HAS_INDICES, 0, false},
};
/* clang-format on */

setup_templates setup_templates_of(const setup_server *server)
{
    if (server->is_opensearch)
        return (setup_templates){opensearch, WEIR_COUNT_OF(opensearch)};
    return (setup_templates){elasticsearch, WEIR_COUNT_OF(elasticsearch)};
}

bool setup_template_is_wanted(const setup_template *template_, unsigned present)
{
    bool has_needs = (present & template_->needs) == template_->needs;
    bool has_others = template_->yields != 0 && (present & template_->yields) == template_->yields;
    return has_needs && !has_others;
}

/* ---- bodies ---- */

/* In place of the first `anchor`; false if there is none. */
static bool replace_first(weir_buffer *body, const char *anchor, const char *with)
{
    const char *at = strstr(weir_buffer_string(body), anchor);
    if (!at)
        return false;
    size_t before = (size_t)(at - (const char *)body->data);
    WEIR_FREE char *rest = weir_strdup(at + strlen(anchor));
    body->len = before;
    weir_buffer_append_text(body, with);
    weir_buffer_append_text(body, rest);
    return true;
}

static void insert_behind(weir_buffer *body, const char *anchor, const char *text)
{
    WEIR_FREE char *both = weir_format("%s%s", anchor, text);
    WEIR_ASSERT(replace_first(body, anchor, both));
}

/* Elasticsearch's own templates name a policy of index lifecycle management, which would come before the data stream
 * lifecycle unless prefer_ilm says no. */
static void put_lifecycle(const setup_lifecycle *lifecycle, bool is_own, weir_buffer *body)
{
    static const char in_template[] = "\"template\": {", in_settings[] = "\"settings\": {";
    WEIR_BUFFER text = {0};
    if (lifecycle->ilm_policy) {
        weir_buffer_append_text(&text, "\n      \"index.lifecycle.name\": ");
        weir_buffer_append_json_string(&text, lifecycle->ilm_policy);
        weir_buffer_append_text(&text, ",");
        insert_behind(body, in_settings, weir_buffer_string(&text));
    } else if (lifecycle->retention) {
        weir_buffer_printf(&text, "\n    \"lifecycle\": {\"data_retention\": \"%s\"},", lifecycle->retention);
        insert_behind(body, in_template, weir_buffer_string(&text));
        insert_behind(body, in_settings, "\n      \"index.lifecycle.prefer_ilm\": false,");
    } else if (is_own) { /* data streams roll over, and nothing is removed */
        insert_behind(body, in_template, "\n    \"lifecycle\": {\"enabled\": true},");
    }
}

static void put_patterns(const setup_values *indices, weir_buffer *body)
{
    WEIR_BUFFER text = {0};
    weir_buffer_append_text(&text, "\"index_patterns\": [");
    for (size_t i = 0; i < indices->count; i++) {
        weir_buffer_append_text(&text, i > 0 ? ", " : "");
        weir_buffer_append_json_string(&text, indices->items[i]);
    }
    weir_buffer_append_byte(&text, ']');
    WEIR_ASSERT(replace_first(body, "\"index_patterns\": []", weir_buffer_string(&text)));
}

static void put_meta(const setup_lifecycle *lifecycle, const char *fingerprint, weir_buffer *body)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(
        &text, "\n  \"_meta\": {\"managed_by\": \"weir\", \"version\": \"" WEIR_VERSION "\", \"fingerprint\": \"%s\"",
        fingerprint);
    if (lifecycle && lifecycle->retention)
        weir_buffer_printf(&text, ", \"retention\": \"%s\"", lifecycle->retention);
    if (lifecycle && lifecycle->ilm_policy) {
        weir_buffer_append_text(&text, ", \"ilm_policy\": ");
        weir_buffer_append_json_string(&text, lifecycle->ilm_policy);
    }
    weir_buffer_append_text(&text, "},");
    insert_behind(body, "{", weir_buffer_string(&text));
}

void setup_template_body(const setup_template *template_, const setup_lifecycle *lifecycle, const setup_values *indices,
                         bool is_opensearch, weir_buffer *out, char ret_fingerprint[32])
{
    uint8_t digest[WEIR_SHA256_BYTES];
    WEIR_BUFFER body = {0};
    weir_bytes file = setup_file_bytes(template_->file);
    weir_buffer_append(&body, file.data, file.len);
    bool has_lifecycle = template_->has_lifecycle && !is_opensearch;
    if (has_lifecycle)
        put_lifecycle(lifecycle, template_->needs == 0, &body);
    if (template_->needs & SETUP_HAS_INDICES)
        put_patterns(indices, &body);
    weir_sha256(body.data, body.len, digest);
    weir_hex(digest, FINGERPRINT_BYTES, ret_fingerprint);
    put_meta(has_lifecycle ? lifecycle : NULL, ret_fingerprint, &body);
    weir_buffer_append(out, body.data, body.len);
}

/* ---- what a server may not know ---- */

static const struct {
    const char *complaint; /* stands in the refusal */
    const char *from, *to; /* in the body */
    const char *sentence;
} fallbacks[] = {
    {"[match_only_text]", "\"type\": \"match_only_text\"", "\"type\": \"text\"",
     "this server has no field type match_only_text: text takes its place, which needs more disk"},
    {"disable_objects", "\"disable_objects\": true,", "",
     "this server does not know disable_objects (OpenSearch 3.5): documents are refused in which a text stands where "
     "others have a map, such as service and service.name"},
};

const char *setup_template_fall_back(weir_buffer *body, weir_bytes refusal)
{
    WEIR_FREE char *text = weir_strndup((const char *)refusal.data, refusal.len);
    for (size_t i = 0; i < WEIR_COUNT_OF(fallbacks); i++) {
        if (!strstr(text, fallbacks[i].complaint) || !replace_first(body, fallbacks[i].from, fallbacks[i].to))
            continue;
        while (replace_first(body, fallbacks[i].from, fallbacks[i].to))
            ;
        return fallbacks[i].sentence;
    }
    return NULL;
}
