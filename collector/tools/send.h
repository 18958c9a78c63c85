/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends records one after the other by OTLP/gRPC, in clear text, each as one request over the same connection. Blocks:
 * the loop inside runs while an answer is waited for, and not otherwise. One thread.
 */
#ifndef WEIR_TOOLS_SEND_H
#define WEIR_TOOLS_SEND_H

#include "queue/record.h"
#include "tools/arguments.h"

typedef struct tool_sender tool_sender;

/* Does not connect yet. Borrows `arguments`. Never NULL. */
tool_sender *tool_sender_new(const tool_arguments *arguments);
void tool_sender_free(tool_sender *sender);

/* Sends the record once and waits for the answer, at most as long as the arguments' timeout. `*ret_outcome` has class
 * NONE if it was taken; rejected_items and text then are those of a partial success. */
void tool_sender_send(tool_sender *sender, const weir_record *record, weir_error *ret_outcome);

#endif
