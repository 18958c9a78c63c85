/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/endpoints.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/scan.h"
#include "net/grpc.h"

enum {
    REST_FIRST_S = 1,
    REST_MAX_S = 60,
};

static const uint64_t ns_per_s = 1000 * 1000 * 1000;

typedef struct endpoint {
    char *url;
    unsigned failures; /* one after the other; 0: it is well */
    uint64_t rest_until_ns;
    bool is_tried; /* a request has been sent to see whether it is well again */
} endpoint;

struct es_endpoints {
    endpoint *items;
    size_t count;
    size_t next; /* in turn */
    unsigned generation;
};

/* ---- the list ---- */

static endpoint *items_new(const char *const *urls, size_t count)
{
    WEIR_ASSERT(count > 0);
    endpoint *items = weir_alloc(count, sizeof(*items));
    for (size_t i = 0; i < count; i++)
        items[i].url = weir_strdup(urls[i]);
    return items;
}

static void items_free(endpoint *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(items[i].url);
    free(items);
}

es_endpoints *es_endpoints_new(const char *const *urls, size_t count, uint64_t seed)
{
    es_endpoints *endpoints = WEIR_NEW(es_endpoints);
    endpoints->items = items_new(urls, count);
    endpoints->count = count;
    endpoints->next = (size_t)(seed % count);
    return endpoints;
}

void es_endpoints_free(es_endpoints *endpoints)
{
    if (!endpoints)
        return;
    items_free(endpoints->items, endpoints->count);
    free(endpoints);
}

static const endpoint *find(const es_endpoints *endpoints, const char *url)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        if (strcmp(endpoints->items[i].url, url) == 0)
            return &endpoints->items[i];
    }
    return NULL;
}

void es_endpoints_replace(es_endpoints *endpoints, const char *const *urls, size_t count)
{
    endpoint *items = items_new(urls, count);
    for (size_t i = 0; i < count; i++) {
        const endpoint *old = find(endpoints, urls[i]);
        if (!old)
            continue;
        items[i].failures = old->failures;
        items[i].rest_until_ns = old->rest_until_ns;
        items[i].is_tried = old->is_tried;
    }
    items_free(endpoints->items, endpoints->count);
    endpoints->items = items;
    endpoints->count = count;
    endpoints->next %= count;
    endpoints->generation++;
}

unsigned es_endpoints_generation(const es_endpoints *endpoints)
{
    return endpoints->generation;
}

size_t es_endpoints_count(const es_endpoints *endpoints)
{
    return endpoints->count;
}

const char *es_endpoints_url(const es_endpoints *endpoints, size_t number)
{
    WEIR_ASSERT(number < endpoints->count);
    return endpoints->items[number].url;
}

/* ---- who is next ---- */

static uint64_t rest_ns(const endpoint *item)
{
    uint64_t seconds = REST_FIRST_S;
    for (unsigned i = 1; i < item->failures && seconds < REST_MAX_S; i++)
        seconds *= 2;
    return (seconds < REST_MAX_S ? seconds : REST_MAX_S) * ns_per_s;
}

static bool is_well(const endpoint *item, uint64_t now_ns)
{
    return item->failures == 0 || now_ns >= item->rest_until_ns;
}

size_t es_endpoints_well(const es_endpoints *endpoints, uint64_t now_ns)
{
    size_t well = 0;
    for (size_t i = 0; i < endpoints->count; i++)
        well += is_well(&endpoints->items[i], now_ns);
    return well;
}

/* The next in turn that is well; `count` if there is none. */
static size_t next_well(const es_endpoints *endpoints, uint64_t now_ns, size_t avoid)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        size_t number = (endpoints->next + i) % endpoints->count;
        if (number != avoid && is_well(&endpoints->items[number], now_ns))
            return number;
    }
    return endpoints->count;
}

/* Only `avoid` itself if there is no other. */
static size_t first_rested(const es_endpoints *endpoints, size_t avoid)
{
    size_t best = endpoints->count;
    for (size_t number = 0; number < endpoints->count; number++) {
        if (number == avoid && endpoints->count > 1)
            continue;
        if (best == endpoints->count || endpoints->items[number].rest_until_ns < endpoints->items[best].rest_until_ns)
            best = number;
    }
    return best;
}

size_t es_endpoints_pick(es_endpoints *endpoints, uint64_t now_ns, size_t avoid)
{
    size_t number = next_well(endpoints, now_ns, avoid);
    if (number == endpoints->count)
        number = first_rested(endpoints, avoid);
    endpoints->next = (number + 1) % endpoints->count;
    endpoint *item = &endpoints->items[number];
    if (item->failures > 0) {
        /* The others go on leaving it out until this request is back, or was given up without a word. */
        item->is_tried = true;
        item->rest_until_ns = now_ns + rest_ns(item);
    }
    return number;
}

void es_endpoints_report(es_endpoints *endpoints, size_t number, bool is_fine, uint64_t now_ns)
{
    if (number >= endpoints->count)
        return;
    endpoint *item = &endpoints->items[number];
    if (is_fine) {
        item->failures = 0;
        item->is_tried = false;
        return;
    }
    /* Requests that were under way together fail together: that is one failure. */
    if (item->failures > 0 && !item->is_tried && now_ns < item->rest_until_ns)
        return;
    item->failures++;
    item->is_tried = false;
    item->rest_until_ns = now_ns + rest_ns(item);
}

/* ---- Elastic Cloud ---- */

