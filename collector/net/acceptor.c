/* SPDX-License-Identifier: Apache-2.0 */
#include "net/acceptor.h"

#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/http_connection.h"

struct weir_acceptor {
    weir_listener *listener;
    size_t next; /* among equals they take turns */
    size_t count;
    weir_http_server *servers[];
};

static size_t least_loaded(const weir_acceptor *self)
{
    size_t best = self->next;
    for (size_t i = 1; i < self->count; i++) {
        size_t other = (self->next + i) % self->count;
        if (weir_http_server_load(self->servers[other]) < weir_http_server_load(self->servers[best]))
            best = other;
    }
    return best;
}

static void on_accept(void *user, int accepted)
{
    weir_acceptor *self = user;
    size_t chosen = least_loaded(self);
    self->next = (chosen + 1) % self->count;
    weir__http_server_hand_over(self->servers[chosen], accepted);
}

weir_status weir_acceptor_new(weir_loop *control, const char *endpoint, weir_http_server *const *servers, size_t count,
                              weir_acceptor **ret_acceptor, weir_error *ret_error)
{
    WEIR_ASSERT(count > 0);
    weir_acceptor *self = weir_alloc(1, sizeof *self + count * sizeof self->servers[0]);
    memcpy(self->servers, servers, count * sizeof self->servers[0]);
    self->count = count;
    weir_status status = weir_loop_listen(control, endpoint, on_accept, self, &self->listener, ret_error);
    if (status != WEIR_OK) {
        free(self);
        return status;
    }
    *ret_acceptor = self;
    return WEIR_OK;
}

const char *weir_acceptor_address(const weir_acceptor *acceptor)
{
    return acceptor->listener->address;
}

void weir_acceptor_free(weir_acceptor *acceptor)
{
    if (!acceptor)
        return;
    weir_listener_close(acceptor->listener);
    free(acceptor);
}
