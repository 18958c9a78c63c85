/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/counters.h"

#include <stdio.h>

#include "core/assert.h"
#include "telemetry/log.h"

static const uint64_t ns_per_s = 1000000000;

static const char *const fate_names[ES_FATES] = {
    [ES_STORED] = "stored", [ES_THERE] = "already_there", [ES_SET_ASIDE] = "set_aside",
    [ES_LATER] = "again",   [ES_REFUSED] = "refused",     [ES_UNKNOWN] = "unknown",
};
static const char *const answer_names[ES_STATUS_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

static weir_metric *counter(const es_counters *counters, const char *name, const char *help, const char *unit,
                            const char *label, const char *value)
{
    const weir_label labels[] = {{"exporter", counters->id}, {label, value}};
    return weir_metrics_register(counters->host->metrics, WEIR_COUNTER, name, help, unit, labels, label ? 2 : 1);
}

void es_counters_init(es_counters *counters, const weir_worker *worker, const char *id, weir_signal signal)
{
    char index[16];
    snprintf(index, sizeof index, "%u", worker->index);
    const weir_label of_instance[] = {{"exporter", id}, {"data_type", weir_signal_name(signal)}, {"worker", index}};
    counters->host = worker->host;
    counters->id = id;
    for (int fate = 0; fate < ES_FATES; fate++)
        counters->documents[fate] =
            counter(counters, "weir_elasticsearch_documents", "Documents in answers, by what became of them.",
                    "{document}", "fate", fate_names[fate]);
    for (int class_ = 0; class_ < ES_STATUS_CLASSES; class_++)
        counters->requests[class_] =
            counter(counters, "weir_elasticsearch_requests", "Bulk requests, by the class of the answer's status.",
                    "{request}", "answer", answer_names[class_]);
    counters->hidden =
        counter(counters, "weir_elasticsearch_hidden_items",
                "Items that want to be no document (elasticsearch.mapping.hints).", "{item}", NULL, NULL);
    counters->document_bytes = counter(counters, "weir_elasticsearch_document_bytes",
                                       "Bodies of bulk requests before they are compressed.", "By", NULL, NULL);
    counters->sent_bytes = counter(counters, "weir_elasticsearch_sent_bytes",
                                   "Bodies of bulk requests as they are sent.", "By", NULL, NULL);
    counters->endpoints_well =
        weir_metrics_register(counters->host->metrics, WEIR_GAUGE, "weir_elasticsearch_endpoints_well",
                              "Nodes that answered the last request they were given.", "{endpoint}", of_instance, 3);
}

void es_counters_request(es_counters *counters, unsigned status)
{
    unsigned class_ = status / 100;
    weir_metric_add(counters->requests[class_ < ES_STATUS_CLASSES ? class_ : 0], 1);
}

/* Elasticsearch's are words with underscores; anything else is not taken into a label. */
static bool is_type(weir_text type)
{
    if (type.len == 0 || type.len > ES_ERROR_TYPE_LEN_MAX)
        return false;
    for (size_t i = 0; i < type.len; i++) {
        char c = type.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return true;
}

static es_error_type *add_type(es_counters *counters, weir_text name)
{
    es_error_type *type = &counters->types[counters->type_count++];
    memcpy(type->name, name.data, name.len);
    type->refused =
        counter(counters, "weir_elasticsearch_refused_documents",
                "Documents that Elasticsearch will never take, by its error.type.", "{document}", "type", type->name);
    return type;
}

/* The last place is kept for "other". */
static es_error_type *find_type(es_counters *counters, weir_text name)
{
    if (!is_type(name))
        name = WEIR_TEXT("other");
    for (;;) {
        for (size_t i = 0; i < counters->type_count; i++) {
            if (weir_text_is(name, counters->types[i].name))
                return &counters->types[i];
        }
        if (counters->type_count < ES_ERROR_TYPES_MAX - 1 || weir_text_is(name, "other"))
            return add_type(counters, name);
        name = WEIR_TEXT("other");
    }
}

void es_counters_refused(es_counters *counters, weir_text type_name, const weir_error *error, uint64_t count,
                         uint64_t now_ns)
{
    es_error_type *type = find_type(counters, type_name);
    weir_metric_add(type->refused, (int64_t)count);
    type->unlogged += count;
    if (type->logged_ns > 0 && now_ns - type->logged_ns < ns_per_s)
        return;
    weir_log(WEIR_LOG_WARN, counters->id, "documents were refused documents=%llu type=%s reason=\"%s\"",
             (unsigned long long)type->unlogged, type->name, error->text);
    type->logged_ns = now_ns > 0 ? now_ns : 1;
    type->unlogged = 0;
}
