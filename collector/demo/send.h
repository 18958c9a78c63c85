/* SPDX-License-Identifier: Apache-2.0
 *
 * `weir send`: customers visit the shop (shop.h) at a steady rate, and what its services record is sent to an OTLP
 * endpoint (client.h) until told to stop.
 *
 * Nothing is dropped while it runs: what was not answered, or answered with "later", is sent again, after the delay
 * the server named or one that grows from try to try; meanwhile no new visits are made. So the totals always add up:
 * made = sent + refused + failed, where refused is what the server will never take and failed what was still without
 * an OK when the program was told to stop.
 */
#ifndef WEIR_DEMO_SEND_H
#define WEIR_DEMO_SEND_H

/* Runs the command; argv[0] is its name. Returns the exit code of the process: 0 when told to stop by SIGINT or
 * SIGTERM or when all was delivered, 1 when --visits ended with something undelivered, 2 for a mistake on the command
 * line. Blocks SIGINT and SIGTERM in the calling thread, to be called once and from the only thread. */
int weir_send_main(int argc, char **argv);

#endif
