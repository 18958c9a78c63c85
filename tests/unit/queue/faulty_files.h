/* SPDX-License-Identifier: Apache-2.0
 *
 * A file system in memory, as a weir_files table, in which any one call can fail, and which can lose power.
 *
 * What a file holds is kept twice: as programs see it, and as it lies on the disk since the last fdatasync. Names are
 * kept likewise, and become durable with sync_folder. A power cut leaves what lies on the disk. One flat name space;
 * a folder is a name, too.
 */
#ifndef WEIR_TEST_QUEUE_FAULTY_FILES_H
#define WEIR_TEST_QUEUE_FAULTY_FILES_H

#include "core/file.h"

typedef enum faulty_call {
    FAULTY_OPEN,
    FAULTY_PREAD,
    FAULTY_PWRITEV,
    FAULTY_FDATASYNC,
    FAULTY_FTRUNCATE,
    FAULTY_FSTAT,
    FAULTY_RENAME,
    FAULTY_UNLINK,
    FAULTY_MKDIR,
    FAULTY_SYNC_FOLDER,
    FAULTY_LIST,
    FAULTY_READ,
    FAULTY_CALLS,
} faulty_call;

const char *faulty_call_name(faulty_call call);

enum { FAULTY_FILES_MAX = 64, FAULTY_HANDLES_MAX = 64, FAULTY_PATH_MAX = 128 };

typedef struct faulty_file {
    bool is_folder;
    weir_buffer seen;
    weir_buffer on_disk;
    unsigned links; /* names that programs see, names on the disk, and handles */
    bool is_locked;
} faulty_file;

typedef struct faulty_name {
    char path[FAULTY_PATH_MAX];
    faulty_file *file;
} faulty_name;

typedef struct faulty_names {
    faulty_name entries[FAULTY_FILES_MAX];
    size_t count;
} faulty_names;

typedef struct faulty_handle {
    faulty_file *file;
    int flags;
    uint64_t position;
} faulty_handle;

/* How a call fails. With `part` set a pwritev writes that part first, which is no error, and the next one fails with
 * `error`, unless that is 0. */
typedef enum faulty_part { FAULTY_NOTHING, FAULTY_ONE_BYTE, FAULTY_HALF } faulty_part;

typedef struct faulty_failure {
    int error;
    faulty_part part;
} faulty_failure;

typedef struct faulty_files {
    weir_files super; /* hand out &faulty->super */
    faulty_names seen;
    faulty_names on_disk;
    faulty_handle handles[FAULTY_HANDLES_MAX];
    unsigned calls[FAULTY_CALLS]; /* so far */
    /* Call number fail_at (from 1) of kind fail_call fails; 0: none does. With `forever` all after it do, too. */
    faulty_call fail_call;
    unsigned fail_at;
    bool forever;
    faulty_call also_call; /* once that has failed, all calls of this kind fail, too; FAULTY_CALLS: none */
    faulty_failure failure;
} faulty_files;

void faulty_files_init(faulty_files *faulty);
void faulty_files_done(faulty_files *faulty);

/* Makes a file (or a folder, with NULL bytes) as if it had always been there; one that is there is replaced. */
void faulty_put(faulty_files *faulty, const char *path, const void *bytes, size_t size);
/* What programs see in a file; NULL: there is none. */
const weir_buffer *faulty_get(faulty_files *faulty, const char *path);

/* The process is gone: handles and locks with it; files stay as programs saw them. */
void faulty_kill(faulty_files *faulty);
/* As faulty_kill, and what was not synced is gone, too, but for `kept_percent` of what had been added to a file. */
void faulty_power_cut(faulty_files *faulty, unsigned kept_percent);
/* From now on nothing fails. */
void faulty_heal(faulty_files *faulty);

#endif
