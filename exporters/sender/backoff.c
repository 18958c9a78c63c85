/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/sender/backoff.h"

#include "exporters/sender/sender.h"

enum { ASKED_MS_MAX = 10 * 60 * 1000 };

static const uint64_t ns_per_ms = 1000000;

void weir_backoff_init(weir_backoff *backoff, const weir_sender_retry_config *config, uint64_t seed)
{
    *backoff = (weir_backoff){.config = config, .random = seed | 1};
}

/* xorshift64: enough to keep a fleet from knocking in step. */
static double random_unit(weir_backoff *backoff)
{
    backoff->random ^= backoff->random << 13;
    backoff->random ^= backoff->random >> 7;
    backoff->random ^= backoff->random << 17;
    return (double)(backoff->random >> 11) / (double)(1ULL << 53);
}

/* `interval_ms` 0: there was none before. */
static double next_interval(const weir_sender_retry_config *config, double interval_ms)
{
    double next = interval_ms > 0 ? interval_ms * config->multiplier : (double)config->initial_interval_ms;
    return config->max_interval_ms > 0 && next > (double)config->max_interval_ms ? (double)config->max_interval_ms
                                                                                 : next;
}

static uint64_t jittered_ns(weir_backoff *backoff, double interval_ms)
{
    double factor = backoff->config->randomization_factor;
    return (uint64_t)(interval_ms * (1 - factor + 2 * factor * random_unit(backoff)) * (double)ns_per_ms);
}

/* A date far away, from a clock or a gateway that is wrong, must not end sending for days. */
static uint64_t asked_ns(uint64_t retry_after_ms)
{
    return (retry_after_ms < ASKED_MS_MAX ? retry_after_ms : ASKED_MS_MAX) * ns_per_ms;
}

static void grow(weir_backoff *backoff)
{
    backoff->interval_ms = next_interval(backoff->config, backoff->is_failing ? backoff->interval_ms : 0);
    backoff->is_failing = true;
    backoff->round++;
}

uint64_t weir_backoff_failed(weir_backoff *backoff, uint64_t now_ns, uint32_t round, uint64_t retry_after_ms)
{
    if (round == backoff->round) {
        grow(backoff);
        backoff->until_ns = now_ns + jittered_ns(backoff, backoff->interval_ms);
    }
    if (backoff->until_ns < now_ns + asked_ns(retry_after_ms))
        backoff->until_ns = now_ns + asked_ns(retry_after_ms);
    return weir_backoff_left_ms(backoff, now_ns);
}

uint64_t weir_backoff_alone(weir_backoff *backoff, uint64_t now_ns, double *interval_ms, uint64_t retry_after_ms)
{
    *interval_ms = next_interval(backoff->config, *interval_ms);
    uint64_t wait_ns = jittered_ns(backoff, *interval_ms);
    uint64_t asked = asked_ns(retry_after_ms);
    return now_ns + (wait_ns > asked ? wait_ns : asked);
}

void weir_backoff_succeeded(weir_backoff *backoff)
{
    backoff->is_failing = false;
    backoff->until_ns = 0;
}

uint64_t weir_backoff_left_ms(const weir_backoff *backoff, uint64_t now_ns)
{
    return backoff->until_ns > now_ns ? (backoff->until_ns - now_ns + ns_per_ms - 1) / ns_per_ms : 0;
}
