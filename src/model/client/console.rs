//! The console: says to a broker what its script says, at the times that it says.
//!
//! Reproduces: someone at a command line, or a test script, with several named clients. A line of the script is a time
//! and an operation in the broker's own words (`model/broker/console.rs`): `1.5s c1> get tasks`. Lines travel over the
//! link like everything else; what is said and what comes back is kept as a transcript.
//!
//! Leaves out: waiting for an answer before the next line. A line that begins with no time is not said; the inspector
//! names it. While the console is down its lines are skipped; a restarted one goes on with what is still to come.

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::json;

use crate::kernel::{Change, Component, Context, Envelope, Inspection, Notice, Port};
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role};
use crate::vocabulary::json::to_text;
use crate::vocabulary::{BrokerMessage, Duration, Message, NodeId, Settings, Time, TimerId};

const OUT: Port = Port(0);

/// Lines and answers that are kept.
const TRANSCRIPT_MAX: usize = 300;

/// The console in palette, forms and validation.
pub const KIND: NodeKind = NodeKind {
    name: "console",
    label: "Console",
    group: Group::Clients,
    help: "Says to a broker what its script says, in the broker's own words.",
    role: Role::Component(|settings| Box::new(Console::new(settings))),
    ports: &[PortSpec {
        name: "out",
        port: OUT,
        direction: Direction::Out,
        wires: &["console"],
        help: "To anything inside a broker: the operations are the whole broker's.",
    }],
    params: &[ParamSpec::new(
        "script",
        "Script",
        ParamType::List { items_max: 500, text_max: 1_000 },
        "[]",
        "One operation a line: a time since the start, and what to say, such as 1.5s get tasks, or 2s c1> get tasks for \
         a client of its own. The line help says what the broker understands.",
    )],
    commands: &[],
};

/// The component.
#[derive(Clone)]
pub struct Console {
    /// What to say and when, in the order of time.
    lines: Rc<[(Duration, Rc<str>)]>,
    not_understood: Vec<Rc<str>>,
    started: Option<Time>,
    /// The first line that was not said yet.
    next: usize,
    timer: Option<TimerId>,
    transcript: VecDeque<Rc<str>>,
    answer_count: u64,
}

impl Console {
    /// A console that has said nothing yet.
    pub fn new(settings: &Settings) -> Console {
        let mut lines: Vec<(Duration, Rc<str>)> = Vec::new();
        let mut not_understood = Vec::new();
        for text in settings.list("script").iter() {
            let line = text.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (time, operation) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            match time.parse::<Duration>() {
                Ok(at) if !operation.trim().is_empty() => {
                    // Behind what is to be said at the same time.
                    let place = lines.partition_point(|(other, _)| *other <= at);
                    lines.insert(place, (at, operation.trim().into()));
                }
                _ => not_understood.push(text.clone()),
            }
        }
        Console {
            lines: lines.into(),
            not_understood,
            started: None,
            next: 0,
            timer: None,
            transcript: VecDeque::new(),
            answer_count: 0,
        }
    }

    /// Sets the timer for the next line, in place of the one that is set.
    fn plan(&mut self, context: &mut Context) {
        if let Some(timer) = self.timer.take() {
            context.cancel_timer(timer);
        }
        let Some(started) = self.started else { return };
        if let Some((at, _)) = self.lines.get(self.next) {
            self.timer = Some(context.set_timer((started + *at).since(context.now()), 0));
        }
    }

    /// Writes a line of JSON down.
    fn note(&mut self, text: Rc<str>) {
        if self.transcript.len() >= TRANSCRIPT_MAX {
            self.transcript.pop_front();
        }
        self.transcript.push_back(text);
    }

    /// Skips what should have been said before now.
    fn skip(&mut self, now: Time) {
        let Some(started) = self.started else { return };
        self.next = self.lines.partition_point(|(at, _)| started + *at < now);
    }
}

impl Component for Console {
    fn on_start(&mut self, context: &mut Context) {
        self.started = Some(context.now());
        self.plan(context);
    }

    fn on_message(&mut self, envelope: Envelope, _: &mut Context) {
        let Message::Broker(BrokerMessage::Answer(text)) = envelope.message else { return };
        self.answer_count += 1;
        self.note(text);
    }

