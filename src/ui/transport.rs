//! The transport: play, step, speed, the clock and the bar on which one moves through time.

use wasm_bindgen::JsCast as _;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::scenario::edit::Edit;
use crate::session::{Action, Transport};
use crate::vocabulary::{number, Duration, Time};

use super::app::Msg;
use super::dialogs::Dialog;
use super::icons::glyph;

/// The speeds that are offered, in virtual seconds per second.
const SPEEDS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0, 1000.0];
/// Steps of the scrub bar.
const STEPS: f64 = 1000.0;

/// What the transport shows.
pub struct TransportProps {
    pub playing: bool,
    pub lagging: bool,
    pub now: Time,
    pub end: Time,
    pub speed: f64,
    pub seed: u64,
    /// How many branches of the run were left.
    pub branches: usize,
    /// Times of faults and other interventions, as parts of the whole.
    pub marks: Vec<(f64, String)>,
    pub may_run: bool,
    pub may_edit: bool,
    pub greet: bool,
    pub send: Callback<Msg>,
}

/// The bar.
pub fn transport_bar(props: &TransportProps) -> Html {
    let act = |transport: Transport| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Act(Action::Transport(transport))))
    };
    let button = |label: &'static str, icon: &'static str, class: &'static str, transport: Transport| {
        html! {
            <button class={classes!("tool", class)} aria-label={label} title={label} onclick={act(transport)} disabled={!props.may_run}>
                { glyph(icon) }
            </button>
        }
    };
    let (label, icon) = if props.playing { ("Pause", "pause") } else { ("Play", "play") };
    html! {
        <section class="transport" aria-label="Time">
            <button class={classes!("primary", "play", props.greet.then_some("greet"))} onclick={act(Transport::Toggle)} disabled={!props.may_run}>
                { glyph(icon) }{ label }
            </button>
            { button("Step back", "back", "", Transport::StepBack) }
            { button("Step one event", "step", "", Transport::StepForward) }
            { button("Back to the start", "reset", "", Transport::Reset) }
            { button("Run to the end", "end", "", Transport::RunToEnd) }
            <output class="number clock" aria-label="Virtual time" data-testid="clock">{ props.now.to_string() }</output>
            { scrub(props) }
            if props.branches > 0 { { branches(props) } }
            { speed(props) }
            if props.may_edit {
                { seed(props) }
            }
        </section>
    }
}

/// The way back to what was left when the past was changed.
#[inline(never)]
fn branches(props: &TransportProps) -> Html {
    let send = props.send.clone();
    let onclick = Callback::from(move |_: MouseEvent| send.emit(Msg::Dialog(Some(Dialog::Branches))));
    let count = props.branches + 1;
    let label = format!("{count} branches of the run: the past was changed. Choose which one is shown");
    html! {
        <button class="tool branches" aria-label={label.clone()} title={label} {onclick} disabled={!props.may_run} data-testid="branches-button">
            { glyph("branch") }<span class="number">{ count }</span>
        </button>
    }
}

fn scrub(props: &TransportProps) -> Html {
    let end = props.end.0.max(1) as f64;
    let value = (props.now.0 as f64 / end * STEPS).round();
    let oninput = {
        let send = props.send.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) {
                let time = Time((input.value_as_number() / STEPS * end) as u64);
                send.emit(Msg::Act(Action::Transport(Transport::Seek(time))));
            }
        })
    };
    html! {
        <div class="scrub">
            <svg class="marks" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
                <rect class="fill-rule" x="0" y="3" width="1000" height="4" />
                <rect class="fill-accent" x="0" y="3" width={value.to_string()} height="4" />
                for (part, _) in &props.marks {
                    <rect class="fill-lost" x={format!("{:.1}", part * 1000.0 - 1.0)} y="0" width="2" height="10" />
                }
            </svg>
            <input type="range" min="0" max={STEPS.to_string()} step="1" value={value.to_string()} {oninput}
                disabled={!props.may_run} aria-label="Move through time" aria-valuetext={format!("{} of {}", props.now, props.end)} />
        </div>
    }
}

fn speed(props: &TransportProps) -> Html {
    let onchange = {
        let send = props.send.clone();
        Callback::from(move |event: Event| {
            let select = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok());
            if let Some(speed) = select.and_then(|select| number::read(&select.value())) {
                send.emit(Msg::Act(Action::Transport(Transport::SetSpeed(speed))));
            }
        })
    };
    let title = if props.lagging {
        "The run is more work than this machine can do at that speed, so it goes slower."
    } else {
        "Virtual seconds per second"
    };
    html! {
        <label class={classes!("speed", props.lagging.then_some("lagging"))} title={title}>
            <span class="away">{ "Speed" }</span>
            <select class="number" {onchange} disabled={!props.may_run}>
                for speed in SPEEDS {
                    <option value={speed.to_string()} selected={speed == props.speed}>{ format!("{speed}×") }</option>
                }
            </select>
        </label>
    }
}

fn seed(props: &TransportProps) -> Html {
    let onchange = {
        let send = props.send.clone();
        let before = props.seed;
        Callback::from(move |event: Event| {
            let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
                return;
            };
            send.emit(set_seed(&input.value()));
            if input.value().trim().parse::<u64>().is_err() {
                input.set_value(&before.to_string());
            }
        })
    };
    html! {
        <label class="seed" title="The seed of all chance in the run: the same seed, the same run">
            <span>{ "seed" }</span>
            <input class="number" inputmode="numeric" value={props.seed.to_string()} {onchange} aria-label="Seed" />
        </label>
    }
}

/// Where a time lies in a run, 0 to 1.
pub fn part_of(at: Time, end: Time) -> f64 {
    at.0 as f64 / end.0.max(1) as f64
}

/// The time of a planned fault.
pub fn at(span: Duration) -> Time {
    Time::ZERO + span
}

/// What a text in the field of the seed asks for.
pub fn set_seed(text: &str) -> Msg {
    match text.trim().parse::<u64>() {
        Ok(seed) => Msg::Act(Action::Edit(Edit::SetSeed { seed })),
        Err(_) => Msg::Refuse(format!("A seed is a whole number from 0 on, not \"{text}\".")),
    }
}
