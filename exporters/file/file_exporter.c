/* SPDX-License-Identifier: Apache-2.0
 *
 * A push becomes one record, in one file; with group_by one record per value of the attribute. Records are made
 * outside of the lock and written inside it, whole. Only a line longer than PIECE_MAX holds the lock while it is made,
 * so that no worker needs more memory than that, whatever clients send.
 */
#include "exporters/file/file_exporter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "exporters/file/config.h"
#include "exporters/file/groups.h"
#include "exporters/file/outputs.h"
#include "exporters/file/path.h"
#include "net/compress.h"
#include "otlp/json.h"

enum {
    PIECE_MAX = 256 * 1024,
    FRAME_HEADER = 4,
    BYTES_PER_MEGABYTE = 1 << 20,
    MEGABYTES_DEFAULT = 100,
};

/* The process part. */
typedef struct file_shared {
    const file_config *config;
    weir_sender_config sender_config;
    weir_sender_shared *sender;
    file_output_settings settings;
    pthread_mutex_t lock; /* guards outputs, and what is written to them */
    file_outputs *outputs;
} file_shared;

/* One signal on one worker. */
typedef struct file_exporter {
    file_shared *shared;
    weir_loop *loop;
    weir_account *account;
    weir_otlp_kind kind;
    weir_buffer piece;           /* JSON being made; kept for the next */
    weir_compressor *compressor; /* NULL: not compressed */
} file_exporter;

/* What one push puts into one file. */
typedef struct file_record {
    file_exporter *exporter;
    const char *path;
    const weir_bytes *parts; /* requests, to be read as one */
    size_t part_count;
    file_output *output; /* NULL until the record is begun; the lock is held from then on */
    weir_error *error;
} file_record;

/* ---- Writing a record -------------------------------------------------------------------------------------------- */

static bool empties_at_start(const file_config *config)
{
    return !config->append && !config->rotation && !config->group_by.enabled;
}

static weir_status record_begin(file_record *record, uint64_t expected_len)
{
    file_shared *shared = record->exporter->shared;
    pthread_mutex_lock(&shared->lock);
    file_output *output;
    weir_status status = file_outputs_get(shared->outputs, record->path, false, &output, record->error);
    if (status == WEIR_OK)
        status = file_output_begin(output, expected_len, weir_loop_wall_ns(record->exporter->loop), record->error);
    if (status == WEIR_OK)
        record->output = output;
    else
        pthread_mutex_unlock(&shared->lock);
    return status;
}

/* Ends the record, if it was begun and nothing has failed. */
static weir_status record_end(file_record *record, weir_status status)
{
    if (!record->output)
        return status;
    if (status == WEIR_OK)
        status = file_output_end(record->output, record->error);
    pthread_mutex_unlock(&record->exporter->shared->lock);
    record->output = NULL;
    return status;
}

/* All of a record whose length is known. `parts` is used up. */
static weir_status record_write_whole(file_record *record, struct iovec *parts, size_t count)
{
    uint64_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].iov_len;
    weir_status status = record_begin(record, len);
    if (status == WEIR_OK)
        status = file_output_write(record->output, parts, count, record->error);
    return record_end(record, status);
}

/* ---- Lines of JSON ----------------------------------------------------------------------------------------------- */

/* What is made of the line so far; the first piece begins the record. */
static bool write_piece(void *context, weir_buffer *piece)
{
    file_record *record = context;
    struct iovec part = {.iov_base = piece->data, .iov_len = piece->len};
    weir_status status = record->output ? WEIR_OK : record_begin(record, piece->len);
    if (status == WEIR_OK)
        status = file_output_write(record->output, &part, 1, record->error);
    piece->len = 0;
    return status == WEIR_OK;
}

