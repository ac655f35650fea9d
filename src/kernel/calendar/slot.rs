//! Where the payload of an event is, and how the event is named from outside.

/// Names one scheduled event, so that it can be cancelled.
///
/// The generation counts the uses of the slot. A ticket kept long after its event has gone can therefore not hit a later
/// event in the same slot, unless 2^31 lie between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// How many low bits of a packed ticket hold the generation; above them is the slot.
pub(super) const GENERATION_BITS: u32 = 32;

/// The end of a list of slots.
pub(super) const NO_SLOT: u32 = u32::MAX;

impl Ticket {
    /// The ticket as one number, which is never 0.
    #[inline]
    pub fn packed(self) -> u64 {
        (u64::from(self.slot) + 1) << GENERATION_BITS | u64::from(self.generation)
    }
}

/// Begins at a cache line, so that an event of up to 48 bytes is brought in by one together with all that keeps it in
/// order.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Slot<T> {
    pub(super) time: u64,
    /// Odd while an event is in the slot, even while none is.
    pub(super) generation: u32,
    /// The next slot in the list where this one is: of a bucket of the wheel, or of the free ones.
    pub(super) next: u32,
    pub(super) payload: T,
}

impl<T> Slot<T> {
    #[inline]
    pub(super) fn is_live(&self) -> bool {
        self.generation % 2 == 1
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
