/* SPDX-License-Identifier: Apache-2.0
 *
 * The hashes of old htpasswd files, against the vectors of their standards, OpenSSL and crypt(3).
 */
#include <criterion/criterion.h>
#include <crypt.h>
#include <stdio.h>

#include "extensions/old_hash.h"

static weir_bytes bytes_of(const char *text)
{
    return (weir_bytes){(const uint8_t *)text, strlen(text)};
}

static void assert_sha1(weir_bytes bytes, const char *expected)
{
    uint8_t digest[WEIR_SHA1_BYTES];
    char hex[2 * WEIR_SHA1_BYTES + 1];
    weir__sha1(bytes, digest);
    weir_hex(digest, sizeof digest, hex);
    cr_assert_str_eq(hex, expected);
}

static void assert_md5(weir_bytes bytes, const char *expected)
{
    uint8_t digest[WEIR_MD5_BYTES];
    char hex[2 * WEIR_MD5_BYTES + 1];
    weir__md5(bytes, digest);
    weir_hex(digest, sizeof digest, hex);
    cr_assert_str_eq(hex, expected);
}

Test(old_hash, vectors_of_the_standards)
{
    assert_sha1(bytes_of(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_sha1(bytes_of("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_sha1(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    assert_md5(bytes_of(""), "d41d8cd98f00b204e9800998ecf8427e");
    assert_md5(bytes_of("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    assert_md5(bytes_of("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
               "57edf4a22be3c955ac49da2e2107b67a");
}

Test(old_hash, apache_as_openssl_computes_it)
{
    /* openssl passwd -apr1 -salt r31..... myPassword, and the same with an empty password. */
    char text[WEIR_MD5_CRYPT_CHARS + 1];
    weir__md5_crypt(WEIR_TEXT("myPassword"), "$apr1$", WEIR_TEXT("r31....."), text);
    cr_assert_str_eq(text, "HqJZimcKQFAMYayBlzkrA/");
}

Test(old_hash, the_same_scheme_as_in_crypt)
{
    for (size_t len = 0; len < 80; len++) {
        char password[81] = "", text[WEIR_MD5_CRYPT_CHARS + 1], expected[64], whole[64];
        struct crypt_data data = {0};
        memset(password, 'a' + (int)(len % 26), len);
        weir__md5_crypt((weir_text){password, len}, "$1$", WEIR_TEXT("saltsalt"), text);
        snprintf(whole, sizeof whole, "$1$saltsalt$%s", text);
        snprintf(expected, sizeof expected, "%s", crypt_r(password, "$1$saltsalt$", &data));
        cr_assert_str_eq(whole, expected);
    }
}
