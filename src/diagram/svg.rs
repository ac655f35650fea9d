//! A drawing as a file that stands alone: SVG with its style sheet, its text alternative and the scenario it came from.

use std::fmt::Write as _;

use super::drawing::{number, Anchor, Drawing, Form, Shape, Text};
use super::palette::{drawing_css, properties, Theme, Tone};

/// The id of the element that holds the scenario.
const METADATA_ID: &str = "patchbay-scenario";
/// Room for the note under a picture.
const FOOT: f64 = 24.0;

/// The drawing as an SVG file. `metadata` is the scenario as JSON, so that the picture opens as a scenario again.
pub fn to_svg(drawing: &Drawing, theme: Theme, metadata: Option<&str>) -> String {
    let (x, y) = drawing.origin;
    // What was left out is said under the picture.
    let foot = if drawing.note.is_some() { FOOT } else { 0.0 };
    let (width, height) = (number(drawing.width), number(drawing.height + foot));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"{} {} {width} {height}\" \
         role=\"img\" aria-labelledby=\"title description\">\n",
        number(x),
        number(y),
    );
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "<title id=\"title\">{}</title>", escape(&drawing.title));
    let _ = writeln!(text, "<desc id=\"description\">{}</desc>", escape(&drawing.description));
    if let Some(json) = metadata {
        let _ = writeln!(text, "<metadata id=\"{METADATA_ID}\">{}</metadata>", escape(&json_for_xml(json)));
    }
    let _ = writeln!(text, "<style>svg{{{}}}\n{}</style>", properties(theme), drawing_css());
    let _ = writeln!(
        text,
        "<rect class=\"fill-{}\" x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\"/>",
        drawing.ground.name(),
        number(x),
        number(y),
    );
    drawing.shapes.iter().for_each(|shape| write_shape(shape, &mut text));
    if let Some(note) = &drawing.note {
        let at = (x + 12.0, y + drawing.height + FOOT - 9.0);
        write_shape(&Shape::text(at, note.clone(), Anchor::Start, 11.0, Tone::Soft), &mut text);
    }
    text.push_str("</svg>\n");
    text
}

fn write_shape(shape: &Shape, text: &mut String) {
    let look = look(shape);
    let _ = match &shape.form {
        Form::Line { from, to } => writeln!(
            text,
            "<line{look} x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            number(from.0),
            number(from.1),
            number(to.0),
            number(to.1)
        ),
        Form::Path { commands } => writeln!(text, "<path{look} d=\"{}\"/>", escape(commands)),
        Form::Rect { x, y, width, height, radius } => writeln!(
            text,
            "<rect{look} x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>",
            number(*x),
            number(*y),
            number(width.max(0.0)),
            number(height.max(0.0)),
            number(radius.max(0.0))
        ),
        Form::Circle { centre, radius } => writeln!(
            text,
            "<circle{look} cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
            number(centre.0),
            number(centre.1),
            number(radius.max(0.0))
        ),
        Form::Text(line) => write_text(line, &look, text),
        Form::Group { at, shapes, label } => {
            let _ = write!(text, "<g transform=\"translate({} {})\"", number(at.0), number(at.1));
            let _ =
                if label.is_empty() { write!(text, ">") } else { write!(text, " aria-label=\"{}\">", escape(label)) };
            shapes.iter().for_each(|shape| write_shape(shape, text));
            writeln!(text, "</g>")
        }
    };
}

fn write_text(line: &Text, look: &str, text: &mut String) -> std::fmt::Result {
    let (x, y) = (number(line.at.0), number(line.at.1));
    write!(
        text,
        "<text{look} x=\"{x}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"{}\"",
        number(line.size),
        line.anchor.name()
    )?;
    if line.turn != 0.0 {
        write!(text, " transform=\"rotate({} {x} {y})\"", number(line.turn))?;
    }
    writeln!(text, ">{}</text>", escape(&line.content))
}

