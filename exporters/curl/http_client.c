/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/curl/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "exporters/curl/proxy.h"
#include "exporters/curl/tls_options.h"
#include "exporters/curl/url.h"

enum {
    CONNECT_TIMEOUT_MS = 30 * 1000, /* as Go's default transport */
    SPARE_HANDLES_MAX = 16,
    NS_PER_MS = 1000 * 1000,
};

struct weir_curl_client {
    weir_loop *loop;
    weir_curl_settings settings;
    CURLM *multi;
    CURLSH *cookies; /* NULL: none are kept */
    weir_timer *timer;
    CURL *spare[SPARE_HANDLES_MAX]; /* handles of ended calls, for the next ones */
    size_t spare_count;
    size_t calls;
    bool distrusts_connections; /* a call timed out: the next one makes a connection of its own */
};

/* Where reading the body's parts has got to. */
typedef struct part_reader {
    struct iovec *parts;
    size_t count;
    size_t part, offset; /* the next byte */
    size_t total;
} part_reader;

struct weir_curl_call {
    weir_curl_client *client;
    CURL *easy;
    weir_curl_done_fn done;
    void *user;
    struct curl_slist *headers;
    struct curl_slist *connect_to; /* NULL, but with server_name_override */
    part_reader reader;
    weir_buffer body; /* of the answer */
    bool has_headers; /* of the answer, all of them */
    bool is_too_long; /* the answer's body */
    char error_text[CURL_ERROR_SIZE];
};

/* A socket of libcurl's. */
typedef struct curl_socket {
    weir_curl_client *client;
    weir_watch *watch;
    curl_socket_t fd;
} curl_socket;

/* ---- the library ---- */

weir_status weir_curl_library_open(weir_error *ret_error)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        return WEIR_OK;
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_NO_MEMORY, "libcurl cannot be initialised");
}

void weir_curl_library_close(void)
{
    curl_global_cleanup();
}

/* For settings that can fail only for lack of memory, or by a mistake of ours. */
#define SET(easy, option, value)                                 \
    do {                                                         \
        CURLcode set_ = curl_easy_setopt((easy), option, value); \
        WEIR_ASSERT(set_ == CURLE_OK);                           \
    } while (0)

/* ---- on the loop ---- */

static void finish_calls(weir_curl_client *client);

static void act(weir_curl_client *client, curl_socket_t fd, int events)
{
    int running;
    CURLMcode code = curl_multi_socket_action(client->multi, fd, events, &running);
    WEIR_ASSERT(code == CURLM_OK);
    finish_calls(client);
}

static void on_ready(void *user, unsigned events)
{
    const curl_socket *socket = user; /* may be gone after act */
    act(socket->client, socket->fd,
        ((events & WEIR_SOCKET_READABLE) ? CURL_CSELECT_IN : 0) |
            ((events & WEIR_SOCKET_WRITABLE) ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *user)
{
    act(user, CURL_SOCKET_TIMEOUT, 0);
}

static curl_socket *socket_new(weir_curl_client *client, curl_socket_t fd)
{
    curl_socket *socket = WEIR_NEW(curl_socket);
    socket->client = client;
    socket->fd = fd;
    socket->watch = weir_watch_new(client->loop, fd, on_ready, socket);
    WEIR_ASSERT(socket->watch); /* sockets can always be watched */
    curl_multi_assign(client->multi, fd, socket);
    return socket;
}

/* libcurl says what it wants to hear of a socket; it says CURL_POLL_REMOVE before it closes one. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    (void)easy;
    weir_curl_client *client = user;
    curl_socket *socket = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (socket)
            weir_watch_free(socket->watch);
        free(socket);
        curl_multi_assign(client->multi, fd, NULL);
        return 0;
    }
    if (!socket)
        socket = socket_new(client, fd);
    weir_watch_set(socket->watch, ((what & CURL_POLL_IN) ? (unsigned)WEIR_SOCKET_READABLE : 0) |
                                      ((what & CURL_POLL_OUT) ? (unsigned)WEIR_SOCKET_WRITABLE : 0));
    return 0;
}

/* libcurl has one timer; it must not be acted upon from in here. */
static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    weir_curl_client *client = user;
    if (timeout_ms < 0)
        weir_timer_stop(client->timer);
    else
        weir_timer_start(client->timer, (uint64_t)timeout_ms);
    return 0;
}

/* ---- the client ---- */

static long as_long(uint64_t value)
{
    return value > INT32_MAX ? INT32_MAX : (long)value;
}

weir_curl_client *weir_curl_client_new(weir_loop *loop, const weir_curl_settings *settings)
{
    weir_curl_client *client = WEIR_NEW(weir_curl_client);
    client->loop = loop;
    client->settings = *settings;
    client->timer = weir_timer_new(loop, on_timer, client);
    client->multi = curl_multi_init();
    WEIR_ASSERT(client->multi); /* out of memory at start */
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, as_long(settings->connections_max));
    /* 0 would mean four for each call that is open. */
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
                      as_long(settings->idle_connections_max ? settings->idle_connections_max : UINT32_MAX));
    if (settings->keeps_cookies) {
        client->cookies = curl_share_init();
        WEIR_ASSERT(client->cookies); /* out of memory at start */
        curl_share_setopt(client->cookies, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
    }
    return client;
}

