/* SPDX-License-Identifier: Apache-2.0
 *
 * Arbitrary answers to a bulk request. The first byte chooses HTTP's status, the second how many documents were sent.
 * Whatever comes, each document has one result, in order, whose texts lie in the answer; or there is none, and an error
 * that says why. The same bytes as an answer to "which nodes are there" give URLs, or nothing.
 */
#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/answer.h"
#include "exporters/elasticsearch/endpoints.h"

typedef struct check {
    weir_bytes body;
    size_t given;
} check;

static void check_text(const check *self, weir_text text)
{
    const char *begin = (const char *)self->body.data;
    WEIR_ASSERT(text.len == 0 || (text.data >= begin && text.data + text.len <= begin + self->body.len));
}

static void check_result(void *user, size_t place, const es_result *result)
{
    check *self = user;
    WEIR_ASSERT(place == self->given++ && result->fate < ES_FATES);
    check_text(self, result->index);
    check_text(self, result->type);
    check_text(self, result->reason);
    check_text(self, result->cause_type);
    check_text(self, result->cause_reason);
    WEIR_ASSERT(result->fate != ES_UNKNOWN || result->status == 0);
    WEIR_ASSERT(result->fate != ES_STORED || (result->status >= 200 && result->status < 300));
    WEIR_ASSERT(!result->is_of_index || result->fate == ES_LATER);
}

static void check_nodes(weir_bytes body)
{
    weir_strings urls = {0};
    if (!es_nodes_read(body, "https", &urls))
        return;
    WEIR_ASSERT(urls.count > 0);
    for (size_t i = 0; i < urls.count; i++) {
        WEIR_ASSERT(strncmp(urls.items[i], "https://", strlen("https://")) == 0);
        WEIR_ASSERT(!strpbrk(urls.items[i], "@?# "));
        free(urls.items[i]);
    }
    free(urls.items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned statuses[] = {200, 201, 204, 302, 400, 401, 404, 408, 413, 429, 500, 503};
    enum { IS_PAGE_BIT = 0x80 };
    if (size < 2)
        return 0;
    check self = {.body = {data + 2, size - 2}};
    const bool is_page = (data[1] & IS_PAGE_BIT) != 0;
    const size_t count = data[1] & (IS_PAGE_BIT - 1);
    const es_answer answer = {.status = statuses[data[0] % WEIR_COUNT_OF(statuses)],
                              .content_type = is_page ? WEIR_TEXT("text/html") : WEIR_TEXT("application/json"),
                              .body = self.body};
    weir_error error;
    es_answer_read(&answer, count, 0, check_result, &self, &error);
    WEIR_ASSERT(self.given == (error.class_ == WEIR_ERROR_NONE ? count : 0));
    WEIR_ASSERT(error.class_ == WEIR_ERROR_NONE || error.text[0] != '\0');
    check_nodes(self.body);
    return 0;
}
