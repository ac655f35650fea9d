//! The colours, as data: the page's style sheet, the exported pictures and the contrast tests share this one list.
//!
//! A shape never names a colour. It names a [`Tone`], the tone is a class of the style sheet, and the class reads a custom
//! property. The hues are chosen to stay apart for colour-blind eyes (after Okabe and Ito), and no state is told by hue
//! alone: each has its own mark, dash or word as well.

use std::fmt::Write as _;

/// Which of the two palettes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on light paper.
    Light,
    /// Light ink on dark paper.
    Dark,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Text and what must be read.
    Ink,
    /// Text that explains; wires.
    Soft,
    /// Hairlines that only divide.
    Rule,
    /// The dots of the drawing grid.
    Grid,
    /// The outline of a node: visible against the paper.
    Edge,
    /// The ground of the drawing area.
    Paper,
    /// The ground of panels and of the dock.
    Panel,
    /// The inside of a node.
    Node,
    /// Selection, and the present moment.
    Accent,
    /// Text upon the accent.
    AccentInk,
    /// Messages on their ordinary way.
    Info,
    /// Done.
    Ok,
    /// Waits again, or is delivered again.
    Wait,
    /// Lost, or down.
    Lost,
    /// Done more than once.
    Duplicate,
}

/// Every tone with its custom property, its light colour and its dark one, as `#rrggbb`.
pub const TOKENS: [(Tone, &str, &str, &str); 15] = [
    (Tone::Ink, "ink", "#1c2430", "#e8eaee"),
    (Tone::Soft, "soft", "#5b6573", "#98a3b3"),
    (Tone::Rule, "rule", "#d9d6cc", "#2c3541"),
    (Tone::Grid, "grid", "#e4e1d8", "#1d242d"),
    (Tone::Edge, "edge", "#868c95", "#6f7b8d"),
    (Tone::Paper, "paper", "#f6f5f1", "#12161c"),
    (Tone::Panel, "panel", "#fffefb", "#1a2028"),
    (Tone::Node, "node", "#fffefb", "#212935"),
    (Tone::Accent, "accent", "#0b63c4", "#6cb0ff"),
    (Tone::AccentInk, "accent-ink", "#ffffff", "#08131f"),
    (Tone::Info, "info", "#1f6fa8", "#79c3f2"),
    (Tone::Ok, "ok", "#00795a", "#3fd0a4"),
    (Tone::Wait, "wait", "#9a5d00", "#f0b44c"),
    (Tone::Lost, "lost", "#b8420a", "#ff8d5c"),
    (Tone::Duplicate, "duplicate", "#9c3f77", "#e59ac8"),
];

/// The fonts of pictures. What a system offers comes first; none is fetched.
pub const SANS: &str = "system-ui,\"Inter\",\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif";
/// The fonts of numbers and keys.
pub const MONO: &str = "ui-monospace,\"JetBrains Mono\",Menlo,\"DejaVu Sans Mono\",monospace";

impl Tone {
    /// The name: of the custom property `--name` and of the classes `fill-name` and `stroke-name`.
    pub fn name(self) -> &'static str {
        TOKENS[self as usize].1
    }

    /// The colour in a theme, as `#rrggbb`.
    pub fn colour(self, theme: Theme) -> &'static str {
        let (_, _, light, dark) = TOKENS[self as usize];
        match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        }
    }
}

/// The custom properties of a theme, one after the other: `--ink:#1c2430;--soft:…`.
pub fn properties(theme: Theme) -> String {
    TOKENS.iter().fold(String::new(), |mut text, (tone, name, ..)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "--{name}:{};", tone.colour(theme));
        text
    })
}

/// The custom properties of both themes: light unless the page's root says `data-theme=dark`.
pub fn css() -> String {
    format!(":root{{{}}}\n[data-theme=dark]{{{}}}\n", properties(Theme::Light), properties(Theme::Dark))
}

/// The rules that give a drawing's classes their meaning; the same on the page and in exported pictures.
pub fn drawing_css() -> String {
    let mut text = String::new();
    for (_, name, ..) in TOKENS {
        let _ = writeln!(text, ".fill-{name}{{fill:var(--{name})}}.stroke-{name}{{stroke:var(--{name})}}");
    }
    let _ = writeln!(
        text,
        ".fill-none{{fill:none}}.faint{{opacity:.16}}.round{{stroke-linecap:round;stroke-linejoin:round}}"
    );
    let _ = writeln!(text, ".label{{font-family:{SANS}}}.mono{{font-family:{MONO}}}.strong{{font-weight:600}}");
    let _ = writeln!(text, ".halo{{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}}");
    text
}

/// The contrast of two colours `#rrggbb` after WCAG 2.2, from 1 to 21; 1 if either is not such a colour.
pub fn contrast(first: &str, second: &str) -> f64 {
    let (Some(first), Some(second)) = (luminance(first), luminance(second)) else { return 1.0 };
    let (light, dark) = if first > second { (first, second) } else { (second, first) };
    (light + 0.05) / (dark + 0.05)
}

/// Relative luminance after WCAG 2.2.
fn luminance(colour: &str) -> Option<f64> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let channel = |shift: u32| {
        let value = f64::from((number >> shift) & 0xff) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            libm::pow((value + 0.055) / 1.055, 2.4)
        }
    };
    Some(0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_in_the_order_of_the_tones() {
        for (index, (tone, name, ..)) in TOKENS.iter().enumerate() {
            assert_eq!(*tone as usize, index, "{name}");
        }
    }

    #[test]
    fn contrast_agrees_with_known_pairs() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
        assert!((contrast("#777777", "#ffffff") - 4.478).abs() < 0.001);
        assert!((contrast("#123456", "#123456") - 1.0).abs() < 1e-9);
    }

    #[test]
    fn text_and_marks_stand_out_in_both_themes() {
        let text = [Tone::Ink, Tone::Soft, Tone::Accent, Tone::Info, Tone::Ok, Tone::Wait, Tone::Lost, Tone::Duplicate];
        for theme in [Theme::Light, Theme::Dark] {
            for ground in [Tone::Paper, Tone::Panel, Tone::Node] {
                for tone in text {
                    let ratio = contrast(tone.colour(theme), ground.colour(theme));
                    assert!(ratio >= 4.5, "{tone:?} on {ground:?} in {theme:?}: {ratio:.2}, WCAG AA asks for 4.5");
                }
            }
            for ground in [Tone::Paper, Tone::Node] {
                let ratio = contrast(Tone::Edge.colour(theme), ground.colour(theme));
                assert!(ratio >= 3.0, "node outline on {ground:?} in {theme:?}: {ratio:.2}, WCAG AA asks for 3");
            }
            let ratio = contrast(Tone::AccentInk.colour(theme), Tone::Accent.colour(theme));
            assert!(ratio >= 4.5, "text on the accent in {theme:?}: {ratio:.2}");
        }
    }
}
