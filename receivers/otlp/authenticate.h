/* SPDX-License-Identifier: Apache-2.0
 *
 * Who sends: asked of the port's authenticator when the headers are complete, so that a stranger's body is never kept.
 */
#ifndef WEIR_RECEIVERS_OTLP_AUTHENTICATE_H
#define WEIR_RECEIVERS_OTLP_AUTHENTICATE_H

#include "receivers/otlp/request.h"

/* True if the client may send, as it always may where no authenticator is configured; request->identity then has what is
 * known of it, under the names ":auth.NAME". False: the request was refused and must not be touched any more. */
bool weir__otlp_authenticate(otlp_request *request);

#endif
