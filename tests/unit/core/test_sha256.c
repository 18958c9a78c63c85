/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 against the vectors of the standard, and every way a message can be padded.
 */
#include <criterion/criterion.h>

#include "core/sha256.h"
#include "core/text.h"

static void assert_digest(const char *text, const char *expected)
{
    uint8_t digest[WEIR_SHA256_BYTES];
    char hex[2 * WEIR_SHA256_BYTES + 1];
    weir_sha256((const uint8_t *)text, strlen(text), digest);
    weir_hex(digest, sizeof digest, hex);
    cr_assert_str_eq(hex, expected);
}

Test(sha256, vectors_of_the_standard)
{
    assert_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha256, every_padding)
{
    /* The digests of 0 … 129 times "a", hashed together: computed with coreutils. */
    uint8_t digest[WEIR_SHA256_BYTES], all[130 * WEIR_SHA256_BYTES], text[130];
    char hex[2 * WEIR_SHA256_BYTES + 1];
    memset(text, 'a', sizeof text);
    for (size_t len = 0; len < sizeof text; len++) {
        weir_sha256(text, len, digest);
        memcpy(all + len * sizeof digest, digest, sizeof digest);
    }
    weir_sha256(all, sizeof all, digest);
    weir_hex(digest, sizeof digest, hex);
    cr_assert_str_eq(hex, "39a48225ae6069c68f7c9f867bf47f4a2e188c3903dd919926b8259a73ecada5");
}
