/* SPDX-License-Identifier: Apache-2.0 */
#include "lending.h"

#include "core/assert.h"
#include "module.h"

/* The plan has checked that it is there; but an authenticator may be configured for the other side only. */
static const weir_component_type *find(const weir_host *host, const char *id, void **ret_shared)
{
    size_t i = weir_plan_extension(host->lending->plan, id);
    WEIR_ASSERT(i != WEIR_NO_COMPONENT);
    *ret_shared = host->lending->shared[i];
    return host->lending->plan->components[i].type;
}

/* Passes on what an extension lent; NULL is an error of its configuration. */
static void *lent(void *found, const char *id, const char *purpose, weir_error *ret_error)
{
    if (!found)
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "the extension %s is not configured %s", id,
                       purpose);
    return found;
}

static weir_storage *lend_storage(const weir_host *host, const char *id, weir_error *ret_error)
{
    void *shared;
    const weir_component_type *type = find(host, id, &shared);
    return lent(type->extension_storage ? type->extension_storage(shared) : NULL, id, "as a storage", ret_error);
}

static weir_client_auth *lend_client_auth(const weir_host *host, const char *id, weir_error *ret_error)
{
    void *shared;
    const weir_component_type *type = find(host, id, &shared);
    return lent(type->extension_client_auth ? type->extension_client_auth(shared) : NULL, id, "for outgoing requests",
                ret_error);
}

static weir_server_auth *lend_server_auth(const weir_host *host, const char *id, weir_error *ret_error)
{
    void *shared;
    const weir_component_type *type = find(host, id, &shared);
    return lent(type->extension_server_auth ? type->extension_server_auth(shared) : NULL, id, "for incoming requests",
                ret_error);
}

static const weir_tls_provider *lend_tls(const weir_host *host, weir_error *ret_error)
{
    (void)host;
    return weir_module_tls(ret_error);
}

void weir_lending_init(weir_lending *lending, weir_host *host, const weir_plan *plan, void *const *shared)
{
    *lending = (weir_lending){plan, shared};
    host->lending = lending;
    host->storage = lend_storage;
    host->client_auth = lend_client_auth;
    host->server_auth = lend_server_auth;
    host->tls = lend_tls;
}
