//! Reads a stretch of the trace into what a sequence diagram draws: arrows, marks, stretches of work.

use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{
    Carried, DropReason, EventId, Fact, FlatMap, FlatSet, MessageId, NodeId, Shape, Time, TraceEvent,
};

use super::super::palette::Tone;
use super::{Lifeline, SequenceInput};

/// From one line to another.
#[derive(Clone, Copy)]
pub(super) struct Arrow {
    pub from: usize,
    pub to: usize,
    pub start: Time,
    pub ending: Ending,
    /// What kind of frame; none for a step inside the broker, which takes no time.
    pub what: Option<Carried>,
    pub message: MessageId,
    pub event: EventId,
    /// How many others would lie exactly on it: a burst.
    pub more: usize,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ending {
    Arrived(Time),
    Open,
    Lost(Time, DropReason),
}

impl Arrow {
    pub fn end(&self) -> Option<Time> {
        match self.ending {
            Ending::Arrived(at) | Ending::Lost(at, _) => Some(at),
            Ending::Open => None,
        }
    }
}

/// A point on a line.
pub(super) struct Mark {
    pub column: usize,
    pub at: Time,
    pub text: String,
    pub tone: Tone,
    pub glyph: Glyph,
    /// How much it asks to be named.
    pub rank: i32,
    pub event: EventId,
    pub message: MessageId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    Cross,
    Ring,
    Dot,
}

/// A stretch of work.
pub(super) struct Work {
    pub column: usize,
    pub start: Option<Time>,
    pub end: Option<Time>,
    pub outcome: Outcome,
    pub message: MessageId,
    /// Its place among work that goes on at the same time.
    pub lane: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Running,
    Failed,
    Abandoned,
}

/// Everything in the stretch, in the order of the trace.
#[derive(Default)]
pub(super) struct Gathered {
    pub arrows: Vec<Arrow>,
    pub marks: Vec<Mark>,
    pub works: Vec<Work>,
}

/// The lines that are drawn, at most `fit`: those at which most happens. Gives how many are hidden, too.
pub(super) fn choose<'a>(input: &SequenceInput<'a>, events: &[TraceEvent], fit: usize) -> (Vec<&'a Lifeline>, usize) {
    let mut busy: FlatMap<NodeId, usize> = FlatMap::new();
    for event in events.iter().filter(|event| event.at >= input.start && event.at <= input.end) {
        let weight = if input.selected.is_some_and(|selected| selected == event.message) { 1_000_000 } else { 1 };
        *busy.get_or_insert_with(event.node, || 0) += weight;
    }
    let count = |lifeline: &Lifeline| busy.get(&lifeline.node).copied().unwrap_or(0);
    let wanted: Vec<&Lifeline> =
        input.lifelines.iter().filter(|lifeline| !lifeline.optional || count(lifeline) > 0).collect();
    if wanted.len() <= fit {
        return (wanted, 0);
    }
    let mut ranked: Vec<usize> = (0..wanted.len()).collect();
    sort_by_key(&mut ranked, |index| std::cmp::Reverse(count(wanted[*index])));
    ranked.truncate(fit);
    sort_by_key(&mut ranked, |index| *index);
    let hidden = wanted.len() - ranked.len();
    (ranked.into_iter().map(|index| wanted[index]).collect(), hidden)
}

/// The word at work that stopped in the middle.
const UNFINISHED: &str = "not finished";
/// The word at a crash.
const CRASH: &str = "crash";

struct Reader {
    columns: FlatMap<NodeId, usize>,
    /// The columns of the members of each host that has no column of its own.
    members: FlatMap<NodeId, Vec<usize>>,
    /// The arrow that an event began.
    sent: FlatMap<EventId, usize>,
    working: FlatMap<(usize, MessageId), usize>,
    gathered: Gathered,
    start: Time,
}

