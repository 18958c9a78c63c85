/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of control groups, read from file systems made up here.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "core/memory.h"
#include "processors/cgroup.h"

typedef struct fake_file {
    const char *path;
    const char *content;
} fake_file;

typedef struct fake_files {
    weir_files super;
    const fake_file *files;
    size_t count;
    size_t read_bytes; /* of the open file; one is open at a time */
    int open_index;
} fake_files;

static fake_files disk;

static int fake_open(const weir_files *files, const char *path, int flags, unsigned mode)
{
    (void)files, (void)flags, (void)mode;
    for (size_t i = 0; i < disk.count; i++)
        if (strcmp(disk.files[i].path, path) == 0) {
            disk.read_bytes = 0;
            disk.open_index = (int)i;
            return (int)i + 1000;
        }
    errno = ENOENT;
    return -1;
}

static ssize_t fake_read(const weir_files *files, int fd, void *buffer, size_t size)
{
    (void)files;
    cr_assert_eq(fd, disk.open_index + 1000);
    const char *rest = disk.files[disk.open_index].content + disk.read_bytes;
    size_t len = strlen(rest) < size ? strlen(rest) : size;
    memcpy(buffer, rest, len);
    disk.read_bytes += len;
    return (ssize_t)len;
}

static int fake_close(const weir_files *files, int fd)
{
    (void)files, (void)fd;
    return 0;
}

static const weir_files *mount(const fake_file *files, size_t count)
{
    disk = (fake_files){
        .super = {.open = fake_open, .read = fake_read, .close = fake_close}, .files = files, .count = count};
    return &disk.super;
}

#define MOUNT(...) mount((const fake_file[]){__VA_ARGS__}, WEIR_COUNT_OF(((const fake_file[]){__VA_ARGS__})))

#define MEMINFO                                                        \
    {                                                                  \
        "/proc/meminfo", "MemFree:  12 kB\nMemTotal:       16384 kB\n" \
    }

Test(cgroup, v2_limit_of_the_group)
{
    const weir_files *files =
        MOUNT({"/proc/self/cgroup", "0::/user/app\n"}, {"/sys/fs/cgroup/user/app/memory.max", "1048576\n"}, MEMINFO);
    cr_assert_eq(weir_cgroup_memory_bytes(files), 1048576);
}

Test(cgroup, v2_a_parent_may_be_tighter)
{
    const weir_files *files =
        MOUNT({"/proc/self/cgroup", "0::/user/app\n"}, {"/sys/fs/cgroup/user/app/memory.max", "max\n"},
              {"/sys/fs/cgroup/user/memory.max", "2097152\n"}, MEMINFO);
    cr_assert_eq(weir_cgroup_memory_bytes(files), 2097152);
}

Test(cgroup, v2_path_of_the_host_seen_from_a_container)
{
    const weir_files *files =
        MOUNT({"/proc/self/cgroup", "0::/kubepods/pod1/abc\n"}, {"/sys/fs/cgroup/memory.max", "3145728\n"}, MEMINFO);
    cr_assert_eq(weir_cgroup_memory_bytes(files), 3145728);
}

Test(cgroup, v1_limit)
{
    const weir_files *files = MOUNT({"/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n"},
                                    {"/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "4194304\n"}, MEMINFO);
    cr_assert_eq(weir_cgroup_memory_bytes(files), 4194304);
}

Test(cgroup, without_a_limit_the_machine_counts)
{
    const weir_files *files = MOUNT({"/proc/self/cgroup", "4:memory:/\n"},
                                    {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}, MEMINFO);
    cr_assert_eq(weir_cgroup_memory_bytes(files), 16384 * 1024);
    cr_assert_eq(weir_cgroup_memory_bytes(MOUNT(MEMINFO)), 16384 * 1024);
    cr_assert_eq(weir_cgroup_memory_bytes(mount(NULL, 0)), 0);
}

Test(cgroup, limit_above_the_machine_is_none)
{
    const weir_files *files =
        MOUNT({"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "99999999999\n"}, MEMINFO);
    cr_assert_eq(weir_cgroup_memory_bytes(files), 16384 * 1024);
}

Test(cgroup, cpu_quota_is_rounded_up)
{
    cr_assert_eq(weir_cgroup_cpus(MOUNT({"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "50000 100000\n"})),
                 1);
    cr_assert_eq(
        weir_cgroup_cpus(MOUNT({"/proc/self/cgroup", "1:cpu:/a\n"}, {"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "1000\n"},
                               {"/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"})),
        1);
}

Test(cgroup, without_a_quota_the_affinity_mask_counts)
{
    unsigned all = weir_cgroup_cpus(mount(NULL, 0));
    cr_assert_geq(all, 1);
    cr_assert_eq(weir_cgroup_cpus(MOUNT({"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "max 100000\n"})),
                 all);
    cr_assert_eq(
        weir_cgroup_cpus(MOUNT({"/proc/self/cgroup", "1:cpu:/\n"}, {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"})),
        all);
}

Test(cgroup, malformed_files_are_no_limit)
{
    const weir_files *files =
        MOUNT({"/proc/self/cgroup", "\n:\n::\nnonsense\n0::/\n"}, {"/sys/fs/cgroup/memory.max", "lots\n"},
              {"/sys/fs/cgroup/cpu.max", "1\n"}, MEMINFO);
    cr_assert_eq(weir_cgroup_memory_bytes(files), 16384 * 1024);
    cr_assert_geq(weir_cgroup_cpus(files), 1);
}
