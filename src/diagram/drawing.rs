//! What a diagram gives: shapes in tones, a text alternative and a table. Neither the page nor the file format is here.

use std::fmt::Write as _;

use crate::vocabulary::{EventId, MessageId, NodeId};

use super::palette::Tone;

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Width in drawing units (pixels at zoom 1).
    pub width: f64,
    /// Height in drawing units.
    pub height: f64,
    /// The upper left corner of what is seen, for drawings that do not begin at (0, 0).
    pub origin: (f64, f64),
    /// The ground that it is made for; labels have a halo in this tone.
    pub ground: Tone,
    /// What it shows, in a few words.
    pub title: String,
    /// What can be seen in it, in sentences, for those who can't see it.
    pub description: String,
    /// The shapes, the hindmost first.
    pub shapes: Vec<Shape>,
    /// The same content as a table.
    pub table: Table,
    /// What was left out to stay legible, such as "showing the last 40 of 212 arrows".
    pub note: Option<String>,
}

/// The content of a drawing as rows of text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The headings of the columns.
    pub head: Vec<&'static str>,
    /// The rows; each as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// One thing in a drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Its form.
    pub form: Form,
    /// The tone inside; none: empty. Text is filled.
    pub fill: Option<Tone>,
    /// Its line; none: no line. On text: the halo.
    pub stroke: Option<Stroke>,
    /// Drawn so lightly that what lies under it shows.
    pub faint: bool,
    /// What it stands for, for the pointer and the keyboard.
    pub target: Option<Target>,
}

/// A line's look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Its tone.
    pub tone: Tone,
    /// Its width in drawing units.
    pub width: f64,
    /// Lengths of dashes and gaps, as in SVG; empty: a full line.
    pub dash: &'static str,
}

/// Forms. Coordinates are drawing units; y grows downwards.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// A straight line.
    Line {
        /// Start.
        from: (f64, f64),
        /// End.
        to: (f64, f64),
    },
    /// A path in the notation of SVG.
    Path {
        /// The path's commands.
        commands: String,
    },
    /// A rectangle.
    Rect {
        /// Left edge.
        x: f64,
        /// Upper edge.
        y: f64,
        /// Width.
        width: f64,
        /// Height.
        height: f64,
        /// Radius of its corners.
        radius: f64,
    },
    /// A circle.
    Circle {
        /// Centre.
        centre: (f64, f64),
        /// Radius.
        radius: f64,
    },
    /// One line of text.
    Text(Text),
    /// Shapes that belong together, moved by an offset.
    Group {
        /// The offset.
        at: (f64, f64),
        /// The shapes, in the group's own coordinates.
        shapes: Vec<Shape>,
        /// The group's name for those who can't see it.
        label: String,
    },
}

/// One line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Where its baseline starts, has its middle or ends.
    pub at: (f64, f64),
    /// What it says.
    pub content: String,
    /// Which part of it stands at `at`.
    pub anchor: Anchor,
    /// The size of the font in drawing units.
    pub size: f64,
    /// Semi-bold.
    pub strong: bool,
    /// In the font of numbers and keys.
    pub mono: bool,
    /// Turned about `at`, in degrees, clockwise.
    pub turn: f64,
}

/// Which part of a text stands at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The first letter.
    Start,
    /// The middle.
    Middle,
    /// The last letter.
    End,
}

/// What a shape stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A node or wire of the document, by its id there.
    Part(String),
    /// A node of the run.
    Node(NodeId),
    /// A message.
    Message(MessageId),
    /// An event of the trace.
    Event(EventId),
}

impl Drawing {
    /// An empty picture.
    pub fn new(width: f64, height: f64, ground: Tone, title: &str) -> Drawing {
        Drawing {
            width,
            height,
            origin: (0.0, 0.0),
            ground,
            title: title.to_string(),
            description: String::new(),
            shapes: Vec::new(),
            table: Table::default(),
            note: None,
        }
    }

    /// The picture of having nothing to show yet: one sentence in the middle, fitted to the width.
    pub fn empty(width: f64, height: f64, title: &str, sentence: &str) -> Drawing {
        let mut drawing = Drawing::new(width.max(1.0), height.max(1.0), Tone::Panel, title);
        let shown = super::text::fit_text(sentence, width - 16.0, 12.5, false, false);
        let at = (width / 2.0, height / 2.0 + 4.0);
        drawing.shapes.push(Shape::text(at, shown, Anchor::Middle, 12.5, Tone::Soft));
        drawing.description = sentence.to_string();
        drawing
    }

    /// One line per shape with rounded coordinates: what a test can compare and a person can read.
    pub fn listing(&self) -> String {
        let mut text = format!("{} {}x{}\n", self.title, number(self.width), number(self.height));
        list(&self.shapes, 1, &mut text);
        if let Some(note) = &self.note {
            let _ = writeln!(text, "note {note}");
        }
        text
    }
}

