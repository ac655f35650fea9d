//! The differences of two outcomes, party by party.

use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::FlatMap;

use super::outcome::{Done, MessageKey, Outcome, Party};

/// In what a party that both runs have differs.
#[derive(Clone, Debug, PartialEq)]
pub struct PartyDifference {
    /// Its id.
    pub id: String,
    /// Its name in the second run.
    pub label: String,
    /// Whether it hands out messages, and is not a consumer.
    pub is_subscriber: bool,
    /// Messages done in the first run and in the second.
    pub done: (usize, usize),
    /// Done only in the first.
    pub only_first: Vec<MessageKey>,
    /// Done only in the second.
    pub only_second: Vec<MessageKey>,
    /// Done another number of times, with both numbers.
    pub other_times: Vec<(MessageKey, u32, u32)>,
    /// Done in another order: the fewest messages that would have to move for both orders to be the same.
    pub moved: Vec<MessageKey>,
    /// How much later the second run did a message, in seconds: the median over what both did. Negative: earlier.
    pub later_median: Option<f64>,
}

impl PartyDifference {
    /// True if both got the same messages, as often and in the same order.
    pub fn is_same(&self) -> bool {
        self.only_first.is_empty()
            && self.only_second.is_empty()
            && self.other_times.is_empty()
            && self.moved.is_empty()
    }
}

/// The differences of two runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The parties that both have, in the order of the second.
    pub parties: Vec<PartyDifference>,
    /// The names of those that only the first has.
    pub only_first: Vec<String>,
    /// The names of those that only the second has.
    pub only_second: Vec<String>,
}

/// Compares two outcomes.
pub fn compare(first: &Outcome, second: &Outcome) -> Comparison {
    let mut comparison = Comparison::default();
    for party in &second.parties {
        match first.party(&party.id).filter(|other| other.is_subscriber == party.is_subscriber) {
            Some(other) => comparison.parties.push(difference(other, party)),
            None => comparison.only_second.push(party.label.clone()),
        }
    }
    let gone = first.parties.iter().filter(|party| second.party(&party.id).is_none());
    comparison.only_first = gone.map(|party| party.label.clone()).collect();
    comparison
}

fn difference(first: &Party, second: &Party) -> PartyDifference {
    let places = |done: &[Done]| -> FlatMap<MessageKey, usize> {
        done.iter().enumerate().map(|(place, done)| (done.message.clone(), place)).collect()
    };
    let (at_first, at_second) = (places(&first.done), places(&second.done));
    let missing = |done: &[Done], there: &FlatMap<MessageKey, usize>| -> Vec<MessageKey> {
        done.iter().map(|done| &done.message).filter(|message| there.get(*message).is_none()).cloned().collect()
    };
    // What both did, in the order of the second, with its place in the first.
    let both: Vec<(&Done, usize)> =
        second.done.iter().filter_map(|done| Some((done, *at_first.get(&done.message)?))).collect();
    let order: Vec<usize> = both.iter().map(|(_, place)| *place).collect();
    let mut later: Vec<i64> =
        both.iter().map(|(done, place)| done.at.0 as i64 - first.done[*place].at.0 as i64).collect();
    sort_by_key(&mut later, |nanoseconds| *nanoseconds);
    let other_times = both.iter().filter(|(done, place)| done.times != first.done[*place].times);
    PartyDifference {
        id: second.id.clone(),
        label: second.label.clone(),
        is_subscriber: second.is_subscriber,
        done: (first.done.len(), second.done.len()),
        only_first: missing(&first.done, &at_second),
        only_second: missing(&second.done, &at_first),
        other_times: other_times
            .map(|(done, place)| (done.message.clone(), first.done[*place].times, done.times))
            .collect(),
        moved: out_of_line(&order).into_iter().map(|index| both[index].0.message.clone()).collect(),
        later_median: later.get(later.len() / 2).map(|nanoseconds| *nanoseconds as f64 / 1e9),
    }
}

/// The fewest elements without which the rest is rising, by their places. Patience sorting: the longest rising
/// subsequence in n log n steps.
fn out_of_line(order: &[usize]) -> Vec<usize> {
    // ends[n]: the place of the smallest element with which a rising sequence of n + 1 elements can end.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(order.len());
    for (index, value) in order.iter().enumerate() {
        let length = ends.partition_point(|end| order[*end] < *value);
        before.push(length.checked_sub(1).map(|previous| ends[previous]));
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut in_line = vec![false; order.len()];
    let mut at = ends.last().copied();
    while let Some(index) = at {
        in_line[index] = true;
        at = before[index];
    }
    (0..order.len()).filter(|index| !in_line[*index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::compare::Totals;
    use crate::vocabulary::Time;

    fn key(number: u32) -> MessageKey {
        MessageKey { producer: "p".into(), number }
    }

    /// An outcome with one subscriber that did these messages, a second each, so many times.
    fn outcome(id: &str, story: &[(u32, u32)], second: u64) -> Outcome {
        let done = story.iter().enumerate().map(|(place, (number, times))| Done {
            message: key(*number),
            at: Time((place as u64 + 1) * second),
            times: *times,
        });
        let party = Party { id: id.into(), label: id.into(), is_subscriber: true, done: done.collect() };
        Outcome { until: Time(0), halted: None, is_partial: false, totals: Totals::default(), parties: vec![party] }
    }

    #[test]
    fn each_kind_of_difference_is_told_with_its_messages() {
        let first = outcome("q", &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], 1_000_000_000);
        let second = outcome("q", &[(1, 1), (3, 2), (4, 1), (2, 1), (6, 1)], 2_000_000_000);
        let comparison = compare(&first, &second);
        let party = &comparison.parties[0];
        assert_eq!(party.done, (5, 5));
        assert_eq!(party.only_first, [key(5)]);
        assert_eq!(party.only_second, [key(6)]);
        assert_eq!(party.other_times, [(key(3), 1, 2)]);
        assert_eq!(party.moved, [key(2)], "2 was overtaken by 3 and 4; moving it alone mends the order");
        // 1: 1 s later, 3: 1 s, 4: 2 s, 2: 6 s.
        assert_eq!(party.later_median, Some(2.0));
        assert!(!party.is_same());
    }

    #[test]
    fn the_same_run_has_no_difference_and_other_parts_are_named() {
        let run = outcome("q", &[(1, 1), (2, 3)], 10);
        let same = compare(&run, &run);
        assert!(same.parties[0].is_same() && same.parties[0].later_median == Some(0.0));
        let other = compare(&run, &outcome("r", &[(1, 1)], 10));
        assert_eq!(
            (other.only_first.as_slice(), other.only_second.as_slice()),
            (&["q".to_string()][..], &["r".to_string()][..])
        );
        assert!(other.parties.is_empty());
    }

    #[test]
    fn what_is_out_of_line_is_as_little_as_can_be() {
        for (order, out) in [
            (vec![], vec![]),
            (vec![0, 1, 2], vec![]),
            (vec![2, 1, 0], vec![0, 1]),
            (vec![3, 0, 1, 2], vec![0]),
            (vec![0, 3, 1, 2, 4], vec![1]),
        ] {
            assert_eq!(out_of_line(&order), out, "{order:?}");
        }
    }
}
