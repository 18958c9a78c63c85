/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates for tests, as PEM text.
 */
#ifndef WEIR_TESTS_ISSUE_H
#define WEIR_TESTS_ISSUE_H

typedef struct issued {
    char *cert, *key; /* freed with issued_done */
} issued;

/* A certificate for `name` (a DNS name, or an address as "IP:127.0.0.1"), signed by `by` (NULL: an authority that signs
 * itself), valid for `days` from yesterday on: -1 makes one that has expired. */
issued issue(const char *name, const issued *by, int days);
void issued_done(issued *self);

#endif
