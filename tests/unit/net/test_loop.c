/* SPDX-License-Identifier: Apache-2.0
 *
 * The libuv loop on real loopback sockets. Each test runs a loop until its scenario stops it; a guard timer turns a
 * scenario that never ends into a failure.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/memory.h"
#include "net/loop.h"

enum { GUARD_MS = 5000 };

static void on_guard(void *user)
{
    (void)user;
    cr_assert_fail("the scenario did not end in time");
}

static void run_guarded(weir_loop *loop)
{
    weir_timer *guard = weir_timer_new(loop, on_guard, NULL);
    weir_timer_start(guard, GUARD_MS);
    weir_loop_run(loop);
    weir_timer_free(guard);
}

/* ---- timers ---- */

typedef struct timer_case {
    weir_loop *loop;
    weir_timer *first, *second, *stopped;
    uint64_t start_ns, first_ns, second_ns;
} timer_case;

static void on_first(void *user)
{
    timer_case *test = user;
    test->first_ns = weir_loop_now_ns(test->loop);
}

static void on_second(void *user)
{
    timer_case *test = user;
    test->second_ns = weir_loop_now_ns(test->loop);
    weir_loop_stop(test->loop);
}

static void on_never(void *user)
{
    (void)user;
    cr_assert_fail("a stopped timer fired");
}

Test(loop, timers_fire_in_order_and_never_early)
{
    timer_case test = {.loop = weir_loop_new_uv()};
    test.first = weir_timer_new(test.loop, on_first, &test);
    test.second = weir_timer_new(test.loop, on_second, &test);
    test.stopped = weir_timer_new(test.loop, on_never, NULL);
    test.start_ns = weir_loop_now_ns(test.loop);
    weir_timer_start(test.stopped, 5);
    weir_timer_start(test.second, 1); /* moves: the second start counts */
    weir_timer_start(test.second, 30);
    weir_timer_start(test.first, 10);
    weir_timer_stop(test.stopped);
    run_guarded(test.loop);
    cr_assert_geq(test.first_ns - test.start_ns, 10000000u);
    cr_assert_geq(test.second_ns - test.start_ns, 30000000u);
    cr_assert_lt(test.first_ns, test.second_ns);
    weir_timer_free(test.first);
    weir_timer_free(test.second);
    weir_timer_free(test.stopped);
    weir_timer_free(NULL);
    weir_loop_free(test.loop);
}

Test(loop, a_freed_timer_is_reused)
{
    weir_loop *loop = weir_loop_new_uv();
    weir_timer *timer = weir_timer_new(loop, on_never, NULL);
    weir_timer_start(timer, 0);
    weir_timer_free(timer);
    weir_timer *again = weir_timer_new(loop, on_never, NULL);
    cr_assert_eq(again, timer);
    weir_timer_free(again);
    weir_loop_free(loop);
}

/* ---- tasks ---- */

enum { POSTERS = 4, POSTS_EACH = 2000 };

typedef struct numbered_task {
    weir_task task;
    unsigned poster, number;
} numbered_task;

static struct {
    weir_loop *loop;
    numbered_task tasks[POSTERS][POSTS_EACH];
    unsigned next[POSTERS];
    unsigned left;
} posting;

static void run_numbered(weir_task *task)
{
    numbered_task *self = WEIR_CONTAINER(task, numbered_task, task);
    cr_assert_eq(self->number, posting.next[self->poster]);
    posting.next[self->poster]++;
    if (--posting.left == 0)
        weir_loop_stop(posting.loop);
}

static void *post_all(void *arg)
{
    unsigned poster = *(unsigned *)arg;
    for (unsigned i = 0; i < POSTS_EACH; i++) {
        posting.tasks[poster][i] = (numbered_task){.task.run = run_numbered, .poster = poster, .number = i};
        weir_loop_post(posting.loop, &posting.tasks[poster][i].task);
    }
    return NULL;
}

Test(loop, tasks_from_several_threads_run_in_the_order_posted)
{
    pthread_t threads[POSTERS];
    unsigned ids[POSTERS];
    posting.loop = weir_loop_new_uv();
    posting.left = POSTERS * POSTS_EACH;
    for (unsigned i = 0; i < POSTERS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, post_all, &ids[i]);
    }
    run_guarded(posting.loop);
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(posting.left, 0);
    weir_loop_free(posting.loop);
}