static weir_status write_line(file_record *record)
{
    file_exporter *exporter = record->exporter;
    const weir_otlp_json_spill spill = {.spill = write_piece, .context = record, .piece_max = PIECE_MAX};
    exporter->piece.len = 0;
    bool written =
        weir_otlp_to_json_in_pieces(exporter->kind, record->parts, record->part_count, &exporter->piece, &spill);
    if (written) {
        weir_buffer_append_byte(&exporter->piece, '\n');
        written = write_piece(record, &exporter->piece);
    }
    return record_end(record, written ? WEIR_OK : record->error->status);
}

/* ---- Frames ------------------------------------------------------------------------------------------------------ */

/* A list of parts behind a header with their length. */
typedef struct frame {
    struct iovec *parts; /* the first is the header */
    size_t count;
    uint64_t len; /* without the header */
    uint8_t header[FRAME_HEADER];
} frame;

static frame frame_new(size_t part_count)
{
    return (frame){.parts = weir_alloc(part_count + 1, sizeof(struct iovec)), .count = 1};
}

static void frame_add(frame *self, const uint8_t *data, size_t len)
{
    self->parts[self->count++] = (struct iovec){.iov_base = (uint8_t *)(uintptr_t)data, .iov_len = len};
    self->len += len;
}

/* Takes the frame's list. */
static weir_status write_frame(file_record *record, frame *takes)
{
    WEIR_FREE struct iovec *parts = WEIR_TAKE(takes->parts);
    if (takes->len > UINT32_MAX)
        return weir_error_set(record->error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
                              "a record's length has 32 bits: %llu bytes do not fit", (unsigned long long)takes->len);
    for (unsigned i = 0; i < FRAME_HEADER; i++)
        takes->header[i] = (uint8_t)(takes->len >> (24 - 8 * i));
    parts[0] = (struct iovec){.iov_base = takes->header, .iov_len = FRAME_HEADER};
    return record_write_whole(record, parts, takes->count);
}

static weir_status write_proto(file_record *record)
{
    frame whole = frame_new(record->part_count);
    for (size_t i = 0; i < record->part_count; i++)
        frame_add(&whole, record->parts[i].data, record->parts[i].len);
    return write_frame(record, &whole);
}

/* ---- Compressed frames ------------------------------------------------------------------------------------------- */

/* A record as zstd frames, one per piece of the text; one after the other they inflate to the whole. */
typedef struct compressed {
    file_record *record;
    weir_chunk **chunks;
    size_t count;
} compressed;

static bool compress(compressed *self, const struct iovec *parts, size_t count)
{
    file_exporter *exporter = self->record->exporter;
    weir_chunk *chunk = weir_compressor_run(exporter->compressor, parts, count, exporter->account);
    if (!chunk) {
        weir_error_set(self->record->error, WEIR_ERROR_RETRYABLE, WEIR_NO_MEMORY, "no memory to compress in");
        return false;
    }
    self->chunks = weir_realloc(self->chunks, self->count + 1, sizeof *self->chunks);
    self->chunks[self->count++] = chunk;
    return true;
}

static bool compress_piece(void *context, weir_buffer *piece)
{
    struct iovec part = {.iov_base = piece->data, .iov_len = piece->len};
    piece->len = 0;
    return compress(context, &part, 1);
}

static bool compress_json(compressed *self)
{
    const file_record *record = self->record;
    weir_buffer *piece = &record->exporter->piece;
    const weir_otlp_json_spill spill = {.spill = compress_piece, .context = self, .piece_max = PIECE_MAX};
    piece->len = 0;
    return weir_otlp_to_json_in_pieces(record->exporter->kind, record->parts, record->part_count, piece, &spill) &&
           compress_piece(self, piece);
}

static bool compress_proto(compressed *self)
{
    const file_record *record = self->record;
    WEIR_FREE struct iovec *parts = weir_alloc(record->part_count, sizeof *parts);
    for (size_t i = 0; i < record->part_count; i++)
        parts[i] =
            (struct iovec){.iov_base = (uint8_t *)(uintptr_t)record->parts[i].data, .iov_len = record->parts[i].len};
    return compress(self, parts, record->part_count);
}

