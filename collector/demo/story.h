/* SPDX-License-Identifier: Apache-2.0
 *
 * What customers do in the shop and what the services do about it, told as calls (calls.h). Each function tells one
 * whole visit into visit->recorder.
 */
#ifndef WEIR_DEMO_STORY_H
#define WEIR_DEMO_STORY_H

#include "demo/calls.h"

/* Looks at the list of products. */
void weir_story_browse(weir_visit *visit);
/* Logs in; with WEIR_TROUBLE_WRONG_PASSWORD, in vain. */
void weir_story_login(weir_visit *visit);
/* Orders and pays. Sets visit->published_order when the order was placed. */
void weir_story_checkout(weir_visit *visit);

#endif
