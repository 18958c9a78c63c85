/* SPDX-License-Identifier: Apache-2.0
 *
 * The `tls` keys as librdkafka's ssl.* properties.
 */
#ifndef WEIR_KAFKA_TLS_CONF_H
#define WEIR_KAFKA_TLS_CONF_H

#include <librdkafka/rdkafka.h>

#include "core/status.h"
#include "net/tls.h"

/* WEIR_UNSUPPORTED: the library cannot be told one of these; the text names the key and the remedy. `reload_interval`
 * says that this key is written. Opens no file. Any thread. */
WEIR_MUST_USE weir_status weir_kafka_check_tls(const weir_tls_settings *settings, bool reload_interval,
                                               weir_error *ret_error);

/* Sets them. Errors as above, and WEIR_IO: a file cannot be read. What the files hold is looked at when the client is
 * opened. */
WEIR_MUST_USE weir_status weir_kafka_conf_set_tls(rd_kafka_conf_t *conf, const weir_tls_settings *settings,
                                                  weir_error *ret_error);

#endif
