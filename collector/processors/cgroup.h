/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory and how many CPUs this process may use, as its control group says (cgroup v2, or v1 where that is
 * mounted).
 *
 * The limits of the group itself and of every group above it count: the smallest wins. In a container the path in
 * /proc/self/cgroup may be the host's while /sys/fs/cgroup shows the container's own group as its root, so levels
 * that do not exist are skipped. Read once at start; any thread.
 */
#ifndef WEIR_PROCESSORS_CGROUP_H
#define WEIR_PROCESSORS_CGROUP_H

#include <stdint.h>

#include "core/file.h"

/* The smallest memory limit that holds for this process, in bytes; without one, the machine's memory (/proc/meminfo).
 * 0 if neither can be read. */
uint64_t weir_cgroup_memory_bytes(const weir_files *files);

/* The CPUs this process may use: the smallest quota, rounded up, but not more than the affinity mask has. At least
 * 1. */
unsigned weir_cgroup_cpus(const weir_files *files);

#endif
