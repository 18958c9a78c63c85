/* SPDX-License-Identifier: Apache-2.0
 *
 * What weir does without a configuration: OTLP on this machine's loopback, a queue on disk, files of OTLP/JSON lines,
 * and a few lines a second on the terminal. All of it lies in one folder, the state folder. Main thread.
 */
#ifndef WEIR_EMBEDDED_H
#define WEIR_EMBEDDED_H

#include "core/status.h"

/* A value for --config. It refers to the state folder as ${env:WEIR_STATE_DIR}. */
extern const char weir_embedded_configuration[];

/* For weir_sources.environment: `user` is the state folder, everything else comes from the process's environment. */
const char *weir_embedded_environment(void *user, const char *name);

/* The state folder: `given` if it is not NULL; else as systemd says ($STATE_DIRECTORY), $XDG_STATE_HOME/weir,
 * /var/lib/weir for root, ~/.local/state/weir. Gives it, for free(); NULL, with a text, if there is no home either. */
char *weir_state_folder(const char *given, weir_error *ret_error);

/* Makes the folder, with those above it, for this user alone, and takes its lock, which is held until the process ends.
 * Errors, with a text that names the folder and the remedy: WEIR_IO, WEIR_AGAIN (another weir has it). */
WEIR_MUST_USE weir_status weir_state_folder_take(const char *folder, weir_error *ret_error);

/* Says on standard output where everything is. */
void weir_embedded_announce(const char *folder);

#endif