typedef struct chain_task {
    weir_task task;
    weir_loop *loop;
    unsigned runs;
} chain_task;

static void run_chain(weir_task *task)
{
    chain_task *self = WEIR_CONTAINER(task, chain_task, task);
    if (++self->runs == 100)
        weir_loop_stop(self->loop);
    else
        weir_loop_post(self->loop, task);
}

Test(loop, a_task_may_post_itself_from_the_loops_thread)
{
    chain_task chain = {.task.run = run_chain, .loop = weir_loop_new_uv()};
    weir_loop_post(chain.loop, &chain.task);
    run_guarded(chain.loop);
    cr_assert_eq(chain.runs, 100);
    weir_loop_free(chain.loop);
}

static void on_stop(void *user)
{
    weir_loop_stop(user);
}

Test(loop, an_idle_loop_uses_no_cpu)
{
    weir_loop *loop = weir_loop_new_uv();
    weir_timer *timer = weir_timer_new(loop, on_stop, loop);
    weir_timer_start(timer, 200);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    run_guarded(loop);
    getrusage(RUSAGE_SELF, &after);
    cr_assert_lt(after.ru_nvcsw - before.ru_nvcsw, 20, "woke %ld times", after.ru_nvcsw - before.ru_nvcsw);
    weir_timer_free(timer);
    weir_loop_free(loop);
}

/* ---- sockets ---- */

/* A server that echoes, and a client that sends `total` bytes and counts what comes back. */
typedef struct echo_case {
    weir_loop *loop;
    weir_listener *listener;
    weir_socket *server, *client;
    uint8_t held[65536];
    size_t held_len;
    size_t total, sent, received;
    int client_errno;
    char peer[64];
} echo_case;

static void echo_flush(echo_case *test)
{
    struct iovec part = {test->held, test->held_len};
    ssize_t sent = test->held_len ? weir_socket_send(test->server, &part, 1) : 0;
    if (sent > 0) {
        memmove(test->held, test->held + sent, test->held_len - (size_t)sent);
        test->held_len -= (size_t)sent;
    }
    weir_socket_watch(test->server, test->held_len ? WEIR_SOCKET_WRITABLE : WEIR_SOCKET_READABLE);
}

static void on_echo(void *user, unsigned events)
{
    echo_case *test = user;
    if (events & WEIR_SOCKET_READABLE) {
        ssize_t got = weir_socket_recv(test->server, test->held, sizeof test->held);
        if (got == 0) {
            weir_socket_close(WEIR_TAKE(test->server));
            weir_loop_stop(test->loop);
            return;
        }
        cr_assert_gt(got, 0);
        test->held_len = (size_t)got;
    }
    echo_flush(test);
}

static void on_echo_accept(void *user, int accepted)
{
    echo_case *test = user;
    cr_assert_eq(weir_loop_adopt(test->loop, accepted, on_echo, test, &test->server), WEIR_OK);
    weir_socket_peer(test->server, test->peer, sizeof test->peer);
    weir_socket_watch(test->server, WEIR_SOCKET_READABLE);
}

static void on_echo_client(void *user, unsigned events)
{
    echo_case *test = user;
    static uint8_t bytes[50000];
    if (events & WEIR_SOCKET_WRITABLE) {
        size_t left = test->total - test->sent;
        struct iovec parts[2] = {{bytes, 1}, {bytes, left < sizeof bytes ? left - 1 : sizeof bytes - 1}};
        ssize_t sent = weir_socket_send(test->client, parts, 2);
        if (sent < 0) {
            test->client_errno = errno;
            weir_loop_stop(test->loop);
            return;
        }
        test->sent += (size_t)sent;
    }
    if (events & WEIR_SOCKET_READABLE) {
        ssize_t got = weir_socket_recv(test->client, bytes, sizeof bytes);
        cr_assert_gt(got, 0);
        test->received += (size_t)got;
    }
    if (test->received == test->total) {
        weir_socket_close(WEIR_TAKE(test->client)); /* the server sees the end of the stream and stops the loop */
        return;
    }
    weir_socket_watch(test->client, WEIR_SOCKET_READABLE | (test->sent < test->total ? WEIR_SOCKET_WRITABLE : 0));
}

