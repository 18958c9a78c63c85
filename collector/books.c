/* SPDX-License-Identifier: Apache-2.0 */
#include "books.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "exporters/sender/meters.h"
#include "queue/storage.h"

typedef struct pipeline_books {
    int64_t received, dropped, handed;
} pipeline_books;

static pipeline_books read_pipeline_books(weir_metrics *metrics, const char *pipeline)
{
    const weir_label labels[] = {{"pipeline", pipeline}};
    return (pipeline_books){.received = weir_metrics_sum(metrics, "weir_pipeline_received_items", labels, 1),
                            .dropped = weir_metrics_sum(metrics, "weir_processor_dropped_items", labels, 1),
                            .handed = weir_metrics_sum(metrics, "weir_pipeline_handed_items", labels, 1)};
}

static const char *verdict(int64_t difference)
{
    return difference == 0 ? "balanced" : "OUT OF BALANCE";
}

/* True if some pipeline of this signal ends in the component. */
static bool is_exporter_of(const weir_plan *plan, size_t component, weir_signal signal)
{
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        const weir_planned_pipeline *pipeline = &plan->pipelines[i];
        for (size_t e = 0; pipeline->signal == signal && e < pipeline->exporters.count; e++) {
            if (pipeline->exporters.items[e] == component)
                return true;
        }
    }
    return false;
}

static bool write_exporter_books(const weir_plan *plan, weir_metrics *metrics, size_t component, weir_signal signal,
                                 weir_buffer *out)
{
    const char *id = plan->components[component].id;
    weir_exporter_books books = weir_exporter_books_read(metrics, id, signal);
    int64_t difference = books.taken - books.sent - books.rejected - books.returned - books.dropped - books.held;
    weir_buffer_printf(out,
                       "books  exporter %s (%s): taken %lld = sent %lld + rejected %lld + given back %lld + dropped "
                       "%lld + held %lld  [%s]\n",
                       id, weir_signal_items(signal), (long long)books.taken, (long long)books.sent,
                       (long long)books.rejected, (long long)books.returned, (long long)books.dropped,
                       (long long)books.held, verdict(difference));
    return difference == 0;
}

/* What the exporter's queue on disk took in and gave out; nothing is written for a queue in memory. */
static bool write_queue_books(weir_metrics *metrics, const char *id, weir_signal signal, weir_buffer *out)
{
    weir_queue_books books = weir_queue_books_read(metrics, id, signal);
    if (books.stored + books.recovered == 0)
        return true;
    int64_t difference =
        books.stored + books.recovered - books.released - books.dead_lettered - books.damaged - books.on_disk;
    weir_buffer_printf(out,
                       "books  queue %s (%s): stored %lld + recovered %lld = released %lld + dead-lettered %lld + "
                       "damaged %lld + on disk %lld  [%s]\n",
                       id, weir_signal_items(signal), (long long)books.stored, (long long)books.recovered,
                       (long long)books.released, (long long)books.dead_lettered, (long long)books.damaged,
                       (long long)books.on_disk, verdict(difference));
    return difference == 0;
}

bool weir_books_write(const weir_plan *plan, weir_metrics *metrics, weir_buffer *out)
{
    bool balanced = true;
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        pipeline_books books = read_pipeline_books(metrics, plan->pipelines[i].id);
        int64_t difference = books.received - books.dropped - books.handed;
        balanced = balanced && difference == 0;
        weir_buffer_printf(
            out, "books  pipeline %s: received %lld = sampled or filtered out %lld + handed to exporters %lld  [%s]\n",
            plan->pipelines[i].id, (long long)books.received, (long long)books.dropped, (long long)books.handed,
            verdict(difference));
    }
    for (size_t i = 0; i < plan->component_count * WEIR_SIGNALS; i++) {
        weir_signal signal = (weir_signal)(i % WEIR_SIGNALS);
        if (!is_exporter_of(plan, i / WEIR_SIGNALS, signal))
            continue;
        if (!write_exporter_books(plan, metrics, i / WEIR_SIGNALS, signal, out))
            balanced = false;
        if (!write_queue_books(metrics, plan->components[i / WEIR_SIGNALS].id, signal, out))
            balanced = false;
    }
    return balanced;
}

static int64_t sent_by(const weir_plan *plan, weir_metrics *metrics, weir_signal signal, bool by_debug,
                       bool *ret_is_any)
{
    WEIR_FREE char *name = weir_format("otelcol_exporter_sent_%s", weir_signal_items(signal));
    int64_t sent = 0;
    *ret_is_any = false;
    for (size_t i = 0; i < plan->component_count; i++) {
        const weir_planned_component *component = &plan->components[i];
        if (!is_exporter_of(plan, i, signal) || (strcmp(component->type->name, "debug") == 0) != by_debug)
            continue;
        const weir_label label = {"exporter", component->id};
        sent += weir_metrics_sum(metrics, name, &label, 1);
        *ret_is_any = true;
    }
    return sent;
}

int64_t weir_books_sent(const weir_plan *plan, weir_metrics *metrics, weir_signal signal)
{
    bool is_any;
    int64_t sent = sent_by(plan, metrics, signal, false, &is_any);
    return is_any ? sent : sent_by(plan, metrics, signal, true, &is_any);
}

void weir_books_totals(const weir_plan *plan, weir_metrics *metrics, const weir_account *account, weir_buffer *out)
{
    int64_t received[WEIR_SIGNALS] = {0};
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        const weir_planned_pipeline *pipeline = &plan->pipelines[i];
        received[pipeline->signal] += read_pipeline_books(metrics, pipeline->id).received;
    }
    weir_buffer_append_text(out, "totals ");
    for (size_t i = 0; i < WEIR_SIGNALS; i++) {
        weir_buffer_printf(out, " %s: %lld in, %lld out;", weir_signal_items((weir_signal)i), (long long)received[i],
                           (long long)weir_books_sent(plan, metrics, (weir_signal)i));
    }
    weir_buffer_printf(out, " held %lld; memory %zu KiB of %zu KiB",
                       (long long)weir_metrics_sum(metrics, "weir_exporter_held_items", NULL, 0),
                       weir_account_used(account) / 1024, account->limit_bytes / 1024);
}