/// The class and line attributes, with a space before each.
fn look(shape: &Shape) -> String {
    let mut look = format!(" class=\"{}\"", shape.classes());
    if let (Some(stroke), false) = (shape.stroke, matches!(shape.form, Form::Text(_))) {
        let _ = write!(look, " stroke-width=\"{}\"", number(stroke.width));
        if !stroke.dash.is_empty() {
            let _ = write!(look, " stroke-dasharray=\"{}\"", stroke.dash);
        }
    }
    look
}

/// Whether XML 1.0 allows the character at all.
fn allowed(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r') || (letter >= ' ' && letter != '\u{fffe}' && letter != '\u{ffff}')
}

/// Text for XML: markup is escaped, and characters that XML can't hold are dropped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| allowed(*letter)) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// The same JSON without characters that XML can't hold: outside ASCII they occur only in strings, where JSON can escape them.
fn json_for_xml(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if allowed(letter) {
            text.push(letter);
        } else {
            let _ = write!(text, "\\u{:04x}", letter as u32);
        }
    }
    text
}

/// The scenario that [`to_svg`] put into a file; none if the text is no such file. The JSON is not checked.
pub fn scenario_from_svg(text: &str) -> Option<String> {
    let at = text.find("<metadata id=\"patchbay-scenario\"").or_else(|| text.find("id=\"patchbay-scenario\""))?;
    let rest = &text[at..];
    let body = &rest[rest.find('>')? + 1..];
    let body = &body[..body.find("</")?];
    let inner = body.trim().strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>"));
    Some(inner.map_or_else(|| unescape(body), str::to_string))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|end| *end <= 10);
        match end.and_then(|end| entity(&rest[1..end]).map(|letter| (end, letter))) {
            Some((end, letter)) => {
                plain.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(label: &str) -> Drawing {
        let mut drawing = Drawing::new(100.0, 50.0, Tone::Paper, label);
        drawing.description = label.to_string();
        drawing.shapes.push(Shape::text((1.0, 2.0), label.to_string(), Anchor::Start, 12.0, Tone::Ink));
        drawing.shapes.push(Shape::group(
            (0.0, 0.0),
            label,
            vec![Shape::rect(0.0, 0.0, f64::NAN, -4.0, 2.0).filled(Tone::Node)],
        ));
        drawing
    }

    #[test]
    fn markup_in_names_stays_text() {
        let svg = to_svg(&drawing("</text><script>&\"'\u{0}\u{b}\u{ffff}"), Theme::Light, None);
        assert!(!svg.contains("<script>") && !svg.contains("</text></text>"), "{svg}");
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;&amp;&quot;&#39;<"), "control characters are dropped: {svg}");
        assert!(!svg.contains("NaN") && !svg.contains("=\"-4\""), "{svg}");
    }

    #[test]
    fn every_opened_element_is_closed() {
        let svg = to_svg(&drawing("a"), Theme::Dark, Some("{}"));
        for name in ["svg", "g", "text", "title", "desc", "style", "metadata"] {
            let opened = svg.matches(&format!("<{name} ")).count() + svg.matches(&format!("<{name}>")).count();
            assert_eq!(opened, svg.matches(&format!("</{name}>")).count(), "{name}");
        }
    }

    #[test]
    fn the_scenario_in_a_picture_comes_back() {
        for json in ["{\"a\":\"]]> </metadata> <&> \\\" & &amp; &lt;\"}", "{\"title\":\"größe 日本 🎈\"}", "{}"] {
            let svg = to_svg(&drawing("a"), Theme::Light, Some(json));
            assert_eq!(scenario_from_svg(&svg).as_deref(), Some(json));
        }
        assert_eq!(scenario_from_svg(&to_svg(&drawing("a"), Theme::Light, None)), None);
        assert_eq!(
            scenario_from_svg("<metadata id=\"patchbay-scenario\"><![CDATA[{\"a\":1}]]></metadata>").as_deref(),
            Some("{\"a\":1}")
        );
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_escaped_as_json() {
        let svg = to_svg(&drawing("a"), Theme::Light, Some("{\"a\":\"\u{ffff}\"}"));
        let json = scenario_from_svg(&svg).expect("has a scenario");
        let value: serde_json::Value = serde_json::from_str(&json).expect("is JSON");
        assert_eq!(value["a"], "\u{ffff}");
    }
}
