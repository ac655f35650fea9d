//! Whose turn it is: the consumers of a queue that can take a message, as far as is known.
//!
//! Reproduces: RabbitMQ 3.10 (rabbitmq-server, `rabbit_queue_consumers`). Consumers are served round robin in the order
//! of subscription, those of a higher priority first ("Consumer Priorities"). One whose turn it is while it is at its
//! prefetch limit leaves the round, and joins its end when an acknowledgement gives it credit; one that gets credit
//! before its turn comes keeps its turn.
//!
//! Leaves out: nothing; which consumer of one priority is first is the order of subscription.

use std::collections::VecDeque;

/// The rounds of all priorities.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    /// By falling priority; the numbers of consumers, next first.
    rounds: Vec<(i32, VecDeque<u32>)>,
}

impl Turns {
    /// Takes the next consumer.
    #[inline]
    pub fn pop(&mut self) -> Option<u32> {
        self.rounds.iter_mut().find_map(|(_, round)| round.pop_front())
    }

    /// Puts a consumer at the end of the round of its priority.
    #[inline]
    pub fn push(&mut self, priority: i32, consumer: u32) {
        match self.rounds.first_mut() {
            Some((first, round)) if *first == priority => round.push_back(consumer),
            _ => self.push_lower(priority, consumer),
        }
    }

    fn push_lower(&mut self, priority: i32, consumer: u32) {
        let place = self.rounds.partition_point(|(other, _)| *other > priority);
        match self.rounds.get_mut(place) {
            Some((other, round)) if *other == priority => round.push_back(consumer),
            _ => self.rounds.insert(place, (priority, VecDeque::from([consumer]))),
        }
    }

    /// Takes a consumer out.
    pub fn remove(&mut self, consumer: u32) {
        self.rounds.iter_mut().for_each(|(_, round)| round.retain(|other| *other != consumer));
        self.rounds.retain(|(_, round)| !round.is_empty());
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.rounds.clear();
    }
}
