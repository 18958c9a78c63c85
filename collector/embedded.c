/* SPDX-License-Identifier: Apache-2.0 */
#include "embedded.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/lock_file.h"
#include "core/memory.h"

/* Bounded in all: 1 GiB of queue, and three times 64 MiB of files for each signal. */
#define FILE_EXPORTER(signal)                                             \
    "file/" signal ": {path: \"${env:WEIR_STATE_DIR}/" signal ".jsonl\"," \
    " fsync: true, rotation: {max_megabytes: 64, max_backups: 2}, sending_queue: {storage: file_storage}}"
#define PIPELINE(signal) \
    signal ": {receivers: [otlp], processors: [memory_limiter], exporters: [file/" signal ", debug]}"

const char weir_embedded_configuration[] =
    "yaml:{receivers: {otlp: {protocols: {grpc: {endpoint: \"127.0.0.1:4317\"}, http: {endpoint: "
    "\"127.0.0.1:4318\"}}}},"
    " processors: {memory_limiter: {limit_mib: 256}},"
    " extensions: {file_storage: {directory: \"${env:WEIR_STATE_DIR}/queue\", create_directory: true,"
    "  directory_permissions: \"0700\", max_size: 1GiB}},"
    " exporters: {" FILE_EXPORTER("traces") ", " FILE_EXPORTER("metrics") ", " FILE_EXPORTER(
        "logs") ","
                "  debug: {verbosity: brief, lines_per_second: 12}},"
                " service: {extensions: [file_storage], telemetry: {metrics: {level: none}},"
                "  pipelines: {" PIPELINE("traces") ", " PIPELINE("metrics") ", " PIPELINE("logs") "}}}";

const char *weir_embedded_environment(void *user, const char *name)
{
    return strcmp(name, "WEIR_STATE_DIR") == 0 ? user : getenv(name);
}

/* ---- where ---- */

static const char *home_folder(void)
{
    const char *home = getenv("HOME");
    if (home && home[0] == '/')
        return home;
    const struct passwd *entry = getpwuid(geteuid());
    return entry && entry->pw_dir[0] == '/' ? entry->pw_dir : NULL;
}

/* A relative path is made absolute, so that messages can be acted on from anywhere. */
static char *absolute(const char *path)
{
    WEIR_FREE char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    return here ? weir_format("%s/%s", here, path) : weir_strdup(path);
}

char *weir_state_folder(const char *given, weir_error *ret_error)
{
    const char *of_systemd = getenv("STATE_DIRECTORY"), *of_xdg = getenv("XDG_STATE_HOME");
    if (given)
        return absolute(given);
    if (of_systemd && *of_systemd)
        return weir_strndup(of_systemd, strcspn(of_systemd, ":")); /* the first of StateDirectory= in the unit */
    if (of_xdg && of_xdg[0] == '/') /* a relative one is to be ignored (XDG Base Directory Specification) */
        return weir_format("%s/weir", of_xdg);
    if (geteuid() == 0)
        return weir_strdup("/var/lib/weir");
    const char *home = home_folder();
    if (home)
        return weir_format("%s/.local/state/weir", home);
    weir_error_set(
        ret_error, WEIR_ERROR_PERMANENT, WEIR_NOT_FOUND,
        "this user has no home to keep the queue and files in: say where with --state-dir FOLDER, or write a "
        "configuration (--config)");
    return NULL;
}

/* ---- taking it ---- */

static weir_status cannot_use(const char *folder, weir_error *ret_error)
{
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO,
                          "cannot keep the queue and files in %s: %s; name another folder with --state-dir, or write a "
                          "configuration (--config)",
                          folder, strerror(errno));
}

static bool make_folders(const char *folder)
{
    WEIR_FREE char *path = weir_strdup(folder);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

weir_status weir_state_folder_take(const char *folder, weir_error *ret_error)
{
    WEIR_FREE char *path = weir_format("%s/weir.lock", folder);
    char holder[WEIR_LOCK_HOLDER_SIZE];
    int fd; /* stays open, and the lock with it, until the process ends */
    if (!make_folders(folder))
        return cannot_use(folder, ret_error);
    weir_status status = weir_lock_file_take(&weir_files_real, path, &fd, holder);
    if (status == WEIR_AGAIN)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status,
                              "another weir without a configuration runs already (process %s, in %s): stop it, or give "
                              "this one a folder and ports of its own (--state-dir, --set)",
                              holder, folder);
    if (status != WEIR_OK)
        return cannot_use(folder, ret_error);
    (void)weir_lock_file_sign(&weir_files_real, fd);
    return WEIR_OK;
}

void weir_embedded_announce(const char *folder)
{
    printf("without --config: OTLP on 127.0.0.1:4317 (gRPC) and 127.0.0.1:4318 (HTTP), unless --set says otherwise\n"
           "files  %s/traces.jsonl, metrics.jsonl, logs.jsonl   OTLP/JSON lines, 64 MiB and two older ones each\n"
           "queue  %s/queue   what is not in the files yet; weir queue ls shows it\n",
           folder, folder);
    fflush(stdout);
}
