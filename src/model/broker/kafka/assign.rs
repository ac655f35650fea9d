//! Who of a group gets which partition.
//!
//! Reproduces: Kafka's assignors. Members are sorted, static ones first by instance id, then by member id. `range`
//! deals each topic by itself, so that the first members get more of every topic; `roundrobin` deals all partitions in
//! turn; `sticky` balances first and keeps what can stay; `cooperative-sticky` is the same, but holds back what its
//! owner has not given up yet (apache/kafka, `RangeAssignor`, `RoundRobinAssignor`, `AbstractStickyAssignor`,
//! `CooperativeStickyAssignor`). The broker's `uniform` assignor (KIP-848) makes the same promises as `sticky`.
//!
//! Leaves out: racks. Where members subscribe to different topics, `sticky` moves one partition at a time until no move
//! helps; Java's order of moves may differ, the balance does not.

use std::rc::Rc;

use crate::vocabulary::order::{sort_by, sort_by_key};

use super::partition::TopicPartition;

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
        Strategy::Sticky => sticky(&order, candidates, topics, &mut given),
        Strategy::CooperativeSticky => {
            sticky(&order, candidates, topics, &mut given);
            hold_back(candidates, &mut given);
        }
    }
    let place = |topic: u32| topics.iter().position(|(other, _)| *other == topic);
    given.iter_mut().for_each(|list| sort_by_key(list, |partition| (place(partition.topic), partition.partition)));
    given
}

fn partitions_of(topics: &Topics) -> impl Iterator<Item = TopicPartition> + '_ {
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

/// Who had a partition: the one who claims it with the latest generation; nobody if two claim it with the same one.
fn last_owner(candidates: &[Candidate], partition: TopicPartition) -> Option<usize> {
    let claims = || (0..candidates.len()).filter(|index| candidates[*index].owned.contains(&partition));
    let latest = claims().map(|index| candidates[index].generation).max()?;
    let mut owners = claims().filter(|index| candidates[*index].generation == latest);
    owners.next().filter(|_| owners.next().is_none())
}

fn sticky(order: &[usize], candidates: &[Candidate], topics: &Topics, given: &mut [Vec<TopicPartition>]) {
    let mut free = Vec::new();
    for partition in partitions_of(topics) {
        match last_owner(candidates, partition).filter(|index| candidates[*index].topics.contains(&partition.topic)) {
            Some(index) => given[index].push(partition),
            None => free.push(partition),
        }
    }
    if candidates.iter().all(|candidate| candidate.topics == candidates[0].topics) {
        sticky_of_equals(order, free, topics, given);
    } else {
        sticky_of_others(order, candidates, free, given);
    }
}

/// All members want the same: each gets the rounded-down share, and some one more.
fn sticky_of_equals(
    order: &[usize],
    mut free: Vec<TopicPartition>,
    topics: &Topics,
    given: &mut [Vec<TopicPartition>],
) {
    let total = partitions_of(topics).count();
    let (least, mut more) = (total / order.len(), total % order.len());
    for index in order {
        let most = least + usize::from(more > 0);
        if given[*index].len() > least {
            more = more.saturating_sub(1);
        }
        if given[*index].len() > most {
            free.extend(given[*index].drain(most..));
        }
    }
    let place = |topic: u32| topics.iter().position(|(other, _)| *other == topic);
    sort_by_key(&mut free, |partition| (place(partition.topic), partition.partition));
    let mut free = free.into_iter().peekable();
    // First everybody gets the least, in turn, then the rest goes round.
    for limit in [least, least + 1] {
        while free.peek().is_some() {
            let before = free.len();
            for index in order.iter().filter(|index| given[**index].len() < limit).copied().collect::<Vec<_>>() {
                given[index].extend(free.next());
            }
            if free.len() == before {
                break;
            }
        }
    }
}

/// Members want different topics: what is free goes to the one with the least, then single partitions move from those
/// with more to those with less by two or more.
fn sticky_of_others(
    order: &[usize],
    candidates: &[Candidate],
    free: Vec<TopicPartition>,
    given: &mut [Vec<TopicPartition>],
) {
    for partition in free {
        let wanting = order.iter().copied().filter(|index| candidates[*index].topics.contains(&partition.topic));
        if let Some(index) = wanting.min_by_key(|index| given[*index].len()) {
            given[index].push(partition);
        }
    }
    // Every move lowers the sum of squares, so this ends; the bound is only for the reader.
    for _ in 0..given.iter().map(Vec::len).sum::<usize>().pow(2) {
        let mut best: Option<(usize, usize, usize)> = None;
        for from in order {
            for to in order.iter().filter(|to| given[**to].len() + 1 < given[*from].len()) {
                let movable = given[*from].iter().rposition(|one| candidates[*to].topics.contains(&one.topic));
                let gain = |from: usize, to: usize| given[from].len() - given[to].len();
                if let Some(place) = movable.filter(|_| best.is_none_or(|(f, t, _)| gain(*from, *to) > gain(f, t))) {
                    best = Some((*from, *to, place));
                }
            }
        }
        let Some((from, to, place)) = best else { return };
        let moved = given[from].remove(place);
        given[to].push(moved);
    }
}

/// What a member still has is given to nobody else in this round; what two claim at once, to nobody at all.
fn hold_back(candidates: &[Candidate], given: &mut [Vec<TopicPartition>]) {
    for (index, list) in given.iter_mut().enumerate() {
        list.retain(|partition| {
            let is_doubtful = last_owner(candidates, *partition).is_none();
            let is_owned =
                candidates.iter().enumerate().any(|(other, one)| other != index && one.owned.contains(partition));
            let is_own = candidates[index].owned.contains(partition);
            // An older claim of somebody else does not count against the latest owner's.
            !is_owned || (is_own && !is_doubtful)
        });
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
