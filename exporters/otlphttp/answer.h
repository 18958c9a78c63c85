/* SPDX-License-Identifier: Apache-2.0
 *
 * What an OTLP/HTTP server's answer means: net/rpc_status.h for the statuses, and beside it what only happens over
 * HTTP, where proxies and web servers answer in the backend's place. Pure function; any thread.
 */
#ifndef WEIR_EXPORTERS_OTLPHTTP_ANSWER_H
#define WEIR_EXPORTERS_OTLPHTTP_ANSWER_H

#include "batch/batch.h"
#include "core/status.h"
#include "core/text.h"

typedef struct otlphttp_answer {
    unsigned status;
    weir_text content_type, retry_after, location; /* headers; {NULL, 0} if absent */
    weir_bytes body;
    bool is_cut; /* it is only the beginning */
} otlphttp_answer;

/* The outcome of a push:
 *   2xx              class NONE; rejected_items and the text from a partial success, in protobuf or JSON. What cannot
 *                    be read counts as success: the status said so, and sending again would double the data
 *   3xx              ENDPOINT, naming where it has moved: redirects are not followed
 *   an HTML page     ENDPOINT with an excerpt, whatever its status (but for 413, 429, 502, 503, 504): not OTLP's answer
 *   everything else  as weir_error_from_http; the text is that of google.rpc.Status, in protobuf or JSON, else the
 *                    body's first line
 * `wall_ns` is now, for Retry-After with a date. */
void otlphttp_answer_read(weir_signal signal, const otlphttp_answer *answer, uint64_t wall_ns, weir_error *ret_error);

#endif
