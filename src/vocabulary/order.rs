//! Sorting in little code.
//!
//! The sort of the standard library is compiled anew for each kind of thing that is sorted, some five kilobytes each
//! time, and the page is loaded before anything is seen. Here only the comparison differs; places are sorted as numbers.
//! What sorts often and much, such as the kernel's calendar, keeps the quicker one.

use std::cmp::Ordering;

/// Sorts by a comparison; what is equal keeps its order.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut order = sorted_places(items.len(), &|first, second| compare(&items[first], &items[second]));
    // Follows each circle of places once: the item that belongs at `place` comes from `order[place]`.
    for start in 0..items.len() {
        let mut place = start;
        while order[place] != start {
            let source = std::mem::replace(&mut order[place], place);
            items.swap(place, source);
            place = source;
        }
        order[place] = place;
    }
}

/// Sorts by a key; what is equal keeps its order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |first, second| key(first).cmp(&key(second)));
}

/// The places of `count` things in the order of a comparison of two places: runs of one, two, four... are merged.
fn sorted_places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    let mut merged = Vec::with_capacity(count);
    let mut length = 1;
    while length < count {
        for run in places.chunks(2 * length) {
            let (mut left, mut right) = run.split_at(length.min(run.len()));
            while let (Some(first), Some(second)) = (left.first(), right.first()) {
                let (taken, rest) =
                    if compare(*first, *second).is_le() { (&mut left, first) } else { (&mut right, second) };
                merged.push(*rest);
                *taken = &taken[1..];
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut places, &mut merged);
        merged.clear();
        length *= 2;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_sorted_and_equals_keep_their_order() {
        let mut state = 1u32;
        for count in (0..70).chain([1_000, 4_097]) {
            let mut items: Vec<(u32, usize)> = (0..count)
                .map(|index| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 28, index)
                })
                .collect();
            let mut expected = items.clone();
            expected.sort();
            sort_by_key(&mut items, |(key, _)| *key);
            assert_eq!(items, expected, "{count} items");
        }
    }
}
