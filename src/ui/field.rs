//! A form field for one parameter, made from its specification. A wrong entry stays where it was typed, with the reason
//! beside it, and the run keeps the last right one.

use wasm_bindgen::JsCast as _;
use web_sys::{HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

use crate::model::{ParamSpec, ParamType};
use crate::scenario::edit::Edit;
use crate::session::Action;
use crate::vocabulary::{json, number, Distribution};

use super::app::Msg;

/// Steps of a slider.
const SLIDER_STEPS: f64 = 200.0;

#[derive(Properties)]
pub struct FieldProps {
    /// The node or wire.
    pub id: String,
    /// The parameter.
    pub spec: &'static ParamSpec,
    /// Its value in the document, or its default.
    pub value: serde_json::Value,
    /// Whether it differs from the default.
    pub changed: bool,
    pub enabled: bool,
    pub send: Callback<Msg>,
}

impl PartialEq for FieldProps {
    fn eq(&self, other: &FieldProps) -> bool {
        self.id == other.id
            && std::ptr::eq(self.spec, other.spec)
            && self.value == other.value
            && self.changed == other.changed
            && self.enabled == other.enabled
            && self.send == other.send
    }
}

/// The text of an input, select or textarea.
fn entry(event: &Event) -> Option<String> {
    let target = event.target()?;
    if let Some(input) = target.dyn_ref::<HtmlInputElement>() {
        return Some(input.value());
    }
    if let Some(area) = target.dyn_ref::<HtmlTextAreaElement>() {
        return Some(area.value());
    }
    target.dyn_ref::<HtmlSelectElement>().map(HtmlSelectElement::value)
}

/// What was typed, as a value of a document.
fn to_json(kind: ParamType, text: &str) -> serde_json::Value {
    let number = || match text.trim().parse::<i64>() {
        Ok(whole) => serde_json::Value::from(whole),
        Err(_) => number::read(text.trim()).map_or_else(|| serde_json::Value::from(text), serde_json::Value::from),
    };
    match kind {
        ParamType::Integer { .. } | ParamType::Number { .. } => number(),
        ParamType::List { .. } => {
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            serde_json::Value::from(lines)
        }
        _ => serde_json::Value::from(text),
    }
}

/// A value of a document, as it is typed.
fn to_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join("\n"),
        other => json::to_text(other),
    }
}

/// The field.
#[component]
pub fn Field(props: &FieldProps) -> Html {
    let draft = use_state(|| None::<(String, String)>);
    let spec = props.spec;
    let set = {
        let (draft, send, id) = (draft.clone(), props.send.clone(), props.id.clone());
        Callback::from(move |json: serde_json::Value| {
            let text = to_text(&json);
            match spec.read(&json) {
                Ok(_) => {
                    draft.set(Some((text, String::new())));
                    let edit = Edit::SetParam { id: id.clone(), name: spec.name.to_string(), value: Some(json) };
                    send.emit(Msg::Act(Action::Adjust { key: format!("{id}.{}", spec.name), edit }));
                }
                Err(error) => draft.set(Some((text, error))),
            }
        })
    };
    let onblur = {
        let draft = draft.clone();
        Callback::from(move |_: FocusEvent| {
            // A right entry is shown in the document's words again; a wrong one stays to be mended.
            if draft.as_ref().is_some_and(|(_, error)| error.is_empty()) {
                draft.set(None);
            }
        })
    };
    let reset = {
        let (draft, send, id) = (draft.clone(), props.send.clone(), props.id.clone());
        Callback::from(move |_: MouseEvent| {
            draft.set(None);
            let edit = Edit::SetParam { id: id.clone(), name: spec.name.to_string(), value: None };
            send.emit(Msg::Act(Action::Edit(edit)));
        })
    };
    let shown = draft.as_ref().map_or_else(|| to_text(&props.value), |(text, _)| text.clone());
    let error = draft.as_ref().map(|(_, error)| error.clone()).filter(|error| !error.is_empty());
    let name = format!("field-{}-{}", props.id, spec.name);
    let control = Control {
        spec,
        name: &name,
        value: &props.value,
        shown: &shown,
        wrong: error.is_some(),
        enabled: props.enabled,
        set,
        onblur,
    };
    html! {
        <div class={classes!("field", error.is_some().then_some("wrong"))}>
            <div class="row">
                <label for={name.clone()}>{ spec.label }</label>
                { control.html() }
            </div>
            if let Some(error) = error {
                <p class="error" id={format!("{name}-error")} role="alert">{ error }</p>
            }
            <p class="help" id={format!("{name}-help")}>
                { spec.help }
                { range_text(spec) }
                if !spec.source.is_empty() { <span class="source">{ format!(" {}.", spec.source) }</span> }
                if props.changed && props.enabled {
                    { " " }<button class="link" onclick={reset}>{ format!("Back to {}", default_text(spec)) }</button>
                }
            </p>
        </div>
    }
}

