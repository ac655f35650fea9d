//! The host: the component that puts a broker product into a run.
//!
//! It owns the product's [`Server`] and has no behaviour of its own: what the kernel says becomes a call, and what the
//! call leads to becomes facts in the trace and frames on links. It keeps one timer for what the server does by itself
//! next. A link to a console carries lines; so does the command `console LINE`, which is what the page's console gives.
//! The host keeps the named clients of each console.
//!
//! Leaves out: time inside the broker at normal speed. What a call leads to happens at the time of the call; only the
//! answers of a broker that is slowed down are held back (`late.rs`).

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::json;

use crate::kernel::{Change, Component, Context, Envelope, InsideTable, Inspection, Notice};
use crate::vocabulary::{json::to_text, BrokerMessage, LinkId, Message, MessageId, NodeId, Settings, Time, TimerId};

use super::console::{client_and_operation, help, line_of};
use super::late::{Late, LateFrame};
use super::profile::Profile;
use super::server::{Call, Happened, Outcome, Server, Session};

/// Copies of messages in one broker, ready or held, before more are dropped: about 200 MB with their contents, the most
/// that a run should take of a browser tab.
pub const HELD_MAX: usize = 1_000_000;

/// Named clients over all console links of one broker before the next one is refused.
const CLIENTS_MAX: usize = 1_000;

/// Lines of the transcript that are kept.
const TRANSCRIPT_MAX: usize = 300;

/// Where a console is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlet {
    /// A part of the drawing, at the other end of this link, which ends at this member.
    Link(LinkId, NodeId),
    /// The page: someone types.
    Panel,
}

/// A named client of a console.
#[derive(Clone)]
struct Client {
    session: Session,
    name: Rc<str>,
    outlet: Outlet,
}

/// The component of every broker product.
pub struct Host {
    profile: &'static Profile,
    server: Box<dyn Server>,
    /// Messages made inside the server.
    messages_made: u64,
    /// Empty between calls; kept for its memory.
    outcome: Outcome,
    /// The timer for what the server does by itself, and when it runs out.
    timer: Option<(TimerId, Time)>,
    clients: Vec<Client>,
    clients_opened: u32,
    /// Answers that a slow service holds back, and confirms that a slow disk does.
    late: Late,
    late_confirms: Late,
    /// What was typed in the page, and the answers.
    transcript: VecDeque<Rc<str>>,
}

impl Clone for Host {
    fn clone(&self) -> Host {
        Host {
            profile: self.profile,
            server: self.server.clone(),
            messages_made: self.messages_made,
            outcome: Outcome::new(),
            timer: self.timer,
            clients: self.clients.clone(),
            clients_opened: self.clients_opened,
            late: self.late.clone(),
            late_confirms: self.late_confirms.clone(),
            transcript: self.transcript.clone(),
        }
    }
}

impl Host {
    /// A broker of this product with nothing in it.
    pub fn component(profile: &'static Profile, settings: &Settings) -> Box<dyn Component> {
        Box::new(Host {
            profile,
            server: (profile.server)(settings),
            messages_made: 0,
            outcome: Outcome::new(),
            timer: None,
            clients: Vec::new(),
            clients_opened: 0,
            late: Late::default(),
            late_confirms: Late::default(),
            transcript: VecDeque::new(),
        })
    }

    /// Calls the server and carries out what the call leads to.
    #[inline]
    fn call<R>(&mut self, context: &mut Context, about: impl FnOnce(&mut dyn Server, &mut Call) -> R) -> R {
        let (now, broker, slow_percent) = (context.now(), context.node(), context.slow_percent());
        let mut call = Call {
            now,
            broker,
            slow_percent,
            random: context.random(),
            messages_made: &mut self.messages_made,
            outcome: &mut self.outcome,
        };
        let answer = about(&mut *self.server, &mut call);
        self.carry_out(context);
        if let Some(due) = self.next_due() {
            self.arm(due, context);
        }
        answer
    }

    /// When something happens by itself next.
    #[inline]
    fn next_due(&self) -> Option<Time> {
        [self.server.next_due(), self.late.next(), self.late_confirms.next()].into_iter().flatten().min()
    }

