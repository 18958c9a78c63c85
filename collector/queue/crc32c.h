/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC32C (Castagnoli), as in iSCSI (RFC 3720 appendix B.4): with the processor's instruction where it has one. Any
 * thread.
 */
#ifndef WEIR_QUEUE_CRC32C_H
#define WEIR_QUEUE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is the checksum of (0: nothing yet), followed by `len` more bytes. */
uint32_t weir_crc32c(uint32_t crc, const void *data, size_t len);

/* The same without the instruction: what other processors run, and what tests compare with. */
uint32_t weir_crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
