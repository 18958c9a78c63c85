/* SPDX-License-Identifier: Apache-2.0
 *
 * One request and its answer, whatever the version of HTTP. All text of a request lives in one arena, and exchanges are
 * pooled with the first block of it, so that a request of usual size costs no allocation.
 */
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/http_connection.h"

enum {
    ARENA_BLOCK_BYTES = 2048, /* the headers of an OTLP client take about 500 */
    HEADERS_FIRST_CAPACITY = 16,
    HEADER_OVERHEAD_BYTES = 32, /* RFC 9113 §6.5.2 */
};

/* ---- arena ---- */

struct weir__arena_block {
    weir__arena_block *older;
    size_t size;
    size_t used;
    max_align_t data[];
};

static void *arena_take(weir__arena *arena, size_t size)
{
    size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    weir__arena_block *block = arena->newest;
    if (!block || block->size - block->used < size) {
        size_t block_size = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
        block = weir_alloc(1, sizeof *block + block_size);
        block->older = arena->newest;
        block->size = block_size;
        arena->newest = block;
    }
    void *taken = (char *)block->data + block->used;
    block->used += size;
    return taken;
}

/* Frees all but the first block, if that has the usual size. */
static void arena_reset(weir__arena *arena)
{
    while (arena->newest && (arena->newest->older || arena->newest->size > ARENA_BLOCK_BYTES)) {
        weir__arena_block *block = arena->newest;
        arena->newest = block->older;
        free(block);
    }
    if (arena->newest)
        arena->newest->used = 0;
}

/* ---- pool and list ---- */

static weir__exchange *pool_take(weir_http_server *server)
{
    weir__exchange *exchange = server->pool;
    if (!exchange)
        return WEIR_NEW(weir__exchange);
    server->pool = exchange->next;
    server->pool_count--;
    return exchange;
}

static void pool_give(weir_http_server *server, weir__exchange *exchange)
{
    if (server->pool_count == WEIR_HTTP_POOL_MAX) {
        weir__exchange_free(exchange);
        return;
    }
    arena_reset(&exchange->arena);
    *exchange = (weir__exchange){
        .arena = exchange->arena, .headers = exchange->headers, .header_capacity = exchange->header_capacity};
    exchange->next = server->pool;
    server->pool = exchange;
    server->pool_count++;
}

void weir__exchange_free(weir__exchange *exchange)
{
    arena_reset(&exchange->arena);
    free(exchange->arena.newest);
    free(exchange->headers);
    free(exchange);
}

weir__exchange *weir__exchange_begin(weir__connection *connection)
{
    weir_http_server *server = connection->server;
    weir__exchange *exchange = pool_take(server);
    exchange->connection = connection;
    exchange->next = NULL;
    exchange->previous = connection->newest;
    if (connection->newest)
        connection->newest->next = exchange;
    else
        connection->oldest = exchange;
    connection->newest = exchange;
    connection->exchange_count++;
    exchange->started_ns = weir_loop_now_ns(server->loop);
    exchange->request.peer = connection->peer;
    exchange->request.loop = server->loop;
    exchange->request.content_length = -1;
    uint32_t first_ms = server->options.read_header_timeout_ms < server->options.request_timeout_ms
                            ? server->options.read_header_timeout_ms
                            : server->options.request_timeout_ms;
    weir__connection_arm(connection, exchange->started_ns + first_ms * UINT64_C(1000000));
    return exchange;
}

void weir__exchange_end(weir__exchange *exchange)
{
    weir__connection *connection = exchange->connection;
    WEIR_ASSERT(connection->exchange_count > 0);
    if (exchange->previous)
        exchange->previous->next = exchange->next;
    else
        connection->oldest = exchange->next;
    if (exchange->next)
        exchange->next->previous = exchange->previous;
    else
        connection->newest = exchange->previous;
    if (--connection->exchange_count == 0)
        connection->idle_since_ns = weir_loop_now_ns(connection->server->loop);
    pool_give(connection->server, exchange);
}

/* ---- what the protocol fills in ---- */

void *weir__exchange_alloc(weir__exchange *exchange, size_t size)
{
    return arena_take(&exchange->arena, size);
}

weir_text weir__exchange_copy(weir__exchange *exchange, weir_text text)
{
    if (text.len == 0)
        return (weir_text){"", 0};
    char *copy = arena_take(&exchange->arena, text.len);
    memcpy(copy, text.data, text.len);
    return (weir_text){copy, text.len};
}

