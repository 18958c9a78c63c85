/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP/HTTP: one POST is one Export…ServiceRequest, in protobuf or JSON, over HTTP/1.1 or HTTP/2. A request with gRPC's
 * content type over HTTP/2 is passed on to gRPC, so that one port can serve both.
 */
#include "receivers/otlp/service.h"

#include "receivers/otlp/answer.h"
#include "receivers/otlp/authenticate.h"

/* The media type without parameters and blanks. */
static weir_text media_type(weir_text content_type)
{
    const char *semicolon = memchr(content_type.data ? content_type.data : "", ';', content_type.len);
    if (semicolon)
        content_type.len = (size_t)(semicolon - content_type.data);
    while (content_type.len &&
           (content_type.data[content_type.len - 1] == ' ' || content_type.data[content_type.len - 1] == '\t'))
        content_type.len--;
    return content_type;
}

static bool check_path(otlp_request *request)
{
    weir_text path = request->http->path;
    const otlp_http_config *http = request->port->http;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        /* The configured path may lack its leading slash. */
        const char *configured = http->url_paths[signal];
        size_t skip = *configured == '/' ? 0 : 1;
        if (path.len < skip || !weir_text_is((weir_text){path.data + skip, path.len - skip}, configured))
            continue;
        request->signal = (weir_signal)signal;
        if (request->port->instance->entries[signal])
            return true;
        weir__otlp_refuse(request, OTLP_REFUSED_NOT_FOUND, "no pipeline for %s has this receiver",
                          weir_signal_name(request->signal));
        return false;
    }
    weir__otlp_refuse(request, OTLP_REFUSED_NOT_FOUND, "page not found: OTLP is at %s, %s and %s",
                      http->url_paths[WEIR_TRACES], http->url_paths[WEIR_METRICS], http->url_paths[WEIR_LOGS]);
    return false;
}

static weir_text media_type_of(const otlp_request *request)
{
    return media_type(weir_http_request_header(request->http, "content-type"));
}

static bool check_type(otlp_request *request)
{
    if (!weir_text_is(request->http->method, "POST"))
        weir__otlp_refuse(request, OTLP_REFUSED_METHOD, "method not allowed, supported: [POST]");
    else if (!request->is_json && !weir_text_equal_nocase(media_type_of(request), WEIR_TEXT("application/x-protobuf")))
        weir__otlp_refuse(request, OTLP_REFUSED_CONTENT_TYPE,
                          "unsupported media type, supported: [application/json, application/x-protobuf]");
    else
        return true;
    return false;
}

/* Whether `compression_algorithms` lets this encoding in; "identity" is the list's "". */
static bool is_allowed(const otlp_http_config *http, weir_text name)
{
    const weir_strings *algorithms = &http->compression_algorithms;
    weir_text listed = weir_text_equal_nocase(name, WEIR_TEXT("identity")) ? WEIR_TEXT("") : name;
    for (size_t i = 0; i < algorithms->count; i++)
        if (weir_text_equal_nocase(listed, weir_text_of(algorithms->items[i])))
            return true;
    return algorithms->count == 0;
}

static bool check_encoding(otlp_request *request)
{
    weir_text name = weir_http_request_header(request->http, "content-encoding");
    if (weir__otlp_read_encoding(request, name) && is_allowed(request->port->http, name))
        return true;
    weir__otlp_refuse(request, OTLP_REFUSED_ENCODING, "unsupported Content-Encoding: %.*s", WEIR_TEXT_ARG(name));
    return false;
}

static void begin_body(otlp_request *request)
{
    if (request->http->content_length <= 0)
        return;
    weir_status status = weir__otlp_body_expect(&request->body, (size_t)request->http->content_length);
    if (status != WEIR_OK)
        weir__otlp_refuse_body(request, status);
}

static void on_request(void *handler, weir_http_request *http)
{
    if (http->is_http2 && weir__otlp_is_grpc(weir_http_request_header(http, "content-type"))) {
        weir__otlp_grpc_handler.on_request(handler, http);
        return;
    }
    otlp_request *request = weir__otlp_request_begin(handler, http, OTLP_HTTP);
    request->is_json = weir_text_equal_nocase(media_type_of(request), WEIR_TEXT("application/json"));
    if (request->port->cors && weir__otlp_cors_is_preflight(http))
        weir__otlp_answer_preflight(request);
    else if (weir__otlp_authenticate(request) && check_path(request) && check_type(request) && check_encoding(request))
        begin_body(request);
}

static void on_body(void *handler, weir_http_request *http, const uint8_t *data, size_t len)
{
    otlp_request *request = http->user;
    if (request->protocol == OTLP_GRPC) {
        weir__otlp_grpc_handler.on_body(handler, http, data, len);
        return;
    }
    weir_status status = weir__otlp_body_append(&request->body, data, len);
    if (status != WEIR_OK)
        weir__otlp_refuse_body(request, status);
}

static void on_end(void *handler, weir_http_request *http)
{
    otlp_request *request = http->user;
    if (request->protocol == OTLP_GRPC)
        weir__otlp_grpc_handler.on_end(handler, http);
    else if (request->encoding == WEIR_ENCODING_IDENTITY || weir__otlp_inflate(request))
        weir__otlp_request_deliver(request);
}

static void on_abort(void *handler, weir_http_request *http)
{
    (void)handler;
    weir__otlp_request_abort(http->user);
}

const weir_http_handler weir__otlp_http_handler = {
    .on_request = on_request, .on_body = on_body, .on_end = on_end, .on_abort = on_abort};
