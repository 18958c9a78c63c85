/* SPDX-License-Identifier: Apache-2.0
 *
 * htpasswd files: every format of a password, made by other programs, and what is wrong with a line.
 */
#include <criterion/criterion.h>
#include <time.h>

#include "extensions/htpasswd.h"

/* "correct horse" by crypt(3) of libxcrypt, openssl passwd, and Python's hashlib. */
static const char file[] =
    "bcrypt:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n"
    "bcrypt_b:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\r\n"
    "\n"
    "sha256:$5$rounds=1000$saltstring$95Bg/RfV2QriLpMdLPHK9el0Ighm6E3CBqMKzZKgCa2\n"
    "sha512:$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7o"
    "BNdsyYBbtm/\n"
    "  apr1:$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/  \n"
    "md5:$1$saltsalt$NuzA7WTAelpl95xgBGWN60\n"
    "sha:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n"
    "ssha:{SSHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0\n"
    "marked:{PLAIN}correct horse\n"
    "plain:correct horse";

static weir_htpasswd *read_one(const char *text, weir_error *ret_error)
{
    const weir_text texts[] = {weir_text_of(text)};
    const char *const names[] = {"users"};
    weir_htpasswd *users = NULL;
    weir_status status = weir_htpasswd_read(texts, names, 1, &users, ret_error);
    cr_assert_eq(status == WEIR_OK, users != NULL);
    return users;
}

static bool matches(const weir_htpasswd *users, const char *user, const char *password)
{
    return weir_htpasswd_matches(users, weir_text_of(user), weir_text_of(password));
}

Test(htpasswd, every_format)
{
    static const char *const users[] = {"bcrypt", "bcrypt_b", "sha256", "sha512", "apr1",
                                        "md5",    "sha",      "ssha",   "marked", "plain"};
    weir_error error = {0};
    weir_htpasswd *read = read_one(file, &error);
    cr_assert_not_null(read, "%s", error.text);
    for (size_t i = 0; i < WEIR_COUNT_OF(users); i++) {
        cr_expect(matches(read, users[i], "correct horse"), "%s", users[i]);
        cr_expect_not(matches(read, users[i], "correct horsf"), "%s", users[i]);
        cr_expect_not(matches(read, users[i], "correct hors"), "%s", users[i]);
        cr_expect_not(matches(read, users[i], ""), "%s", users[i]);
        cr_expect_not(weir_htpasswd_matches(read, weir_text_of(users[i]), (weir_text){"correct horse\0x", 15}),
                      "what follows a NUL counts: %s", users[i]);
    }
    cr_expect_not(matches(read, "nobody", "correct horse"));
    weir_htpasswd_unref(read);
}

static int64_t cpu_ns_of_a_check(const weir_htpasswd *users, const char *user)
{
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    cr_expect_not(matches(users, user, "wrong"));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return (to.tv_sec - from.tv_sec) * 1000000000 + (to.tv_nsec - from.tv_nsec);
}

Test(htpasswd, a_user_who_is_not_there_takes_as_long_as_one_who_is)
{
    weir_error error = {0};
    weir_htpasswd *read = read_one("ann:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", &error);
    cr_assert_not_null(read);
    int64_t known_ns = 0, unknown_ns = 0;
    for (int i = 0; i < 20; i++) {
        known_ns += cpu_ns_of_a_check(read, "ann");
        unknown_ns += cpu_ns_of_a_check(read, "nobody");
    }
    cr_expect_gt(unknown_ns, known_ns / 2);
    weir_htpasswd_unref(read);
}

Test(htpasswd, a_file_without_users_lets_nobody_in)
{
    weir_error error = {0};
    weir_htpasswd *read = read_one("\n", &error);
    cr_assert_not_null(read);
    cr_expect_not(matches(read, "ann", ""));
    weir_htpasswd_unref(read);
}

Test(htpasswd, the_hash_is_not_the_password)
{
    weir_error error = {0};
    weir_htpasswd *read = read_one("a:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=", &error);
    cr_expect_not(matches(read, "a", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="));
    weir_htpasswd_unref(read);
}

Test(htpasswd, the_last_line_of_a_user_counts_and_a_later_text_wins)
{
    const weir_text texts[] = {WEIR_TEXT("ann:one\nbob:one\nann:two\n"), WEIR_TEXT("bob:three")};
    const char *const names[] = {"file", "inline"};
    weir_htpasswd *users = NULL;
    weir_error error = {0};
    cr_assert_eq(weir_htpasswd_read(texts, names, 2, &users, &error), WEIR_OK);
    cr_expect(matches(users, "ann", "two"));
    cr_expect_not(matches(users, "ann", "one"));
    cr_expect(matches(users, "bob", "three"));
    weir_htpasswd_unref(users);
}

Test(htpasswd, a_password_may_have_colons_and_be_empty)
{
    weir_error error = {0};
    weir_htpasswd *users = read_one("ann:a:b\nbob:\n", &error);
    cr_expect(matches(users, "ann", "a:b"));
    cr_expect(matches(users, "bob", ""));
    weir_htpasswd_unref(users);
}

Test(htpasswd, what_cannot_be_checked_is_refused_with_its_line_and_without_the_secret)
{
    static const char *const bad[] = {
        "canary",
        "ann:$y$j9T$canary$canary",
        "ann:$2y$31$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.canary2",
        "ann:$2y$05$canary",
        "ann:$5$rounds=99999999$canary$95Bg/RfV2QriLpMdLPHK9el0Ighm6E3CBqMKzZKgCa2",
        "ann:$6$canary",
        "ann:$apr1$canary",
        "ann:$1$canary$canary",
        "ann:{SHA}canary",
        "ann:{SSHA}canary!!",
        "ann:{MD5}canary",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++) {
        WEIR_FREE char *text = weir_format("ok:fine\n\n%s\n", bad[i]);
        weir_error error = {0};
        cr_expect_null(read_one(text, &error), "%s", bad[i]);
        cr_expect(strstr(error.text, "users: line 3 "), "%s", error.text);
        cr_expect_null(strstr(error.text, "canary"), "%s", error.text);
    }
}

Test(htpasswd, constant_time_comparison_compares)
{
    cr_expect(weir__equal_in_constant_time(WEIR_TEXT(""), WEIR_TEXT("")));
    cr_expect(weir__equal_in_constant_time(WEIR_TEXT("abc"), WEIR_TEXT("abc")));
    cr_expect_not(weir__equal_in_constant_time(WEIR_TEXT("abc"), WEIR_TEXT("abd")));
    cr_expect_not(weir__equal_in_constant_time(WEIR_TEXT("abc"), WEIR_TEXT("ab")));
    cr_expect_not(weir__equal_in_constant_time(WEIR_TEXT(""), WEIR_TEXT("a")));
}