static weir_status write_compressed(file_record *record)
{
    compressed self = {.record = record};
    bool done = record->exporter->shared->config->format == FILE_JSON ? compress_json(&self) : compress_proto(&self);
    weir_status status = WEIR_NO_MEMORY;
    if (done) {
        frame whole = frame_new(self.count);
        for (size_t i = 0; i < self.count; i++)
            frame_add(&whole, self.chunks[i]->data, self.chunks[i]->size);
        status = write_frame(record, &whole);
    }
    for (size_t i = 0; i < self.count; i++)
        weir_chunk_unref(self.chunks[i]);
    free(self.chunks);
    return status;
}

static weir_status write_record(file_exporter *exporter, const char *path, const weir_bytes *parts, size_t part_count,
                                weir_error *ret_error)
{
    file_record record = {
        .exporter = exporter, .path = path, .parts = parts, .part_count = part_count, .error = ret_error};
    if (exporter->compressor)
        return write_compressed(&record);
    return exporter->shared->config->format == FILE_JSON ? write_line(&record) : write_proto(&record);
}

/* ---- Pushes ------------------------------------------------------------------------------------------------------ */

static weir_status write_all(file_exporter *exporter, const weir_push *push, weir_error *ret_error)
{
    WEIR_FREE weir_bytes *parts = weir_alloc(push->slice_count, sizeof *parts);
    for (uint32_t i = 0; i < push->slice_count; i++)
        parts[i] = (weir_bytes){push->slices[i]->data, push->slices[i]->len};
    return write_record(exporter, exporter->shared->config->path, parts, push->slice_count, ret_error);
}

static weir_status write_group(file_exporter *exporter, const file_group *group, weir_error *ret_error)
{
    WEIR_FREE char *path = file_path_of_group(exporter->shared->config->path, group->value);
    if (!path)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "a file's name cannot have a NUL in it");
    return write_record(exporter, path, group->parts, group->part_count, ret_error);
}

/* What has no file, because the attribute is missing or is no name for one, is rejected; the rest is written. */
static void write_groups(file_exporter *exporter, const weir_push *push, weir_error *ret_error)
{
    const char *attribute = exporter->shared->config->group_by.resource_attribute;
    file_groups groups = file_groups_of(push, weir_text_of(attribute));
    uint64_t rejected = groups.items_without;
    if (rejected > 0)
        weir_error_set(ret_error, WEIR_ERROR_NONE, WEIR_OK,
                       "their resource has no text in \"%s\", which names the file", attribute);
    for (size_t i = 0; i < groups.count && !weir_error_is_retryable(ret_error); i++) {
        weir_error error = {0};
        if (write_group(exporter, &groups.items[i], &error) == WEIR_OK)
            continue;
        *ret_error = error;
        rejected += groups.items[i].items;
    }
    if (!weir_error_is_retryable(ret_error)) {
        ret_error->class_ = WEIR_ERROR_NONE;
        ret_error->rejected_items = rejected;
    }
    file_groups_done(&groups);
}

static void file_push(void *self, weir_push *push)
{
    file_exporter *exporter = self;
    weir_error error = {0};
    if (exporter->shared->config->group_by.enabled)
        write_groups(exporter, push, &error);
    else if (write_all(exporter, push, &error) == WEIR_OK)
        error = (weir_error){0};
    weir_push_done(push, &error);
}

/* Nothing is ever under way: file_push answers before it returns. */
static void file_cancel(void *self, weir_push *push)
{
    (void)self, (void)push;
}

static const weir_sender_ops file_sender_ops = {.push = file_push, .cancel = file_cancel};

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void file_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    file_config_check(config, node, diagnostics);
}

