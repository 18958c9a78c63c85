/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/config_urls.h"

#include <string.h>

#include "core/memory.h"
#include "exporters/elasticsearch/endpoints.h"

static bool is_written(const char *text)
{
    return text && *text;
}

static void strings_done(weir_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (weir_strings){0};
}

static void add(weir_strings *strings, char *takes_text)
{
    strings->items = weir_realloc(strings->items, strings->count + 1, sizeof(*strings->items));
    strings->items[strings->count++] = takes_text;
}

/* ---- which ---- */

/* "http://a:9200, http://b:9200": without the spaces. */
static void add_parts(weir_strings *strings, const char *list)
{
    for (const char *at = list;;) {
        at += strspn(at, " \t");
        size_t len = strcspn(at, ","), trimmed = len;
        while (trimmed > 0 && (at[trimmed - 1] == ' ' || at[trimmed - 1] == '\t'))
            trimmed--;
        add(strings, weir_strndup(at, trimmed));
        if (at[len] == '\0')
            return;
        at += len + 1;
    }
}

static weir_status gather_cloud(const es_config *config, es_urls *urls, weir_error *ret_error)
{
    urls->key = "cloudid";
    char *url = es_cloud_url(config->cloudid, ret_error);
    if (!url)
        return WEIR_INVALID;
    add(&urls->texts, url);
    return WEIR_OK;
}

static weir_status gather_from_environment(es_urls *urls, weir_error *ret_error)
{
    const char *list = getenv("ELASTICSEARCH_URL");
    if (!is_written(list))
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                              "exactly one of endpoint, endpoints and cloudid must be written: "
                              "`endpoint: https://host:9200` (or set ELASTICSEARCH_URL)");
    urls->key = "ELASTICSEARCH_URL";
    add_parts(&urls->texts, list);
    return WEIR_OK;
}

weir_status es_urls_gather(const es_config *config, es_urls *ret_urls, weir_error *ret_error)
{
    bool has_one = is_written(config->endpoint), has_many = config->endpoints.count > 0;
    bool has_cloud = is_written(config->cloudid);
    *ret_urls = (es_urls){0};
    if (has_one + has_many + has_cloud > 1) {
        ret_urls->key = has_cloud ? "cloudid" : "endpoints";
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                              "only one of endpoint, endpoints and cloudid can be in force: leave the others out");
    }
    if (has_cloud)
        return gather_cloud(config, ret_urls, ret_error);
    if (!has_one && !has_many)
        return gather_from_environment(ret_urls, ret_error);
    ret_urls->key = has_one ? "endpoint" : "endpoints";
    if (has_one)
        add(&ret_urls->texts, weir_strdup(config->endpoint));
    for (size_t i = 0; i < config->endpoints.count; i++)
        add(&ret_urls->texts, weir_strdup(config->endpoints.items[i]));
    return WEIR_OK;
}

void es_urls_done(es_urls *urls)
{
    strings_done(&urls->texts);
}

/* ---- one of them ---- */

/* What may be shown of a text that should be a URL: all but what stands before an '@', and what stands behind a '?'. */
static char *shown(const char *text)
{
    const char *at = strrchr(text, '@');
    const char *scheme_end = strstr(text, "://");
    size_t len = strcspn(text, "?");
    if (!at)
        return weir_strndup(text, len);
    int scheme_len = scheme_end && scheme_end < at ? (int)(scheme_end + 3 - text) : 0;
    return weir_format("%.*s***%.*s", scheme_len, text, (int)strcspn(at, "?"), at);
}

weir_status es_url_parse(const char *text, weir_url *ret_url, weir_error *ret_error)
{
    weir_error reason;
    WEIR_FREE char *visible = shown(text);
    if (*text == '\0')
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "a URL is empty");
    if (weir_url_parse(text, ret_url, &reason) != WEIR_OK)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "\"%s\" %s", visible, reason.text);
    if (!ret_url->has_query)
        return WEIR_OK;
    weir_url_done(ret_url);
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                          "\"%s\" has a query, which weir does not pass on: write `pipeline: NAME` for an ingest "
                          "pipeline, and leave the rest out",
                          visible);
}

/* ---- all of them ---- */

/* Scheme, host, a written port, and the path without the slash at its end. */
static char *base_of(const weir_url *url)
{
    size_t path_len = strlen(url->path);
    while (path_len > 0 && url->path[path_len - 1] == '/')
        path_len--;
    return weir_format("%s://%s%s%s%.*s", url->scheme, url->host, url->has_port ? ":" : "",
                       url->has_port ? url->port : "", (int)path_len, url->path);
}

weir_status es_config_urls(const es_config *config, weir_strings *ret_urls, weir_error *ret_error)
{
    es_urls urls;
    weir_strings made = {0};
    weir_status status = es_urls_gather(config, &urls, ret_error);
    for (size_t i = 0; i < urls.texts.count && status == WEIR_OK; i++) {
        weir_url url = {0};
        status = es_url_parse(urls.texts.items[i], &url, ret_error);
        if (status == WEIR_OK)
            add(&made, base_of(&url));
        weir_url_done(&url);
    }
    es_urls_done(&urls);
    if (status == WEIR_OK)
        *ret_urls = made;
    else
        strings_done(&made);
    return status;
}
