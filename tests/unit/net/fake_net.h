/* SPDX-License-Identifier: Apache-2.0
 *
 * A loop and sockets without an operating system, for testing what stands on net/loop.h: time moves when the test
 * says so, a socket receives what the test feeds and keeps what was sent. One thread.
 */
#ifndef WEIR_TESTS_FAKE_NET_H
#define WEIR_TESTS_FAKE_NET_H

#include "core/text.h"
#include "net/loop.h"

typedef struct fake_net fake_net;

typedef struct fake_socket {
    weir_socket super;
    fake_net *net;
    struct fake_socket *next;
    weir_socket_fn on_event;
    void *user;
    unsigned watched;
    weir_buffer input; /* not yet received by the program */
    bool is_input_ended;
    weir_buffer output; /* sent by the program */
    size_t send_room;   /* how much more it takes; SIZE_MAX by default */
    int failure;        /* errno of every recv and send from now on; 0: none */
    bool is_closed;     /* by the program; the structure stays until the net is freed */
} fake_socket;

fake_net *fake_net_new(void);
void fake_net_free(fake_net *net); /* every socket and timer must have been closed by the program */
weir_loop *fake_net_loop(fake_net *net);
/* The socket adopted or connected last, NULL if there was none; `next` is the one before. weir_loop_adopt takes any
 * number but -1, which fails; weir_loop_connect any endpoint with a port. */
fake_socket *fake_net_newest(fake_net *net);
/* Runs tasks and events until nothing is left to do. */
void fake_net_run(fake_net *net);
/* Moves the time on, firing timers on the way. */
void fake_net_pass_ms(fake_net *net, uint64_t ms);

/* Bytes from the peer, `piece` at a time, running the loop after each. */
void fake_socket_feed(fake_socket *socket, const void *bytes, size_t len, size_t piece);
/* The peer has closed its side. */
void fake_socket_feed_end(fake_socket *socket);

#endif
