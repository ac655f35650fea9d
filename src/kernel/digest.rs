//! The digest of a run: a fold over every trace event. Two runs are the same if and only if their digests are.

use crate::vocabulary::{Fact, TraceEvent};

use super::rng::mix;

/// A running digest. Not cryptographic: it detects difference, not malice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    state: u64,
}

impl Default for Digest {
    fn default() -> Digest {
        Digest { state: 0x243f_6a88_85a3_08d3 }
    }
}

impl Digest {
    /// Folds one event in.
    #[inline(always)]
    pub fn fold(&mut self, event: &TraceEvent) {
        self.fold_with(event, Digest::of_fact(&event.fact));
    }

    /// The part of an event's digest that comes from its fact. Where the kind of the fact is known it is only a few
    /// multiplications, so it is best computed there.
    #[inline(always)]
    pub(super) fn of_fact(fact: &Fact) -> u64 {
        let (first, second) = fact.words();
        first.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(43)
            ^ second.wrapping_add(fact.kind() as u64 + 1).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(7)
    }

    /// Folds one event in whose fact's part is known. The words are multiplied independently, so that only one
    /// multiplication waits for the last event.
    #[inline(always)]
    pub(super) fn fold_with(&mut self, event: &TraceEvent, of_fact: u64) {
        let message = u64::from(event.message.origin.0) << 32 | u64::from(event.message.number);
        let place = u64::from(event.node.0) ^ event.cause.0.rotate_left(24);
        let folded = event.at.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ place.wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(17)
            ^ message.wrapping_mul(0x1656_67b1_9e37_79f9).rotate_left(31)
            ^ of_fact;
        self.state = (self.state ^ folded).wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(29);
    }

    /// The digest so far.
    pub fn value(self) -> u64 {
        mix(self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{EventId, LinkId, MessageId, NodeId, Time};

    #[test]
    fn every_field_counts() {
        let base = TraceEvent {
            id: EventId(1),
            at: Time(5),
            node: NodeId(1),
            cause: EventId(0),
            message: MessageId { origin: NodeId(1), number: 1 },
            fact: Fact::Enqueued { ready: 1, unacked: 2 },
        };
        let digest = |events: &[TraceEvent]| {
            let mut digest = Digest::default();
            events.iter().for_each(|event| digest.fold(event));
            digest.value()
        };
        let other = [
            TraceEvent { at: Time(6), ..base },
            TraceEvent { node: NodeId(2), ..base },
            TraceEvent { cause: EventId(9), ..base },
            TraceEvent { message: MessageId { origin: NodeId(1), number: 2 }, ..base },
            TraceEvent { fact: Fact::Enqueued { ready: 2, unacked: 1 }, ..base },
            TraceEvent { fact: Fact::Requeued { ready: 1, unacked: 2 }, ..base },
            TraceEvent { fact: Fact::Partitioned { link: LinkId(1) }, ..base },
        ];
        for event in other {
            assert_ne!(digest(&[base]), digest(&[event]), "{event:?}");
        }
        assert_ne!(digest(&[base, other[0]]), digest(&[other[0], base]));
    }
}