void weir_curl_client_free(weir_curl_client *client)
{
    if (!client)
        return;
    WEIR_ASSERT(client->calls == 0);
    while (client->spare_count > 0)
        curl_easy_cleanup(client->spare[--client->spare_count]);
    curl_multi_cleanup(client->multi);   /* closes the kept connections, by way of on_socket */
    curl_share_cleanup(client->cookies); /* NULL is fine */
    weir_timer_free(client->timer);
    free(client);
}

/* ---- the body that is sent ---- */

static size_t read_parts(char *out, size_t size, size_t count, void *user)
{
    part_reader *reader = user;
    size_t room = size * count, len = 0;
    while (len < room && reader->part < reader->count) {
        const struct iovec *part = &reader->parts[reader->part];
        size_t left = part->iov_len - reader->offset;
        size_t now = left < room - len ? left : room - len;
        if (now > 0)
            memcpy(out + len, (const char *)part->iov_base + reader->offset, now);
        len += now;
        reader->offset += now;
        if (reader->offset == part->iov_len) {
            reader->part++;
            reader->offset = 0;
        }
    }
    return len;
}

/* libcurl rewinds when a kept connection turns out to be closed, and when a proxy asks for credentials. */
static int seek_parts(void *user, curl_off_t offset, int origin)
{
    part_reader *reader = user;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > reader->total)
        return CURL_SEEKFUNC_CANTSEEK;
    size_t left = (size_t)offset;
    reader->part = 0;
    while (reader->part < reader->count && left >= reader->parts[reader->part].iov_len)
        left -= reader->parts[reader->part++].iov_len;
    reader->offset = left;
    return CURL_SEEKFUNC_OK;
}

static void copy_parts(part_reader *reader, const struct iovec *parts, size_t count)
{
    reader->parts = weir_alloc(count + 1, sizeof *parts);
    reader->count = count;
    for (size_t i = 0; i < count; i++) {
        reader->parts[i] = parts[i];
        reader->total += parts[i].iov_len;
    }
}

/* ---- the answer ---- */

static size_t on_header_line(char *line, size_t size, size_t count, void *user)
{
    weir_curl_call *call = user;
    size_t len = size * count;
    bool is_end = len > 0 && (line[0] == '\r' || line[0] == '\n');
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (is_end && status >= 200) /* not a "100 Continue" */
        call->has_headers = true;
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    weir_curl_call *call = user;
    size_t len = size * count;
    size_t room = call->client->settings.response_bytes_max - call->body.len;
    call->is_too_long = len > room;
    size_t capacity = call->body.capacity;
    weir_buffer_append(&call->body, data, call->is_too_long ? room : len);
    if (call->client->settings.account)
        weir_account_force(call->client->settings.account, call->body.capacity - capacity);
    return call->is_too_long ? 0 : len; /* 0 ends the transfer */
}

weir_text weir_curl_answer_header(weir_curl_call *call, const char *name)
{
    struct curl_header *header;
    size_t amount = 0;
    if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return (weir_text){0};
    amount = header->amount;
    if (curl_easy_header(call->easy, name, amount - 1, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return (weir_text){0};
    return weir_text_of(header->value);
}

/* ---- the end of a call ---- */

/* Gives the handle back; its connection is the multi handle's. libcurl 7.88 loses memory when a handle is reset that
 * keeps cookies. */
static void detach(weir_curl_call *call)
{
    weir_curl_client *client = call->client;
    curl_multi_remove_handle(client->multi, call->easy);
    if (client->spare_count < SPARE_HANDLES_MAX && !client->cookies) {
        curl_easy_reset(call->easy);
        client->spare[client->spare_count++] = call->easy;
    } else {
        curl_easy_cleanup(call->easy);
    }
    WEIR_ASSERT(client->calls > 0);
    client->calls--;
}

static void call_free(weir_curl_call *call)
{
    detach(call);
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->connect_to);
    if (call->client->settings.account)
        weir_account_release(call->client->settings.account, call->body.capacity);
    weir_buffer_done(&call->body);
    free(call->reader.parts);
    free(call);
}

void weir_curl_cancel(weir_curl_call *call)
{
    call_free(call);
}

/* What a person has to mend; trying again without that is of no use, but does no harm either. */
static bool is_endpoints_fault(CURL *easy, CURLcode code)
{
    long proxy_status = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (proxy_status >= 300)
        return true;
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_PROXY:
        return true;
    default:
        return false;
    }
}

