/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP's services as a client sees them: what they are called over gRPC, and what they say in an
 * Export…ServiceResponse. Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_SUPPORT_OTLP_RESPONSE_H
#define WEIR_EXPORTERS_SUPPORT_OTLP_RESPONSE_H

#include "batch/batch.h"
#include "core/text.h"

/* The path of the gRPC call that takes this signal's requests; static storage. */
const char *weir_otlp_method(weir_signal signal);

/* Reads a partial success into `ret_error` (class NONE): rejected_items and the message; zero and empty if all was
 * taken. An answer that cannot be read counts as success: the status said OK, and sending again would double the
 * data. */
void weir_otlp_response_read(weir_signal signal, weir_bytes response, weir_error *ret_error);

#endif
