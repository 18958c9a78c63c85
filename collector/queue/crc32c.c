/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* The polynomial 0x1EDC6F41, reflected. */
#define POLYNOMIAL 0x82F63B78u

enum { SLICES = 8 };

/* tables[k][byte]: what `byte` becomes once k more zero bytes have followed it. */
static uint32_t tables[SLICES][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fill_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int k = 1; k < SLICES; k++)
            tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xFF];
    }
}

static uint32_t eight_bytes(uint32_t crc, const uint8_t *at)
{
    uint32_t first = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
    return tables[7][first & 0xFF] ^ tables[6][first >> 8 & 0xFF] ^ tables[5][first >> 16 & 0xFF] ^
           tables[4][first >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
}

uint32_t weir_crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    pthread_once(&tables_once, fill_tables);
    const uint8_t *at = data;
    crc = ~crc;
    for (; len >= SLICES; len -= SLICES, at += SLICES)
        crc = eight_bytes(crc, at);
    for (; len > 0; len--, at++)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t with_instruction(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *at = data;
    uint64_t wide = ~crc;
    for (uint64_t word; len >= sizeof word; len -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    for (; len > 0; len--, at++)
        narrow = __builtin_ia32_crc32qi(narrow, *at);
    return ~narrow;
}

uint32_t weir_crc32c(uint32_t crc, const void *data, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? with_instruction(crc, data, len) : weir_crc32c_portable(crc, data, len);
}
#else
uint32_t weir_crc32c(uint32_t crc, const void *data, size_t len)
{
    return weir_crc32c_portable(crc, data, len);
}
#endif