static void describe_failure(const weir_curl_call *call, CURLcode code, weir_error *ret_error)
{
    const char *text = call->error_text[0] ? call->error_text : curl_easy_strerror(code);
    bool is_late = code == CURLE_OPERATION_TIMEDOUT;
    weir_error_class class_ = is_endpoints_fault(call->easy, code) ? WEIR_ERROR_ENDPOINT : WEIR_ERROR_RETRYABLE;
    (void)weir_error_set(ret_error, class_, is_late ? WEIR_TIMEOUT : WEIR_IO, "no answer: %s", text);
}

/* True if the transfer gave an answer, whole or its beginning. */
static bool has_answer(const weir_curl_call *call, CURLcode code)
{
    if (code == CURLE_OK || call->is_too_long)
        return true;
    return call->has_headers && (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_HTTP2_STREAM);
}

static void finish(weir_curl_call *call, CURLcode code)
{
    weir_error error = {0};
    weir_curl_answer answer = {.body = {call->body.data, call->body.len}, .is_cut = code != CURLE_OK};
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    answer.status = (unsigned)status;
    bool is_answered = has_answer(call, code);
    if (!is_answered)
        describe_failure(call, code, &error);
    if (code == CURLE_OPERATION_TIMEDOUT)
        call->client->distrusts_connections = true;
    call->done(call->user, call, &error, is_answered ? &answer : NULL);
    call_free(call);
}

/* `done` may start and cancel calls, but not this one: messages of cancelled calls are gone from the queue. */
static void finish_calls(weir_curl_client *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left))) {
        WEIR_ASSERT(message->msg == CURLMSG_DONE);
        weir_curl_call *call = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        finish(call, message->data.result);
    }
}

/* ---- the start of a call ---- */

static void add_header_line(weir_curl_call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    WEIR_ASSERT(longer); /* out of memory */
    call->headers = longer;
}

static void add_headers(weir_curl_call *call, const weir_curl_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const weir_http_header *header = &request->headers[i];
        /* "name;" is libcurl's way to say that a header has no value; "name:" would leave it out. */
        WEIR_FREE char *line =
            header->value.len > 0 ? weir_format("%.*s: %.*s", WEIR_TEXT_ARG(header->name), WEIR_TEXT_ARG(header->value))
                                  : weir_format("%.*s;", WEIR_TEXT_ARG(header->name));
        add_header_line(call, line);
    }
    add_header_line(call, "Accept:");
    add_header_line(call, "Expect:"); /* or libcurl would hold larger bodies back for a second */
    if (call->client->settings.closes_connections)
        add_header_line(call, "Connection: close");
}

