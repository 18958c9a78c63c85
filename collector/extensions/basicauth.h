/* SPDX-License-Identifier: Apache-2.0
 *
 * The basicauth extension (RFC 7617): a user name and password for outgoing requests (client_auth), or the users of an
 * htpasswd file for incoming ones. Keys and answers are those of the Collector's basicauthextension (0.158). Passwords
 * with a slow hash are checked once for each client (verified.h).
 */
#ifndef WEIR_EXTENSIONS_BASICAUTH_H
#define WEIR_EXTENSIONS_BASICAUTH_H

#include "component.h"

extern const weir_component_type weir_extension_basicauth;

#endif
