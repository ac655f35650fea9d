//! Where the payload of an event is, and how the event is named from outside.

/// Names one scheduled event, so that it can be cancelled.
///
/// The generation is the sequence number of the event, which is never given out twice. A ticket
/// kept long after its event has gone can therefore never hit a later event in the same slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    pub(super) slot: u32,
    pub(super) generation: u64,
}

/// How many low bits of a packed ticket hold the generation; above them is the slot.
pub(super) const GENERATION_BITS: u32 = 40;
const GENERATION_MASK: u64 = (1 << GENERATION_BITS) - 1;

impl Ticket {
    /// The ticket as one number, which is never 0. Of the generation the low 40 bits are kept, so two tickets differ
    /// unless 10^12 events lie between them; slots below 2^24 are told apart, eight times what a run may have pending.
    #[inline]
    pub fn packed(self) -> u64 {
        (u64::from(self.slot) + 1) << GENERATION_BITS | (self.generation & GENERATION_MASK)
    }
}

/// Begins at a cache line, so that an event of up to 48 bytes is brought in by one.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Slot<T> {
    pub(super) sequence: u64,
    /// Odd while an event is in the slot, even while none is.
    pub(super) reuse: u32,
    pub(super) payload: T,
}

impl<T> Slot<T> {
    pub(super) fn payload(&self) -> Option<&T> {
        (self.reuse % 2 == 1).then_some(&self.payload)
    }
}

/// An event that was taken out of the order. Its payload is still in its slot, to be read there: to move it about
/// costs more than to keep order. It is good until the calendar is next changed.
#[derive(Clone, Copy)]
pub struct Next {
    /// When the event happens.
    pub time: u64,
    pub(super) slot: u32,
}
