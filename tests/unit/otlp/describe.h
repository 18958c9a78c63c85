/* SPDX-License-Identifier: Apache-2.0
 *
 * The text form in which a request read by the views and one read by protobuf-c are compared. Both readers fill the
 * same structs; only walking and values are written twice (oracle.c, describe.c).
 */
#ifndef WEIR_TESTS_OTLP_DESCRIBE_H
#define WEIR_TESTS_OTLP_DESCRIBE_H

#include "otlp/view.h"

void describe_text(weir_buffer *out, const char *label, weir_text text);
void describe_bytes(weir_buffer *out, const char *label, weir_bytes bytes);
/* Scalars; of arrays and maps only the opening bracket. */
void describe_scalar(weir_buffer *out, const weir_otlp_value *value);
void describe_span(weir_buffer *out, const weir_otlp_span *span);
void describe_event(weir_buffer *out, const weir_otlp_event *event);
void describe_link(weir_buffer *out, const weir_otlp_link *link);
/* But for the body. */
void describe_log(weir_buffer *out, const weir_otlp_log *record);
void describe_metric(weir_buffer *out, const weir_otlp_metric *metric);
void describe_point(weir_buffer *out, const weir_otlp_point *point);

#endif
