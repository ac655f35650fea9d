//! Random documents and edits, from a seed: of every kind of part, with values from the whole range of every parameter
//! and beyond, sound and half-built.

use std::collections::BTreeMap;

use patchbay::kernel::rng::Stream;
use patchbay::model::broker::profile::PROFILES;
use patchbay::model::{node_kind, NodeKind, ParamSpec, ParamType, Role, KINDS, WIRE_KINDS};
use patchbay::scenario::edit::apply;
use patchbay::scenario::{check_connection, fresh_id, Document, Edit, FaultKind, Node, PlannedFault, Wire};
use patchbay::vocabulary::{Distribution, Duration};
use serde_json::{json, Value as Json};

/// Where chance comes from.
pub struct Chance {
    stream: Stream,
}

impl Chance {
    pub fn new(seed: u64, purpose: &str) -> Chance {
        Chance { stream: Stream::named(seed, "chance", purpose) }
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.stream.below(bound as u32) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn unit(&mut self) -> f64 {
        self.stream.unit()
    }

    pub fn pick<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        let index = self.below(items.len());
        items.get(index).cloned()
    }

    pub fn word(&mut self) -> &'static str {
        const WORDS: &[&str] = &[
            "",
            "a",
            "a.b",
            "a.b.c",
            "#",
            "*.b",
            "{n}",
            "{pick:a,b}.{n%3}",
            "ö ☃ \" \\ \u{202e}",
            "{",
            "x=1",
            "=",
            "..",
            "queue-1",
        ];
        WORDS[self.below(WORDS.len())]
    }

    /// From nothing to a second mostly, and now and then anything up to the longest.
    pub fn span(&mut self, max: Duration) -> Duration {
        let nanoseconds = match self.below(12) {
            0 => 0,
            1 => max.0,
            2 => (self.unit() * max.0 as f64) as u64,
            3 => 1,
            _ => self.below(1_000_000_000) as u64,
        };
        Duration(nanoseconds.min(max.0))
    }

    fn distribution(&mut self) -> Distribution {
        let day = Duration::from_secs(86_400);
        let (a, b) = (self.span(day), self.span(day));
        match self.below(4) {
            0 => Distribution::Constant(a),
            1 => Distribution::Uniform(a.min(b), a.max(b)),
            2 => Distribution::Exponential(a),
            _ => Distribution::LogNormal(a, if self.one_in(8) { 4.0 } else { self.unit() }),
        }
    }

    /// A value that the parameter may have, or rarely one that it may not.
    pub fn value(&mut self, spec: &ParamSpec) -> Json {
        if self.one_in(25) {
            return self
                .pick(&[json!(null), json!(-1), json!("nonsense"), json!([1, {"a": []}]), json!(1e300)])
                .unwrap_or_default();
        }
        match spec.kind {
            ParamType::Toggle => json!(self.one_in(2)),
            ParamType::Integer { min, max } => match self.below(6) {
                0 => json!(min),
                1 => json!(max),
                _ => json!((min + self.below(20) as i64).min(max)),
            },
            ParamType::Number { min, max } => match self.below(6) {
                0 => json!(min),
                1 => json!(max),
                _ => json!((min + self.unit() * 30.0).min(max)),
            },
            ParamType::Duration { min, max } => json!(self.span(max).max(min).to_string()),
            ParamType::Distribution => json!(self.distribution().to_string()),
            ParamType::Text { .. } => json!(self.word()),
            ParamType::Choice(choices) => json!(self.pick(choices).map(|(name, _)| name)),
            ParamType::List { items_max, .. } => {
                let count = self.below(4.min(items_max) + 1);
                let text = |chance: &mut Chance| match spec.name {
                    "schedule" => format!("{}ms x{}", chance.below(9000), chance.below(5)),
                    "script" => {
                        let words = PROFILES[chance.below(PROFILES.len())].words();
                        let said = chance.pick(words).map_or("help", |word| word.usage);
                        format!("{}ms {said}", chance.below(9000))
                    }
                    _ => chance.word().to_string(),
                };
                json!((0..count).map(|_| text(self)).collect::<Vec<_>>())
            }
        }
    }

    fn params(&mut self, specs: &[ParamSpec]) -> BTreeMap<String, Json> {
        let mut params = BTreeMap::new();
        for spec in specs {
            if self.one_in(2) {
                params.insert(spec.name.to_string(), self.value(spec));
            }
        }
        params
    }
}

