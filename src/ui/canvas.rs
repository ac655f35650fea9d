//! The canvas: nodes and wires as SVG, messages on the way on a layer above, and the pointers that act on both.

use std::rc::Rc;

use web_sys::{HtmlCanvasElement, HtmlElement};
use yew::prelude::*;

use crate::diagram::face::{node_shapes, NodeView};
use crate::diagram::geometry::{outline, port_point, sides, Frame, Outline, Point, Side};
use crate::diagram::layout::Layout;
use crate::diagram::topology::{wire_label, wire_shape};
use crate::model::{node_kind, PortSpec};
use crate::scenario::document::{Document, Node, Wire};
use crate::session::gesture::{Armed, Gesture, Phase, Pointer};
use crate::session::{Mode, View};

use super::app::{Msg, PointerEvent as Moved};
use super::icons::glyph;
use super::shapes::{shape_html, shapes_html};
use super::snapshot::{kind_label, Snapshot};

#[derive(Properties)]
pub struct CanvasProps {
    pub document: Rc<Document>,
    pub layout: Rc<Layout>,
    pub snapshot: Rc<Snapshot>,
    pub view: View,
    pub gesture: Gesture,
    pub mode: Mode,
    pub surface: NodeRef,
    pub layer: NodeRef,
    pub send: Callback<Msg>,
}

impl PartialEq for CanvasProps {
    fn eq(&self, other: &CanvasProps) -> bool {
        Rc::ptr_eq(&self.document, &other.document)
            && Rc::ptr_eq(&self.layout, &other.layout)
            && (Rc::ptr_eq(&self.snapshot, &other.snapshot) || self.snapshot == other.snapshot)
            && self.view == other.view
            && self.gesture == other.gesture
            && self.mode == other.mode
    }
}

/// A browser's pointer as the gestures know it.
fn pointer(event: &PointerEvent, surface: &NodeRef) -> Option<Pointer> {
    let rect = surface.cast::<HtmlElement>()?.get_bounding_client_rect();
    Some(Pointer {
        id: event.pointer_id(),
        at: (f64::from(event.client_x()) - rect.left(), f64::from(event.client_y()) - rect.top()),
        touch: event.pointer_type() == "touch",
        shift: event.shift_key(),
        control: event.ctrl_key() || event.meta_key(),
        middle: event.button() == 1 || event.buttons() == 4,
    })
}

/// The canvas.
#[component]
pub fn Canvas(props: &CanvasProps) -> Html {
    let handler = |what: Moved| {
        let (send, surface) = (props.send.clone(), props.surface.clone());
        Callback::from(move |event: PointerEvent| {
            if what == Moved::Down {
                if event.button() == 2 {
                    return;
                }
                if let Some(element) = surface.cast::<HtmlElement>() {
                    // Without capture a drag that leaves the canvas would be lost; it fails only for a dead pointer.
                    let _ = element.set_pointer_capture(event.pointer_id());
                }
            }
            if let Some(pointer) = pointer(&event, &surface) {
                send.emit(Msg::Pointer(what, pointer));
            }
        })
    };
    let onwheel = {
        let (send, surface) = (props.send.clone(), props.surface.clone());
        Callback::from(move |event: WheelEvent| {
            let Some(element) = surface.cast::<HtmlElement>() else { return };
            let rect = element.get_bounding_client_rect();
            let at = (f64::from(event.client_x()) - rect.left(), f64::from(event.client_y()) - rect.top());
            let zoom = event.ctrl_key() || event.meta_key();
            if send_wheel(&send, at, (event.delta_x(), event.delta_y()), zoom) {
                event.prevent_default();
            }
        })
    };
    let ondblclick = {
        let (send, surface) = (props.send.clone(), props.surface.clone());
        Callback::from(move |event: MouseEvent| {
            let Some(element) = surface.cast::<HtmlElement>() else { return };
            let rect = element.get_bounding_client_rect();
            send.emit(Msg::DoubleTap((
                f64::from(event.client_x()) - rect.left(),
                f64::from(event.client_y()) - rect.top(),
            )));
        })
    };
    let onkeydown = {
        let send = props.send.clone();
        Callback::from(move |event: KeyboardEvent| {
            if let Some(command) = super::keys::on_canvas(&event) {
                event.prevent_default();
                send.emit(Msg::Command(command));
            }
        })
    };
    let View { origin, zoom } = props.view;
    let transform = format!("scale({zoom:.4}) translate({:.2} {:.2})", -origin.0, -origin.1);
    let cursor = cursor(&props.gesture);
    html! {
        <div class={classes!("surface", cursor)} ref={props.surface.clone()} tabindex="0" role="application" data-testid="canvas"
            aria-label="Drawing. Arrow keys move the selected part; question mark lists all keys. Every part is also in the list of parts."
            onpointerdown={handler(Moved::Down)} onpointermove={handler(Moved::Move)} onpointerup={handler(Moved::Up)}
            onpointercancel={handler(Moved::Cancel)} {onwheel} {ondblclick} {onkeydown}>
            <svg class="plane" aria-hidden="true">
                { ground(origin, zoom) }
                <g {transform}>
                    <g>{ nodes(props, true) }</g>
                    <Wires document={props.document.clone()} layout={props.layout.clone()} snapshot={props.snapshot.clone()} />
                    <g>{ nodes(props, false) }</g>
                    { under_way(props) }
                </g>
            </svg>
            <canvas class="flights" ref={props.layer.clone()} aria-hidden="true"></canvas>
            if props.document.nodes.is_empty() {
                <p class="empty">{ "An empty canvas. Drag a producer, a queue and a consumer here, and connect them from left to right." }</p>
            }
        </div>
    }
}

