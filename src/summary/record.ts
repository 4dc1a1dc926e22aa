/**
 * TFRecord framing, in which TensorBoard's event files hold their events: length, checksum of the length, bytes,
 * checksum of the bytes, all little-endian. The checksums are CRC-32C (Castagnoli, RFC 3720), masked.
 */

/** The Castagnoli polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const MASK_DELTA = 0xa282ead8;

const LENGTH_BYTES = 8;
const CHECKSUM_BYTES = 4;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

/** CRC-32C of `bytes`. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Rotated and shifted, so that the checksum of bytes that hold checksums is no special case. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** `bytes` as one record of a file. */
export function frame(bytes: Uint8Array): Uint8Array {
  const begin = LENGTH_BYTES + CHECKSUM_BYTES;
  const record = new Uint8Array(begin + bytes.length + CHECKSUM_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(LENGTH_BYTES, masked(crc32c(record.subarray(0, LENGTH_BYTES))), true);
  record.set(bytes, begin);
  view.setUint32(begin + bytes.length, masked(crc32c(bytes)), true);
  return record;
}
