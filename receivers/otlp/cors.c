/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/cors.h"

#include <ctype.h>
#include <inttypes.h>

#include "core/assert.h"
#include "core/memory.h"

enum { EMPTY_NAMES_MAX = 16 }; /* in a list of headers; RFC 9110 §5.6.1.2 wants some to be taken */

struct otlp_cors {
    const otlp_cors_config *config;
    bool any_origin, any_header; /* "*" is in the list */
    char *exposed;               /* NULL, as max_age: the header is not sent */
    char *max_age;
};

/* ---- what the configuration says ---- */

static bool has_star(const weir_strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], "*") == 0)
            return true;
    return false;
}

/* "x-request-id" as "X-Request-Id", which is how Go writes it. */
static void append_canonical(weir_buffer *out, const char *name)
{
    for (char before = '-'; *name; before = *name++)
        weir_buffer_append_byte(
            out, (uint8_t)(before == '-' ? toupper((unsigned char)*name) : tolower((unsigned char)*name)));
}

static char *join(const weir_strings *names)
{
    WEIR_BUFFER joined = {0};
    for (size_t i = 0; i < names->count; i++) {
        weir_buffer_append_text(&joined, i ? ", " : "");
        append_canonical(&joined, names->items[i]);
    }
    return names->count ? weir_format("%s", weir_buffer_string(&joined)) : NULL;
}

/* Less than 0 asks browsers to keep nothing; 0 leaves it to them. */
static char *max_age_text(int64_t seconds)
{
    return seconds ? weir_format("%" PRId64, seconds > 0 ? seconds : 0) : NULL;
}

otlp_cors *weir__otlp_cors_new(const otlp_cors_config *config)
{
    if (!config || config->allowed_origins.count == 0)
        return NULL;
    otlp_cors *cors = WEIR_NEW(otlp_cors);
    *cors = (otlp_cors){.config = config,
                        .any_origin = has_star(&config->allowed_origins),
                        .any_header = has_star(&config->allowed_headers),
                        .exposed = join(&config->exposed_headers),
                        .max_age = max_age_text(config->max_age)};
    return cors;
}

void weir__otlp_cors_free(otlp_cors *cors)
{
    if (!cors)
        return;
    free(cors->exposed);
    free(cors->max_age);
    free(cors);
}

/* ---- who asks ---- */

/* `pattern` may have one "*", which stands for any bytes or none. Case is ignored, as rs/cors does. */
static bool origin_matches(const char *pattern, weir_text origin)
{
    const char *star = strchr(pattern, '*');
    if (!star)
        return weir_text_equal_nocase(origin, weir_text_of(pattern));
    weir_text before = {pattern, (size_t)(star - pattern)};
    weir_text after = weir_text_of(star + 1);
    return origin.len >= before.len + after.len &&
           weir_text_equal_nocase((weir_text){origin.data, before.len}, before) &&
           weir_text_equal_nocase((weir_text){origin.data + origin.len - after.len, after.len}, after);
}

static bool origin_is_allowed(const otlp_cors *cors, weir_text origin)
{
    if (origin.len == 0)
        return false;
    const weir_strings *allowed = &cors->config->allowed_origins;
    for (size_t i = 0; i < allowed->count; i++)
        if (cors->any_origin || origin_matches(allowed->items[i], origin))
            return true;
    return false;
}

static bool method_is_allowed(weir_text method)
{
    static const char *const allowed[] = {"GET", "POST", "HEAD", "OPTIONS"};
    for (size_t i = 0; i < WEIR_COUNT_OF(allowed); i++)
        if (weir_text_is(method, allowed[i]))
            return true;
    return false;
}

/* ---- which headers it wants to send ---- */

/* Takes the first name off the list, with at most one blank on either side of it. */
static weir_text next_name(weir_text *list)
{
    const char *comma = memchr(list->data, ',', list->len);
    weir_text name = {list->data, comma ? (size_t)(comma - list->data) : list->len};
    size_t taken = comma ? name.len + 1 : name.len;
    *list = (weir_text){list->data + taken, list->len - taken};
    if (name.len && (name.data[name.len - 1] == ' ' || name.data[name.len - 1] == '\t'))
        name.len--;
    if (name.len && (*name.data == ' ' || *name.data == '\t'))
        name = (weir_text){name.data + 1, name.len - 1};
    return name;
}

