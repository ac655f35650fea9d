//! What is looked at: the stretch of the plane that the canvas shows, and the selection.

use crate::diagram::geometry::{Frame, Point};

/// The least and the greatest magnification.
pub const ZOOM_RANGE: (f64, f64) = (0.2, 4.0);

/// The stretch of the plane that the canvas shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The point of the plane at the canvas's upper left corner.
    pub origin: Point,
    /// Pixels per drawing unit.
    pub zoom: f64,
}

impl Default for View {
    fn default() -> View {
        View { origin: (0.0, 0.0), zoom: 1.0 }
    }
}

impl View {
    /// The point of the plane under a point of the canvas.
    pub fn to_plane(&self, screen: Point) -> Point {
        (self.origin.0 + screen.0 / self.zoom, self.origin.1 + screen.1 / self.zoom)
    }

    /// The point of the canvas over a point of the plane.
    pub fn to_screen(&self, plane: Point) -> Point {
        ((plane.0 - self.origin.0) * self.zoom, (plane.1 - self.origin.1) * self.zoom)
    }

    /// Moved by so many pixels, as if the plane were dragged.
    pub fn panned(&self, by: Point) -> View {
        View { origin: (self.origin.0 - by.0 / self.zoom, self.origin.1 - by.1 / self.zoom), ..*self }
    }

    /// Magnified by a factor about a point of the canvas, which stays where it is.
    pub fn zoomed(&self, factor: f64, about: Point) -> View {
        let zoom = (self.zoom * factor).clamp(ZOOM_RANGE.0, ZOOM_RANGE.1);
        let fixed = self.to_plane(about);
        View { origin: (fixed.0 - about.0 / zoom, fixed.1 - about.1 / zoom), zoom }
    }

    /// Shows a frame whole, with a margin, at most at `zoom_max`.
    pub fn fitting(frame: Frame, canvas: (f64, f64), zoom_max: f64) -> View {
        let margin = if canvas.0 < 600.0 { 14.0 } else { 48.0 };
        let (width, height) = ((canvas.0 - 2.0 * margin).max(40.0), (canvas.1 - 2.0 * margin).max(40.0));
        let zoom = (width / frame.width.max(1.0)).min(height / frame.height.max(1.0)).min(zoom_max);
        let zoom = zoom.clamp(ZOOM_RANGE.0, ZOOM_RANGE.1);
        let centre = frame.centre();
        View { origin: (centre.0 - canvas.0 / zoom / 2.0, centre.1 - canvas.1 / zoom / 2.0), zoom }
    }
}

/// The selected parts, by id, in the order of selecting.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    ids: Vec<String>,
}

impl Selection {
    /// Exactly these.
    pub fn of(ids: Vec<String>) -> Selection {
        Selection { ids }
    }

    /// Whether a part is selected.
    pub fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|selected| selected == id)
    }

    /// The selected ids.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The one selected id, if it is exactly one.
    pub fn single(&self) -> Option<&str> {
        match self.ids.as_slice() {
            [id] => Some(id),
            _ => None,
        }
    }

    /// Adds a part, or takes it out.
    pub fn toggle(&mut self, id: &str) {
        match self.ids.iter().position(|selected| selected == id) {
            Some(index) => {
                self.ids.remove(index);
            }
            None => self.ids.push(id.to_string()),
        }
    }

    /// Keeps only what fulfils the condition.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.ids.retain(|id| keep(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let view = View { origin: (10.0, -20.0), zoom: 1.5 };
        for factor in [0.5, 0.9, 1.3, 100.0, 0.001] {
            let about = (333.0, 77.0);
            let zoomed = view.zoomed(factor, about);
            let (before, after) = (view.to_plane(about), zoomed.to_plane(about));
            assert!((before.0 - after.0).abs() < 1e-9 && (before.1 - after.1).abs() < 1e-9);
            assert!((ZOOM_RANGE.0..=ZOOM_RANGE.1).contains(&zoomed.zoom));
        }
    }

    #[test]
    fn fitting_shows_the_whole_frame() {
        let frame = Frame { left: -500.0, top: 20.0, width: 1400.0, height: 300.0 };
        let view = View::fitting(frame, (900.0, 500.0), 1.0);
        let (a, b) = (view.to_screen((frame.left, frame.top)), view.to_screen((frame.right(), frame.bottom())));
        assert!(a.0 >= 0.0 && a.1 >= 0.0 && b.0 <= 900.0 && b.1 <= 500.0, "{a:?} {b:?}");
    }
}
