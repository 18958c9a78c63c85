/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <ctype.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "books.h"
#include "core/assert.h"
#include "core/limits.h"
#include "core/memory.h"
#include "pipeline.h"
#include "processors/cgroup.h"
#include "report.h"
#include "telemetry/log.h"
#include "telemetry/metrics_server.h"

typedef struct run_state {
    const weir_plan *plan;
    const weir_run_options *options;
    weir_loop *control;
    weir_flow *flow;
    weir_metrics_server **metrics_servers;
    size_t metrics_server_count;
    weir_timer *totals_timer;
    char *last_totals;
    unsigned signals;
    /* Signals arrive on a thread of their own, which waits for them and posts; so no handler ever interrupts
     * anything. */
    pthread_t signal_thread;
    weir_task signal_task;
    _Atomic bool signal_posted;
    _Atomic bool has_ended;
} run_state;

/* ---- while it runs ---- */

static void print_totals(void *user)
{
    run_state *state = user;
    WEIR_BUFFER line = {0};
    weir_books_totals(state->plan, weir_flow_metrics(state->flow), weir_flow_account(state->flow), &line);
    const char *now = weir_buffer_string(&line);
    if (!state->last_totals || strcmp(state->last_totals, now) != 0) {
        printf("%s\n", now);
        fflush(stdout);
        free(state->last_totals);
        state->last_totals = weir_strdup(now);
    }
    weir_timer_start(state->totals_timer, state->options->totals_interval_ms);
}