/// Reads the events for a picture from `start` to `end`; the lines are those that [`choose`] gave.
pub(super) fn gather(start: Time, end: Time, events: &[TraceEvent], lifelines: &[&Lifeline]) -> Gathered {
    let columns: FlatMap<NodeId, usize> =
        lifelines.iter().enumerate().map(|(column, line)| (line.node, column)).collect();
    let mut members: FlatMap<NodeId, Vec<usize>> = FlatMap::new();
    for (column, line) in lifelines.iter().enumerate() {
        if let Some(host) = line.host.filter(|host| !columns.contains_key(host)) {
            members.get_or_insert_with(host, Vec::new).push(column);
        }
    }
    let gathered = Gathered::default();
    let mut reader = Reader { columns, members, sent: FlatMap::new(), working: FlatMap::new(), gathered, start };
    for event in events.iter().filter(|event| event.at <= end) {
        reader.read(event);
    }
    let mut gathered = reader.gathered;
    // What was over before the picture begins is not in it.
    gathered.arrows.retain(|arrow| arrow.end().is_none_or(|end| end >= start) && arrow.from != arrow.to);
    gathered.works.retain(|work| work.end.is_none_or(|end| end >= start));
    gathered.marks = merge_marks(gathered.marks);
    gathered
}

/// Makes one mark of those with the same word at the same point; that a crash leaves work unfinished goes without saying.
fn merge_marks(marks: Vec<Mark>) -> Vec<Mark> {
    let crashes: FlatSet<(usize, Time)> =
        marks.iter().filter(|mark| mark.text == CRASH).map(|mark| (mark.column, mark.at)).collect();
    // Time comes first: what comes later in the trace is then mostly added at the end.
    let mut counts: FlatMap<(Time, usize, String), (usize, usize)> = FlatMap::new();
    let mut merged: Vec<Mark> = Vec::with_capacity(marks.len());
    for mark in marks.into_iter().filter(|mark| mark.text != UNFINISHED || !crashes.contains(&(mark.column, mark.at))) {
        let (count, index) = counts.get_or_insert_with((mark.at, mark.column, mark.text.clone()), || (0, merged.len()));
        *count += 1;
        if *count == 1 {
            merged.push(mark);
        } else if !mark.text.is_empty() {
            merged[*index].text = format!("{} ×{count}", mark.text);
        }
    }
    merged
}

/// Makes one arrow of those that would lie on each other; that of the selected message stays by itself.
pub(super) fn merge(arrows: Vec<Arrow>, selected: Option<MessageId>) -> Vec<Arrow> {
    let mut merged: Vec<Arrow> = Vec::with_capacity(arrows.len());
    let mut places: FlatMap<_, usize> = FlatMap::new();
    for arrow in arrows {
        let followed = selected.is_some_and(|selected| selected == arrow.message);
        let lost = matches!(arrow.ending, Ending::Lost(..));
        let place = (arrow.start, arrow.from, arrow.to, arrow.end(), arrow.what, lost);
        match places.get(&place).filter(|_| !followed) {
            Some(index) => merged[*index].more += 1,
            None => {
                if !followed {
                    places.insert(place, merged.len());
                }
                merged.push(arrow);
            }
        }
    }
    merged
}

impl Reader {
    fn read(&mut self, event: &TraceEvent) {
        match event.fact {
            Fact::Sent { to, what, .. } => self.begin(event, to, Some(what), Ending::Open),
            Fact::Duplicated { .. } => self.double(event),
            Fact::Delivered { .. } => self.finish(event, Ending::Arrived(event.at)),
            Fact::Dropped { reason, .. } => self.finish(event, Ending::Lost(event.at, reason)),
            Fact::Routed { to } => self.begin(event, to, None, Ending::Arrived(event.at)),
            Fact::Began { .. } => self.begin_work(event),
            Fact::Completed { .. } => self.end_work(event, Outcome::Done),
            Fact::Failed { .. } => self.end_work(event, Outcome::Failed),
            Fact::Abandoned { .. } => self.end_work(event, Outcome::Abandoned),
            _ => self.mark(event),
        }
    }

    fn begin(&mut self, event: &TraceEvent, to: NodeId, what: Option<Carried>, ending: Ending) {
        if let (Some(from), Some(to)) = (self.columns.get(&event.node), self.columns.get(&to)) {
            self.sent.insert(event.id, self.gathered.arrows.len());
            let arrow = Arrow {
                from: *from,
                to: *to,
                start: event.at,
                ending,
                what,
                message: event.message,
                event: event.id,
                more: 0,
            };
            self.gathered.arrows.push(arrow);
        }
    }

    /// The link made a second frame: a second arrow from the same start.
    fn double(&mut self, event: &TraceEvent) {
        let Some(first) = self.sent.get(&event.cause).and_then(|index| self.gathered.arrows.get(*index)) else {
            return;
        };
        let second = Arrow { ending: Ending::Open, event: event.id, ..*first };
        self.sent.insert(event.id, self.gathered.arrows.len());
        self.gathered.arrows.push(second);
    }

