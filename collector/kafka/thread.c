/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/thread.h"

#include <signal.h>

enum { STACK_SIZE = 256 * 1024 };

bool weir_kafka_thread_start(pthread_t *ret_thread, void *(*run)(void *argument), void *argument)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(ret_thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed == 0;
}