static void file_close(void *self)
{
    file_shared *shared = self;
    if (!shared)
        return;
    weir_sender_shared_free(shared->sender);
    file_outputs_free(shared->outputs);
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

static file_output_settings settings_of(const file_config *config)
{
    const bool is_lines = config->format == FILE_JSON && config->compression == FILE_NOT_COMPRESSED;
    file_output_settings settings = {
        .files = &weir_files_real, .framing = is_lines ? FILE_LINES : FILE_FRAMES, .syncs = config->fsync};
    const file_rotation_config *rotation = config->rotation;
    if (rotation) {
        const uint64_t megabytes = rotation->max_megabytes ? rotation->max_megabytes : MEGABYTES_DEFAULT;
        settings.rotates = true;
        settings.localtime = rotation->localtime;
        settings.bytes_max = megabytes * BYTES_PER_MEGABYTE;
        settings.days_max = rotation->max_days;
        settings.backups_max = rotation->max_backups;
    }
    return settings;
}

/* The one file is opened at start, so that a path that cannot work is told then. */
static weir_status open_first(file_shared *shared, weir_error *ret_error)
{
    const file_config *config = shared->config;
    file_output *output;
    if (config->group_by.enabled)
        return WEIR_OK;
    return file_outputs_get(shared->outputs, config->path, empties_at_start(config), &output, ret_error);
}

static weir_status file_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                             weir_error *ret_error)
{
    file_shared *shared = WEIR_NEW(file_shared);
    *shared = (file_shared){.config = config, .settings = settings_of(config)};
    pthread_mutex_init(&shared->lock, NULL);
    const file_config *file = config;
    unsigned folder_mode = 0;
    file_config_permissions(file, &folder_mode);
    shared->outputs = file_outputs_new(&shared->settings, file->group_by.enabled ? file->group_by.max_open_files : 1,
                                       file->create_directory || file->group_by.enabled, folder_mode);
    weir_status status = open_first(shared, ret_error);
    if (status != WEIR_OK) {
        file_close(shared);
        return status;
    }
    shared->sender_config = file_config_sender(file);
    shared->sender = weir_sender_shared_new(host, id, &shared->sender_config, NULL, 0);
    *ret_shared = shared;
    return WEIR_OK;
}

static weir_exporter *file_create(void *self, const weir_worker *worker, weir_signal signal,
                                  const weir_batch_shape *shape)
{
    file_shared *shared = self;
    const file_config *config = shared->config;
    file_exporter *exporter = WEIR_NEW(file_exporter);
    *exporter = (file_exporter){
        .shared = shared, .loop = worker->loop, .account = worker->host->account, .kind = (weir_otlp_kind)signal};
    if (config->compression == FILE_ZSTD) {
        const int64_t level = config->compression_params.level;
        exporter->compressor = weir_compressor_new(WEIR_ENCODING_ZSTD, level ? (int)level : WEIR_LEVEL_USUAL);
    }
    weir_exporter *sender = weir_sender_new(shared->sender, worker, signal, shape, &file_sender_ops, exporter);
    sender->type = &weir_exporter_file;
    return sender;
}

static void file_free(weir_exporter *sender)
{
    file_exporter *exporter = weir_sender_exporter(sender);
    weir_sender_free(sender);
    weir_compressor_free(exporter->compressor);
    weir_buffer_done(&exporter->piece);
    free(exporter);
}

static void file_promise(const void *config, char *ret_text, size_t size)
{
    const file_config *file = config;
    const weir_sender_config sender = file_config_sender(file);
    weir_sender_promise(&sender, file->path, ret_text, size);
    size_t len = strlen(ret_text);
    snprintf(ret_text + len, size - len, "; %s%s",
             file->fsync ? "synced to its disk" : "not synced: a power cut may undo it",
             empties_at_start(file) ? "; emptied at every start, as append is false" : "");
}

const weir_component_type weir_exporter_file = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXPORTER,
    .name = "file",
    .summary =
        "Writes OTLP/JSON lines, or protobuf, to files; with rotation, compression, and a file per attribute value.",
    .signals = WEIR_ON_ALL,
    .options = file_options,
    .config_size = sizeof(file_config),
    .check = file_check,
    .open = file_open,
    .close = file_close,
    .exporter_create = file_create,
    .exporter_free = file_free,
    .exporter_promise = file_promise,
};
