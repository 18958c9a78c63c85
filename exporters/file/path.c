/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/file/path.h"

#include <errno.h>
#include <string.h>

#include "core/memory.h"

/* Takes the last name off `out`, whose first `root_len` bytes stay. False if there is none that could go. */
static bool go_up(weir_buffer *out, size_t root_len)
{
    if (out->len == root_len)
        return false;
    size_t at = out->len;
    while (at > root_len && out->data[at - 1] != '/')
        at--;
    weir_text last = {(const char *)out->data + at, out->len - at};
    if (weir_text_is(last, ".."))
        return false;
    out->len = at > root_len ? at - 1 : root_len;
    return true;
}

static void add_name(weir_buffer *out, size_t root_len, weir_text name)
{
    if (name.len == 0 || weir_text_is(name, "."))
        return;
    if (weir_text_is(name, "..") && (go_up(out, root_len) || root_len > 0))
        return;
    if (out->len > root_len)
        weir_buffer_append_byte(out, '/');
    weir_buffer_append(out, name.data, name.len);
}

char *file_path_clean(weir_text path)
{
    WEIR_BUFFER out = {0};
    const size_t root_len = path.len > 0 && path.data[0] == '/';
    if (root_len)
        weir_buffer_append_byte(&out, '/');
    for (size_t at = 0; at < path.len;) {
        const char *slash = memchr(path.data + at, '/', path.len - at);
        size_t end = slash ? (size_t)(slash - path.data) : path.len;
        add_name(&out, root_len, (weir_text){path.data + at, end - at});
        at = end + 1;
    }
    return out.len > 0 ? weir_strndup((const char *)out.data, out.len) : weir_strdup(".");
}

/* The part before the *, cleaned; it keeps a slash at its end. */
static char *clean_prefix(weir_text prefix)
{
    WEIR_FREE char *cleaned = file_path_clean(prefix);
    bool slash_lost = prefix.data[prefix.len - 1] == '/' && cleaned[strlen(cleaned) - 1] != '/';
    return weir_format("%s%s", cleaned, slash_lost ? "/" : "");
}

char *file_path_of_group(const char *pattern, weir_text segment)
{
    if (segment.len > 0 && memchr(segment.data, '\0', segment.len))
        return NULL;
    const char *star = strchr(pattern, '*');
    WEIR_FREE char *prefix = clean_prefix((weir_text){pattern, (size_t)(star - pattern)});
    if (weir_text_starts(segment, "./"))
        segment = (weir_text){segment.data + 1, segment.len - 1};
    else if (weir_text_starts(segment, "../"))
        segment = (weir_text){segment.data + 2, segment.len - 2};
    WEIR_FREE char *joined = weir_format("%s%.*s%s", prefix, WEIR_TEXT_ARG(segment), star + 1);
    WEIR_FREE char *path = file_path_clean(weir_text_of(joined));
    if (strncmp(path, prefix, strlen(prefix)) == 0)
        return WEIR_TAKE(path);
    /* It leads out: as if the prefix were the root of the file system. */
    WEIR_FREE char *rooted = weir_format("/%.*s%s", WEIR_TEXT_ARG(segment), star + 1);
    WEIR_FREE char *inside = file_path_clean(weir_text_of(rooted));
    WEIR_FREE char *whole = weir_format("%s/%s", prefix, inside);
    return file_path_clean(weir_text_of(whole));
}

weir_status file_path_make_folders(const weir_files *files, const char *path, unsigned mode)
{
    WEIR_FREE char *folder = weir_strdup(path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (files->mkdir(files, folder, mode) != 0 && errno != EEXIST)
            return WEIR_IO;
        *slash = '/';
    }
    return WEIR_OK;
}
