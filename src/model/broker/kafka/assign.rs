//! Who of a group gets which partition.
//!
//! Reproduces: Kafka's assignors. Members are sorted, static ones first by instance id, then by member id. `range`
//! deals each topic by itself, so that the first members get more of every topic; `roundrobin` deals all partitions in
//! turn (apache/kafka, `RangeAssignor`, `RoundRobinAssignor`). The sticky ones are in `sticky.rs`. The broker's `uniform`
//! assignor (KIP-848) makes the same promises as `sticky`.
//!
//! Leaves out: racks.

use std::rc::Rc;

use crate::vocabulary::order::{sort_by, sort_by_key};

use super::partition::TopicPartition;
use super::sticky::sticky;

/// A way to share partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `RangeAssignor`.
    Range,
    /// `RoundRobinAssignor`.
    RoundRobin,
    /// `StickyAssignor`.
    Sticky,
    /// `CooperativeStickyAssignor`.
    CooperativeSticky,
}

impl Strategy {
    const NAMES: [(&'static str, &'static str, Strategy); 4] = [
        ("range", "RangeAssignor", Strategy::Range),
        ("roundrobin", "RoundRobinAssignor", Strategy::RoundRobin),
        ("sticky", "StickyAssignor", Strategy::Sticky),
        ("cooperative-sticky", "CooperativeStickyAssignor", Strategy::CooperativeSticky),
    ];

    /// The strategy of this name: Kafka's short one, or the name of Java's class.
    pub fn named(name: &str) -> Option<Strategy> {
        let class = name.rsplit('.').next().unwrap_or(name);
        Strategy::NAMES.iter().find(|(short, long, _)| *short == name || *long == class).map(|(.., strategy)| *strategy)
    }

    /// Its short name.
    pub fn label(self) -> &'static str {
        Strategy::NAMES.iter().find(|(.., strategy)| *strategy == self).map_or("", |(short, ..)| short)
    }
}

/// A member, as an assignor sees it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// `group.instance.id`, if it has one.
    pub instance: Option<Rc<str>>,
    /// The member id.
    pub id: Rc<str>,
    /// The topics that it wants, sorted by name.
    pub topics: Vec<u32>,
    /// What it has.
    pub owned: Vec<TopicPartition>,
    /// Since which generation it has that.
    pub generation: u32,
}

/// What there is to share: topics in the order of their names, with their number of partitions.
pub type Topics = [(u32, u32)];

/// The partitions of each candidate, in the order of the candidates.
pub fn assign(strategy: Strategy, candidates: &[Candidate], topics: &Topics) -> Vec<Vec<TopicPartition>> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    sort_by(&mut order, |first, second| {
        let key = |index: &usize| {
            let candidate = &candidates[*index];
            (candidate.instance.is_none(), candidate.instance.clone(), candidate.id.clone())
        };
        key(first).cmp(&key(second))
    });
    let mut given = vec![Vec::new(); candidates.len()];
    if candidates.is_empty() {
        return given;
    }
    match strategy {
        Strategy::Range => range(&order, candidates, topics, &mut given),
        Strategy::RoundRobin => round_robin(&order, candidates, topics, &mut given),
        Strategy::Sticky | Strategy::CooperativeSticky => {
            given = sticky(candidates, topics, strategy == Strategy::CooperativeSticky);
        }
    }
    let place = |topic: u32| topics.iter().position(|(other, _)| *other == topic);
    given.iter_mut().for_each(|list| sort_by_key(list, |partition| (place(partition.topic), partition.partition)));
    given
}

/// All partitions of these topics, in order.
pub fn partitions_of(topics: &Topics) -> impl Iterator<Item = TopicPartition> + '_ {
    topics.iter().flat_map(|(topic, count)| (0..*count).map(|partition| TopicPartition { topic: *topic, partition }))
}

fn range(order: &[usize], candidates: &[Candidate], topics: &Topics, given: &mut [Vec<TopicPartition>]) {
    for (topic, count) in topics {
        let wanting: Vec<usize> =
            order.iter().copied().filter(|index| candidates[*index].topics.contains(topic)).collect();
        if wanting.is_empty() {
            continue;
        }
        let (each, more) = (*count as usize / wanting.len(), *count as usize % wanting.len());
        let mut next = 0;
        for (rank, index) in wanting.into_iter().enumerate() {
            let share = each + usize::from(rank < more);
            given[index].extend(
                (next..next + share).map(|partition| TopicPartition { topic: *topic, partition: partition as u32 }),
            );
            next += share;
        }
    }
}