void weir__exchange_add_header(weir__exchange *exchange, weir_text name, weir_text value)
{
    weir_http_request *request = &exchange->request;
    exchange->header_bytes += name.len + value.len + HEADER_OVERHEAD_BYTES;
    if (exchange->header_bytes > exchange->connection->server->options.header_list_bytes_max ||
        request->header_count == WEIR_HEADERS_MAX) {
        exchange->is_overflowing = true;
        return;
    }
    if (request->header_count == exchange->header_capacity) {
        exchange->header_capacity =
            exchange->header_capacity ? exchange->header_capacity * 2 : (size_t)HEADERS_FIRST_CAPACITY;
        exchange->headers = weir_realloc(exchange->headers, exchange->header_capacity, sizeof *exchange->headers);
    }
    weir_http_header *header = &exchange->headers[request->header_count++];
    header->name = weir__exchange_copy(exchange, name);
    header->value = weir__exchange_copy(exchange, value);
    request->headers = exchange->headers;
}

void weir__exchange_set_target(weir__exchange *exchange, weir_text target)
{
    const char *fragment = memchr(target.data, '#', target.len);
    if (fragment)
        target.len = (size_t)(fragment - target.data);
    const char *mark = memchr(target.data, '?', target.len);
    size_t path_len = mark ? (size_t)(mark - target.data) : target.len;
    exchange->request.path = (weir_text){target.data, path_len};
    exchange->request.query = mark ? (weir_text){mark + 1, target.len - path_len - 1} : (weir_text){"", 0};
}

weir_text weir_http_request_header(const weir_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (weir_text_is(request->headers[i].name, name))
            return request->headers[i].value;
    }
    return (weir_text){NULL, 0};
}

/* ---- the handler's view ---- */

void weir__exchange_announce(weir__exchange *exchange)
{
    weir_http_server *server = exchange->connection->server;
    server->counts.requests++;
    exchange->is_announced = true;
    weir__connection_arm(exchange->connection,
                         exchange->started_ns + server->options.request_timeout_ms * UINT64_C(1000000));
    server->ops.on_request(server->handler, &exchange->request);
}

void weir__exchange_body(weir__exchange *exchange, const uint8_t *data, size_t len)
{
    weir_http_server *server = exchange->connection->server;
    if (exchange->is_announced && !exchange->is_answered)
        server->ops.on_body(server->handler, &exchange->request, data, len);
}

void weir__exchange_complete(weir__exchange *exchange)
{
    weir_http_server *server = exchange->connection->server;
    exchange->is_complete = true;
    if (exchange->is_announced && !exchange->is_answered)
        server->ops.on_end(server->handler, &exchange->request);
}

void weir__exchange_abort(weir__exchange *exchange)
{
    weir_http_server *server = exchange->connection->server;
    bool is_known = exchange->is_announced && !exchange->is_answered;
    exchange->is_answered = true;
    if (is_known)
        server->ops.on_abort(server->handler, &exchange->request);
}

static void answer(weir__exchange *exchange, const weir_http_response *response)
{
    weir__connection *connection = exchange->connection;
    exchange->is_answered = true;
    if (connection->is_closing)
        return;
    exchange->answered_ns = weir_loop_now_ns(connection->server->loop);
    weir__connection_arm(connection, exchange->answered_ns + WEIR_HTTP_WRITE_TIMEOUT_MS * UINT64_C(1000000));
    connection->protocol->respond(exchange, response); /* the exchange may be gone now */
    weir__connection_mark(connection);
}

void weir_http_respond(weir_http_request *request, const weir_http_response *response)
{
    weir__exchange *exchange = (weir__exchange *)(void *)request;
    WEIR_ASSERT(exchange->is_announced && !exchange->is_answered);
    WEIR_ASSERT(response->header_count + response->trailer_count <= WEIR_HTTP_RESPONSE_HEADERS_MAX);
    answer(exchange, response);
}

void weir__exchange_refuse(weir__exchange *exchange, unsigned status)
{
    exchange->connection->server->counts.protocol_errors++;
    weir__exchange_abort(exchange);
    const char *phrase = weir__http_phrase(status);
    weir_http_header type = {WEIR_TEXT("content-type"), WEIR_TEXT("text/plain")};
    weir_http_response response = {
        .status = status, .headers = &type, .header_count = 1, .body = phrase, .body_len = strlen(phrase)};
    answer(exchange, &response);
}

void weir_http_respond_page(weir_http_request *request, unsigned status, const char *content_type, const void *body,
                            size_t body_len)
{
    const weir_http_header headers[] = {{WEIR_TEXT("content-type"), weir_text_of(content_type)}};
    const weir_http_response response = {
        .status = status, .headers = headers, .header_count = 1, .body = body, .body_len = body_len};
    weir_http_respond(request, &response);
}