/* Figures of the process, collected when somebody reads the metrics. */
static void refresh_process_metrics(void *user)
{
    run_state *state = user;
    weir_metrics *metrics = weir_flow_metrics(state->flow);
    long pages = 0;
    WEIR_BUFFER statm = {0};
    if (weir_file_read_all(&weir_files_real, "/proc/self/statm", 4096, &statm) == WEIR_OK)
        sscanf(weir_buffer_string(&statm), "%*d %ld", &pages);
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    weir_metric_set(weir_metrics_register(metrics, WEIR_GAUGE, "otelcol_process_memory_rss",
                                          "Total physical memory (resident set size)", "By", NULL, 0),
                    pages * sysconf(_SC_PAGESIZE));
    weir_metric_set(weir_metrics_register(metrics, WEIR_COUNTER, "otelcol_process_cpu_seconds",
                                          "Total CPU user and system time in seconds", "s", NULL, 0),
                    (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                        (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
    weir_metric_set(weir_metrics_register(metrics, WEIR_GAUGE, "weir_memory_account_used",
                                          "Bytes of telemetry held, as the memory account has them.", "By", NULL, 0),
                    (int64_t)weir_account_used(weir_flow_account(state->flow)));
    weir_metric_set(weir_metrics_register(metrics, WEIR_GAUGE, "weir_memory_account_used_max",
                                          "The most that the memory account has held since start.", "By", NULL, 0),
                    (int64_t)atomic_load(&weir_flow_account(state->flow)->used_bytes_max));
    weir_metric_set(weir_metrics_register(metrics, WEIR_GAUGE, "weir_memory_account_limit",
                                          "What the memory account may hold.", "By", NULL, 0),
                    (int64_t)weir_flow_account(state->flow)->limit_bytes);
    weir_metric_set(weir_metrics_register(metrics, WEIR_COUNTER, "weir_memory_account_refusals",
                                          "Reservations refused because the limit was reached.", "1", NULL, 0),
                    (int64_t)atomic_load(&weir_flow_account(state->flow)->refusals));
}

/* ---- signals and the end ---- */

static void on_drained(void *user)
{
    run_state *state = user;
    weir_loop_stop(state->control);
}

/* The first signal drains, the second gives back at once what is still held, the third is for a process that does not
 * come back. */
static void on_signal(weir_task *task)
{
    run_state *state = WEIR_CONTAINER(task, run_state, signal_task);
    atomic_store(&state->signal_posted, false);
    if (atomic_load(&state->has_ended))
        return;
    state->signals++;
    if (state->signals == 1) {
        weir_log(WEIR_LOG_INFO, NULL, "stopping: no new work, draining timeout_ms=%llu",
                 (unsigned long long)state->options->shutdown_timeout_ms);
        weir_flow_drain(state->flow, state->options->shutdown_timeout_ms, on_drained, state);
    } else if (state->signals == 2) {
        weir_log(WEIR_LOG_WARN, NULL, "second signal: giving back what is held instead of waiting for it");
        weir_flow_hurry(state->flow);
    } else {
        weir_log(WEIR_LOG_ERROR, NULL, "third signal: ending as it stands");
        _exit(1);
    }
}

static void *wait_for_signals(void *argument)
{
    run_state *state = argument;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    for (;;) {
        int number;
        if (sigwait(&signals, &number) != 0 || atomic_load(&state->has_ended))
            return NULL;
        if (!atomic_exchange(&state->signal_posted, true))
            weir_loop_post(state->control, &state->signal_task);
    }
}

/* Must come before any thread is made, so that all inherit the mask. */
static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at the limit of its size is an error of its writer, not the end */
}

/* ---- start ---- */

/* Prometheus allows letters, digits and _ in the name of a label. */
static char *label_name(const char *key)
{
    char *name = weir_strdup(key);
    for (char *at = name; *at; at++) {
        if (!isalnum((unsigned char)*at))
            *at = '_';
    }
    return name;
}

/* Says in target_info who these metrics are of: the defaults, and over them what service.telemetry.resource says. */
static void register_target_info(weir_metrics *metrics, const weir_string_map *resource)
{
    weir_slice_id instance = weir_slice_id_next();
    WEIR_FREE char *instance_id = weir_format("%016llx", (unsigned long long)instance.origin);
    const weir_label defaults[] = {
        {"service.name", "weir"}, {"service.version", WEIR_VERSION}, {"service.instance.id", instance_id}};
    weir_label *labels = weir_alloc(WEIR_COUNT_OF(defaults) + resource->count, sizeof *labels);
    size_t count = 0;
    for (size_t i = 0; i < WEIR_COUNT_OF(defaults); i++) {
        bool is_written = false;
        for (size_t r = 0; r < resource->count; r++)
            is_written = is_written || strcmp(resource->keys[r], defaults[i].name) == 0;
        if (!is_written)
            labels[count++] = (weir_label){label_name(defaults[i].name), defaults[i].value};
    }
    for (size_t r = 0; r < resource->count; r++) {
        if (resource->values[r])
            labels[count++] = (weir_label){label_name(resource->keys[r]), resource->values[r]};
    }
    weir_metric_set(weir_metrics_register(metrics, WEIR_GAUGE, "target_info", "Target metadata", "1", labels, count),
                    1);
    for (size_t i = 0; i < count; i++)
        free((char *)labels[i].name);
    free(labels);
}

static weir_status start_metrics_servers(run_state *state, const weir_service *settings, weir_error *ret_error)
{
    register_target_info(weir_flow_metrics(state->flow), &settings->resource);
    state->metrics_servers = weir_alloc(settings->reader_count, sizeof state->metrics_servers[0]);
    for (; state->metrics_server_count < settings->reader_count; state->metrics_server_count++) {
        const weir_prometheus_reader *reader = &settings->readers[state->metrics_server_count];
        const weir_exposition exposition = {.type_suffix = !reader->without_type_suffix,
                                            .unit_suffix = !reader->without_units};
        weir_status status = weir_metrics_server_start(state->control, reader->endpoint, weir_flow_metrics(state->flow),
                                                       exposition, refresh_process_metrics, state,
                                                       &state->metrics_servers[state->metrics_server_count], ret_error);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static weir_status start(run_state *state, const weir_plan *plan, unsigned workers, weir_error *ret_error)
{
    weir_status status = weir_flow_new(plan, state->control, workers, &state->flow, ret_error);
    if (status != WEIR_OK)
        return status;
    status = start_metrics_servers(state, &plan->document->service, ret_error);
    if (status != WEIR_OK)
        return status;
    status = weir_flow_start(state->flow, ret_error);
    if (status != WEIR_OK)
        return status;
    if (pthread_create(&state->signal_thread, NULL, wait_for_signals, state) != 0)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "cannot start the signal thread");
    return WEIR_OK;
}

static void serve_until_drained(run_state *state)
{
    if (state->options->totals_interval_ms > 0) {
        state->totals_timer = weir_timer_new(state->control, print_totals, state);
        weir_timer_start(state->totals_timer, state->options->totals_interval_ms);
    }
    weir_loop_run(state->control);
    atomic_store(&state->has_ended, true);
    pthread_kill(state->signal_thread, SIGTERM);
    pthread_join(state->signal_thread, NULL);
    weir_timer_free(state->totals_timer);
    free(state->last_totals);
}

static void print_books(run_state *state)
{
    WEIR_BUFFER books = {0};
    if (!weir_books_write(state->plan, weir_flow_metrics(state->flow), &books))
        weir_log(WEIR_LOG_ERROR, NULL, "the books do not balance");
    fputs(weir_buffer_string(&books), stdout);
    fflush(stdout);
}

/* After the books, which tell the same in detail. */
static void report_end(run_state *state)
{
    WEIR_BUFFER report = {0};
    if (!weir_report_end(state->plan, weir_flow_metrics(state->flow), &report))
        return;
    printf("%s\n", weir_buffer_string(&report));
    fflush(stdout);
    weir_log(WEIR_LOG_INFO, NULL, "ended: %s", weir_buffer_string(&report));
    weir_report_termination(weir_buffer_string(&report));
}

static void report_failed_start(const weir_error *error)
{
    WEIR_FREE char *text = weir_format("cannot start: %s", error->text);
    weir_log(WEIR_LOG_ERROR, NULL, "%s", text);
    weir_report_termination(text);
}

int weir_run(weir_plan *plan, const weir_run_options *options)
{
    block_signals();
    /* One arena per thread would keep what another thread's peak has freed; request bodies live on one worker
     * anyway. */
    mallopt(M_ARENA_MAX, 2);
    run_state state = {
        .plan = plan, .options = options, .control = weir_loop_new_uv(), .signal_task = {.run = on_signal}};
    unsigned workers = options->workers ? options->workers : weir_cgroup_cpus(&weir_files_real);
    if (workers > WEIR_WORKERS_MAX)
        workers = WEIR_WORKERS_MAX;

    weir_error error = {0};
    bool started = start(&state, plan, workers, &error) == WEIR_OK;
    if (started) {
        weir_log(WEIR_LOG_INFO, NULL, "running version=%s workers=%u memory_limit_mib=%llu from=%s", WEIR_VERSION,
                 workers, (unsigned long long)(plan->memory_limit_bytes >> 20), plan->memory_limit_from);
        serve_until_drained(&state);
        print_books(&state);
        report_end(&state);
    } else {
        report_failed_start(&error);
    }
    for (size_t i = 0; i < state.metrics_server_count; i++)
        weir_metrics_server_stop(state.metrics_servers[i]);
    free(state.metrics_servers);
    weir_flow_free(state.flow);
    weir_loop_free(state.control);
    weir_plan_free(plan);
    return started ? 0 : 1;
}