fn round_robin(order: &[usize], candidates: &[Candidate], topics: &Topics, given: &mut [Vec<TopicPartition>]) {
    let mut turn = 0;
    for partition in partitions_of(topics) {
        let wants = |step: &usize| candidates[order[(turn + step) % order.len()]].topics.contains(&partition.topic);
        if let Some(step) = (0..order.len()).find(wants) {
            given[order[(turn + step) % order.len()]].push(partition);
            turn = (turn + step + 1) % order.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, topics: &[u32], owned: &[(u32, u32)]) -> Candidate {
        Candidate {
            instance: None,
            id: id.into(),
            topics: topics.to_vec(),
            owned: owned
                .iter()
                .map(|(topic, partition)| TopicPartition { topic: *topic, partition: *partition })
                .collect(),
            generation: 1,
        }
    }

    fn shares(strategy: Strategy, members: &[Candidate], topics: &Topics) -> Vec<Vec<(u32, u32)>> {
        let given = assign(strategy, members, topics);
        given.into_iter().map(|list| list.into_iter().map(|one| (one.topic, one.partition)).collect()).collect()
    }

    #[test]
    fn range_gives_the_first_member_more_of_every_topic() {
        let members = [member("b", &[0, 1], &[]), member("a", &[0, 1], &[])];
        let given = shares(Strategy::Range, &members, &[(0, 3), (1, 3)]);
        assert_eq!(given, [vec![(0, 2), (1, 2)], vec![(0, 0), (0, 1), (1, 0), (1, 1)]]);
    }

    #[test]
    fn round_robin_skips_those_who_do_not_want_the_topic() {
        // The example of the documentation: three topics with 1, 2 and 3 partitions.
        let members = [member("0", &[0], &[]), member("1", &[0, 1], &[]), member("2", &[0, 1, 2], &[])];
        let given = shares(Strategy::RoundRobin, &members, &[(0, 1), (1, 2), (2, 3)]);
        assert_eq!(given, [vec![(0, 0)], vec![(1, 0)], vec![(1, 1), (2, 0), (2, 1), (2, 2)]]);
    }

    #[test]
    fn a_static_member_comes_first() {
        let mut members = [member("a", &[0], &[]), member("z", &[0], &[])];
        members[1].instance = Some("i".into());
        assert_eq!(shares(Strategy::Range, &members, &[(0, 1)]), [vec![], vec![(0, 0)]]);
    }

    #[test]
    fn sticky_is_balanced_and_moves_no_more_than_it_must() {
        let mut state = 5u32;
        let mut draw = |bound: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % bound
        };
        for _ in 0..300 {
            let topics = [(0, draw(7)), (1, draw(7))];
            let old_count = draw(5) as usize;
            let old: Vec<Candidate> = (0..old_count).map(|one| member(&one.to_string(), &[0, 1], &[])).collect();
            let before = assign(Strategy::Sticky, &old, &topics);
            let count = 1 + draw(6) as usize;
            let mut members: Vec<Candidate> = (0..count).map(|one| member(&one.to_string(), &[0, 1], &[])).collect();
            members.iter_mut().zip(&before).for_each(|(one, owned)| one.owned = owned.clone());
            let after = assign(Strategy::Sticky, &members, &topics);
            let total = (topics[0].1 + topics[1].1) as usize;
            assert_eq!(after.iter().map(Vec::len).sum::<usize>(), total);
            let (least, most) = (total / count, total.div_ceil(count));
            assert!(after.iter().all(|list| (least..=most).contains(&list.len())));
            // Who stays keeps what fits the new share; nothing else can be asked.
            let kept: usize = members
                .iter()
                .zip(&after)
                .map(|(one, now)| one.owned.iter().filter(|tp| now.contains(tp)).count())
                .sum();
            let mut extra = total % count;
            let mut sizes: Vec<usize> = members.iter().map(|one| one.owned.len()).collect();
            sizes.sort_unstable_by(|first, second| second.cmp(first));
            let possible: usize = sizes
                .iter()
                .map(|size| {
                    let share = least + usize::from(extra > 0 && *size > least);
                    extra -= usize::from(share > least);
                    share.min(*size)
                })
                .sum();
            assert_eq!(kept, possible, "{topics:?} {old_count} -> {count}");
        }
    }

    #[test]
    fn cooperative_sticky_gives_a_moved_partition_to_nobody_at_first() {
        let members = [member("a", &[0], &[(0, 0), (0, 1), (0, 2), (0, 3)]), member("b", &[0], &[])];
        assert_eq!(shares(Strategy::CooperativeSticky, &members, &[(0, 4)]), [vec![(0, 0), (0, 1)], vec![]]);
        let twice = [member("a", &[0], &[(0, 0)]), member("b", &[0], &[(0, 0)])];
        assert_eq!(shares(Strategy::CooperativeSticky, &twice, &[(0, 1)]), [vec![], vec![]]);
    }

    #[test]
    fn sticky_serves_members_with_different_topics() {
        let members = [member("a", &[0], &[]), member("b", &[0, 1], &[(0, 0), (0, 1)]), member("c", &[1], &[])];
        let given = assign(Strategy::Sticky, &members, &[(0, 2), (1, 2)]);
        assert_eq!(given.iter().map(Vec::len).collect::<Vec<_>>().iter().sum::<usize>(), 4);
        assert!(given.iter().all(|list| list.len() <= 2 && !list.is_empty()), "{given:?}");
    }
}
