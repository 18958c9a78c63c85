/* SPDX-License-Identifier: Apache-2.0
 *
 * What to use instead of the Collector's components that weir does not have. A constant table; any thread.
 */
#ifndef WEIR_CONFIG_ADVICE_H
#define WEIR_CONFIG_ADVICE_H

#include "config/document.h"

/* One sentence without a final period, or NULL if the component is not known to be one of the Collector's. */
const char *weir_advice(weir_section section, const char *type);

#endif
