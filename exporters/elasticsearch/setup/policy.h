/* SPDX-License-Identifier: Apache-2.0
 *
 * How long OpenSearch keeps data: a policy of its plugin Index State Management, which rolls data streams over and
 * removes indices when they are old enough.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_POLICY_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_POLICY_H

#include "exporters/elasticsearch/setup/client.h"

/* Makes or changes the policy weir-retention, and prints what it did. False if that was not possible, or the policy is
 * somebody else's and `is_forced` is not set; that is printed too. */
WEIR_MUST_USE bool setup_policy_install(setup_client *client, const char *retention, bool is_dry_run, bool is_forced);

#endif
