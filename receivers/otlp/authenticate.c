/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/authenticate.h"

#include "core/assert.h"
#include "core/memory.h"
#include "receivers/otlp/answer.h"

/* ---- request_params ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%41" and "+" of a query (WHATWG URL, application/x-www-form-urlencoded); what is no escape stays as it is. */
static void decode(weir_text text, weir_buffer *out)
{
    out->len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i] == '+' ? ' ' : text.data[i];
        if (c == '%' && i + 2 < text.len && hex_digit(text.data[i + 1]) >= 0 && hex_digit(text.data[i + 2]) >= 0) {
            c = (char)(hex_digit(text.data[i + 1]) * 16 + hex_digit(text.data[i + 2]));
            i += 2;
        }
        weir_buffer_append_byte(out, (uint8_t)c);
    }
}

/* Takes the first "name=value" off the query. */
static weir_text next_pair(weir_text *query)
{
    const char *ampersand = memchr(query->data, '&', query->len);
    size_t len = ampersand ? (size_t)(ampersand - query->data) : query->len;
    weir_text pair = {query->data, len};
    size_t taken = ampersand ? len + 1 : len;
    *query = (weir_text){query->data + taken, query->len - taken};
    return pair;
}

/* The decoded value of the first parameter `name`. */
static bool find_parameter(weir_text query, const char *name, weir_buffer *ret_value)
{
    WEIR_BUFFER decoded = {0};
    while (query.len) {
        weir_text pair = next_pair(&query);
        const char *equals = pair.len ? memchr(pair.data, '=', pair.len) : NULL;
        size_t name_len = equals ? (size_t)(equals - pair.data) : pair.len;
        decode((weir_text){pair.data, name_len}, &decoded);
        if (!weir_text_is((weir_text){(const char *)decoded.data, decoded.len}, name))
            continue;
        size_t skip = equals ? name_len + 1 : name_len;
        decode((weir_text){pair.data + skip, pair.len - skip}, ret_value);
        return true;
    }
    return false;
}

/* The headers of `http` that a client could send for itself, and those that parameters stand in for. */
static void add_parameters(const weir_http_request *http, const weir_strings *names, weir_headers *out)
{
    WEIR_BUFFER value = {0};
    for (size_t i = 0; i < http->header_count; i++)
        weir_headers_add(out, http->headers[i].name, http->headers[i].value);
    for (size_t i = 0; i < names->count; i++) {
        weir_text name = weir_text_of(names->items[i]);
        if (!weir_headers_get(out, name).data && find_parameter(http->query, names->items[i], &value))
            weir_headers_add(out, name, (weir_text){(const char *)value.data, value.len});
    }
}

/* ---- the question ---- */

static bool ask(const otlp_request *request, const weir_http_request *http, weir_headers *ret_attributes,
                weir_error *ret_error)
{
    weir_server_auth *auth = request->port->auth;
    return auth->authenticate(auth, http, ret_attributes, ret_error);
}

static bool ask_with_parameters(const otlp_request *request, const weir_strings *names, weir_headers *ret_attributes,
                                weir_error *ret_error)
{
    WEIR_CLEANUP(weir_headers_done) weir_headers headers = {0};
    add_parameters(request->http, names, &headers);
    weir_http_request http = *request->http;
    http.headers = headers.items;
    http.header_count = headers.count;
    return ask(request, &http, ret_attributes, ret_error);
}

static void keep_identity(otlp_request *request, const weir_headers *attributes)
{
    WEIR_ASSERT(attributes->count <= OTLP_IDENTITY_MAX);
    for (size_t i = 0; i < attributes->count; i++) {
        const weir_http_header *attribute = &attributes->items[i];
        WEIR_FREE char *name = weir_format(":auth.%.*s", WEIR_TEXT_ARG(attribute->name));
        weir_headers_add(&request->identity, weir_text_of(name), attribute->value);
    }
}

bool weir__otlp_authenticate(otlp_request *request)
{
    const otlp_port *port = request->port;
    if (!port->auth)
        return true;
    static const weir_strings none = {0};
    const weir_strings *names = port->http ? &port->http->auth->request_params : &none;
    WEIR_CLEANUP(weir_headers_done) weir_headers attributes = {0};
    weir_error error = {0};
    bool is_known = names->count && request->http->query.len ? ask_with_parameters(request, names, &attributes, &error)
                                                             : ask(request, request->http, &attributes, &error);
    if (is_known)
        keep_identity(request, &attributes);
    else if (weir_error_is_retryable(&error))
        weir__otlp_refuse(request, OTLP_REFUSED_AUTH_BUSY, "%s", error.text);
    else
        weir__otlp_refuse(request, OTLP_REFUSED_UNAUTHENTICATED, "%s", error.text);
    return is_known;
}
