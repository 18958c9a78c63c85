/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "books.h"
#include "core/file.h"
#include "core/memory.h"

/* Kubernetes cuts the message there ("Determine the Reason for Pod Failure"). */
enum { TERMINATION_BYTES_MAX = 4096 };

static bool has_storage(const weir_plan *plan)
{
    for (size_t i = 0; i < plan->component_count; i++) {
        const weir_component_type *type = plan->components[i].type;
        if (plan->document->components[i].is_used && type->kind == WEIR_EXTENSION && (type->lends & WEIR_LENDS_STORAGE))
            return true;
    }
    return false;
}

bool weir_report_end(const weir_plan *plan, weir_metrics *metrics, weir_buffer *out)
{
    if (!has_storage(plan))
        return false;
    int64_t exported = 0;
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++)
        exported += weir_books_sent(plan, metrics, signal);
    int64_t dead = weir_metrics_sum(metrics, "weir_queue_dead_lettered_items", NULL, 0);
    weir_buffer_printf(out, "%" PRId64 " exported, %" PRId64 " on disk", exported,
                       weir_metrics_sum(metrics, "weir_queue_disk_items", NULL, 0));
    if (dead > 0)
        weir_buffer_printf(out, ", %" PRId64 " dead-lettered", dead);
    return true;
}

static const char *termination_path(void)
{
    const char *named = getenv("WEIR_TERMINATION_LOG");
    if (named && *named)
        return named;
    return getenv("KUBERNETES_SERVICE_HOST") ? "/dev/termination-log" : NULL;
}

void weir_report_termination(const char *text)
{
    const weir_files *files = &weir_files_real;
    const char *path = termination_path();
    /* In a pod the file is there before the container starts; only a path of one's own is made. */
    int fd = path ? files->open(files, path, O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1;
    if (fd < 0)
        return;
    size_t len = strlen(text);
    struct iovec part = {(void *)(uintptr_t)text, len < TERMINATION_BYTES_MAX ? len : TERMINATION_BYTES_MAX};
    ssize_t written = files->pwritev(files, fd, &part, 1, 0);
    (void)written;
    files->close(files, fd);
}