    fn finish(&mut self, event: &TraceEvent, ending: Ending) {
        let arrow = self.sent.get(&event.cause).and_then(|index| self.gathered.arrows.get_mut(*index));
        match (arrow, ending) {
            (Some(arrow), _) if arrow.ending == Ending::Open && arrow.what.is_some() => arrow.ending = ending,
            (_, Ending::Lost(_, reason)) => self.push(event, reason.label(), Tone::Lost, Glyph::Cross, 9),
            _ => {}
        }
    }

    fn begin_work(&mut self, event: &TraceEvent) {
        let Some(column) = self.columns.get(&event.node).copied() else { return };
        let taken: Vec<usize> = self
            .working
            .from(&(column, MessageId::NONE))
            .take_while(|((at, _), _)| *at == column)
            .map(|(_, index)| self.gathered.works[*index].lane)
            .collect();
        let lane = (0..=taken.len()).find(|lane| !taken.contains(lane)).unwrap_or(0);
        self.working.insert((column, event.message), self.gathered.works.len());
        let work =
            Work { column, start: Some(event.at), end: None, outcome: Outcome::Running, message: event.message, lane };
        self.gathered.works.push(work);
    }

    fn end_work(&mut self, event: &TraceEvent, outcome: Outcome) {
        let Some(column) = self.columns.get(&event.node).copied() else { return };
        match self.working.remove(&(column, event.message)) {
            Some(index) => {
                let work = &mut self.gathered.works[index];
                (work.end, work.outcome) = (Some(event.at), outcome);
            }
            None => {
                // It began before the stretch: beside all that is in work, and beside others like it.
                let beside = self.gathered.works.iter().filter(|work| work.column == column);
                let taken: Vec<usize> =
                    beside.filter(|work| work.start.is_none() || work.end.is_none()).map(|work| work.lane).collect();
                let lane = (0..=taken.len()).find(|lane| !taken.contains(lane)).unwrap_or(0);
                let work = Work { column, start: None, end: Some(event.at), outcome, message: event.message, lane };
                self.gathered.works.push(work);
            }
        }
        match outcome {
            Outcome::Failed => self.push(event, "failed", Tone::Wait, Glyph::Cross, 6),
            Outcome::Abandoned => self.push(event, UNFINISHED, Tone::Wait, Glyph::Ring, 4),
            Outcome::Done | Outcome::Running => {}
        }
    }

    /// Facts that stand at one line. A new one of these shapes appears by itself, under its own word.
    fn mark(&mut self, event: &TraceEvent) {
        let word = event.fact.kind().label();
        match event.fact {
            Fact::Published {} | Fact::Started {} => {}
            Fact::Crashed {} => self.push(event, CRASH, Tone::Lost, Glyph::Cross, 12),
            Fact::Restarted {} => self.push(event, "runs again", Tone::Ok, Glyph::Ring, 8),
            Fact::Paused {} | Fact::Slowed { .. } => self.push(event, word, Tone::Wait, Glyph::Ring, 8),
            // A `Dropped` follows and says it.
            Fact::Unroutable {} => {}
            Fact::Requeued { .. } => self.push(event, "back in its place", Tone::Wait, Glyph::Ring, 5),
            Fact::Disconnected { .. } => self.push(event, word, Tone::Lost, Glyph::Ring, 4),
            _ if matches!(event.fact.shape(), Shape::Mark | Shape::State) => {
                self.push(event, word, Tone::Soft, Glyph::Dot, 0)
            }
            _ => {}
        }
    }

    fn push(&mut self, event: &TraceEvent, text: &str, tone: Tone, glyph: Glyph, rank: i32) {
        if event.at < self.start {
            return;
        }
        let own = self.columns.get(&event.node).copied();
        let columns =
            own.map_or_else(|| self.members.get(&event.node).cloned().unwrap_or_default(), |column| vec![column]);
        for (index, column) in columns.into_iter().enumerate() {
            // A host's fault is marked at each of its members and named once.
            let text = if index == 0 { text.to_string() } else { String::new() };
            let (at, message) = (event.at, event.message);
            self.gathered.marks.push(Mark { column, at, text, tone, glyph, rank, event: event.id, message });
        }
    }
}