static void set_method(CURL *easy, const weir_curl_request *request, part_reader *reader)
{
    if (reader->count > 0 || strcmp(request->method, "POST") == 0) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)reader->total);
        SET(easy, CURLOPT_READFUNCTION, read_parts);
        SET(easy, CURLOPT_READDATA, reader);
        SET(easy, CURLOPT_SEEKFUNCTION, seek_parts);
        SET(easy, CURLOPT_SEEKDATA, reader);
    }
    if (strcmp(request->method, "HEAD") == 0)
        SET(easy, CURLOPT_NOBODY, 1L);
    else
        SET(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* The name to ask for and to verify stands in the URL; the connection goes to the real host, which also stays in the
 * Host header, as with Go's ServerName. */
static void set_url(weir_curl_call *call, const char *text, const weir_url *url)
{
    const weir_tls_settings *tls = call->client->settings.tls;
    const char *name = tls ? tls->server_name_override : NULL;
    WEIR_FREE char *changed = NULL;
    if (name && *name && strcmp(url->scheme, "https") == 0)
        changed = weir_url_with_host(text, name);
    SET(call->easy, CURLOPT_URL, changed ? changed : text);
    if (!changed)
        return;
    WEIR_FREE char *target = weir_format("::%s:%s", url->host, url->port);
    call->connect_to = curl_slist_append(NULL, target);
    SET(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
    WEIR_FREE char *host =
        url->has_port ? weir_format("Host: %s:%s", url->host, url->port) : weir_format("Host: %s", url->host);
    add_header_line(call, host);
}

/* Where to, and by which way. A URL that cannot be parsed is libcurl's to report. */
static void set_route(weir_curl_call *call, const char *text)
{
    const weir_curl_settings *settings = &call->client->settings;
    weir_url url = {0};
    weir_error ignored;
    if (weir_url_parse(text, &url, &ignored) != WEIR_OK) {
        SET(call->easy, CURLOPT_URL, text);
        return;
    }
    set_url(call, text, &url);
    weir_proxy proxy = weir_proxy_for(settings->proxy_url, url.scheme, url.host, getenv);
    SET(call->easy, CURLOPT_PROXY, proxy.url);
    SET(call->easy, CURLOPT_NOPROXY, proxy.exceptions);
    SET(call->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (settings->tls)
        weir_curl_set_tls(call->easy, settings->tls);
    weir_url_done(&url);
}

static void set_time(weir_curl_call *call, uint64_t deadline_ns)
{
    SET(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    if (deadline_ns == 0)
        return;
    uint64_t now_ns = weir_loop_now_ns(call->client->loop);
    uint64_t left_ms = deadline_ns > now_ns ? (deadline_ns - now_ns) / NS_PER_MS : 0;
    SET(call->easy, CURLOPT_TIMEOUT_MS, as_long(left_ms > 0 ? left_ms : 1)); /* 0 would mean without end */
}

static void set_connection(CURL *easy, weir_curl_client *client)
{
    const weir_curl_settings *settings = &client->settings;
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_HTTP_VERSION, (long)(settings->avoids_http2 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    SET(easy, CURLOPT_FORBID_REUSE, settings->closes_connections ? 1L : 0L);
    SET(easy, CURLOPT_MAXAGE_CONN, as_long((settings->idle_timeout_ms + 999) / 1000));
    if (settings->upload_buffer_bytes)
        SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, as_long(settings->upload_buffer_bytes));
    if (settings->receive_buffer_bytes)
        SET(easy, CURLOPT_BUFFERSIZE, as_long(settings->receive_buffer_bytes));
    /* Over HTTP/2 a timed-out request does not end its connection, which may be dead. */
    SET(easy, CURLOPT_FRESH_CONNECT, client->distrusts_connections ? 1L : 0L);
    client->distrusts_connections = false;
    if (client->cookies) {
        SET(easy, CURLOPT_SHARE, client->cookies);
        SET(easy, CURLOPT_COOKIEFILE, ""); /* no file, but cookies from now on */
    }
}

static void set_callbacks(weir_curl_call *call)
{
    CURL *easy = call->easy;
    SET(easy, CURLOPT_PRIVATE, call);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_ERRORBUFFER, call->error_text);
    SET(easy, CURLOPT_ACCEPT_ENCODING, "gzip"); /* as Go's transport */
    SET(easy, CURLOPT_HEADERFUNCTION, on_header_line);
    SET(easy, CURLOPT_HEADERDATA, call);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(easy, CURLOPT_WRITEDATA, call);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(easy, CURLOPT_QUICK_EXIT, 1L); /* a cancelled call does not wait for its name to be looked up */
#endif
}

static CURL *take_handle(weir_curl_client *client)
{
    CURL *easy = client->spare_count > 0 ? client->spare[--client->spare_count] : curl_easy_init();
    WEIR_ASSERT(easy); /* out of memory */
    return easy;
}

weir_curl_call *weir_curl_start(weir_curl_client *client, const weir_curl_request *request, weir_curl_done_fn done,
                                void *user)
{
    weir_curl_call *call = WEIR_NEW(weir_curl_call);
    call->client = client;
    call->done = done;
    call->user = user;
    call->easy = take_handle(client);
    client->calls++;
    copy_parts(&call->reader, request->parts, request->part_count);
    add_headers(call, request);
    set_callbacks(call);
    set_connection(call->easy, client);
    set_method(call->easy, request, &call->reader);
    set_route(call, request->url);
    set_time(call, request->deadline_ns);
    SET(call->easy, CURLOPT_HTTPHEADER, call->headers);
    CURLMcode code = curl_multi_add_handle(client->multi, call->easy);
    WEIR_ASSERT(code == CURLM_OK);
    return call;
}
