//! Which partition a key belongs to.
//!
//! Reproduces: Kafka's murmur2 with its seed and the mask that makes the hash positive (apache/kafka, `Utils.murmur2`,
//! `Utils.toPositive`: not the absolute value), and the CRC-32 that librdkafka hashes with unless it is told otherwise
//! (librdkafka, CONFIGURATION.md, `partitioner`). Leaves out: partitioner classes of one's own.

/// Kafka's murmur2.
#[inline]
pub fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        word ^= word >> 24;
        hash = hash.wrapping_mul(M) ^ word.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        rest.iter().enumerate().for_each(|(index, byte)| hash ^= u32::from(*byte) << (8 * index));
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// The CRC-32 of zlib.
pub fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// The partition of a key in Java's way.
#[inline]
pub fn partition_of(key: &[u8], partition_count: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partition_count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_libraries() {
        assert_eq!(murmur2(b"21") as i32, -973_932_308);
        assert_eq!(murmur2(b"a-little-bit-longer-string") as i32, -1_486_304_829);
        // The check value of the CRC catalogue.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        // The absolute value would be partition 0 of these 4 as well; the mask decides with 3.
        assert_eq!(partition_of(b"21", 3), (murmur2(b"21") & 0x7fff_ffff) % 3);
    }
}
