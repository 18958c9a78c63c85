/* SPDX-License-Identifier: Apache-2.0
 *
 * From weir's configuration to a client of librdkafka: brokers, TLS, SASL, tokens, log. What producers, consumers and
 * the topic check have in common.
 *
 *     weir_kafka_client_init ─► weir_kafka_conf_new ─► (set what is one's own) ─► weir_kafka_conf_set_map ─►
 *     weir_kafka_client_new ─► rd_kafka_queue_poll: weir_kafka_client_serve takes the events that are its own
 *
 * librdkafka's threads call nothing of weir's but its log.
 */
#ifndef WEIR_KAFKA_CLIENT_CONF_H
#define WEIR_KAFKA_CLIENT_CONF_H

#include <librdkafka/rdkafka.h>

#include "component.h"
#include "kafka/log.h"
#include "kafka/options.h"

/* What a client needs beside librdkafka's own state. It is the `opaque` of the rd_kafka_t: its owner embeds it, and it
 * outlives the rd_kafka_t. One may serve several clients, one after the other. */
typedef struct weir_kafka_client {
    const weir_kafka_client_config *config;
    weir_client_auth *tokens; /* NULL unless OAUTHBEARER takes them from an extension */
    weir_kafka_log log;
} weir_kafka_client;

/* The events that weir_kafka_client_serve takes; add one's own with rd_kafka_conf_set_events. */
enum { WEIR_KAFKA_CLIENT_EVENTS = RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH };

/* `id` is the component's; it and `config` are borrowed. Errors: WEIR_NOT_FOUND, the extension for tokens lends none. */
WEIR_MUST_USE weir_status weir_kafka_client_init(weir_kafka_client *client, const weir_host *host, const char *id,
                                                 const weir_kafka_client_config *config, weir_error *ret_error);

/* Everything that the client's configuration says but its `librdkafka` map. `client` becomes the opaque. Gives
 * ownership (rd_kafka_conf_destroy, or weir_kafka_client_new takes it). Errors: WEIR_INVALID or WEIR_UNSUPPORTED, the
 * text names the key; WEIR_IO, a file cannot be read. */
WEIR_MUST_USE weir_status weir_kafka_conf_new(weir_kafka_client *client, rd_kafka_conf_t **ret_conf,
                                              weir_error *ret_error);

/* Sets one property. An error says the property and the library's reason. */
WEIR_MUST_USE weir_status weir_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                              weir_error *ret_error);
WEIR_MUST_USE weir_status weir_kafka_conf_set_int(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                                  weir_error *ret_error);

/* Sets what stands under `librdkafka`: after everything else, which it beats. */
WEIR_MUST_USE weir_status weir_kafka_conf_set_map(rd_kafka_conf_t *conf, const weir_kafka_client_config *config,
                                                  weir_error *ret_error);

/* Opens a client; takes `conf`, also on failure. It connects in its own threads, in its own time. */
WEIR_MUST_USE weir_status weir_kafka_client_new(weir_kafka_client *client, rd_kafka_type_t type,
                                                rd_kafka_conf_t *takes_conf, rd_kafka_t **ret_rk,
                                                weir_error *ret_error);

/* Takes an event if it is a wish for a token, which it fetches from the extension: on the thread that polls. True: it
 * was one; the event is still the caller's to destroy. */
bool weir_kafka_client_serve(weir_kafka_client *client, rd_kafka_t *rk, rd_kafka_event_t *event);

/* Fills `*ret_error` from an error of the library's: its class, a text with `what` ("otlp_spans: "; may be "") before
 * it, and for what only a person can mend the remedy. Returns the status. */
weir_status weir_kafka_error(rd_kafka_resp_err_t code, const char *what, const char *detail, weir_error *ret_error);

#endif
