/* SPDX-License-Identifier: Apache-2.0
 *
 * What the module weir-tls.so shows: net/tls.h on OpenSSL 3.
 */
#ifndef WEIR_TLS_PROVIDER_H
#define WEIR_TLS_PROVIDER_H

#include "net/tls.h"

extern const weir_tls_provider weir_tls_openssl;

#endif
