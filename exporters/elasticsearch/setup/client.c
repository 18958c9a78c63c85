/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/setup/client.h"

#include <stdlib.h>

#include "core/memory.h"
#include "exporters/curl/http_client.h"
#include "exporters/curl/tls_options.h"

enum { RESPONSE_BYTES_MAX = 8 * 1024 * 1024, DEADLINE_S = 60, HEADERS_OWN = 3 };

struct setup_client {
    const setup_settings *settings;
    weir_loop *loop;
    weir_curl_client *http;
    size_t endpoint;        /* into settings->urls: the one in use */
    bool has_answered;      /* from then on no other is tried */
    weir_curl_request call; /* the one under way */
    setup_answer *answer;
    weir_error outcome;
};

setup_client *setup_client_new(const setup_settings *settings, weir_error *ret_error)
{
    const weir_tls_settings *tls = &settings->config.tls.settings;
    if (weir_curl_library_open(ret_error) != WEIR_OK)
        return NULL;
    if (weir_curl_check_tls(tls, ret_error) != WEIR_OK) {
        weir_curl_library_close();
        return NULL;
    }
    setup_client *client = WEIR_NEW(setup_client);
    const weir_curl_settings curl = {
        .tls = tls, .proxy_url = settings->config.connections.proxy_url, .response_bytes_max = RESPONSE_BYTES_MAX};
    client->settings = settings;
    client->loop = weir_loop_new_uv();
    client->http = weir_curl_client_new(client->loop, &curl);
    return client;
}

void setup_client_free(setup_client *client)
{
    if (!client)
        return;
    weir_curl_client_free(client->http);
    weir_loop_free(client->loop);
    free(client);
    weir_curl_library_close();
}

void setup_answer_done(setup_answer *answer)
{
    weir_buffer_done(&answer->body);
    answer->status = 0;
}

const char *setup_client_url(const setup_client *client)
{
    return client->settings->urls.items[client->endpoint];
}

/* ---- one call ---- */

static void on_done(void *user, weir_curl_call *call, const weir_error *error, const weir_curl_answer *answer)
{
    setup_client *client = user;
    (void)call;
    client->outcome = *error;
    if (answer) {
        client->answer->status = answer->status;
        weir_buffer_append(&client->answer->body, answer->body.data, answer->body.len);
    }
    weir_loop_stop(client->loop);
}

static void start_call(void *user)
{
    setup_client *client = user;
    client->call.deadline_ns = weir_loop_now_ns(client->loop) + DEADLINE_S * UINT64_C(1000000000);
    weir_curl_start(client->http, &client->call, on_done, client);
}

static void add_header(weir_http_header *headers, size_t *count, const char *name, const char *value)
{
    headers[(*count)++] = (weir_http_header){weir_text_of(name), weir_text_of(value)};
}

/* Those of the exporter's configuration first; ours stand behind them. `headers` has room for all. */
static size_t fill_headers(const setup_client *client, const setup_request *request, weir_http_header *headers)
{
    const weir_string_map *written = &client->settings->config.headers;
    size_t count = 0;
    for (size_t i = 0; i < written->count; i++)
        add_header(headers, &count, written->keys[i], written->values[i]);
    if (client->settings->authorization)
        add_header(headers, &count, "authorization", client->settings->authorization);
    if (request->content_type)
        add_header(headers, &count, "content-type", request->content_type);
    add_header(headers, &count, "kbn-xsrf", "true"); /* what Kibana wants to see; Elasticsearch does not mind */
    return count;
}

static void send_to_endpoint(setup_client *client, const setup_request *request)
{
    WEIR_FREE char *url = weir_format("%s%s", setup_client_url(client), request->path);
    WEIR_FREE weir_http_header *headers =
        weir_alloc(client->settings->config.headers.count + HEADERS_OWN, sizeof *headers);
    const struct iovec body = {(void *)(uintptr_t)request->body.data, request->body.len};
    client->call = (weir_curl_request){.method = request->method,
                                       .url = url,
                                       .headers = headers,
                                       .header_count = fill_headers(client, request, headers),
                                       .parts = &body,
                                       .part_count = request->content_type ? 1 : 0};
    weir_timer *turn = weir_timer_new(client->loop, start_call, client);
    weir_timer_start(turn, 0);
    weir_loop_run(client->loop);
    weir_timer_free(turn);
}

weir_status setup_client_send(setup_client *client, const setup_request *request, setup_answer *ret_answer,
                              weir_error *ret_error)
{
    *ret_answer = (setup_answer){0};
    client->answer = ret_answer;
    for (;;) {
        send_to_endpoint(client, request);
        client->has_answered = client->has_answered || client->outcome.class_ == WEIR_ERROR_NONE;
        if (client->has_answered || client->endpoint + 1 == client->settings->urls.count)
            break;
        client->endpoint++;
    }
    if (client->outcome.class_ == WEIR_ERROR_NONE)
        return WEIR_OK;
    return weir_error_set(ret_error, client->outcome.class_, WEIR_IO, "%s: %s", setup_client_url(client),
                          client->outcome.text);
}
