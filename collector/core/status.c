/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>

const char *weir_status_text(weir_status status)
{
    switch (status) {
    case WEIR_OK:
        return "ok";
    case WEIR_AGAIN:
        return "not ready";
    case WEIR_NO_MEMORY:
        return "out of memory";
    case WEIR_INVALID:
        return "invalid";
    case WEIR_TOO_LARGE:
        return "too large";
    case WEIR_UNSUPPORTED:
        return "not supported";
    case WEIR_NOT_FOUND:
        return "not found";
    case WEIR_CLOSED:
        return "connection closed";
    case WEIR_TIMEOUT:
        return "timed out";
    case WEIR_IO:
        return "input/output error";
    case WEIR_CANCELLED:
        return "cancelled";
    case WEIR_DENIED:
        return "not authenticated";
    }
    return "unknown status";
}

weir_status weir_error_set(weir_error *ret_error, weir_error_class class_, weir_status status, const char *format, ...)
{
    *ret_error = (weir_error){.class_ = class_, .status = status};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret_error->text, sizeof ret_error->text, format, arguments);
    va_end(arguments);
    return status;
}
