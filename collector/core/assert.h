/* SPDX-License-Identifier: Apache-2.0
 *
 * Assertions for our own mistakes. They stay on in release builds: a collector that goes on with a broken invariant
 * loses data silently, one that stops is started again and replays what was acknowledged. Bytes from the wire, the
 * disk, a configuration or a peer are never asserted about; they are errors.
 */
#ifndef WEIR_CORE_ASSERT_H
#define WEIR_CORE_ASSERT_H

__attribute__((noreturn, cold)) void weir_assert_failed(const char *condition, const char *file, int line,
                                                        const char *function);

#define WEIR_ASSERT(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : weir_assert_failed(#condition, __FILE__, __LINE__, __func__))

/* A place that cannot be reached; `why` is a string literal that says why not. */
#define WEIR_UNREACHABLE(why) weir_assert_failed((why), __FILE__, __LINE__, __func__)

#endif
