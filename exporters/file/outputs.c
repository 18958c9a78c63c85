/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/file/outputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "exporters/file/path.h"

/* Few enough to be searched one by one: max_open_files is 100 unless written otherwise. */
typedef struct slot {
    file_output *output;
    uint64_t used; /* the higher, the later */
} slot;

struct file_outputs {
    const file_output_settings *settings;
    bool makes_folders;
    unsigned folder_mode;
    size_t open_max;
    uint64_t uses;
    size_t count;
    slot *slots;
};

file_outputs *file_outputs_new(const file_output_settings *settings, size_t open_max, bool makes_folders,
                               unsigned folder_mode)
{
    file_outputs *self = WEIR_NEW(file_outputs);
    *self = (file_outputs){.settings = settings,
                           .makes_folders = makes_folders,
                           .folder_mode = folder_mode,
                           .open_max = open_max,
                           .slots = weir_alloc(open_max, sizeof *self->slots)};
    return self;
}

void file_outputs_free(file_outputs *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        file_output_close(self->slots[i].output);
    free(self->slots);
    free(self);
}

static slot *find(file_outputs *self, const char *path)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(file_output_path(self->slots[i].output), path) == 0)
            return &self->slots[i];
    }
    return NULL;
}

/* A slot for one more, emptied if need be. */
static slot *free_slot(file_outputs *self)
{
    if (self->count < self->open_max)
        return &self->slots[self->count++];
    slot *oldest = &self->slots[0];
    for (size_t i = 1; i < self->count; i++) {
        if (self->slots[i].used < oldest->used)
            oldest = &self->slots[i];
    }
    file_output_close(oldest->output);
    return oldest;
}

static weir_status open_new(file_outputs *self, const char *path, bool empties, file_output **ret_output,
                            weir_error *ret_error)
{
    if (self->makes_folders && file_path_make_folders(self->settings->files, path, self->folder_mode) != WEIR_OK) {
        bool hopeless = errno == ENAMETOOLONG || errno == ENOTDIR;
        return weir_error_set(ret_error, hopeless ? WEIR_ERROR_PERMANENT : WEIR_ERROR_RETRYABLE, WEIR_IO,
                              "cannot make the folders of %s: %s", path, strerror(errno));
    }
    return file_output_open(self->settings, path, empties, ret_output, ret_error);
}

weir_status file_outputs_get(file_outputs *self, const char *path, bool empties, file_output **ret_output,
                             weir_error *ret_error)
{
    slot *at = find(self, path);
    if (!at) {
        file_output *opened;
        weir_status status = open_new(self, path, empties, &opened, ret_error);
        if (status != WEIR_OK)
            return status;
        at = free_slot(self);
        at->output = opened;
    }
    at->used = ++self->uses;
    *ret_output = at->output;
    return WEIR_OK;
}