/// The wheel moves the picture, with Control it zooms. True if the page itself must not scroll.
fn send_wheel(send: &Callback<Msg>, at: Point, delta: Point, zoom: bool) -> bool {
    send.emit(Msg::Wheel { at, delta, zoom });
    true
}

fn cursor(gesture: &Gesture) -> &'static str {
    match (&gesture.phase, &gesture.armed) {
        (Phase::Panning { .. }, _) => "panning",
        (Phase::Dragging { .. }, _) => "dragging",
        (Phase::Connecting { .. }, _) | (_, Armed::Connect(..)) => "connecting",
        (_, Armed::Place(_) | Armed::Move(_)) => "placing",
        _ => "",
    }
}

/// The grid of dots.
fn ground(origin: Point, zoom: f64) -> Html {
    let step = 24.0 * zoom * if zoom < 0.5 { 2.0 } else { 1.0 };
    let shift = |origin: f64| format!("{:.2}", (-origin * zoom).rem_euclid(step));
    html! {
        <>
            <defs>
                <pattern id="grid" x={shift(origin.0)} y={shift(origin.1)} width={step.to_string()} height={step.to_string()} patternUnits="userSpaceOnUse">
                    <circle class="fill-grid" cx="1.2" cy="1.2" r="1.2" />
                </pattern>
            </defs>
            <rect width="100%" height="100%" fill="url(#grid)" />
        </>
    }
}

#[derive(Properties)]
struct WiresProps {
    document: Rc<Document>,
    layout: Rc<Layout>,
    snapshot: Rc<Snapshot>,
}

impl PartialEq for WiresProps {
    fn eq(&self, other: &WiresProps) -> bool {
        Rc::ptr_eq(&self.layout, &other.layout) && self.snapshot.wires == other.snapshot.wires
    }
}

/// All wires; drawn again when one of them or the layout has changed.
#[component]
fn Wires(props: &WiresProps) -> Html {
    let mut labels = Vec::new();
    let wires: Vec<Html> = props
        .document
        .wires
        .iter()
        .enumerate()
        .filter_map(|(index, wire)| {
            let (route, view) = (props.layout.route_at(index)?, props.snapshot.wires.get(index)?);
            wire_label(route, view, &mut labels);
            Some(html! { <g key={wire.id.clone()} class="wire" data-wire={wire.id.clone()}>{ shape_html(&wire_shape(route, view)) }</g> })
        })
        .collect();
    html! { <>{ for wires }{ shapes_html(&labels) }</> }
}

fn nodes(props: &CanvasProps, enclosures: bool) -> Html {
    let parts = props.document.nodes.iter().enumerate().filter_map(|(index, node)| {
        if (outline(&node.kind) == Outline::Enclosure) != enclosures {
            return None;
        }
        let (frame, view) = (*props.layout.frame_at(index)?, props.snapshot.nodes.get(index)?.clone());
        let dim = props.gesture.accepts(&props.document, &node.id) == Some(false);
        Some(html! {
            <Part key={node.id.clone()} document={props.document.clone()} {index} {frame} {view} {dim} ports={props.mode == Mode::Edit} />
        })
    });
    html! { for part in parts { { part } } }
}

#[derive(Properties)]
struct PartProps {
    document: Rc<Document>,
    /// Which of the document's nodes.
    index: usize,
    frame: Frame,
    view: Rc<NodeView>,
    dim: bool,
    ports: bool,
}

