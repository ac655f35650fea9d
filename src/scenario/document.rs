//! The saved thing: what a person draws, as plain data that can be written by hand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::vocabulary::Duration;

/// The format number that this version writes.
pub const FORMAT: u32 = 1;

/// A drawing with everything that a run of it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The format number; documents of older formats are migrated when they are read.
    pub patchbay: u32,
    /// The title.
    #[serde(default)]
    pub title: String,
    /// What it shows, in a sentence or two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What to watch when it runs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub watch: String,
    /// The seed of all chance in a run.
    #[serde(default = "one")]
    pub seed: u64,
    /// How long a run to the end takes, in virtual time.
    #[serde(default = "minute")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub until: Duration,
    /// The parts.
    #[serde(default)]
    pub nodes: Vec<Node>,
    /// What joins them.
    #[serde(default)]
    pub wires: Vec<Wire>,
    /// Faults that happen by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<PlannedFault>,
    /// The number from which new ids are made; it only grows, so that no id is ever reused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub next_id: u32,
}

/// A part of the drawing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its identity: letters, digits, `-` and `_`. Given once, never reused, independent of the name.
    pub id: String,
    /// The kind of part, such as `producer` or `queue`.
    pub kind: String,
    /// Its name, as shown and as the broker knows it. Empty: the id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The id of the node that it lives in: a queue's broker.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The centre of the picture, in drawing units (pixels at zoom 1).
    #[serde(default, serialize_with = "position")]
    pub at: (f64, f64),
    /// Parameters that differ from their defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, serde_json::Value>,
}

/// A wire between two nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// Its identity, unique among nodes and wires. Filled in when it is left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Where it starts: a node id, with `.port` if the kind has several ports.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Parameters that differ from their defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, serde_json::Value>,
}

/// A fault that happens by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// When, in virtual time.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub at: Duration,
    /// What.
    #[serde(rename = "do")]
    pub what: FaultKind,
    /// To which node or wire.
    pub to: String,
    /// For how long; then it is undone. Left out: for good.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<String>"))]
    pub lasting: Option<Duration>,
    /// For `slow`: the time that work takes, in per cent of normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// For `command`: what the node is told, in the words of its buttons or of its product's console: `stop broker 2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// What a planned fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The node stops without warning; undone by a restart.
    Crash,
    /// The node freezes; undone by going on.
    Pause,
    /// The node's work takes longer.
    Slow,
    /// The wire passes nothing; undone by its repair.
    Partition,
    /// The node is told something; another command may undo it.
    Command,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 5] =
        [FaultKind::Crash, FaultKind::Pause, FaultKind::Slow, FaultKind::Partition, FaultKind::Command];

    /// The word in documents.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Crash => "crash",
            FaultKind::Pause => "pause",
            FaultKind::Slow => "slow",
            FaultKind::Partition => "partition",
            FaultKind::Command => "command",
        }
    }
}

fn one() -> u64 {
    1
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

/// True if the number is whole, and small enough to be exact.
pub(super) fn exact(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0
}

/// Writes whole numbers as a person does: `[120, 250]`, not `[120.0, 250.0]`.
fn position<S: Serializer>(at: &(f64, f64), serializer: S) -> Result<S::Ok, S::Error> {
    if exact(at.0) && exact(at.1) {
        (at.0 as i64, at.1 as i64).serialize(serializer)
    } else {
        at.serialize(serializer)
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Default for Document {
    fn default() -> Document {
        Document {
            patchbay: FORMAT,
            title: String::new(),
            about: String::new(),
            watch: String::new(),
            seed: one(),
            until: minute(),
            nodes: Vec::new(),
            wires: Vec::new(),
            faults: Vec::new(),
            next_id: 0,
        }
    }
}

impl Document {
    /// The node of this id.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The wire of this id.
    pub fn wire(&self, id: &str) -> Option<&Wire> {
        self.wires.iter().find(|wire| wire.id == id)
    }

    /// True if both are the same but for the counter of new ids, which an undo leaves where it is.
    pub fn same_drawing(&self, other: &Document) -> bool {
        // The counter is the only field left out, so the compiler reminds of this place when a field is added.
        let Document { patchbay, title, about, watch, seed, until, nodes, wires, faults, next_id: _ } = self;
        *patchbay == other.patchbay
            && *title == other.title
            && *about == other.about
            && *watch == other.watch
            && *seed == other.seed
            && *until == other.until
            && *nodes == other.nodes
            && *wires == other.wires
            && *faults == other.faults
    }
}

impl Node {
    /// The name that is shown.
    pub fn label(&self) -> &str {
        if self.name.is_empty() {
            &self.id
        } else {
            &self.name
        }
    }
}

impl Wire {
    /// The node id in a wire's end, without the port.
    pub fn node_of(end: &str) -> &str {
        end.split_once('.').map_or(end, |(node, _)| node)
    }

    /// The port named in a wire's end, if it is named.
    pub fn port_of(end: &str) -> Option<&str> {
        end.split_once('.').map(|(_, port)| port)
    }
}
