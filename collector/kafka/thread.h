/* SPDX-License-Identifier: Apache-2.0
 *
 * The room's short-lived threads: those that wait for librdkafka where it has no other way to be asked.
 */
#ifndef WEIR_KAFKA_THREAD_H
#define WEIR_KAFKA_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* A thread with a small stack that takes no signals. False: there is none to be had. */
bool weir_kafka_thread_start(pthread_t *ret_thread, void *(*run)(void *argument), void *argument);

#endif
