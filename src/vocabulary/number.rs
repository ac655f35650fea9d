//! Fractions as people write them.

/// Reads a decimal fraction such as `1.5`, `.5` or `2e-3`; nothing if the text is something else.
///
/// Both ways give the nearest fraction there is. The browser has a reader of its own; the standard library's would
/// bring it once more, with ten kilobytes of a table that no compression makes smaller.
pub fn read(text: &str) -> Option<f64> {
    if !is_fraction(text) {
        return None;
    }
    #[cfg(target_arch = "wasm32")]
    return Some(js_sys::Number::parse_float(text));
    #[cfg(not(target_arch = "wasm32"))]
    text.parse().ok()
}

/// True if the text is a sign, digits with perhaps a point among them, and a power of ten; only the digits must be there.
fn is_fraction(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, power) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let power = power.strip_prefix(['-', '+']).unwrap_or(power);
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole)
        && are_digits(fraction)
        && are_digits(power)
        && whole.len() + fraction.len() > 0
        && !power.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_read_and_nothing_else_is() {
        for text in ["1", "-1.5", "+.5", "5.", "2e-3", "2E+3", "1e999", "0.1", "123456789012345678901234567890"] {
            assert_eq!(read(text), text.parse().ok(), "{text}");
        }
        for text in ["", ".", "-", "e3", "1e", "1e+", "1x", " 1", "1.2.3", "inf", "NaN", "--1", "1e1.5", "٣"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