/* Browsers write the names in lower case: another case is no browser's. */
static bool name_is_allowed(const otlp_cors *cors, weir_text name)
{
    static const char *const by_default[] = {"accept", "content-type", "x-requested-with"};
    const weir_strings *written = &cors->config->allowed_headers;
    size_t count = written->count ? written->count : WEIR_COUNT_OF(by_default);
    for (size_t i = 0; i < name.len; i++)
        if (isupper((unsigned char)name.data[i]))
            return false;
    for (size_t i = 0; i < count; i++)
        if (weir_text_equal_nocase(name, weir_text_of(written->count ? written->items[i] : by_default[i])))
            return true;
    return false;
}

static bool is_before(weir_text a, weir_text b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order < 0 || (order == 0 && a.len < b.len);
}

typedef struct header_lists {
    weir_text lists[OTLP_CORS_LISTS_MAX]; /* Access-Control-Request-Headers */
    size_t count;
} header_lists;

static bool read_wanted(const weir_http_request *request, header_lists *ret_wanted)
{
    ret_wanted->count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!weir_text_is(request->headers[i].name, "access-control-request-headers"))
            continue;
        if (ret_wanted->count == OTLP_CORS_LISTS_MAX)
            return false;
        ret_wanted->lists[ret_wanted->count++] = request->headers[i].value;
    }
    return true;
}

/* A browser names each header once, and sorted: anything else is no browser's. */
static bool wanted_is_allowed(const otlp_cors *cors, const header_lists *wanted)
{
    weir_text last = {"", 0};
    unsigned empty = 0;
    for (size_t i = 0; i < wanted->count && !cors->any_header; i++) {
        weir_text list = wanted->lists[i];
        while (list.len) {
            weir_text name = next_name(&list);
            if (name.len == 0 && ++empty <= EMPTY_NAMES_MAX)
                continue;
            if (!name_is_allowed(cors, name) || !is_before(last, name))
                return false;
            last = name;
        }
    }
    return true;
}

/* ---- what is said ---- */

static void add_origin(const otlp_cors *cors, weir_text origin, weir_http_header *headers, size_t *count)
{
    headers[(*count)++] =
        (weir_http_header){WEIR_TEXT("access-control-allow-origin"), cors->any_origin ? WEIR_TEXT("*") : origin};
    headers[(*count)++] = (weir_http_header){WEIR_TEXT("access-control-allow-credentials"), WEIR_TEXT("true")};
}

bool weir__otlp_cors_is_preflight(const weir_http_request *request)
{
    return weir_text_is(request->method, "OPTIONS") &&
           weir_http_request_header(request, "access-control-request-method").len > 0;
}

size_t weir__otlp_cors_preflight(const otlp_cors *cors, const weir_http_request *request, weir_http_header *ret_headers)
{
    weir_text origin = weir_http_request_header(request, "origin");
    weir_text method = weir_http_request_header(request, "access-control-request-method");
    header_lists wanted;
    bool is_readable = read_wanted(request, &wanted);
    size_t count = 0;
    /* Also of a refusal: what stands between must not show it to another page. */
    ret_headers[count++] = (weir_http_header){
        WEIR_TEXT("vary"), WEIR_TEXT("Origin, Access-Control-Request-Method, Access-Control-Request-Headers")};
    if (!origin_is_allowed(cors, origin) || !method_is_allowed(method) || !is_readable ||
        !wanted_is_allowed(cors, &wanted))
        return count;
    add_origin(cors, origin, ret_headers, &count);
    ret_headers[count++] = (weir_http_header){WEIR_TEXT("access-control-allow-methods"), method};
    for (size_t i = 0; i < wanted.count && wanted.lists[0].len; i++)
        ret_headers[count++] = (weir_http_header){WEIR_TEXT("access-control-allow-headers"), wanted.lists[i]};
    if (cors->max_age)
        ret_headers[count++] = (weir_http_header){WEIR_TEXT("access-control-max-age"), weir_text_of(cors->max_age)};
    WEIR_ASSERT(count <= OTLP_CORS_HEADERS_MAX);
    return count;
}

size_t weir__otlp_cors_answer(const otlp_cors *cors, const weir_http_request *request, weir_http_header *ret_headers)
{
    weir_text origin = weir_http_request_header(request, "origin");
    size_t count = 0;
    ret_headers[count++] = (weir_http_header){WEIR_TEXT("vary"), WEIR_TEXT("Origin")};
    if (!origin_is_allowed(cors, origin) || !method_is_allowed(request->method))
        return count;
    add_origin(cors, origin, ret_headers, &count);
    if (cors->exposed)
        ret_headers[count++] =
            (weir_http_header){WEIR_TEXT("access-control-expose-headers"), weir_text_of(cors->exposed)};
    return count;
}
