/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/support/web_page.h"

enum { EXCERPT_BYTES_MAX = 120 };

bool weir_content_type_is(weir_text content_type, const char *media_type)
{
    size_t len = strlen(media_type);
    if (content_type.len < len ||
        !weir_text_equal_nocase((weir_text){content_type.data, len}, weir_text_of(media_type)))
        return false;
    return content_type.len == len || content_type.data[len] == ';' || content_type.data[len] == ' ';
}

/* The words of a page, without its tags, in one line. */
static void excerpt(weir_bytes page, char ret_text[EXCERPT_BYTES_MAX + 1])
{
    size_t len = 0;
    bool is_in_tag = false, wants_space = false;
    for (size_t i = 0; i < page.len && len < EXCERPT_BYTES_MAX; i++) {
        uint8_t byte = page.data[i];
        if (byte == '<' || byte == '>' || byte <= ' ' || byte == 0x7f) {
            is_in_tag = byte == '<' || (is_in_tag && byte != '>');
            wants_space = len > 0;
        } else if (!is_in_tag) {
            if (wants_space)
                ret_text[len++] = ' ';
            wants_space = false;
            if (len < EXCERPT_BYTES_MAX)
                ret_text[len++] = (char)byte;
        }
    }
    ret_text[len] = '\0';
}

/* True if sending again later, or in pieces, is the right thing whoever has answered. */
static bool says_when(const weir_error *error)
{
    return error->class_ == WEIR_ERROR_RETRYABLE || error->class_ == WEIR_ERROR_THROTTLED ||
           error->class_ == WEIR_ERROR_TOO_LARGE;
}

void weir_web_page_read(unsigned status, weir_bytes page, const char *whose, weir_error *ret_error)
{
    char words[EXCERPT_BYTES_MAX + 1];
    excerpt(page, words);
    weir_error_class class_ = says_when(ret_error) ? ret_error->class_ : WEIR_ERROR_ENDPOINT;
    uint32_t retry_after_ms = ret_error->retry_after_ms;
    weir_status code = says_when(ret_error) ? ret_error->status : WEIR_INVALID;
    (void)weir_error_set(ret_error, class_, code, "HTTP %u with a web page instead of %s answer: %s", status, whose,
                         words);
    ret_error->retry_after_ms = retry_after_ms;
}