/// Keeps a part from making more work than a test has time for: no endless production, no work that always fails and
/// is done again at once.
pub fn tame(params: &mut BTreeMap<String, Json>, kind: &str) {
    let number = |params: &BTreeMap<String, Json>, name: &str| params.get(name).and_then(Json::as_f64);
    if kind == "producer" && number(params, "limit").is_none_or(|limit| !(1.0..=120.0).contains(&limit)) {
        params.insert("limit".into(), json!(120));
    }
    if number(params, "failure_rate").is_some_and(|rate| rate > 80.0) {
        params.insert("failure_rate".into(), json!(80));
    }
}

/// A kind of part: mostly a client, or one that lives in a product which the drawing has.
fn kind(chance: &mut Chance, document: &Document) -> &'static str {
    let has = |host: &str| document.nodes.iter().any(|node| node.kind == host);
    let fits = |kind: &&&NodeKind| match kind.role {
        Role::Member { host } => has(host),
        Role::Component(_) => !kind.is_host(),
    };
    let fitting: Vec<&str> = KINDS.iter().filter(fits).map(|kind| kind.name).collect();
    match chance.below(30) {
        0 => "mystery",
        1..=3 => KINDS[chance.below(KINDS.len())].name,
        _ => fitting[chance.below(fitting.len())],
    }
}

/// A node of any kind, in a host that mostly is there.
pub fn node(chance: &mut Chance, document: &Document) -> Node {
    let kind = kind(chance, document);
    let known = node_kind(kind);
    let mut params = chance.params(known.map_or(&[], |kind| kind.params));
    tame(&mut params, kind);
    let host_kind = match known.map(|kind| kind.role) {
        Some(Role::Member { host }) => Some(host),
        Some(Role::Component(_)) => None,
        None => Some("broker"),
    };
    let hosts: Vec<String> = document
        .nodes
        .iter()
        .filter(|node| Some(node.kind.as_str()) == host_kind)
        .map(|node| node.id.clone())
        .collect();
    let host = match host_kind.is_some() {
        true if !chance.one_in(20) => chance.pick(&hosts),
        _ if chance.one_in(30) => chance.pick(&ids(document)),
        _ => None,
    };
    let name = if chance.one_in(3) { chance.word().to_string() } else { String::new() };
    let at = (chance.below(900) as f64, chance.below(500) as f64);
    Node { id: fresh_id(&mut document.clone(), kind), kind: kind.into(), name, host, at, params }
}

/// All ids of nodes.
pub fn ids(document: &Document) -> Vec<String> {
    document.nodes.iter().map(|node| node.id.clone()).collect()
}

/// All ids of wires.
pub fn wire_ids(document: &Document) -> Vec<String> {
    document.wires.iter().map(|wire| wire.id.clone()).collect()
}

fn some_id(chance: &mut Chance, ids: &[String]) -> String {
    let picked = chance.pick(ids).filter(|_| !chance.one_in(25));
    picked.unwrap_or_else(|| "nobody".to_string())
}

/// A wire that mostly fits.
pub fn wire(chance: &mut Chance, document: &Document) -> Wire {
    let nodes = ids(document);
    let (mut from, mut to) = (some_id(chance, &nodes), some_id(chance, &nodes));
    for _ in 0..12 {
        if check_connection(document, &from, &to).is_ok() {
            break;
        }
        (from, to) = (some_id(chance, &nodes), some_id(chance, &nodes));
    }
    let fitting = check_connection(document, &from, &to).ok().map(|resolved| resolved.wire_kind.params);
    let params = chance.params(fitting.unwrap_or(WIRE_KINDS[0].params));
    Wire { id: fresh_id(&mut document.clone(), "wire"), from, to, params }
}

/// What nodes may be told; most of them understand little of it.
const COMMANDS: &[&str] = &[
    "send",
    "stop broker 1",
    "stop broker 2",
    "stop broker 3 clean",
    "start broker 1",
    "start broker 2",
    "isolate broker 1",
    "slow follower 2 lag=2s",
    "FLUSHALL",
    "nothing of the kind",
];

