/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands for people that look after what lies on disk: `weir queue`, `weir deadletter` and `weir replay`. Each takes
 * the arguments from its own name on and gives the exit code: 0 fine, 1 not, 2 misused. One thread.
 */
#ifndef WEIR_TOOLS_TOOLS_H
#define WEIR_TOOLS_TOOLS_H

int weir_tool_queue(int argc, char **argv);
int weir_tool_deadletter(int argc, char **argv);
int weir_tool_replay(int argc, char **argv);

#endif