/* The decoded half of an id: "HOST[:PORT]$ELASTICSEARCH$KIBANA". */
static char *cloud_url_of(char *decoded, weir_error *ret_error)
{
    char *rest = NULL;
    const char *host = strtok_r(decoded, "$", &rest);
    const char *deployment = host ? strtok_r(NULL, "$", &rest) : NULL;
    if (deployment)
        return weir_format("https://%s.%s", deployment, host);
    (void)weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                         "the cloud id names no deployment: copy it again from the deployment's page");
    return NULL;
}

char *es_cloud_url(const char *cloud_id, weir_error *ret_error)
{
    const char *colon = strchr(cloud_id, ':');
    WEIR_BUFFER decoded = {0};
    if (!colon || weir_base64_decode(weir_text_of(colon + 1), &decoded) != WEIR_OK) {
        (void)weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                             "that is no cloud id, which is NAME:BASE64: copy it again from the deployment's page");
        return NULL;
    }
    WEIR_FREE char *text = weir_strdup(weir_buffer_string(&decoded));
    return cloud_url_of(text, ret_error);
}

/* ---- the nodes of a cluster ---- */

/* What an answer to GET /_nodes/http says of one node. */
typedef struct node_facts {
    weir_text address;   /* http.publish_address: "10.0.0.1:9200", "es1/10.0.0.1:9200" */
    unsigned roles;      /* how many it has … */
    unsigned idle_roles; /* … and how many of them are of managing the cluster only */
} node_facts;

static void read_roles(es_scan *scan, node_facts *facts)
{
    es_scan_level array;
    if (!es_scan_enter(scan, '[', &array))
        return;
    while (es_scan_element(scan, &array)) {
        weir_text role = es_scan_text(scan);
        facts->roles++;
        facts->idle_roles +=
            weir_text_is(role, "master") || weir_text_is(role, "cluster_manager") || weir_text_is(role, "voting_only");
    }
}

static void read_http(es_scan *scan, node_facts *facts)
{
    es_scan_level object;
    weir_text key;
    if (!es_scan_enter(scan, '{', &object))
        return;
    while (es_scan_member(scan, &object, &key)) {
        if (weir_text_is(key, "publish_address"))
            facts->address = es_scan_text(scan);
        else
            es_scan_skip(scan);
    }
}

static node_facts read_node(es_scan *scan)
{
    node_facts facts = {0};
    es_scan_level object;
    weir_text key;
    if (!es_scan_enter(scan, '{', &object))
        return facts;
    while (es_scan_member(scan, &object, &key)) {
        if (weir_text_is(key, "roles"))
            read_roles(scan, &facts);
        else if (weir_text_is(key, "http"))
            read_http(scan, &facts);
        else
            es_scan_skip(scan);
    }
    return facts;
}

/* A name stands before the address if the node was given one; certificates are for the name. */
static char *url_of(weir_text address, const char *scheme)
{
    const char *slash = memchr(address.data, '/', address.len);
    if (!slash)
        return weir_format("%s://%.*s", scheme, WEIR_TEXT_ARG(address));
    weir_text ip = {slash + 1, address.len - (size_t)(slash + 1 - address.data)};
    const char *colon = memrchr(ip.data, ':', ip.len);
    int port_len = colon ? (int)(ip.data + ip.len - colon) : 0;
    return weir_format("%s://%.*s%.*s", scheme, (int)(slash - address.data), address.data, port_len,
                       colon ? colon : "");
}

/* An address is put into URLs: nothing may stand in it that means something else there. */
static bool is_address(weir_text address)
{
    enum { ADDRESS_LEN_MAX = 300 };
    if (address.len == 0 || address.len > ADDRESS_LEN_MAX || address.data[0] == '/')
        return false;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_plain && !memchr(".:-_[]/%", c, 8))
            return false;
    }
    return true;
}

static void add_node(weir_strings *urls, const node_facts *facts, const char *scheme)
{
    bool only_manages = facts->roles > 0 && facts->idle_roles == facts->roles;
    if (only_manages || !is_address(facts->address))
        return;
    urls->items = weir_realloc(urls->items, urls->count + 1, sizeof(*urls->items));
    urls->items[urls->count++] = url_of(facts->address, scheme);
}

static void read_nodes(es_scan *scan, const char *scheme, weir_strings *urls)
{
    enum { NODES_MAX = 1000 };
    es_scan_level object;
    weir_text key;
    if (!es_scan_enter(scan, '{', &object))
        return;
    while (es_scan_member(scan, &object, &key)) {
        node_facts facts = read_node(scan);
        if (!scan->is_broken && urls->count < NODES_MAX)
            add_node(urls, &facts, scheme);
    }
}

bool es_nodes_read(weir_bytes body, const char *scheme, weir_strings *ret_urls)
{
    es_scan scan = es_scan_of(body);
    es_scan_level object;
    weir_text key;
    weir_strings urls = {0};
    bool is_object = es_scan_enter(&scan, '{', &object);
    while (is_object && es_scan_member(&scan, &object, &key)) {
        if (weir_text_is(key, "nodes"))
            read_nodes(&scan, scheme, &urls);
        else
            es_scan_skip(&scan);
    }
    if (!scan.is_broken && urls.count > 0) {
        *ret_urls = urls;
        return true;
    }
    for (size_t i = 0; i < urls.count; i++)
        free(urls.items[i]);
    free(urls.items);
    return false;
}
