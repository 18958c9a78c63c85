/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/cgroup.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "core/limits.h"

enum { SMALL_FILE_BYTES_MAX = 64 * 1024, PATH_BYTES_MAX = 4096 };

/* What cgroup v1 says where nobody has set a limit: LONG_MAX rounded down to a page. Anything near it is no limit. */
static const uint64_t unlimited_bytes = UINT64_C(1) << 62;

/* Where one resource is limited: in cgroup v2, and in v1. */
typedef struct resource {
    const char *controller;
    const char *file_v2;
    const char *file_v1;
} resource;

static const resource memory_resource = {"memory", "memory.max", "memory.limit_in_bytes"};
static const resource cpu_resource = {"cpu", "cpu.max", "cpu.cfs_quota_us"};

/* Reads one limit file in `directory`; false if it is missing or sets no limit. The unit is the resource's own. */
typedef bool (*limit_reader)(const weir_files *files, const char *directory, const char *file, bool is_v2,
                             uint64_t *ret_limit);

static bool read_text(const weir_files *files, const char *directory, const char *name, weir_buffer *out)
{
    char path[PATH_BYTES_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return false;
    return weir_file_read_all(files, path, SMALL_FILE_BYTES_MAX, out) == WEIR_OK;
}

/* The decimal number at the start of `text`; false for "max" and "-1". */
static bool leading_number(weir_text text, uint64_t *ret_number)
{
    size_t digits = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    return weir_text_to_uint((weir_text){text.data, digits}, UINT64_MAX, ret_number);
}

static bool read_number(const weir_files *files, const char *directory, const char *name, uint64_t *ret_number)
{
    WEIR_BUFFER content = {0};
    return read_text(files, directory, name, &content) &&
           leading_number((weir_text){(const char *)content.data, content.len}, ret_number);
}

static bool read_memory_limit(const weir_files *files, const char *directory, const char *file, bool is_v2,
                              uint64_t *ret_limit)
{
    (void)is_v2;
    uint64_t limit;
    if (!read_number(files, directory, file, &limit) || limit == 0 || limit >= unlimited_bytes)
        return false;
    *ret_limit = limit;
    return true;
}

/* In thousandths of a CPU. v2: "QUOTA PERIOD" in one file; v1: two files. */
static bool read_cpu_limit(const weir_files *files, const char *directory, const char *file, bool is_v2,
                           uint64_t *ret_limit)
{
    WEIR_BUFFER content = {0};
    uint64_t quota, period;
    if (!read_text(files, directory, file, &content))
        return false;
    weir_text text = {(const char *)content.data, content.len};
    if (!leading_number(text, &quota))
        return false;
    if (is_v2) {
        const char *space = memchr(text.data, ' ', text.len);
        if (!space || !leading_number((weir_text){space + 1, (size_t)(text.data + text.len - space - 1)}, &period))
            return false;
    } else if (!read_number(files, directory, "cpu.cfs_period_us", &period)) {
        return false;
    }
    if (quota == 0 || period == 0 || quota > UINT64_MAX / 1000)
        return false;
    *ret_limit = quota * 1000 / period;
    return true;
}

/* The smallest limit on the way from `root` + `path` up to `root`; `*smallest` is lowered to it. */
static void walk_up(const weir_files *files, const char *root, weir_text path, const char *file, bool is_v2,
                    limit_reader reader, uint64_t *smallest)
{
    for (;;) {
        char directory[PATH_BYTES_MAX];
        int len = snprintf(directory, sizeof directory, "%s%.*s", root, WEIR_TEXT_ARG(path));
        uint64_t limit;
        if (len > 0 && (size_t)len < sizeof directory && reader(files, directory, file, is_v2, &limit) &&
            limit < *smallest)
            *smallest = limit;
        if (path.len == 0)
            return;
        do
            path.len--;
        while (path.len > 0 && path.data[path.len] != '/');
    }
}

static bool has_controller(weir_text list, const char *name)
{
    while (list.len > 0) {
        const char *comma = memchr(list.data, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.data) : list.len;
        if (weir_text_is((weir_text){list.data, len}, name))
            return true;
        size_t step = comma ? len + 1 : len;
        list = (weir_text){list.data + step, list.len - step};
    }
    return false;
}

/* One line of /proc/self/cgroup, "ID:CONTROLLERS:PATH": v2 has ID 0 and no controllers. */
static void look_at_line(const weir_files *files, weir_text line, const resource *what, limit_reader reader,
                         uint64_t *smallest)
{
    const char *first = memchr(line.data, ':', line.len);
    if (!first)
        return;
    const char *end = line.data + line.len;
    const char *second = memchr(first + 1, ':', (size_t)(end - first - 1));
    if (!second)
        return;
    weir_text controllers = {first + 1, (size_t)(second - first - 1)};
    weir_text path = {second + 1, (size_t)(end - second - 1)};
    if (weir_text_is(path, "/"))
        path.len = 0;
    if (controllers.len == 0) {
        walk_up(files, "/sys/fs/cgroup", path, what->file_v2, true, reader, smallest);
    } else if (has_controller(controllers, what->controller)) {
        char root[64];
        snprintf(root, sizeof root, "/sys/fs/cgroup/%s", what->controller);
        walk_up(files, root, path, what->file_v1, false, reader, smallest);
    }
}

static uint64_t smallest_limit(const weir_files *files, const resource *what, limit_reader reader)
{
    uint64_t smallest = UINT64_MAX;
    WEIR_BUFFER groups = {0};
    if (!read_text(files, "/proc/self", "cgroup", &groups))
        return smallest;
    weir_text rest = {(const char *)groups.data, groups.len};
    while (rest.len > 0) {
        const char *newline = memchr(rest.data, '\n', rest.len);
        size_t len = newline ? (size_t)(newline - rest.data) : rest.len;
        look_at_line(files, (weir_text){rest.data, len}, what, reader, &smallest);
        size_t step = newline ? len + 1 : len;
        rest = (weir_text){rest.data + step, rest.len - step};
    }
    return smallest;
}

/* "MemTotal:       16318480 kB" */
static uint64_t machine_memory_bytes(const weir_files *files)
{
    static const char field[] = "MemTotal:";
    WEIR_BUFFER content = {0};
    if (!read_text(files, "/proc", "meminfo", &content))
        return 0;
    const char *found = strstr(weir_buffer_string(&content), field);
    if (!found)
        return 0;
    found += sizeof field - 1;
    found += strspn(found, " \t");
    uint64_t kib;
    if (!leading_number(weir_text_of(found), &kib) || kib > UINT64_MAX / 1024)
        return 0;
    return kib * 1024;
}

uint64_t weir_cgroup_memory_bytes(const weir_files *files)
{
    uint64_t limit = smallest_limit(files, &memory_resource, read_memory_limit);
    uint64_t machine = machine_memory_bytes(files);
    if (limit == UINT64_MAX)
        return machine;
    return machine > 0 && machine < limit ? machine : limit;
}

unsigned weir_cgroup_cpus(const weir_files *files)
{
    cpu_set_t mask;
    unsigned allowed = WEIR_WORKERS_MAX;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0)
        allowed = (unsigned)CPU_COUNT(&mask);
    uint64_t thousandths = smallest_limit(files, &cpu_resource, read_cpu_limit);
    if (thousandths != UINT64_MAX && (thousandths + 999) / 1000 < allowed)
        allowed = (unsigned)((thousandths + 999) / 1000);
    return allowed > 0 ? allowed : 1;
}
