//! Shapes of a drawing as SVG elements.

use yew::prelude::*;

use crate::diagram::drawing::{Anchor, Drawing, Form, Shape};

/// Number attributes with two decimals, which is finer than a pixel at any zoom.
fn number(value: f64) -> String {
    crate::diagram::drawing::number(value)
}

/// The elements of a list of shapes.
pub fn shapes_html(shapes: &[Shape]) -> Html {
    html! { for shape in shapes { { shape_html(shape) } } }
}

/// One shape.
pub fn shape_html(shape: &Shape) -> Html {
    let class = shape.classes();
    let (width, dash) = shape
        .stroke
        .map_or((None, None), |stroke| (Some(number(stroke.width)), (!stroke.dash.is_empty()).then_some(stroke.dash)));
    match &shape.form {
        Form::Line { from, to } => html! {
            <line {class} x1={number(from.0)} y1={number(from.1)} x2={number(to.0)} y2={number(to.1)} stroke-width={width} stroke-dasharray={dash} />
        },
        Form::Path { commands } => html! {
            <path {class} d={commands.clone()} stroke-width={width} stroke-dasharray={dash} />
        },
        Form::Rect { x, y, width: w, height: h, radius } => html! {
            <rect {class} x={number(*x)} y={number(*y)} width={number(*w)} height={number(*h)} rx={number(*radius)} stroke-width={width} stroke-dasharray={dash} />
        },
        Form::Circle { centre, radius } => html! {
            <circle {class} cx={number(centre.0)} cy={number(centre.1)} r={number(*radius)} stroke-width={width} stroke-dasharray={dash} />
        },
        Form::Text(text) => {
            let anchor = match text.anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let turn = (text.turn != 0.0)
                .then(|| format!("rotate({} {} {})", number(text.turn), number(text.at.0), number(text.at.1)));
            html! {
                <text {class} x={number(text.at.0)} y={number(text.at.1)} text-anchor={anchor} font-size={number(text.size)} transform={turn}>{ text.content.clone() }</text>
            }
        }
        Form::Group { at, shapes, .. } => html! {
            <g transform={format!("translate({} {})", number(at.0), number(at.1))}>{ shapes_html(shapes) }</g>
        },
    }
}

/// A whole drawing, as large as it says, with its text alternative.
pub fn drawing_html(drawing: &Drawing) -> Html {
    let view_box = format!(
        "{} {} {} {}",
        number(drawing.origin.0),
        number(drawing.origin.1),
        number(drawing.width),
        number(drawing.height)
    );
    html! {
        <svg class="drawing" role="img" aria-label={format!("{}. {}", drawing.title, drawing.description)}
            viewBox={view_box} width={number(drawing.width)} height={number(drawing.height)}>
            { shapes_html(&drawing.shapes) }
        </svg>
    }
}
