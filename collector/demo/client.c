/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/assert.h"
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

const weir_demo_protocol *weir_demo_protocol_get(const char *name)
{
    static const weir_demo_protocol *const protocols[] = {&weir_demo_grpc, &weir_demo_http};
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (strcmp(protocols[i]->name, name) == 0)
            return protocols[i];
    }
    return NULL;
}

void weir_demo_client_init(weir_demo_client *client, const weir_demo_protocol *protocol, const weir_endpoint *endpoint)
{
    *client = (weir_demo_client){.protocol = protocol, .endpoint = *endpoint, .fd = -1};
    bool is_ipv6 = strchr(endpoint->host, ':') != NULL;
    snprintf(client->authority, sizeof(client->authority), is_ipv6 ? "[%s]:%u" : "%s:%u", endpoint->host,
             (unsigned)endpoint->port);
}

static void disconnect(weir_demo_client *client)
{
    if (client->session)
        client->protocol->close(client->session);
    if (client->fd >= 0)
        close(client->fd);
    client->session = NULL;
    client->fd = -1;
}

void weir_demo_client_done(weir_demo_client *client)
{
    disconnect(client);
}

/* ---- connecting ------------------------------------------------------------------------------------------------ */

/* Connects to one address; -1 with errno. On Linux the timeout for sending holds for connecting too. */
static int connect_to(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    if (fd < 0)
        return -1;
    struct timeval timeout = {.tv_sec = WEIR_DEMO_TIMEOUT_MS / 1000, .tv_usec = WEIR_DEMO_TIMEOUT_MS % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason == EINPROGRESS ? ETIMEDOUT : reason;
    return -1;
}

static weir_status cannot_connect(const weir_demo_client *client, const char *reason, weir_error *ret_error)
{
    return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "cannot connect to %s: %s", client->authority,
                          reason);
}

static weir_status connect_to_endpoint(weir_demo_client *client, weir_error *ret_error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char port[8];
    snprintf(port, sizeof(port), "%u", (unsigned)client->endpoint.port);
    struct addrinfo *addresses;
    int failed = getaddrinfo(client->endpoint.host, port, &hints, &addresses);
    if (failed)
        return cannot_connect(client, gai_strerror(failed), ret_error);
    for (const struct addrinfo *address = addresses; address && client->fd < 0; address = address->ai_next)
        client->fd = connect_to(address);
    int reason = errno;
    freeaddrinfo(addresses);
    if (client->fd < 0)
        return cannot_connect(client, strerror(reason), ret_error);
    client->session = client->protocol->open(client->fd, client->authority);
    return WEIR_OK;
}

weir_status weir_demo_client_exchange(weir_demo_client *client, const weir_shop_export *const *exports, size_t count,
                                      weir_demo_outcome *outcomes, weir_error *ret_error)
{
    WEIR_ASSERT(count > 0 && count <= WEIR_DEMO_EXCHANGE_MAX);
    for (size_t i = 0; i < count; i++)
        (void)weir_error_set(&outcomes[i], WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "not answered");
    if (client->fd < 0) {
        weir_status connected = connect_to_endpoint(client, ret_error);
        if (connected != WEIR_OK)
            return connected;
    }
    weir_status status = client->protocol->exchange(client->session, exports, count, outcomes, ret_error);
    if (status != WEIR_OK)
        disconnect(client);
    return status;
}

/* ---- for the protocols ----------------------------------------------------------------------------------------- */

static weir_status lost(const char *doing, weir_error *ret_error)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, "%s: no answer within %d s", doing,
                              WEIR_DEMO_TIMEOUT_MS / 1000);
    return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "%s: %s", doing, strerror(errno));
}

weir_status weir_demo_send_all(int fd, const void *bytes, size_t len, weir_error *ret_error)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return lost("sending", ret_error);
        at += sent;
        len -= (size_t)sent;
    }
    return WEIR_OK;
}

weir_status weir_demo_receive(int fd, void *ret_bytes, size_t size, size_t *ret_len, weir_error *ret_error)
{
    ssize_t received;
    do {
        received = recv(fd, ret_bytes, size, 0);
    } while (received < 0 && errno == EINTR);
    if (received < 0)
        return lost("waiting for an answer", ret_error);
    if (received == 0)
        return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "the server closed the connection");
    *ret_len = (size_t)received;
    return WEIR_OK;
}

uint64_t weir_demo_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void set_rejected(int64_t rejected, const char *message, weir_demo_outcome *outcome)
{
    outcome->rejected_items = rejected > 0 ? (uint64_t)rejected : 0;
    snprintf(outcome->text, sizeof(outcome->text), "%s", message);
}

static void read_traces_answer(weir_bytes answer, weir_demo_outcome *outcome)
{
    Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse *response =
        opentelemetry__proto__collector__trace__v1__export_trace_service_response__unpack(NULL, answer.len,
                                                                                          answer.data);
    if (response && response->partial_success)
        set_rejected(response->partial_success->rejected_spans, response->partial_success->error_message, outcome);
    if (response)
        opentelemetry__proto__collector__trace__v1__export_trace_service_response__free_unpacked(response, NULL);
}

static void read_logs_answer(weir_bytes answer, weir_demo_outcome *outcome)
{
    Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceResponse *response =
        opentelemetry__proto__collector__logs__v1__export_logs_service_response__unpack(NULL, answer.len, answer.data);
    if (response && response->partial_success)
        set_rejected(response->partial_success->rejected_log_records, response->partial_success->error_message,
                     outcome);
    if (response)
        opentelemetry__proto__collector__logs__v1__export_logs_service_response__free_unpacked(response, NULL);
}

void weir_demo_read_answer(weir_shop_signal signal, weir_bytes answer, weir_demo_outcome *outcome)
{
    WEIR_ASSERT(outcome->class_ == WEIR_ERROR_NONE);
    if (signal == WEIR_SHOP_TRACES)
        read_traces_answer(answer, outcome);
    else
        read_logs_answer(answer, outcome);
}