    fn on_timer(&mut self, timer: TimerId, _: u64, context: &mut Context) {
        if self.timer != Some(timer) {
            return;
        }
        self.timer = None;
        let Some(started) = self.started else { return };
        let lines = self.lines.clone();
        while let Some((_, line)) = lines.get(self.next).filter(|(at, _)| started + *at <= context.now()) {
            self.next += 1;
            self.note(to_text(&json!({"at": context.now().to_string(), "line": &**line})).into());
            context.send(OUT, BrokerMessage::Operate(line.clone()).into());
        }
        self.plan(context);
    }

    fn on_fault(&mut self, notice: Notice, context: &mut Context) {
        match notice {
            Notice::Crashed => self.timer = None,
            Notice::Restarted => {
                self.started.get_or_insert(context.now());
                self.skip(context.now());
                self.plan(context);
            }
            Notice::PeerLost { .. } | Notice::PeerBack { .. } => {}
        }
    }

    fn on_change(&mut self, change: &Change, context: &mut Context) {
        let Change::Configured { settings, .. } = change else { return };
        let Console { lines, not_understood, .. } = Console::new(settings);
        self.lines = lines;
        self.not_understood = not_understood;
        self.skip(context.now());
        self.plan(context);
    }

    fn inspect(&self, _: NodeId, _: usize) -> Inspection {
        let mut rows = vec![("Said", self.next.to_string()), ("Answers", self.answer_count.to_string())];
        rows.extend(self.not_understood.iter().map(|line| ("Line not understood", line.to_string())));
        Inspection { headline: format!("{} of {} said", self.next, self.lines.len()), rows, ..Inspection::default() }
    }

    fn transcript(&self) -> Vec<Rc<str>> {
        self.transcript.iter().cloned().collect()
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Fault, LinkEnd, LinkSpec, Simulation, TraceMode};
    use crate::model::kind::settings;
    use serde_json::json;

    /// Answers every line with itself and the time.
    #[derive(Clone)]
    struct Echo;

    impl Component for Echo {
        fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
            let Message::Broker(BrokerMessage::Operate(line)) = envelope.message else { return };
            context.reply(BrokerMessage::Answer(format!("{} {line}", context.now()).into()).into());
        }

        fn clone_box(&self) -> Box<dyn Component> {
            Box::new(self.clone())
        }
    }

    fn world(script: serde_json::Value) -> (Simulation, NodeId) {
        let mut simulation = Simulation::new(1, TraceMode::Full);
        let echo = simulation.add_node("echo", Box::new(Echo));
        let settings = settings(KIND.params, |_| Some(script.clone()));
        let console = simulation.add_node("console", Box::new(Console::new(&settings)));
        let spec = LinkSpec { latency: "constant(0ms)".parse().expect("a distribution"), ..LinkSpec::default() };
        let end = |node| LinkEnd { node, port: OUT };
        simulation.add_link("link", spec, end(console), end(echo));
        (simulation, console)
    }

    #[test]
    fn lines_are_said_at_their_times_and_in_their_order() {
        let script = json!(["2s c1> get q", "1s publish a", "# a remark", "1s publish b", "publish c", "soon d"]);
        let (mut simulation, console) = world(script);
        simulation.run_until(Time::ZERO + Duration::from_secs(3));
        let transcript = simulation.transcript(console);
        assert_eq!(
            transcript.iter().map(|line| &**line).collect::<Vec<_>>(),
            [
                r#"{"at":"1.000 s","line":"publish a"}"#,
                r#"{"at":"1.000 s","line":"publish b"}"#,
                "1.000 s publish a",
                "1.000 s publish b",
                r#"{"at":"2.000 s","line":"c1> get q"}"#,
                "2.000 s c1> get q"
            ]
        );
        let rows = simulation.inspect(console, 0).rows;
        assert!(rows.contains(&("Line not understood", "publish c".into())), "{rows:?}");
        assert!(rows.contains(&("Line not understood", "soon d".into())), "{rows:?}");
    }

    #[test]
    fn a_console_that_was_down_goes_on_with_what_is_to_come() {
        let (mut simulation, console) = world(json!(["1s a", "2s b", "3s c"]));
        simulation.run_until(Time::ZERO + Duration::from_millis(1_500));
        simulation.fault(Fault::Crash(console));
        simulation.run_until(Time::ZERO + Duration::from_millis(2_500));
        simulation.fault(Fault::Restart(console));
        simulation.run_until(Time::ZERO + Duration::from_secs(4));
        let transcript = simulation.transcript(console);
        let answers = transcript.iter().map(|line| &**line).filter(|line| !line.starts_with('{'));
        assert_eq!(answers.collect::<Vec<_>>(), ["1.000 s a", "3.000 s c"]);
    }
}
