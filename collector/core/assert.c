/* SPDX-License-Identifier: Apache-2.0 */
#include "core/assert.h"

#include <stdio.h>
#include <stdlib.h>

void weir_assert_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "weir: assertion failed: %s (%s:%d, %s)\n", condition, file, line, function);
    abort();
}
