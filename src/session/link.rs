//! Bytes as letters of an address: base64url, with four more bytes that tell a damaged link from a whole one.
//!
//! Base64url is that of RFC 4648, section 5, without padding. The check is FNV-1a with 32 bits: it is there for links
//! that were cut off or mistyped, not against those who forge.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes bytes and their check as letters.
pub fn pack(bytes: &[u8]) -> String {
    let whole: Vec<u8> = bytes.iter().copied().chain(check(bytes)).collect();
    let mut text = String::with_capacity(whole.len() * 4 / 3 + 3);
    for group in whole.chunks(3) {
        let bits =
            group.iter().enumerate().fold(0_u32, |bits, (place, byte)| bits | u32::from(*byte) << (16 - 8 * place));
        for place in 0..=group.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

/// Reads what [`pack`] wrote; none if the letters are not whole.
pub fn unpack(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0;
        for (place, letter) in group.iter().enumerate() {
            let value = LETTERS.iter().position(|known| known == letter)?;
            bits |= (value as u32) << (18 - 6 * place);
        }
        let count = group.len().checked_sub(1).filter(|count| *count > 0)?;
        bytes.extend((0..count).map(|place| (bits >> (16 - 8 * place)) as u8));
    }
    let end = bytes.len().checked_sub(4)?;
    let found = bytes.split_off(end);
    (found == check(&bytes)).then_some(bytes)
}

fn check(bytes: &[u8]) -> [u8; 4] {
    bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_the_standard() {
        // RFC 4648, section 10: "foobar" is Zm9vYmFy, which is all but the check.
        assert!(pack(b"foobar").starts_with("Zm9vYmFy"));
        assert_eq!(pack(&[0xff, 0xfe, 0xfd])[..4], *"__79");
    }

    #[test]
    fn what_was_packed_comes_out_and_what_was_damaged_does_not() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(91).wrapping_add(length)).collect();
            let text = pack(&bytes);
            assert_eq!(unpack(&text), Some(bytes));
            for cut in 0..text.len() {
                assert_eq!(unpack(&text[..cut]), None, "cut off after {cut} of {text}");
                let other = if &text[cut..=cut] == "A" { "B" } else { "A" };
                let mut damaged = text.clone();
                damaged.replace_range(cut..=cut, other);
                // The last letter has bits that mean nothing.
                assert!(unpack(&damaged).is_none() || cut + 1 == text.len(), "{damaged}");
            }
            assert_eq!(unpack(&format!("{text}AAAA")), None, "something is behind it");
        }
        for junk in ["", "A", "!", "A=B=", "ä", "  "] {
            assert_eq!(unpack(junk), None);
        }
    }
}