    #[inline]
    fn carry_out(&mut self, context: &mut Context) {
        let is_slow = context.slow_percent() > 100 || !(self.late.is_empty() && self.late_confirms.is_empty());
        for happened in self.outcome.drain(..) {
            match happened {
                Happened::Fact { node, message, fact } => context.record_at(node, message, fact),
                Happened::Frame { session, from, frame } if is_slow => {
                    let after = self.server.answer_delay(context.slow_percent());
                    self.late.send(LateFrame { session, from, frame, confirms: None }, after, context);
                }
                Happened::Confirm { session, from, frame, message, waits_for_disk } => {
                    let late = LateFrame { session, from, frame, confirms: Some(message) };
                    let percent = context.slow_percent();
                    match waits_for_disk {
                        true => self.late_confirms.send(late, self.server.sync_delay(percent), context),
                        false => self.late.send(late, self.server.answer_delay(percent), context),
                    }
                }
                Happened::Frame { session, from, frame } => {
                    if let Some(link) = session.link() {
                        context.send_link(from, link, Message::Broker(frame));
                    }
                }
                Happened::Told { session, word, body } => {
                    if let Some(client) = self.clients.iter().find(|client| client.session == session) {
                        let text = to_text(&line_of(&client.name, word, body));
                        say(&mut self.transcript, client.outlet, text, context);
                    }
                }
                Happened::Made(content) => context.remember(&content),
            }
        }
    }

    /// Sets the timer, unless it runs out early enough; one that is too early finds nothing due and is set again.
    fn arm(&mut self, due: Time, context: &mut Context) {
        if self.timer.is_some_and(|(_, at)| at <= due) {
            return;
        }
        if let Some((timer, _)) = self.timer.take() {
            context.cancel_timer(timer);
        }
        let at = due.max(context.now());
        self.timer = Some((context.set_timer(at.since(context.now()), 0), at));
    }

    /// A line from a console.
    fn operate(&mut self, outlet: Outlet, line: &str, context: &mut Context) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let (name, operation) = client_and_operation(line);
        let (word, rest) = operation.split_once(char::is_whitespace).unwrap_or((operation, ""));
        let rest = rest.trim();
        if outlet == Outlet::Panel {
            let typed = json!({"at": context.now().to_string(), "client": name, "line": operation});
            say(&mut self.transcript, outlet, to_text(&typed), context);
        }
        let answer = match word {
            "help" => help(self.profile.words(), rest),
            "kill" if !rest.is_empty() => return self.kill(outlet, name, rest, context),
            "wait" => json!({"error": "here time goes by itself: press play, or step"}),
            _ => match self.session(outlet, name) {
                Some(session) => {
                    // The answer goes first, then what the operation led to.
                    let (now, broker, slow_percent) = (context.now(), context.node(), context.slow_percent());
                    let mut call = Call {
                        now,
                        broker,
                        slow_percent,
                        random: context.random(),
                        messages_made: &mut self.messages_made,
                        outcome: &mut self.outcome,
                    };
                    self.server.execute(session, name, operation, &mut call)
                }
                None => json!({"error": format!("there are {CLIENTS_MAX} clients already")}),
            },
        };
        say(&mut self.transcript, outlet, to_text(&line_of(name, "reply", answer)), context);
        self.call(context, |_, _| ());
    }

    /// The session of a console's client; a new one for a new name.
    fn session(&mut self, outlet: Outlet, name: &str) -> Option<Session> {
        if let Some(client) = self.clients.iter().find(|client| client.outlet == outlet && &*client.name == name) {
            return Some(client.session);
        }
        if self.clients.len() >= CLIENTS_MAX {
            return None;
        }
        let session = Session::of_console(self.clients_opened);
        self.clients_opened += 1;
        self.clients.push(Client { session, name: name.into(), outlet });
        Some(session)
    }

    fn kill(&mut self, outlet: Outlet, name: &str, killed: &str, context: &mut Context) {
        let index = self.clients.iter().position(|client| client.outlet == outlet && &*client.name == killed);
        let answer = match index {
            Some(_) => json!("OK"),
            None => json!({"error": format!("there is no client \"{killed}\"")}),
        };
        say(&mut self.transcript, outlet, to_text(&line_of(name, "reply", answer)), context);
        if let Some(index) = index {
            let client = self.clients.remove(index);
            self.call(context, |server, call| server.disconnect(client.session, call));
        }
    }

    /// The connection over a link is gone, and with it all clients of a console at its other end.
    fn disconnect(&mut self, link: LinkId, context: &mut Context) {
        while let Some(index) =
            self.clients.iter().position(|client| matches!(client.outlet, Outlet::Link(at, _) if at == link))
        {
            let client = self.clients.remove(index);
            self.call(context, |server, call| server.disconnect(client.session, call));
        }
        self.late.forget(Some(Session::of_link(link)), context);
        self.late_confirms.forget(Some(Session::of_link(link)), context);
        self.call(context, |server, call| server.disconnect(Session::of_link(link), call));
    }
}