/// A few planned faults, some of them aimed at nothing.
pub fn faults(chance: &mut Chance, document: &Document) -> Vec<PlannedFault> {
    let targets = [ids(document), wire_ids(document)].concat();
    let count = chance.below(6);
    (0..count)
        .map(|_| PlannedFault {
            at: Duration::from_millis(chance.below(12_000) as u64),
            what: FaultKind::ALL[chance.below(FaultKind::ALL.len())],
            to: some_id(chance, &targets),
            lasting: (!chance.one_in(3)).then(|| chance.span(Duration::from_secs(4))),
            percent: chance.one_in(2).then(|| chance.below(12_000) as u32),
            command: chance.one_in(2).then(|| COMMANDS[chance.below(COMMANDS.len())].to_string()),
        })
        .collect()
}

/// A document with up to a dozen nodes.
pub fn document(chance: &mut Chance) -> Document {
    let seed = match chance.below(5) {
        0 => 0,
        1 => u64::MAX,
        _ => chance.below(1 << 30) as u64,
    };
    let mut document = Document { seed, until: Duration::from_secs(15), ..Document::default() };
    let add = |edit: Edit, document: &mut Document| assert!(apply(&edit, document).is_ok(), "{edit:?}");
    if !chance.one_in(6) {
        let hosts: Vec<&str> = KINDS.iter().filter(|kind| kind.is_host()).map(|kind| kind.name).collect();
        let kind = if chance.one_in(3) { "broker" } else { hosts[chance.below(hosts.len())] };
        let mut params = chance.params(node_kind(kind).map_or(&[], |kind| kind.params));
        tame(&mut params, kind);
        let broker = Node { id: "broker".into(), kind: kind.into(), params, ..Node::default() };
        add(Edit::add_node(broker), &mut document);
    }
    for _ in 0..4 + chance.below(10) {
        let node = node(chance, &document);
        add(Edit::add_node(node), &mut document);
    }
    for _ in 0..4 + chance.below(16) {
        let wire = wire(chance, &document);
        add(Edit::connect(wire), &mut document);
    }
    let faults = faults(chance, &document);
    add(Edit::SetFaults { faults }, &mut document);
    document
}

/// An edit of the document: mostly one that can be made.
pub fn edit(chance: &mut Chance, document: &Document) -> Edit {
    let (nodes, wires) = (ids(document), wire_ids(document));
    let id = some_id(chance, &nodes);
    match chance.below(20) {
        0..=2 => Edit::add_node(node(chance, document)),
        3..=5 => Edit::connect(wire(chance, document)),
        6 => Edit::RemoveNode { id },
        7 => Edit::Disconnect { id: some_id(chance, &wires) },
        8 => Edit::MoveNode {
            id,
            at: (chance.unit() * 1e4 - 5e3, if chance.one_in(9) { f64::NAN } else { chance.unit() }),
        },
        9 => Edit::Rename { id, name: chance.word().into() },
        10 => Edit::SetHost { id, host: (!chance.one_in(3)).then(|| some_id(chance, &nodes)) },
        11..=15 => set_param(chance, document),
        16 => Edit::SetFaults { faults: faults(chance, document) },
        17 => Edit::SetUntil { until: chance.span(Duration::from_secs(30)) },
        18 => match chance.below(4) {
            0 => Edit::SetSeed { seed: chance.below(9) as u64 },
            1 => Edit::SetTitle { title: chance.word().into() },
            2 => Edit::SetAbout { about: chance.word().into() },
            _ => Edit::SetWatch { watch: chance.word().into() },
        },
        _ => {
            let mut scratch = document.clone();
            let count = chance.below(4);
            let edits = (0..count).map(|_| {
                let edit = edit(chance, &scratch);
                // One that can't be made refuses the whole batch.
                let _ = apply(&edit, &mut scratch);
                edit
            });
            Edit::Batch(edits.collect())
        }
    }
}

fn set_param(chance: &mut Chance, document: &Document) -> Edit {
    let targets = [ids(document), wire_ids(document)].concat();
    let id = some_id(chance, &targets);
    let kind = document.node(&id).map_or("", |node| node.kind.as_str());
    let specs = match node_kind(kind) {
        Some(kind) => kind.params,
        None => WIRE_KINDS[chance.below(WIRE_KINDS.len())].params,
    };
    let Some(spec) = chance.pick(specs) else { return Edit::SetTitle { title: String::new() } };
    let mut value = BTreeMap::from([(spec.name.to_string(), chance.value(&spec))]);
    tame(&mut value, kind);
    let value = value.remove(spec.name).filter(|_| spec.name == "limit" || !chance.one_in(8));
    Edit::SetParam { id, name: spec.name.into(), value }
}