fn list(shapes: &[Shape], depth: usize, text: &mut String) {
    let pair = |(x, y): (f64, f64)| format!("{},{}", number(x), number(y));
    for shape in shapes {
        let form = match &shape.form {
            Form::Line { from, to } => format!("line {} {}", pair(*from), pair(*to)),
            Form::Path { commands } => format!("path {commands}"),
            Form::Rect { x, y, width, height, .. } => {
                format!("rect {} {}x{}", pair((*x, *y)), number(*width), number(*height))
            }
            Form::Circle { centre, radius } => format!("circle {} r{}", pair(*centre), number(*radius)),
            Form::Text(line) => format!("text {} {:?}", pair(line.at), line.content),
            Form::Group { at, label, .. } => format!("group {} {label:?}", pair(*at)),
        };
        let _ = write!(text, "{:indent$}{form}", "", indent = depth * 2);
        if let Some(tone) = shape.fill {
            let _ = write!(text, " fill {}", tone.name());
        }
        if let (Some(stroke), false) = (shape.stroke, matches!(shape.form, Form::Text(_))) {
            let _ = write!(text, " stroke {} {}", stroke.tone.name(), number(stroke.width));
            if !stroke.dash.is_empty() {
                let _ = write!(text, " dash {}", stroke.dash.replace(' ', "-"));
            }
        }
        text.push('\n');
        if let Form::Group { shapes, .. } = &shape.form {
            list(shapes, depth + 1, text);
        }
    }
}

impl Shape {
    fn of(form: Form) -> Shape {
        Shape { form, fill: None, stroke: None, faint: false, target: None }
    }

    /// A straight line, without a look yet.
    pub fn line(from: (f64, f64), to: (f64, f64)) -> Shape {
        Shape::of(Form::Line { from, to })
    }

    /// A path, without a look yet.
    pub fn path(commands: String) -> Shape {
        Shape::of(Form::Path { commands })
    }

    /// A rectangle, without a look yet.
    pub fn rect(x: f64, y: f64, width: f64, height: f64, radius: f64) -> Shape {
        Shape::of(Form::Rect { x, y, width, height, radius })
    }

    /// A circle, without a look yet.
    pub fn circle(centre: (f64, f64), radius: f64) -> Shape {
        Shape::of(Form::Circle { centre, radius })
    }

    /// A line of text in a tone.
    pub fn text(at: (f64, f64), content: String, anchor: Anchor, size: f64, tone: Tone) -> Shape {
        Shape::of(Form::Text(Text { at, content, anchor, size, strong: false, mono: false, turn: 0.0 })).filled(tone)
    }

    /// A group of shapes.
    pub fn group(at: (f64, f64), label: &str, shapes: Vec<Shape>) -> Shape {
        Shape::of(Form::Group { at, shapes, label: label.to_string() })
    }

    /// With this tone inside.
    pub fn filled(mut self, tone: Tone) -> Shape {
        self.fill = Some(tone);
        self
    }

    /// With a full line.
    pub fn stroked(self, tone: Tone, width: f64) -> Shape {
        self.dashed(tone, width, "")
    }

    /// With a dashed line.
    pub fn dashed(mut self, tone: Tone, width: f64, dash: &'static str) -> Shape {
        self.stroke = Some(Stroke { tone, width, dash });
        self
    }

    /// Text with a halo in the tone of its ground, so that lines under it do not disturb.
    pub fn haloed(self, ground: Tone) -> Shape {
        self.dashed(ground, 4.0, "")
    }

    /// Semi-bold text.
    pub fn strong(mut self) -> Shape {
        if let Form::Text(text) = &mut self.form {
            text.strong = true;
        }
        self
    }

    /// Text in the font of numbers and keys.
    pub fn mono(mut self) -> Shape {
        if let Form::Text(text) = &mut self.form {
            text.mono = true;
        }
        self
    }

    /// Text turned about its point, in degrees.
    pub fn turned(mut self, degrees: f64) -> Shape {
        if let Form::Text(text) = &mut self.form {
            text.turn = degrees;
        }
        self
    }

    /// Drawn lightly.
    pub fn faint(mut self) -> Shape {
        self.faint = true;
        self
    }

    /// Standing for something.
    pub fn targeting(mut self, target: Target) -> Shape {
        self.target = Some(target);
        self
    }

    /// The classes of the style sheet, for the page and the file alike.
    pub fn classes(&self) -> String {
        let mut classes = match self.form {
            Form::Group { .. } => return String::new(),
            _ => format!("fill-{}", self.fill.map_or("none", Tone::name)),
        };
        if let Some(stroke) = self.stroke {
            let _ = write!(classes, " stroke-{}", stroke.tone.name());
        }
        if let Form::Text(text) = &self.form {
            classes.push_str(if text.mono { " mono" } else { " label" });
            if text.strong {
                classes.push_str(" strong");
            }
            if self.stroke.is_some() {
                classes.push_str(" halo");
            }
        }
        if matches!(self.form, Form::Path { .. } | Form::Line { .. }) {
            classes.push_str(" round");
        }
        if self.faint {
            classes.push_str(" faint");
        }
        classes
    }
}

impl Anchor {
    /// The value of SVG's `text-anchor`.
    pub fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// A coordinate with at most two decimals, without needless zeros; what is no number is written 0.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_string();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_string()
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_always_valid() {
        let written: Vec<String> = [1.0, 0.125, -0.001, 100.0, f64::NAN, f64::INFINITY, -2.5].map(number).into();
        assert_eq!(written, ["1", "0.12", "0", "100", "0", "0", "-2.5"]);
    }

    #[test]
    fn classes_name_tones_and_never_colours() {
        let shape = Shape::rect(0.0, 0.0, 1.0, 1.0, 0.0).filled(Tone::Node).stroked(Tone::Edge, 1.0);
        assert_eq!(shape.classes(), "fill-node stroke-edge");
        let text =
            Shape::text((0.0, 0.0), "a".into(), Anchor::Start, 11.0, Tone::Ink).mono().strong().haloed(Tone::Paper);
        assert_eq!(text.classes(), "fill-ink stroke-paper mono strong halo");
    }
}