/// Hands a text to a console: over its link, or into the transcript.
fn say(transcript: &mut VecDeque<Rc<str>>, outlet: Outlet, text: String, context: &mut Context) {
    match outlet {
        Outlet::Link(link, place) => context.send_link(place, link, BrokerMessage::Answer(text.into()).into()),
        Outlet::Panel => {
            if transcript.len() >= TRANSCRIPT_MAX {
                transcript.pop_front();
            }
            transcript.push_back(text.into());
        }
    }
}

impl Component for Host {
    fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
        let Envelope { link, from, to, message, .. } = envelope;
        match message {
            Message::Broker(BrokerMessage::Operate(line)) => self.operate(Outlet::Link(link, to), &line, context),
            Message::Broker(frame) => {
                self.call(context, |server, call| server.receive(Session::of_link(link), from, to, frame, call));
            }
        }
    }

    fn on_timer(&mut self, timer: TimerId, _: u64, context: &mut Context) {
        if self.timer.take_if(|(armed, _)| *armed == timer).is_none() {
            return;
        }
        let now = context.now();
        self.late.send_due(context);
        self.late_confirms.send_due(context);
        self.call(context, |server, call| {
            if server.next_due().is_some_and(|due| due <= now) {
                server.on_due(call);
            }
        });
    }

    fn on_fault(&mut self, notice: Notice, context: &mut Context) {
        match notice {
            Notice::Crashed => {
                self.call(context, |server, call| server.crash(call));
                self.late.forget(None, context);
                self.late_confirms.forget(None, context);
                // The kernel has taken the timer back, and no frame leaves a broker that is down.
                self.timer = None;
                self.clients.clear();
            }
            Notice::Restarted => {
                self.timer = None;
                self.call(context, |server, call| server.recover(call));
            }
            Notice::PeerLost { link, .. } => self.disconnect(link, context),
            // The client speaks first.
            Notice::PeerBack { .. } => {}
        }
    }

    fn on_change(&mut self, change: &Change, context: &mut Context) {
        match change {
            Change::MemberAdded { node, kind, settings } => {
                self.call(context, |server, call| server.declare(*node, kind, settings, call));
            }
            Change::MemberRemoved { node } => self.call(context, |server, call| server.remove(*node, call)),
            Change::Configured { node, settings } => {
                self.call(context, |server, call| server.configure(*node, settings, call));
            }
            Change::Joined { wire, from, to, settings } => {
                self.call(context, |server, call| server.join(*wire, *from, *to, settings, call));
            }
            Change::Rejoined { wire, settings } => {
                self.call(context, |server, call| server.rejoin(*wire, settings, call));
            }
            Change::Parted { wire } => self.call(context, |server, call| server.part(*wire, call)),
            Change::LinkRemoved { link, .. } => self.disconnect(*link, context),
            // A client speaks first.
            Change::LinkAdded { .. } => {}
        }
    }

    /// A command by hand: `console LINE`.
    fn on_command(&mut self, _: NodeId, command: &str, context: &mut Context) -> bool {
        let line = command.strip_prefix("console ");
        line.into_iter().for_each(|line| self.operate(Outlet::Panel, line, context));
        line.is_some()
    }

    fn inside(&self, node: NodeId, now: Time, rows_max: usize) -> Vec<InsideTable> {
        self.server.inside(node, now, rows_max)
    }

    fn transcript(&self) -> Vec<Rc<str>> {
        self.transcript.iter().cloned().collect()
    }

    fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        let mut inspection = self.server.inspect(node, items_max);
        if inspection.headline.is_empty() {
            inspection.headline = self.profile.label.to_string();
        }
        inspection
    }

    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        self.server.holds(visit);
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}
