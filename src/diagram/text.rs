//! How wide a text is, nearly, without asking a browser: diagrams are made where there is none.
//!
//! The widths are those of a wide system font (DejaVu Sans), rounded up, so that a fitted text fits in narrower ones too.

/// The width of one character in parts of the font size.
fn advance(letter: char, mono: bool) -> f64 {
    if letter as u32 >= 0x1100 && !('\u{2000}'..='\u{2bff}').contains(&letter) {
        return 1.05;
    }
    if mono {
        return 0.603;
    }
    match letter {
        'i' | 'j' | 'l' | '\'' => 0.28,
        'I' | '.' | ',' | ':' | ';' | '|' | ' ' | '·' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' | '!' | '"' => 0.41,
        's' | 'c' | 'z' | 'J' => 0.53,
        'm' | 'M' | 'W' | 'w' | '@' | '%' | '—' | '…' | '#' | '+' | '=' => 0.9,
        'A'..='Z' => 0.70,
        _ => 0.62,
    }
}

/// The width of a text in drawing units, for a font of this size.
pub fn text_width(text: &str, font_px: f64, mono: bool, strong: bool) -> f64 {
    let width: f64 = text.chars().map(|letter| advance(letter, mono)).sum();
    width * font_px * if strong { 1.08 } else { 1.0 }
}

/// The text, or as much of its beginning as fits the width with an ellipsis after it; empty if not even that fits.
pub fn fit_text(text: &str, width: f64, font_px: f64, mono: bool, strong: bool) -> String {
    let scale = font_px * if strong { 1.08 } else { 1.0 };
    let ellipsis = advance('…', mono) * scale;
    let mut used = 0.0;
    // The longest beginning that leaves room for the ellipsis, in bytes.
    let mut cut = 0;
    for (index, letter) in text.char_indices() {
        if used + ellipsis <= width {
            cut = index;
        }
        used += advance(letter, mono) * scale;
        if used > width {
            let kept = text[..cut].trim_end();
            let fits = ellipsis <= width && !kept.is_empty();
            return if fits { format!("{kept}…") } else { String::new() };
        }
    }
    text.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fitted_text_fits() {
        for text in
            ["", "a", "Order service", "größer als 🎈 alles 日本語テキスト", "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"]
        {
            for width in [-5.0, 0.0, 8.0, 20.0, 60.0, 100.0, 1000.0] {
                for mono in [false, true] {
                    let fitted = fit_text(text, width, 12.5, mono, false);
                    assert!(
                        fitted.is_empty() || text_width(&fitted, 12.5, mono, false) <= width + 1e-9,
                        "{fitted} in {width}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_fits_is_left_alone_and_the_rest_ends_in_an_ellipsis() {
        assert_eq!(fit_text("billing", 100.0, 12.5, false, false), "billing");
        let fitted = fit_text("A very long name of a queue", 100.0, 12.5, false, false);
        assert!(fitted.ends_with('…') && fitted.starts_with("A very"), "{fitted}");
    }
}
