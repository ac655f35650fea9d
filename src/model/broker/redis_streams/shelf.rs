//! Things in the order of their ids, most of them added at the end and taken from the front.
//!
//! Redis keeps entries and pending entries in radix trees. Here they lie in one row each: adding at the end and taking
//! from either end take constant time, finding is a binary search, and what is taken from the middle leaves a gap that
//! is closed when there are more gaps than things. Adding in the middle moves the shorter side; it happens only after a
//! group's position was set back, or with `XCLAIM ... FORCE`.

use std::collections::VecDeque;

use super::id::Id;

/// Gaps that may stay, beside as many as there are things.
const GAPS_MIN: usize = 32;

/// A row of things by rising id. The first and the last place are never gaps.
#[derive(Clone, Debug)]
pub struct Shelf<T> {
    places: VecDeque<(Id, Option<T>)>,
    count: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf { places: VecDeque::new(), count: 0 }
    }
}

impl<T> Shelf<T> {
    /// How many things there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True if there is nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first id.
    #[inline]
    pub fn first(&self) -> Option<Id> {
        self.places.front().map(|(id, _)| *id)
    }

    /// The last id.
    #[inline]
    pub fn last(&self) -> Option<Id> {
        self.places.back().map(|(id, _)| *id)
    }

    /// Where this id is, or where it would be. Both ends are looked at first.
    #[inline]
    fn place(&self, id: Id) -> Result<usize, usize> {
        let count = self.places.len();
        if count == 0 {
            return Err(0);
        }
        let (first, last) = (self.places[0].0, self.places[count - 1].0);
        if id <= first {
            return if id == first { Ok(0) } else { Err(0) };
        }
        if id >= last {
            return if id == last { Ok(count - 1) } else { Err(count) };
        }
        self.places.binary_search_by(|(other, _)| other.cmp(&id))
    }

    /// The thing with this id.
    #[inline]
    pub fn get(&self, id: Id) -> Option<&T> {
        self.place(id).ok().and_then(|place| self.places[place].1.as_ref())
    }

    /// The thing with this id.
    #[inline]
    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        self.place(id).ok().and_then(|place| self.places[place].1.as_mut())
    }

    /// Puts a thing at its place and returns what was there.
    #[inline]
    pub fn insert(&mut self, id: Id, thing: T) -> Option<T> {
        let old = match self.place(id) {
            Ok(place) => self.places[place].1.replace(thing),
            Err(place) if place == self.places.len() => {
                self.places.push_back((id, Some(thing)));
                None
            }
            Err(place) => {
                self.places.insert(place, (id, Some(thing)));
                None
            }
        };
        self.count += usize::from(old.is_none());
        old
    }

    /// Takes the thing with this id away.
    #[inline]
    pub fn remove(&mut self, id: Id) -> Option<T> {
        let place = self.place(id).ok()?;
        let thing = self.places[place].1.take()?;
        self.count -= 1;
        while self.places.front().is_some_and(|(_, thing)| thing.is_none()) {
            self.places.pop_front();
        }
        while self.places.back().is_some_and(|(_, thing)| thing.is_none()) {
            self.places.pop_back();
        }
        if self.places.len() > 2 * self.count + GAPS_MIN {
            self.places.retain(|(_, thing)| thing.is_some());
        }
        Some(thing)
    }

    /// Everything by rising id.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id, &T)> {
        self.places.iter().filter_map(|(id, thing)| thing.as_ref().map(|thing| (*id, thing)))
    }

    /// Everything by rising id.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Id, &mut T)> {
        self.places.iter_mut().filter_map(|(id, thing)| thing.as_mut().map(|thing| (*id, thing)))
    }

    /// What has an id from `start` to `end`, both included, by rising id.
    pub fn range(&self, start: Id, end: Id) -> impl DoubleEndedIterator<Item = (Id, &T)> {
        let from = self.place(start).unwrap_or_else(|place| place);
        let to = self.place(end).map_or_else(|place| place, |place| place + 1).max(from);
        let inside = self.places.range(from..to);
        inside.filter_map(|(id, thing)| thing.as_ref().map(|thing| (*id, thing)))
    }

    /// The first thing whose id is greater than this one.
    #[inline]
    pub fn after(&self, id: Id) -> Option<(Id, &T)> {
        self.place_after(id).and_then(|place| self.at(place))
    }

    /// Whether any id is greater than this one.
    #[inline]
    pub fn has_after(&self, id: Id) -> bool {
        self.last().is_some_and(|last| last > id)
    }

    /// What is at a place.
    #[inline]
    pub fn at(&self, place: usize) -> Option<(Id, &T)> {
        self.places.get(place).and_then(|(id, thing)| thing.as_ref().map(|thing| (*id, thing)))
    }

    /// The place of the first thing whose id is greater than this one. It holds until something is put in or taken.
    #[inline]
    pub fn place_after(&self, id: Id) -> Option<usize> {
        let count = self.places.len();
        if count == 0 || self.places[count - 1].0 <= id {
            return None;
        }
        // A reader that has caught up: only the last one is new to it.
        let from = match count > 1 && self.places[count - 2].0 <= id {
            true => count - 1,
            false => self.place(id).map_or_else(|place| place, |place| place + 1),
        };
        (from..count).find(|place| self.places[*place].1.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_behaves_as_a_sorted_map() {
        let mut state = 7u64;
        let mut draw = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        for span in [4, 60, 3_000] {
            let mut shelf = Shelf::default();
            let mut map = BTreeMap::new();
            for step in 0..6_000u32 {
                let id = Id { ms: draw(span), seq: draw(2) };
                match draw(5) {
                    0 | 1 => assert_eq!(shelf.insert(id, step), map.insert(id, step)),
                    2 | 3 => assert_eq!(shelf.remove(id), map.remove(&id)),
                    _ => {
                        let after = map.range(id..).find(|(other, _)| **other > id);
                        assert_eq!(shelf.after(id), after.map(|(id, step)| (*id, step)));
                        assert_eq!(shelf.get(id), map.get(&id));
                    }
                }
                assert_eq!((shelf.len(), shelf.is_empty()), (map.len(), map.is_empty()));
                assert_eq!(shelf.first(), map.keys().next().copied());
                assert_eq!(shelf.last(), map.keys().next_back().copied());
                if step % 50 == 0 {
                    let (start, end) = (Id { ms: draw(span), seq: 0 }, Id { ms: draw(span), seq: 1 });
                    let expected: Vec<Id> = map.keys().filter(|id| (start..=end).contains(*id)).copied().collect();
                    assert_eq!(shelf.range(start, end).map(|(id, _)| id).collect::<Vec<_>>(), expected);
                    assert!(shelf.iter().map(|(id, thing)| (id, *thing)).eq(map.iter().map(|(id, step)| (*id, *step))));
                }
            }
        }
    }
}
