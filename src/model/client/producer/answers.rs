//! What a producer hears of its messages, if it asks.
//!
//! Reproduces: publisher confirms and the mandatory flag of AMQP 0-9-1 clients (RabbitMQ 3.10, "Consumer Acknowledgements
//! and Publisher Confirms", "Publishers"). Each connection is asked for anew; what was published over a lost one and not
//! answered stays unknown.
//!
//! Leaves out: publishing a refused or returned message again, and waiting for confirms before going on.

use crate::kernel::Context;
use crate::vocabulary::{BrokerMessage, FlatMap, LinkId, Settings};

/// The questions and what was answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    asks_confirms: bool,
    is_mandatory: bool,
    /// Messages that are not answered yet, by connection.
    open: FlatMap<LinkId, u64>,
    confirmed: u64,
    refused: u64,
    returned: u64,
    unknown: u64,
}

impl Answers {
    /// What the settings ask for.
    pub fn read(settings: &Settings) -> Answers {
        Answers {
            asks_confirms: settings.toggle("confirms"),
            is_mandatory: settings.toggle("mandatory"),
            ..Answers::default()
        }
    }

    /// The same questions as `new` asks, with what was answered so far; true if they differ from those before.
    pub fn ask_as(&mut self, new: Answers) -> bool {
        let differs = (self.asks_confirms, self.is_mandatory) != (new.asks_confirms, new.is_mandatory);
        (self.asks_confirms, self.is_mandatory) = (new.asks_confirms, new.is_mandatory);
        differs
    }

    /// Asks over a connection that is new.
    pub fn ask(&mut self, link: LinkId, context: &mut Context) {
        if self.asks_confirms || self.is_mandatory {
            self.ask_again(link, context);
        }
    }

    /// Asks over a connection, even for nothing.
    pub fn ask_again(&mut self, link: LinkId, context: &mut Context) {
        self.lose(link);
        if self.asks_confirms {
            self.open.insert(link, 0);
        }
        let frame = BrokerMessage::Expect { confirms: self.asks_confirms, returns: self.is_mandatory };
        context.send_link(context.node(), link, frame.into());
    }

    /// A message goes out over every connection.
    pub fn sent(&mut self) {
        self.open.values_mut().for_each(|open| *open += 1);
    }

    /// A connection is lost.
    pub fn lose(&mut self, link: LinkId) {
        self.unknown += self.open.remove(&link).unwrap_or(0);
    }

    /// All connections are lost.
    pub fn lose_all(&mut self) {
        self.unknown += self.open.values().sum::<u64>();
        self.open.clear();
    }

    /// The broker answers.
    pub fn hear(&mut self, link: LinkId, frame: &BrokerMessage) {
        match frame {
            BrokerMessage::Confirm { ok, .. } => {
                if let Some(open) = self.open.get_mut(&link) {
                    *open = open.saturating_sub(1);
                }
                match ok {
                    true => self.confirmed += 1,
                    false => self.refused += 1,
                }
            }
            BrokerMessage::Return(_) => self.returned += 1,
            _ => {}
        }
    }

    /// What there is to see.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if self.asks_confirms || self.confirmed + self.refused > 0 {
            rows.push(("Confirmed", self.confirmed.to_string()));
            rows.push(("Refused", self.refused.to_string()));
            rows.push(("Not answered yet", self.open.values().sum::<u64>().to_string()));
            if self.unknown > 0 {
                rows.push(("Never answered", self.unknown.to_string()));
            }
        }
        if self.is_mandatory || self.returned > 0 {
            rows.push(("Returned", self.returned.to_string()));
        }
        rows
    }
}
