/* SPDX-License-Identifier: Apache-2.0
 *
 * What `weir COMMAND` does. Each takes the arguments from the command's own name on and gives the exit code: 0 fine,
 * 1 not, 2 misused.
 */
#ifndef WEIR_COMMANDS_H
#define WEIR_COMMANDS_H

int weir_command_run(int argc, char **argv);
int weir_command_validate(int argc, char **argv);
int weir_command_components(int argc, char **argv);
int weir_command_schema(int argc, char **argv);
int weir_command_reference(int argc, char **argv);
int weir_command_setup(int argc, char **argv);

#endif
