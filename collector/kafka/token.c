/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/token.h"

#include <string.h>

#include "net/grpc.h"
#include "net/headers.h"

/* ---- out of a header ---- */

/* "Bearer abc" and "abc" are the token abc; "Basic abc" is none. */
static weir_status take_token(weir_text value, weir_buffer *out, weir_error *ret_error)
{
    const char *space = value.len ? memchr(value.data, ' ', value.len) : NULL;
    if (space) {
        weir_text scheme = {value.data, (size_t)(space - value.data)};
        if (!weir_text_equal_nocase(scheme, WEIR_TEXT("bearer")))
            return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_DENIED,
                                  "oauthbearer_token_source gives no bearer token: name a bearertokenauth extension");
        value = (weir_text){space + 1, value.len - scheme.len - 1};
    }
    if (value.len == 0)
        return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_DENIED,
                              "oauthbearer_token_source gives no authorization header");
    weir_buffer_append(out, value.data, value.len);
    return WEIR_OK;
}

weir_status weir_kafka_token_fetch(weir_client_auth *source, weir_buffer *out, weir_error *ret_error)
{
    weir_headers headers = {0};
    weir_status status = source->decorate(source, NULL, &headers, ret_error);
    if (status == WEIR_OK)
        status = take_token(weir_headers_get(&headers, WEIR_TEXT("authorization")), out, ret_error);
    weir_headers_done(&headers);
    return status;
}

/* ---- how long it lasts ---- */

/* The claims of a JWT, the part between its dots, as JSON text. */
static bool decode_claims(weir_text token, weir_buffer *out)
{
    const char *first = memchr(token.data, '.', token.len);
    if (!first)
        return false;
    size_t rest = token.len - (size_t)(first + 1 - token.data);
    const char *second = memchr(first + 1, '.', rest);
    if (!second)
        return false;
    WEIR_BUFFER claims = {0};
    weir_buffer_append(&claims, first + 1, (size_t)(second - first - 1));
    for (size_t i = 0; i < claims.len; i++) /* base64url to base64 */
        claims.data[i] = claims.data[i] == '-' ? '+' : claims.data[i] == '_' ? '/' : claims.data[i];
    return weir_base64_decode((weir_text){(const char *)claims.data, claims.len}, out) == WEIR_OK;
}

/* The number of seconds after "exp". What is found wrong here only makes the token be fetched at another time: the
 * brokers judge it. */
static bool find_expiry(const char *claims, uint64_t *ret_seconds)
{
    const char *at = strstr(claims, "\"exp\"");
    if (!at)
        return false;
    at += strlen("\"exp\"");
    at += strspn(at, " \t\r\n:");
    return weir_text_to_uint((weir_text){at, strspn(at, "0123456789")}, (uint64_t)1 << 40, ret_seconds);
}

int64_t weir_kafka_token_end_ms(weir_text token, int64_t now_ms)
{
    WEIR_BUFFER claims = {0};
    uint64_t seconds;
    if (decode_claims(token, &claims) && find_expiry(weir_buffer_string(&claims), &seconds))
        return (int64_t)seconds * 1000;
    return now_ms + WEIR_KAFKA_TOKEN_LIFETIME_USUAL_MS;
}
