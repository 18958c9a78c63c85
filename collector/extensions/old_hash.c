/* SPDX-License-Identifier: Apache-2.0 */
#include "extensions/old_hash.h"

#include <math.h>

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8, STATE_WORDS_MAX = 5 };

static uint32_t rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

/* ---- what both have in common: blocks of 64 bytes, the last ones padded with the length ---- */

typedef struct hash_kind {
    void (*add_block)(uint32_t state[STATE_WORDS_MAX], const uint8_t block[BLOCK_BYTES]);
    unsigned words;
    bool is_big_endian;
} hash_kind;

static unsigned shift_of_byte(const hash_kind *kind, unsigned index, unsigned bytes)
{
    return 8 * (kind->is_big_endian ? bytes - 1 - index : index);
}

static void run(const hash_kind *kind, weir_bytes bytes, uint8_t *ret_digest)
{
    uint32_t state[STATE_WORDS_MAX] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    size_t whole = bytes.len - bytes.len % BLOCK_BYTES;
    for (size_t at = 0; at < whole; at += BLOCK_BYTES)
        kind->add_block(state, bytes.data + at);
    uint8_t last[2 * BLOCK_BYTES] = {0};
    size_t rest = bytes.len - whole;
    if (rest)
        memcpy(last, bytes.data + whole, rest);
    last[rest] = 0x80;
    size_t padded = rest + 1 + LENGTH_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        last[padded - LENGTH_BYTES + i] = (uint8_t)((uint64_t)bytes.len * 8 >> shift_of_byte(kind, i, LENGTH_BYTES));
    for (size_t at = 0; at < padded; at += BLOCK_BYTES)
        kind->add_block(state, last + at);
    for (unsigned i = 0; i < 4 * kind->words; i++)
        ret_digest[i] = (uint8_t)(state[i / 4] >> shift_of_byte(kind, i % 4, 4));
}

/* ---- SHA-1 ---- */

static uint32_t sha1_mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    if (round < 20)
        return ((b & c) | (~b & d)) + 0x5a827999;
    if (round < 40)
        return (b ^ c ^ d) + 0x6ed9eba1;
    if (round < 60)
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void sha1_add_block(uint32_t state[STATE_WORDS_MAX], const uint8_t block[BLOCK_BYTES])
{
    uint32_t words[80];
    for (unsigned i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                   block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = rotate(a, 5) + sha1_mix(i, b, c, d) + e + words[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void weir__sha1(weir_bytes bytes, uint8_t ret_digest[WEIR_SHA1_BYTES])
{
    static const hash_kind sha1 = {sha1_add_block, WEIR_SHA1_BYTES / 4, true};
    run(&sha1, bytes, ret_digest);
}

/* ---- MD5 ---- */

/* RFC 1321 §3.4: the constant of a step is the whole part of 2^32 × |sin(step + 1)|. */
static uint32_t md5_constant(unsigned step)
{
    return (uint32_t)(4294967296.0 * fabs(sin(step + 1.0)));
}

static void md5_add_block(uint32_t state[STATE_WORDS_MAX], const uint8_t block[BLOCK_BYTES])
{
    static const unsigned rotations[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (unsigned i = 0; i < 64; i++) {
        const uint32_t mixes[4] = {(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)};
        const unsigned words[4] = {i, 5 * i + 1, 3 * i + 5, 7 * i};
        unsigned phase = i / 16;
        const uint8_t *word = block + 4 * (words[phase] % 16);
        uint32_t value = (uint32_t)word[3] << 24 | (uint32_t)word[2] << 16 | (uint32_t)word[1] << 8 | word[0];
        uint32_t next = b + rotate(a + mixes[phase] + md5_constant(i) + value, rotations[phase][i % 4]);
        a = d;
        d = c;
        c = b;
        b = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void weir__md5(weir_bytes bytes, uint8_t ret_digest[WEIR_MD5_BYTES])
{
    static const hash_kind md5 = {md5_add_block, WEIR_MD5_BYTES / 4, false};
    run(&md5, bytes, ret_digest);
}

/* ---- the scheme of crypt(3)'s "$1$" and Apache's "$apr1$" ---- */

static void add(weir_buffer *out, weir_text text)
{
    weir_buffer_append(out, text.data, text.len);
}

static void add_digest(weir_buffer *out, const uint8_t digest[WEIR_MD5_BYTES], size_t len)
{
    for (; len > WEIR_MD5_BYTES; len -= WEIR_MD5_BYTES)
        weir_buffer_append(out, digest, WEIR_MD5_BYTES);
    weir_buffer_append(out, digest, len);
}

static void finish(weir_buffer *buffer, uint8_t digest[WEIR_MD5_BYTES])
{
    weir__md5((weir_bytes){buffer->data, buffer->len}, digest);
    buffer->len = 0;
}

/* The digest that the rounds begin with. */
static void begin(weir_text password, const char *prefix, weir_text salt, weir_buffer *work,
                  uint8_t digest[WEIR_MD5_BYTES])
{
    add(work, password);
    add(work, salt);
    add(work, password);
    finish(work, digest);
    add(work, password);
    add(work, weir_text_of(prefix));
    add(work, salt);
    add_digest(work, digest, password.len);
    for (size_t bits = password.len; bits; bits >>= 1)
        weir_buffer_append_byte(work, bits & 1 ? 0 : (uint8_t)password.data[0]);
    finish(work, digest);
}

static void encode(const uint8_t digest[WEIR_MD5_BYTES], char ret_text[WEIR_MD5_CRYPT_CHARS + 1])
{
    static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const uint8_t order[5][3] = {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};
    char *at = ret_text;
    for (unsigned i = 0; i < 5; i++) {
        uint32_t value = (uint32_t)digest[order[i][0]] << 16 | (uint32_t)digest[order[i][1]] << 8 | digest[order[i][2]];
        for (unsigned digit = 0; digit < 4; digit++, value >>= 6)
            *at++ = digits[value & 63];
    }
    *at++ = digits[digest[11] & 63];
    *at++ = digits[digest[11] >> 6];
    *at = '\0';
}

void weir__md5_crypt(weir_text password, const char *prefix, weir_text salt, char ret_text[WEIR_MD5_CRYPT_CHARS + 1])
{
    enum { SALT_CHARS = 8, ROUNDS = 1000 };
    WEIR_BUFFER work = {0};
    uint8_t digest[WEIR_MD5_BYTES];
    salt.len = salt.len < SALT_CHARS ? salt.len : SALT_CHARS;
    begin(password, prefix, salt, &work, digest);
    const weir_text last = {(const char *)digest, sizeof digest};
    for (unsigned round = 0; round < ROUNDS; round++) {
        add(&work, round & 1 ? password : last);
        if (round % 3)
            add(&work, salt);
        if (round % 7)
            add(&work, password);
        add(&work, round & 1 ? last : password);
        finish(&work, digest);
    }
    encode(digest, ret_text);
}