static void run_echo(const char *listen_on, const char *host)
{
    echo_case test = {.loop = weir_loop_new_uv(), .total = 3000000};
    weir_error error;
    cr_assert_eq(weir_loop_listen(test.loop, listen_on, on_echo_accept, &test, &test.listener, &error), WEIR_OK);
    WEIR_FREE char *endpoint = weir_format("%s%s", host, strrchr(test.listener->address, ':'));
    cr_assert_eq(weir_loop_connect(test.loop, endpoint, on_echo_client, &test, &test.client, &error), WEIR_OK);
    weir_socket_watch(test.client, WEIR_SOCKET_WRITABLE);
    run_guarded(test.loop);
    cr_assert_eq(test.client_errno, 0);
    cr_assert_eq(test.received, test.total);
    cr_assert_eq(strncmp(test.peer, "127.0.0.1:", 10), 0, "peer is %s", test.peer);
    weir_listener_close(test.listener);
    weir_loop_free(test.loop);
}

Test(loop, bytes_go_there_and_back)
{
    run_echo("127.0.0.1:0", "127.0.0.1");
}

Test(loop, names_are_resolved_without_blocking)
{
    run_echo("localhost:0", "localhost");
}

Test(loop, an_endpoint_without_host_listens_on_all_addresses)
{
    run_echo(":0", "127.0.0.1");
}

static weir_listener *listen_somewhere(weir_loop *loop, weir_accept_fn on_accept, void *user)
{
    weir_listener *listener;
    weir_error error;
    cr_assert_eq(weir_loop_listen(loop, "127.0.0.1:0", on_accept, user, &listener, &error), WEIR_OK);
    return listener;
}

/* A port nobody listens on: one that was just given back. */
static char *dead_endpoint(weir_loop *loop)
{
    weir_listener *listener = listen_somewhere(loop, NULL, NULL);
    char *endpoint = weir_strdup(listener->address);
    weir_listener_close(listener);
    return endpoint;
}

Test(loop, a_refused_connect_is_told_by_the_first_send)
{
    echo_case test = {.loop = weir_loop_new_uv(), .total = 10};
    WEIR_FREE char *endpoint = dead_endpoint(test.loop);
    weir_error error;
    cr_assert_eq(weir_loop_connect(test.loop, endpoint, on_echo_client, &test, &test.client, &error), WEIR_OK);
    weir_socket_watch(test.client, WEIR_SOCKET_WRITABLE);
    run_guarded(test.loop);
    cr_assert_eq(test.client_errno, ECONNREFUSED);
    weir_socket_close(test.client);
    weir_loop_free(test.loop);
}

Test(loop, an_unknown_name_is_told_by_the_first_send)
{
    echo_case test = {.loop = weir_loop_new_uv(), .total = 10};
    weir_error error;
    cr_assert_eq(weir_loop_connect(test.loop, "no-such-host.invalid:1", on_echo_client, &test, &test.client, &error),
                 WEIR_OK);
    struct iovec part = {&(char){0}, 1};
    cr_assert_eq(weir_socket_send(test.client, &part, 1), -1);
    cr_assert_eq(errno, EAGAIN, "not resolved yet");
    weir_socket_watch(test.client, WEIR_SOCKET_WRITABLE);
    run_guarded(test.loop);
    cr_assert_eq(test.client_errno, ENXIO);
    weir_socket_close(test.client);
    weir_loop_free(test.loop);
}

Test(loop, a_socket_may_be_closed_while_its_name_is_resolved)
{
    weir_loop *loop = weir_loop_new_uv();
    weir_socket *socket;
    weir_error error;
    cr_assert_eq(weir_loop_connect(loop, "localhost:1", on_echo_client, NULL, &socket, &error), WEIR_OK);
    weir_timer *timer = weir_timer_new(loop, on_stop, loop);
    weir_timer_start(timer, 0);
    run_guarded(loop); /* the look-up is under way now, or just done */
    weir_socket_close(socket);
    weir_timer_free(timer);
    weir_loop_free(loop);
}

Test(loop, listening_on_a_port_in_use_is_an_error)
{
    weir_loop *loop = weir_loop_new_uv();
    weir_listener *first = listen_somewhere(loop, NULL, NULL), *second = NULL;
    weir_error error;
    cr_assert_eq(weir_loop_listen(loop, first->address, NULL, NULL, &second, &error), WEIR_IO);
    cr_assert(strstr(error.text, "Address already in use"), "%s", error.text);
    cr_assert_null(second);
    weir_listener_close(first);
    weir_loop_free(loop);
}

