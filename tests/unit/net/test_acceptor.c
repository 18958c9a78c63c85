/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "core/memory.h"
#include "net/acceptor.h"

enum { CLIENTS = 6, SERVERS = 3, SETTLE_MS = 100 };

static void ignore_request(void *handler, weir_http_request *request)
{
    (void)handler;
    (void)request;
}

static void ignore_body(void *handler, weir_http_request *request, const uint8_t *data, size_t len)
{
    (void)handler;
    (void)request;
    (void)data;
    (void)len;
}

static const weir_http_handler ignoring = {ignore_request, ignore_body, ignore_request, ignore_request};

static void on_stop(void *user)
{
    weir_loop_stop(user);
}

static void run_for(weir_loop *loop, uint64_t ms)
{
    weir_timer *timer = weir_timer_new(loop, on_stop, loop);
    weir_timer_start(timer, ms);
    weir_loop_run(loop);
    weir_timer_free(timer);
}

static void on_client(void *user, unsigned events)
{
    (void)user;
    (void)events;
}

static weir_socket *connect_to(weir_loop *loop, const char *endpoint)
{
    weir_socket *socket;
    weir_error error;
    cr_assert_eq(weir_loop_connect(loop, endpoint, on_client, NULL, &socket, &error), WEIR_OK);
    return socket;
}

Test(acceptor, connections_go_to_the_least_loaded)
{
    weir_loop *loop = weir_loop_new_uv();
    weir_http_options options = {.versions = WEIR_HTTP_1};
    weir_http_server *servers[SERVERS];
    for (size_t i = 0; i < SERVERS; i++)
        servers[i] = weir_http_server_new(loop, &options, &ignoring, NULL);
    weir_acceptor *acceptor;
    weir_error error;
    cr_assert_eq(weir_acceptor_new(loop, "127.0.0.1:0", servers, SERVERS, &acceptor, &error), WEIR_OK, "%s",
                 error.text);

    weir_socket *clients[CLIENTS + 2];
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i] = connect_to(loop, weir_acceptor_address(acceptor));
    run_for(loop, SETTLE_MS);
    for (size_t i = 0; i < SERVERS; i++)
        cr_assert_eq(weir_http_server_load(servers[i]), CLIENTS / SERVERS, "server %zu", i);

    weir_http_server_free(WEIR_TAKE(servers[1])); /* its connections end */
    servers[1] = weir_http_server_new(loop, &options, &ignoring, NULL);
    weir_acceptor *second;
    cr_assert_eq(weir_acceptor_new(loop, "127.0.0.1:0", servers, SERVERS, &second, &error), WEIR_OK);
    for (size_t i = CLIENTS; i < CLIENTS + 2; i++)
        clients[i] = connect_to(loop, weir_acceptor_address(second));
    run_for(loop, SETTLE_MS);
    cr_assert_eq(weir_http_server_load(servers[1]), 2, "the empty one takes both");

    for (size_t i = 0; i < WEIR_COUNT_OF(clients); i++)
        weir_socket_close(clients[i]);
    weir_acceptor_free(acceptor);
    weir_acceptor_free(second);
    for (size_t i = 0; i < SERVERS; i++)
        weir_http_server_free(servers[i]);
    weir_loop_free(loop);
}
