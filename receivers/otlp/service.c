/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/service.h"

#include "core/assert.h"
#include "receivers/otlp/answer.h"

void weir__otlp_refuse_body(otlp_request *request, weir_status status)
{
    if (status == WEIR_TOO_LARGE) {
        weir__otlp_refuse(request, OTLP_REFUSED_TOO_LARGE, "received message larger than max (%zu bytes)",
                          request->body.bytes_max);
        return;
    }
    WEIR_ASSERT(status == WEIR_NO_MEMORY);
    weir__otlp_refuse(request, OTLP_REFUSED_NO_MEMORY, "the memory limit is reached: send it again later");
}

bool weir__otlp_inflate(otlp_request *request)
{
    weir_error error = {0};
    weir_status status = weir__otlp_body_inflate(&request->body, request->encoding, &error);
    if (status == WEIR_OK)
        return true;
    if (status == WEIR_INVALID)
        weir__otlp_refuse(request, OTLP_REFUSED_COMPRESSION, "%s", error.text);
    else
        weir__otlp_refuse_body(request, status);
    return false;
}

bool weir__otlp_read_encoding(otlp_request *request, weir_text name)
{
    return weir_encoding_parse(name, &request->encoding) == WEIR_OK;
}
