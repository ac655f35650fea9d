//! Places of messages in a queue, kept in order although messages come back.
//!
//! Nearly everything is put at the end, taken from the front, or comes back near the front, which is quick.

use std::collections::VecDeque;

/// A place in a queue: a number that counts up as messages come, and where the message is stored.
pub type Place = (u64, u32);

/// Puts a place where it belongs.
#[inline]
pub fn insert_in_order(places: &mut VecDeque<Place>, place: Place) {
    if places.back().is_none_or(|last| *last < place) {
        places.push_back(place);
    } else if places.front().is_some_and(|first| *first > place) {
        places.push_front(place);
    } else {
        places.insert(places.partition_point(|other| *other < place), place);
    }
}

/// Takes a place out, if it is there.
#[inline]
pub fn remove_in_order(places: &mut VecDeque<Place>, place: Place) {
    if places.front() == Some(&place) {
        places.pop_front();
    } else if let Ok(index) = places.binary_search(&place) {
        places.remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_in_order() {
        let mut places = VecDeque::new();
        [3, 5, 1, 4, 2].into_iter().for_each(|number| insert_in_order(&mut places, (number, 0)));
        remove_in_order(&mut places, (4, 0));
        remove_in_order(&mut places, (1, 0));
        remove_in_order(&mut places, (9, 0));
        assert_eq!(places, [(2, 0), (3, 0), (5, 0)]);
    }
}
