//! The canvas layer: messages on the way, drawn once per animation frame from the run itself.

use wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};

use crate::diagram::face::{flight_mark, MarkForm};
use crate::diagram::layout::Layout;
use crate::diagram::palette::{Theme, Tone};
use crate::diagram::topology::flight_position;
use crate::session::{Session, View};
use crate::vocabulary::{Carried, Time};

/// Messages drawn in one frame. More than this is a solid band on any screen.
const DRAWN_MAX: usize = 8_000;

/// The drawing surface over the nodes and wires.
pub struct FlightLayer {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    /// Its size in CSS pixels, and device pixels for each of them.
    size: (f64, f64),
    ratio: f64,
    /// Positions by kind of frame, so that each colour and form is drawn in one go; kept, so that a frame allocates nothing.
    positions: Vec<Vec<(f64, f64)>>,
}

impl FlightLayer {
    /// The layer on a canvas element; none if the browser gives no drawing surface.
    pub fn on(canvas: HtmlCanvasElement) -> Option<FlightLayer> {
        let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
        Some(FlightLayer {
            canvas,
            context,
            size: (0.0, 0.0),
            ratio: 1.0,
            positions: Carried::ALL.iter().map(|_| Vec::new()).collect(),
        })
    }

    /// Fits the surface to its element. Asking for the size makes the browser lay the page out, so this is done only when
    /// the page was drawn again, not for each frame.
    pub fn fit(&mut self, ratio: f64) {
        let element: &HtmlElement = self.canvas.unchecked_ref();
        self.size = (f64::from(element.client_width()), f64::from(element.client_height()));
        self.ratio = ratio;
        let wanted = ((self.size.0 * ratio).round() as u32, (self.size.1 * ratio).round() as u32);
        if (self.canvas.width(), self.canvas.height()) != wanted {
            self.canvas.set_width(wanted.0);
            self.canvas.set_height(wanted.1);
        }
    }

    /// Draws what is on the way now.
    pub fn draw(&mut self, session: &Session, layout: &Layout, view: View, theme: Theme) {
        let (size, ratio) = (self.size, self.ratio);
        let context = &self.context;
        // Setting a transform with numbers can't fail.
        let _ = context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0);
        context.clear_rect(0.0, 0.0, size.0, size.1);
        self.place(session, layout, view, size);
        for (kind, positions) in Carried::ALL.iter().zip(&self.positions) {
            if !positions.is_empty() {
                draw_marks(&self.context, *kind, positions, view.zoom, theme);
            }
        }
    }

    /// Works out where everything is, leaving out what is off the screen.
    fn place(&mut self, session: &Session, layout: &Layout, view: View, size: (f64, f64)) {
        self.positions.iter_mut().for_each(Vec::clear);
        let (run, now) = (session.run(), session.now());
        let mut routes: Vec<Option<&crate::diagram::route::Route>> = vec![None; run.simulation().links().len()];
        for (index, wire) in session.document().wires.iter().enumerate() {
            if let Some(slot) = run.link(&wire.id).and_then(|link| routes.get_mut(link.0 as usize)) {
                *slot = layout.route_at(index);
            }
        }
        let mut drawn = 0;
        run.simulation().each_in_flight(&mut |flight| {
            let Some(Some(route)) = routes.get(flight.link.0 as usize) else { return };
            if drawn >= DRAWN_MAX {
                return;
            }
            let point =
                flight_position(route, flight.direction == 0, fraction(flight.sent, flight.arrives, now), flight.what);
            let (x, y) = view.to_screen(point);
            if x > -10.0 && y > -10.0 && x < size.0 + 10.0 && y < size.1 + 10.0 {
                drawn += 1;
                self.positions.get_mut(flight.what as usize).into_iter().for_each(|kind| kind.push((x, y)));
            }
        });
    }
}

/// How much of the way is behind a frame. What a partition holds stands in the middle, where the break is drawn.
pub fn fraction(sent: Time, arrives: Time, now: Time) -> f64 {
    if arrives == Time::MAX {
        return 0.5;
    }
    let whole = arrives.since(sent).0.max(1) as f64;
    (now.since(sent).0 as f64 / whole).clamp(0.0, 1.0)
}

/// The length of a line that is drawn as a dot by its round ends: a line without length would not be drawn.
const DOT: f64 = 0.01;

fn draw_marks(context: &CanvasRenderingContext2d, kind: Carried, positions: &[(f64, f64)], zoom: f64, theme: Theme) {
    let (form, tone, radius) = flight_mark(kind);
    let radius = radius * zoom.clamp(0.6, 1.6);
    let (colour, ground) = (tone.colour(theme), Tone::Node.colour(theme));
    match form {
        MarkForm::Disc | MarkForm::SmallDisc => draw_dots(context, positions, radius, colour),
        MarkForm::Ring => {
            draw_dots(context, positions, radius + 1.0, colour);
            draw_dots(context, positions, radius - 1.0, ground);
            draw_dots(context, positions, radius * 0.4, colour);
        }
        MarkForm::Square => {
            context.begin_path();
            for &(x, y) in positions {
                context.rect(x - radius, y - radius, 2.0 * radius, 2.0 * radius);
            }
            context.set_fill_style_str(ground);
            context.fill();
            context.set_line_width(1.5);
            context.set_stroke_style_str(colour);
            context.stroke();
        }
        MarkForm::Cross => {
            context.begin_path();
            for &(x, y) in positions {
                context.move_to(x - radius, y - radius);
                context.line_to(x + radius, y + radius);
                context.move_to(x - radius, y + radius);
                context.line_to(x + radius, y - radius);
            }
            context.set_line_width(2.0);
            context.set_stroke_style_str(colour);
            context.stroke();
        }
    }
}

/// Dots as the round ends of short lines: five thousand arcs take a browser six times as long.
fn draw_dots(context: &CanvasRenderingContext2d, positions: &[(f64, f64)], radius: f64, colour: &str) {
    context.begin_path();
    for &(x, y) in positions {
        context.move_to(x, y);
        context.line_to(x + DOT, y);
    }
    context.set_line_cap("round");
    context.set_line_width(2.0 * radius);
    context.set_stroke_style_str(colour);
    context.stroke();
}
