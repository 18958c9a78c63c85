/* SPDX-License-Identifier: Apache-2.0
 *
 * Kibana's saved objects: imported by POST /api/saved_objects/_import?overwrite=true, a form with one file (Kibana's
 * documentation, "Import saved objects API").
 */
#include <errno.h>
#include <stdio.h>

#include "core/memory.h"
#include "exporters/elasticsearch/setup/answers.h"
#include "exporters/elasticsearch/setup/files.h"
#include "exporters/elasticsearch/setup/installer.h"

/* Stands in the files where Jaeger's address belongs. */
static const char placeholder[] = "__JAEGER_URL__";
static const char boundary[] = "weir-saved-objects-5f1c9d0e7ab34c62";
static const char privileges[] = "the Kibana privilege Saved Objects Management (All) in this space";

/* ---- the objects ---- */

static bool is_saved_objects(const char *name)
{
    size_t len = strlen(name);
    return strncmp(name, "kibana/", 7) == 0 && len > 7 && strcmp(name + len - 7, ".ndjson") == 0;
}

/* `url` needs no escaping (setup_is_plain_url). A slash at its end is left out: the files write one behind it. */
static void append_filled(weir_bytes file, const char *url, weir_buffer *out)
{
    size_t url_len = strlen(url);
    while (url_len > 0 && url[url_len - 1] == '/')
        url_len--;
    const char *at = (const char *)file.data, *end = at + file.len;
    for (const char *next; (next = memmem(at, (size_t)(end - at), placeholder, sizeof placeholder - 1)) != NULL;) {
        weir_buffer_append(out, at, (size_t)(next - at));
        weir_buffer_append(out, url, url_len);
        at = next + sizeof placeholder - 1;
    }
    weir_buffer_append(out, at, (size_t)(end - at));
}

/* All files as one; each ends with a line end. */
static void append_objects(const char *jaeger_url, weir_buffer *out)
{
    for (size_t i = 0; i < setup_file_count; i++) {
        if (!is_saved_objects(setup_files[i].name))
            continue;
        append_filled(setup_files[i].bytes, jaeger_url, out);
        if (out->len > 0 && out->data[out->len - 1] != '\n')
            weir_buffer_append_byte(out, '\n');
    }
}

static int write_objects(const char *path, const weir_buffer *objects)
{
    FILE *file = fopen(path, "w");
    bool is_written = file && fwrite(objects->data, 1, objects->len, file) == objects->len;
    if (file && fclose(file) != 0)
        is_written = false;
    if (!is_written) {
        fprintf(stderr, "weir setup: %s: %s\n", path, strerror(errno));
        return 1;
    }
    printf("written    %s: import it in Kibana under Stack Management, Saved Objects\n", path);
    return 0;
}

/* ---- the import ---- */

static void append_form(const weir_buffer *objects, weir_buffer *out)
{
    weir_buffer_printf(out,
                       "--%s\r\n"
                       "Content-Disposition: form-data; name=\"file\"; filename=\"weir.ndjson\"\r\n"
                       "Content-Type: application/ndjson\r\n\r\n",
                       boundary);
    weir_buffer_append(out, objects->data, objects->len);
    weir_buffer_printf(out, "\r\n--%s--\r\n", boundary);
}

static const char *text_or(const weir_node *node, const char *path, const char *otherwise)
{
    const char *text = setup_json_text(node, path);
    return text ? text : otherwise;
}

static void print_error(const weir_node *error)
{
    WEIR_BUFFER line = {0};
    weir_buffer_append_plain(&line, text_or(error, "type", "object"));
    weir_buffer_append_byte(&line, ' ');
    weir_buffer_append_plain(&line, text_or(error, "meta/title", text_or(error, "id", "?")));
    weir_buffer_append_text(&line, ": ");
    weir_buffer_append_plain(&line, text_or(error, "error/type", "refused"));
    weir_buffer_append_byte(&line, ' ');
    weir_buffer_append_plain(&line, text_or(error, "error/message", ""));
    fprintf(stderr, "weir setup: not imported: %s\n", weir_buffer_string(&line));
}

static void print_results(const weir_node *root)
{
    const weir_node *done = setup_json_at(root, "successResults");
    for (size_t i = 0; done && done->kind == WEIR_NODE_SEQUENCE && i < done->count; i++) {
        WEIR_BUFFER line = {0};
        weir_buffer_append_plain(&line, text_or(done->items[i], "type", "object"));
        weir_buffer_append_byte(&line, ' ');
        weir_buffer_append_plain(&line, text_or(done->items[i], "meta/title", text_or(done->items[i], "id", "?")));
        bool is_replaced = strcmp(text_or(done->items[i], "overwrite", "false"), "true") == 0;
        printf("%-10s %s\n", is_replaced ? "replaced" : "created", weir_buffer_string(&line));
    }
    const weir_node *errors = setup_json_at(root, "errors");
    for (size_t i = 0; errors && errors->kind == WEIR_NODE_SEQUENCE && i < errors->count; i++)
        print_error(errors->items[i]);
}

/* 0 if the answer says that every object is there now. */
static int read_results(const setup_client *client, const setup_answer *answer)
{
    weir_tree *tree = weir_tree_new();
    const weir_node *root = setup_json(tree, (weir_bytes){answer->body.data, answer->body.len});
    const char *success = root ? setup_json_text(root, "success") : NULL;
    int code = success && strcmp(success, "true") == 0 ? 0 : 1;
    if (success)
        print_results(root);
    else
        fprintf(stderr, "weir setup: %s does not answer as Kibana does\n", setup_client_url(client));
    weir_tree_free(tree);
    return code;
}

static int send_objects(const char *space, setup_client *client, const char *path, const weir_buffer *form)
{
    weir_error error;
    WEIR_CLEANUP(setup_answer_done) setup_answer answer = {0};
    WEIR_FREE char *type = weir_format("multipart/form-data; boundary=%s", boundary);
    const setup_request request = {
        .method = "POST", .path = path, .content_type = type, .body = {form->data, form->len}};
    if (setup_client_send(client, &request, &answer, &error) != WEIR_OK) {
        fprintf(stderr, "weir setup: %s\n", error.text);
        return 1;
    }
    if (answer.status == 200)
        return read_results(client, &answer);
    if (answer.status == 404)
        fprintf(stderr,
                "weir setup: %s%s is not there (404): is this Kibana, with its base path, and is there a space "
                "\"%s\"?\n",
                setup_client_url(client), path, space ? space : "default");
    else
        setup_print_refusal(client, path, privileges, &answer);
    return 1;
}

int setup_kibana(const setup_arguments *given, setup_client *client)
{
    WEIR_BUFFER objects = {0};
    WEIR_BUFFER form = {0};
    append_objects(given->jaeger_url, &objects);
    if (given->output)
        return write_objects(given->output, &objects);
    WEIR_FREE char *path = given->space ? weir_format("/s/%s/api/saved_objects/_import?overwrite=true", given->space)
                                        : weir_strdup("/api/saved_objects/_import?overwrite=true");
    if (given->is_dry_run) {
        printf("POST %s%s\n%s", setup_client_url(client), path, weir_buffer_string(&objects));
        return 0;
    }
    append_form(&objects, &form);
    return send_objects(given->space, client, path, &form);
}
