/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backend says in an Export…ServiceResponse. Pure function; any thread.
 */
#ifndef WEIR_EXPORTERS_SUPPORT_OTLP_RESPONSE_H
#define WEIR_EXPORTERS_SUPPORT_OTLP_RESPONSE_H

#include "batch/batch.h"
#include "core/text.h"

/* Reads a partial success into `ret_error` (class NONE): rejected_items and the message; zero and empty if all was
 * taken. An answer that cannot be read counts as success: the status said OK, and sending again would double the
 * data. */
void weir_otlp_response_read(weir_signal signal, weir_bytes response, weir_error *ret_error);

#endif