impl PartialEq for PartProps {
    /// Views that did not change keep their pointer, so most comparisons look at no text at all.
    fn eq(&self, other: &PartProps) -> bool {
        (Rc::ptr_eq(&self.view, &other.view) || self.view == other.view)
            && self.dim == other.dim
            && self.ports == other.ports
            && self.frame == other.frame
            && self.index == other.index
            && (Rc::ptr_eq(&self.document, &other.document)
                || self.document.nodes.get(self.index) == other.document.nodes.get(other.index))
    }
}

/// One node with its ports.
#[component]
fn Part(props: &PartProps) -> Html {
    let (x, y) = props.frame.centre();
    let transform = format!("translate({:.1} {:.1})", x, y);
    let Some(node) = props.document.nodes.get(props.index) else { return html! {} };
    let kind = node_kind(&node.kind);
    let extent = (props.frame.width, props.frame.height);
    let centre = Frame::about((0.0, 0.0), extent);
    html! {
        <g class={classes!("part", props.dim.then_some("dim"), props.view.selected.then_some("selected"))} {transform}
            data-testid="node" data-node={node.id.clone()} data-kind={node.kind.clone()}>
            { shapes_html(&node_shapes(&node.kind, node.label(), extent, &props.view)) }
            if props.ports {
                for (side, port) in kind.into_iter().flat_map(sides) {
                    { port_html(port_point(&centre, side), side, port) }
                }
            }
        </g>
    }
}

/// A port with its name, which is shown while the pointer is on it or its node is selected.
fn port_html((x, y): Point, side: Side, port: &PortSpec) -> Html {
    let (label, label_x, label_y, anchor) = match side {
        Side::Left => ("in", x - 8.0, y - 8.0, "end"),
        Side::Right => ("out", x + 8.0, y - 8.0, "start"),
        Side::Below => ("dead letters", x + 9.0, y + 13.0, "start"),
    };
    html! {
        <>
            <circle class={classes!("port", port.name)} data-port={port.name} cx={format!("{x:.1}")} cy={format!("{y:.1}")} r="5">
                <title>{ format!("{label}: {}", port.help) }</title>
            </circle>
            <text class="port-label label fill-soft halo stroke-paper" x={format!("{label_x:.1}")} y={format!("{label_y:.1}")} text-anchor={anchor} font-size="10.5">{ label }</text>
        </>
    }
}

/// The line, the rectangle or the part that is under way.
fn under_way(props: &CanvasProps) -> Html {
    match &props.gesture.phase {
        Phase::Connecting { from, side, to } => {
            let Some(frame) = props.layout.frame(from) else { return html! {} };
            let (x, y) = port_point(frame, *side);
            html! { <line class="stroke-accent draft" x1={x.to_string()} y1={y.to_string()} x2={to.0.to_string()} y2={to.1.to_string()} /> }
        }
        Phase::Boxing { start, end } => html! {
            <rect class="box" x={start.0.min(end.0).to_string()} y={start.1.min(end.1).to_string()}
                width={(start.0 - end.0).abs().to_string()} height={(start.1 - end.1).abs().to_string()} />
        },
        _ => html! {},
    }
}

/// Buttons for the view: what pinch and wheel do, by single clicks.
pub fn view_tools(send: &Callback<Msg>) -> Html {
    let button = |label: &'static str, icon: &'static str, command: super::keys::Command| {
        let send = send.clone();
        let onclick = Callback::from(move |_: MouseEvent| send.emit(Msg::Command(command.clone())));
        html! { <button class="tool" aria-label={label} title={label} {onclick}>{ glyph(icon) }</button> }
    };
    html! {
        <div class="view-tools" role="group" aria-label="View">
            { button("Zoom in", "plus", super::keys::Command::Zoom(1.25)) }
            { button("Zoom out", "minus", super::keys::Command::Zoom(0.8)) }
            { button("Show everything", "fit", super::keys::Command::Fit) }
        </div>
    }
}

/// A node for those who read a list instead of the picture.
pub fn in_words(node: &Node, document: &Document, headline: &str) -> String {
    let count =
        |end: fn(&Wire) -> &str| document.wires.iter().filter(|wire| Wire::node_of(end(wire)) == node.id).count();
    let (incoming, outgoing) = (count(|wire| &wire.to), count(|wire| &wire.from));
    let mut text = format!("{} {}", kind_label(&node.kind), node.label());
    if !headline.is_empty() {
        text.push_str(&format!(", {headline}"));
    }
    if !node_kind(&node.kind).is_some_and(|kind| kind.ports.is_empty()) {
        text.push_str(&format!(", {incoming} in, {outgoing} out"));
    }
    text
}

/// The layer's element.
pub fn layer_element(layer: &NodeRef) -> Option<HtmlCanvasElement> {
    layer.cast::<HtmlCanvasElement>()
}
