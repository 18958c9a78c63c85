/* SPDX-License-Identifier: Apache-2.0
 *
 * What extensions lend to other components: the functions of weir_host that find it. Control thread.
 */
#ifndef WEIR_LENDING_H
#define WEIR_LENDING_H

#include "component.h"
#include "plan.h"

typedef struct weir_lending {
    const weir_plan *plan;
    void *const *shared; /* [component], the process parts */
} weir_lending;

/* Makes `host` lend what the extensions of `plan` have. Borrows everything for the host's life. */
void weir_lending_init(weir_lending *lending, weir_host *host, const weir_plan *plan, void *const *shared);

#endif