/// The range of a number, and its default.
fn range_text(spec: &ParamSpec) -> String {
    let (min, max) = match spec.kind {
        ParamType::Integer { min, max } => (min.to_string(), max.to_string()),
        ParamType::Number { min, max } => {
            (serde_json::Value::from(min).to_string(), serde_json::Value::from(max).to_string())
        }
        ParamType::Duration { min, max } => (min.to_string(), max.to_string()),
        _ => return String::new(),
    };
    let short = |text: String| text.trim_end_matches(".0").to_string();
    format!(" {} to {}; default {}.", short(min), short(max), default_text(spec))
}

fn default_text(spec: &ParamSpec) -> String {
    match to_text(&spec.default_json()).as_str() {
        "" | "[]" => "the default".to_string(),
        text => text.to_string(),
    }
}

struct Control<'a> {
    spec: &'static ParamSpec,
    name: &'a str,
    value: &'a serde_json::Value,
    shown: &'a str,
    wrong: bool,
    enabled: bool,
    set: Callback<serde_json::Value>,
    onblur: Callback<FocusEvent>,
}

impl Control<'_> {
    fn html(&self) -> Html {
        match self.spec.kind {
            ParamType::Toggle => self.toggle(),
            ParamType::Choice(choices) => self.choice(choices),
            ParamType::List { .. } => self.lines(),
            ParamType::Distribution => self.distribution(),
            ParamType::Integer { min, max } => self.slidable(min as f64, max as f64, true),
            ParamType::Number { min, max } => self.slidable(min, max, false),
            ParamType::Duration { .. } | ParamType::Text { .. } => self.line("text"),
        }
    }

    fn described_by(&self) -> String {
        if self.wrong {
            format!("{0}-error {0}-help", self.name)
        } else {
            format!("{}-help", self.name)
        }
    }

    fn typed(&self) -> Callback<InputEvent> {
        let (set, kind) = (self.set.clone(), self.spec.kind);
        Callback::from(move |event: InputEvent| {
            if let Some(text) = entry(&event) {
                set.emit(to_json(kind, &text));
            }
        })
    }

    fn line(&self, mode: &'static str) -> Html {
        let text = matches!(self.spec.kind, ParamType::Text { .. });
        html! {
            <span class="entry">
                <input id={self.name.to_string()} class={classes!("number", text.then_some("text"))} inputmode={mode}
                    value={self.shown.to_string()} oninput={self.typed()} onblur={self.onblur.clone()} disabled={!self.enabled}
                    aria-invalid={self.wrong.to_string()} aria-describedby={self.described_by()} spellcheck="false" autocomplete="off" />
                if !self.spec.unit.is_empty() { <span class="unit">{ self.spec.unit }</span> }
            </span>
        }
    }

    /// A number with a slider under it. Wide ranges are spaced logarithmically, so that small values can be aimed at.
    fn slidable(&self, min: f64, max: f64, whole: bool) -> Html {
        let now = self.value.as_f64().unwrap_or(min).clamp(min, max);
        let position = (slider_position(now, min, max) * SLIDER_STEPS).round();
        let oninput = {
            let set = self.set.clone();
            Callback::from(move |event: InputEvent| {
                let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
                let Some(input) = input else { return };
                let value = slider_value(input.value_as_number() / SLIDER_STEPS, min, max);
                set.emit(if whole { serde_json::Value::from(value.round() as i64) } else { rounded(value) });
            })
        };
        html! {
            <>
                { self.line(if whole { "numeric" } else { "decimal" }) }
                <input type="range" class="slider" min="0" max={SLIDER_STEPS.to_string()} value={position.to_string()} {oninput}
                    onblur={self.onblur.clone()} disabled={!self.enabled} aria-label={format!("{}, slider", self.spec.label)} />
            </>
        }
    }

    fn toggle(&self) -> Html {
        let on = self.value.as_bool().unwrap_or(false);
        let set = self.set.clone();
        let onclick = Callback::from(move |_: MouseEvent| set.emit(serde_json::Value::from(!on)));
        html! {
            <button id={self.name.to_string()} class="switch" role="switch" aria-checked={on.to_string()} {onclick} disabled={!self.enabled}
                aria-describedby={self.described_by()}><span>{ if on { "on" } else { "off" } }</span></button>
        }
    }

    fn choice(&self, choices: &'static [(&'static str, &'static str)]) -> Html {
        let set = self.set.clone();
        let onchange = Callback::from(move |event: Event| {
            if let Some(text) = entry(&event) {
                set.emit(serde_json::Value::from(text));
            }
        });
        let now = self.value.as_str().unwrap_or_default().to_string();
        html! {
            <select id={self.name.to_string()} {onchange} disabled={!self.enabled} aria-describedby={self.described_by()}>
                for (value, label) in choices {
                    <option value={*value} selected={*value == now}>{ *label }</option>
                }
            </select>
        }
    }

    fn lines(&self) -> Html {
        let rows = self.shown.lines().count().clamp(2, 6).to_string();
        html! {
            <textarea id={self.name.to_string()} class="number" {rows} value={self.shown.to_string()} oninput={self.typed()}
                onblur={self.onblur.clone()} disabled={!self.enabled} placeholder="one per line" spellcheck="false"
                aria-invalid={self.wrong.to_string()} aria-describedby={self.described_by()} />
        }
    }

    /// The form of a distribution as a choice, its numbers as text.
    fn distribution(&self) -> Html {
        let parsed = self.value.as_str().and_then(|text| text.parse::<Distribution>().ok());
        let now = parsed.map_or("constant", |distribution| distribution.name());
        let onchange = {
            let set = self.set.clone();
            Callback::from(move |event: Event| {
                let typical =
                    parsed.map_or_else(|| "200ms".to_string(), |distribution| distribution.typical().to_string());
                let text = match entry(&event).as_deref() {
                    Some("uniform") => format!("uniform(0s, {typical})"),
                    Some("exponential") => format!("exponential({typical})"),
                    Some("log-normal") => format!("log-normal({typical}, 0.5)"),
                    _ => format!("constant({typical})"),
                };
                set.emit(serde_json::Value::from(text));
            })
        };
        let (name, inner) = self.shown.trim_end_matches(')').split_once('(').unwrap_or((now, self.shown));
        let (name, inner) = (name.to_string(), inner.to_string());
        let typed = {
            let (set, name) = (self.set.clone(), name.clone());
            Callback::from(move |event: InputEvent| {
                if let Some(text) = entry(&event) {
                    set.emit(serde_json::Value::from(format!("{name}({text})")));
                }
            })
        };
        html! {
            <span class="pair">
                <select aria-label={format!("{}, distribution", self.spec.label)} {onchange} disabled={!self.enabled}>
                    for option in Distribution::NAMES {
                        <option value={option} selected={option == name}>{ option }</option>
                    }
                </select>
                <input id={self.name.to_string()} class="number" value={inner} oninput={typed} onblur={self.onblur.clone()} disabled={!self.enabled}
                    aria-invalid={self.wrong.to_string()} aria-describedby={self.described_by()} spellcheck="false" autocomplete="off" />
            </span>
        }
    }
}

/// Where on a slider a value is, 0 to 1.
fn slider_position(value: f64, min: f64, max: f64) -> f64 {
    let range = max - min;
    if range <= 200.0 {
        return if range > 0.0 { (value - min) / range } else { 0.0 };
    }
    let scale = if min > 0.0 { min } else { 1.0 };
    libm::log1p((value - min) / scale) / libm::log1p(range / scale)
}

/// The value at a place of the slider.
fn slider_value(position: f64, min: f64, max: f64) -> f64 {
    let range = max - min;
    if range <= 200.0 {
        return min + position * range;
    }
    let scale = if min > 0.0 { min } else { 1.0 };
    (min + libm::expm1(position * libm::log1p(range / scale)) * scale).clamp(min, max)
}

/// A number with three significant digits: a slider means no more.
fn rounded(value: f64) -> serde_json::Value {
    if value == 0.0 {
        return serde_json::Value::from(0);
    }
    let magnitude = libm::pow(10.0, 2.0 - libm::floor(libm::log10(value.abs())));
    let rounded = (value * magnitude).round() / magnitude;
    if rounded == rounded.trunc() {
        serde_json::Value::from(rounded as i64)
    } else {
        serde_json::Value::from(rounded)
    }
}