/* ---- running out of file descriptors ---- */

typedef struct exhausted_case {
    weir_loop *loop;
    weir_timer *relief;
    unsigned accepted;
    struct rlimit usual;
} exhausted_case;

static void on_counted_accept(void *user, int accepted)
{
    exhausted_case *test = user;
    test->accepted++;
    weir_accepted_close(accepted);
    weir_loop_stop(test->loop);
}

static void on_relief(void *user)
{
    exhausted_case *test = user;
    cr_assert_eq(test->accepted, 0);
    setrlimit(RLIMIT_NOFILE, &test->usual);
}

Test(loop, without_file_descriptors_accepting_pauses_and_goes_on)
{
    exhausted_case test = {.loop = weir_loop_new_uv()};
    weir_listener *listener = listen_somewhere(test.loop, on_counted_accept, &test);
    weir_error error;
    weir_socket *client;
    cr_assert_eq(weir_loop_connect(test.loop, listener->address, on_echo_client, NULL, &client, &error), WEIR_OK);
    getrlimit(RLIMIT_NOFILE, &test.usual);
    /* One descriptor is left, and the client takes it. */
    int lowest_free = dup(0);
    close(lowest_free);
    struct rlimit tight = {.rlim_cur = (rlim_t)lowest_free + 1, .rlim_max = test.usual.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
    test.relief = weir_timer_new(test.loop, on_relief, &test);
    weir_timer_start(test.relief, 150);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    run_guarded(test.loop);
    getrusage(RUSAGE_SELF, &after);
    cr_assert_eq(test.accepted, 1);
    cr_assert_lt(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
                     1000000 * (after.ru_utime.tv_sec - before.ru_utime.tv_sec),
                 50000, "accepting spun while it could not work");
    weir_timer_free(test.relief);
    weir_socket_close(client);
    weir_listener_close(listener);
    weir_loop_free(test.loop);
}

/* ---- descriptors of others ---- */

typedef struct watch_case {
    weir_loop *loop;
    weir_watch *watch;
    int fds[2];
    unsigned seen[4];
    size_t count;
} watch_case;

/* Writable, then readable, then the other side is gone; then the watch is freed in its own callback. */
static void on_watched(void *user, unsigned events)
{
    watch_case *test = user;
    cr_assert_lt(test->count, WEIR_COUNT_OF(test->seen));
    test->seen[test->count++] = events;
    char byte;
    switch (test->count) {
    case 1:
        weir_watch_set(test->watch, WEIR_SOCKET_READABLE);
        cr_assert_eq(write(test->fds[1], "x", 1), 1);
        break;
    case 2:
        cr_assert_eq(read(test->fds[0], &byte, 1), 1);
        close(test->fds[1]);
        break;
    default:
        cr_assert_eq(read(test->fds[0], &byte, 1), 0);
        weir_watch_free(test->watch);
        close(test->fds[0]);
        weir_loop_stop(test->loop);
    }
}

Test(loop, a_foreign_descriptor_is_watched_until_it_is_freed)
{
    watch_case test = {.loop = weir_loop_new_uv()};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, test.fds), 0);
    test.watch = weir_watch_new(test.loop, test.fds[0], on_watched, &test);
    cr_assert_not_null(test.watch);
    weir_watch_set(test.watch, WEIR_SOCKET_READABLE | WEIR_SOCKET_WRITABLE);
    run_guarded(test.loop);
    cr_assert_eq(test.count, 3);
    cr_assert_eq(test.seen[0], WEIR_SOCKET_WRITABLE);
    cr_assert_eq(test.seen[1], WEIR_SOCKET_READABLE);
    cr_assert_eq(test.seen[2], WEIR_SOCKET_READABLE);
    weir_watch_free(NULL);
    weir_loop_free(test.loop);
}

/* As libcurl does it: the next connection often has the number of the last. */
Test(loop, a_number_may_be_watched_again_at_once)
{
    watch_case test = {.loop = weir_loop_new_uv()};
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, test.fds), 0);
        test.watch = weir_watch_new(test.loop, test.fds[0], on_watched, &test);
        cr_assert_not_null(test.watch);
        weir_watch_set(test.watch, WEIR_SOCKET_WRITABLE);
        weir_watch_free(test.watch);
        close(test.fds[0]);
        close(test.fds[1]);
    }
    weir_loop_free(test.loop);
    cr_assert_eq(test.count, 0);
}
