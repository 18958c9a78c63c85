/* SPDX-License-Identifier: Apache-2.0 */
#include "extensions/secret_file.h"

#include <fcntl.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/sha256.h"
#include "telemetry/log.h"

struct weir_secret_file {
    weir_secret_file_options options;
    weir_timer *timer;
    uint8_t digest[WEIR_SHA256_BYTES]; /* of the contents in use */
    bool is_failing;                   /* said once */
};

static void warn_of_permissions(const weir_secret_file_options *options)
{
    const weir_files *files = options->files;
    struct stat found;
    int fd = files->open(files, options->path, O_RDONLY, 0);
    if (fd < 0)
        return;
    bool is_open_to_others =
        files->fstat(files, fd, &found) == 0 && (found.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0;
    files->close(files, fd);
    if (is_open_to_others)
        weir_log(WEIR_LOG_WARN, options->id,
                 "a file with secrets may be read or changed by others: take the permissions away file=%s mode=%04o",
                 options->path, (unsigned)found.st_mode & 07777);
}

static weir_text trim(weir_text text)
{
    static const char blanks[] = " \t\r\n\v\f";
    while (text.len && memchr(blanks, text.data[0], sizeof blanks - 1))
        text = (weir_text){text.data + 1, text.len - 1};
    while (text.len && memchr(blanks, text.data[text.len - 1], sizeof blanks - 1))
        text.len--;
    return text;
}

/* Contents that are refused leave the digest as it was: they are looked at again until the file is right. */
static weir_status use(weir_secret_file *file, weir_bytes bytes, weir_error *ret_error)
{
    uint8_t digest[WEIR_SHA256_BYTES];
    weir_sha256(bytes.data, bytes.len, digest);
    if (memcmp(digest, file->digest, sizeof digest) == 0)
        return WEIR_OK;
    weir_text contents = trim((weir_text){(const char *)bytes.data, bytes.len});
    weir_status status = contents.len ? file->options.on_change(file->options.user, contents, ret_error)
                                      : weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                                                       "the file %s is empty", file->options.path);
    if (status == WEIR_OK)
        memcpy(file->digest, digest, sizeof digest);
    return status;
}

static weir_status read_file(weir_secret_file *file, weir_error *ret_error)
{
    WEIR_BUFFER bytes = {0};
    const weir_secret_file_options *options = &file->options;
    weir_status status = weir_file_read_all(options->files, options->path, WEIR_SECRET_FILE_BYTES_MAX, &bytes);
    if (status == WEIR_OK)
        status = use(file, (weir_bytes){bytes.data ? bytes.data : (const uint8_t *)"", bytes.len}, ret_error);
    else
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status, "the file %s cannot be read: %s", options->path,
                       weir_status_text(status));
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.len);
    return status;
}

static void look_again(void *user)
{
    weir_secret_file *file = user;
    weir_error error = {0};
    uint8_t before[WEIR_SHA256_BYTES];
    memcpy(before, file->digest, sizeof before);
    weir_status status = read_file(file, &error);
    if (status != WEIR_OK && !file->is_failing)
        weir_log(WEIR_LOG_WARN, file->options.id, "%s; what it said before stays in use", error.text);
    else if (status == WEIR_OK && memcmp(before, file->digest, sizeof before) != 0)
        weir_log(WEIR_LOG_INFO, file->options.id, "read again after a change file=%s", file->options.path);
    file->is_failing = status != WEIR_OK;
    weir_timer_start(file->timer, WEIR_SECRET_FILE_PERIOD_MS);
}

weir_status weir__secret_file_open(const weir_secret_file_options *options, weir_secret_file **ret_file,
                                   weir_error *ret_error)
{
    weir_secret_file *file = WEIR_NEW(weir_secret_file);
    file->options = *options;
    weir_status status = read_file(file, ret_error);
    if (status != WEIR_OK) {
        free(file);
        return status;
    }
    warn_of_permissions(options);
    file->timer = weir_timer_new(options->loop, look_again, file);
    weir_timer_start(file->timer, WEIR_SECRET_FILE_PERIOD_MS);
    *ret_file = file;
    return WEIR_OK;
}

void weir__secret_file_close(weir_secret_file *file)
{
    if (!file)
        return;
    weir_timer_free(file->timer);
    free(file);
}
