/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTP client for exporters, on libcurl's multi_socket interface: HTTP/1.1 and, over TLS, HTTP/2, with proxies,
 * kept connections and renewed certificates. A client belongs to one loop and its thread; it never blocks it, and
 * starts no thread but libcurl's for looking up names.
 *
 *     weir_curl_start ─► libcurl ◄─ readiness and timers of the loop
 *                           └─► done(answer or error), from the loop only
 *
 * What libcurl could do and this client never does: follow redirects, read ~/.netrc, speak anything but HTTP and
 * HTTPS, raise signals, write debug output (which would carry headers, and so secrets).
 *
 * Bounded: connections (`connections_max`, `idle_connections_max`), the body of an answer (`response_bytes_max`), the
 * time of a call (`deadline_ns`), the time to connect (30 s, as Go's client).
 */
#ifndef WEIR_EXPORTERS_CURL_HTTP_CLIENT_H
#define WEIR_EXPORTERS_CURL_HTTP_CLIENT_H

#include <sys/uio.h>

#include "core/account.h"
#include "core/status.h"
#include "core/text.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct weir_curl_client weir_curl_client;
typedef struct weir_curl_call weir_curl_call;

/* Zero is the usual value of everything but response_bytes_max. All that is pointed at is borrowed while the client
 * lives. */
typedef struct weir_curl_settings {
    const weir_tls_settings *tls;  /* for https:// URLs; NULL: verify with the system's certificates */
    const char *proxy_url;         /* NULL or "": as the environment says (exporters/curl/proxy.h) */
    unsigned connections_max;      /* to one host; further calls wait. 0: not limited */
    unsigned idle_connections_max; /* kept for later calls. 0: not limited */
    uint64_t idle_timeout_ms;      /* a connection unused for longer is not used again. 0: no such limit */
    size_t upload_buffer_bytes;    /* 16 KiB to 2 MiB; 0: libcurl's 64 KiB */
    size_t receive_buffer_bytes;   /* 1 KiB to 512 KiB; 0: libcurl's 16 KiB */
    size_t response_bytes_max;     /* of an answer's body, decoded */
    weir_account *account;         /* charged with answers' bodies, past its limit if need be; NULL: none is */
    bool closes_connections;       /* every connection serves one call */
    bool avoids_http2;             /* HTTP/1.1 also over TLS; otherwise the server chooses (ALPN) */
    bool keeps_cookies;            /* cookies are taken and sent, as long as the client lives */
} weir_curl_settings;

/* Call once before the first client is made, and close after the last is gone. Any thread; may be nested. */
WEIR_MUST_USE weir_status weir_curl_library_open(weir_error *ret_error);
void weir_curl_library_close(void);

/* Copies `settings`. Never NULL. */
weir_curl_client *weir_curl_client_new(weir_loop *loop, const weir_curl_settings *settings);
/* No call may be open, and it must not be called from a `done`. NULL is fine. */
void weir_curl_client_free(weir_curl_client *client);

typedef struct weir_curl_request {
    const char *method;              /* "POST" */
    const char *url;                 /* http:// or https://; copied */
    const weir_http_header *headers; /* copied */
    size_t header_count;
    const struct iovec *parts; /* the body; the array is copied, the bytes are borrowed until done. None: no body */
    size_t part_count;
    uint64_t deadline_ns; /* by weir_loop_now_ns; 0: none */
} weir_curl_request;

typedef struct weir_curl_answer {
    unsigned status; /* of HTTP */
    weir_bytes body; /* without Content-Encoding; borrowed, gone after `done` */
    bool is_cut;     /* the body was longer than response_bytes_max: this is its beginning */
} weir_curl_answer;

/* The end of a call. `error` is of class NONE when an answer came, whatever its status; otherwise `answer` is NULL and
 * the class says whose fault it is: ENDPOINT for what a person has to mend (no such host, a closed port, a certificate
 * that does not fit, a proxy that refuses), RETRYABLE for the rest (timeouts, lost connections). The text names no
 * credentials. `call` is gone afterwards. */
typedef void (*weir_curl_done_fn)(void *user, weir_curl_call *call, const weir_error *error,
                                  const weir_curl_answer *answer);

/* Starts a call; `done` is never called from in here. Never NULL. */
weir_curl_call *weir_curl_start(weir_curl_client *client, const weir_curl_request *request, weir_curl_done_fn done,
                                void *user);
/* Ends a call; `done` is not called any more. */
void weir_curl_cancel(weir_curl_call *call);

/* Inside `done`: the last value of a header of the answer, name in any case; {NULL, 0} if there is none. Borrowed, gone
 * after `done`. */
weir_text weir_curl_answer_header(weir_curl_call *call, const char *name);

#endif
