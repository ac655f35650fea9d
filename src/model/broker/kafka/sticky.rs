//! Sharing that lets members keep what they have.
//!
//! Reproduces: Kafka's sticky assignors (apache/kafka, `AbstractStickyAssignor`, `CooperativeStickyAssignor`; KIP-54,
//! KIP-429, KIP-792). A partition belongs to the member that claims it with the latest generation. If all members want
//! the same topics, each keeps up to its share and the rest is dealt; else what is free goes to the one with the least,
//! and single partitions move as long as that helps the balance. `cooperative-sticky` then takes back what somebody
//! else has not given up yet. Members and partitions are gone through in the order of their names; where Java goes
//! through a hash table this is one of its legal orders.
//!
//! Leaves out: racks (KIP-881).

use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::FlatMap;

use super::assign::{partitions_of, Candidate, Topics};
use super::partition::TopicPartition;

/// Who says that a partition is its own.
#[derive(Clone, Debug)]
struct Claim {
    /// The latest generation of all claims.
    generation: u32,
    /// The first one with it.
    owner: usize,
    /// Another one claims it with the same generation.
    is_doubtful: bool,
    /// Who had it before, with the latest generation but one.
    previous: Option<(u32, usize)>,
}

type Claims = FlatMap<TopicPartition, Claim>;

/// The partitions of each candidate. `cooperates`: nothing goes to anybody as long as another one has it.
pub fn sticky(candidates: &[Candidate], topics: &Topics, cooperates: bool) -> Vec<Vec<TopicPartition>> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    // Static members have no precedence here.
    sort_by_key(&mut order, |index| candidates[*index].id.clone());
    let claims = claims_of(candidates, &order);
    let want_the_same = candidates.iter().all(|candidate| candidate.topics == candidates[0].topics);
    let mut given = match want_the_same {
        true => share_equally(&order, topics, &claims),
        false => General::new(candidates, order, topics, &claims).share(),
    };
    for (index, list) in given.iter_mut().enumerate().filter(|_| cooperates) {
        list.retain(|at| match (claims.get(at), want_the_same) {
            (None, _) => true,
            (Some(claim), true) => claim.owner == index && !claim.is_doubtful,
            (Some(_), false) => candidates[index].owned.contains(at),
        });
    }
    given
}

fn claims_of(candidates: &[Candidate], order: &[usize]) -> Claims {
    let mut claims = Claims::new();
    for index in order {
        let Candidate { owned, generation, .. } = &candidates[*index];
        for at in owned {
            let fresh = || Claim { generation: *generation, owner: *index, is_doubtful: false, previous: None };
            let claim = claims.get_or_insert_with(*at, fresh);
            if *generation > claim.generation {
                *claim = Claim { previous: Some((claim.generation, claim.owner)), ..fresh() };
            } else if *generation < claim.generation {
                claim.previous = claim.previous.max(Some((*generation, *index)));
            } else if claim.owner != *index {
                claim.is_doubtful = true;
            }
        }
    }
    claims
}

/// All members want the same: each gets the rounded-down share, and some one more.
fn share_equally(order: &[usize], topics: &Topics, claims: &Claims) -> Vec<Vec<TopicPartition>> {
    let mut free: Vec<TopicPartition> = partitions_of(topics).collect();
    let (least, rest) = (free.len() / order.len(), free.len() % order.len());
    let most = least + usize::from(rest > 0);
    let mut given = vec![Vec::new(); order.len()];
    // Who has less than the least; who has just that, and may get one more; how many have one more already.
    let (mut below, mut even, mut above) = (Vec::new(), Vec::new(), 0);
    for index in order {
        let is_own =
            |at: &&TopicPartition| claims.get(*at).is_some_and(|claim| claim.owner == *index && !claim.is_doubtful);
        let owned = free.iter().filter(is_own).count();
        let kept = if owned < least {
            below.push(*index);
            owned
        } else if owned >= most && above < rest {
            above += 1;
            most
        } else {
            even.push(*index);
            least
        };
        given[*index].extend(free.iter().filter(is_own).take(kept).copied());
    }
    let mut kept: Vec<TopicPartition> = given.iter().flatten().copied().collect();
    sort_by_key(&mut kept, |at| *at);
    free.retain(|at| kept.binary_search(at).is_err());
    let mut turn = 0;
    for at in free {
        let fills = !below.is_empty();
        let list = if fills { &mut below } else { &mut even };
        if turn >= list.len() {
            turn = 0;
        }
        let Some(index) = list.get(turn).copied() else { break };
        given[index].push(at);
        if fills && given[index].len() < least {
            turn += 1;
            continue;
        }
        list.remove(turn);
        if fills {
            even.push(index);
            // The next one is the first of those who have enough.
            turn = if below.is_empty() { 0 } else { turn };
        }
    }
    given
}

/// Members want different topics.
struct General<'a> {
    candidates: &'a [Candidate],
    /// Those who may still get or lose something, by id.
    order: Vec<usize>,
    given: Vec<Vec<TopicPartition>>,
    owner: FlatMap<TopicPartition, usize>,
    claims: &'a Claims,
    /// What has moved: from whom to whom in all.
    moves: FlatMap<TopicPartition, (usize, usize)>,
    /// All partitions, those that the fewest want first.
    partitions: Vec<TopicPartition>,
}

impl<'a> General<'a> {
    fn new(candidates: &'a [Candidate], order: Vec<usize>, topics: &Topics, claims: &'a Claims) -> General<'a> {
        let mut partitions: Vec<TopicPartition> = partitions_of(topics).collect();
        // Topics come by their names, and the sort is stable.
        sort_by_key(&mut partitions, |at| candidates.iter().filter(|one| one.topics.contains(&at.topic)).count());
        General {
            candidates,
            order,
            given: vec![Vec::new(); candidates.len()],
            owner: FlatMap::new(),
            claims,
            moves: FlatMap::new(),
            partitions,
        }
    }

    fn wants(&self, index: usize, at: TopicPartition) -> bool {
        self.candidates[index].topics.contains(&at.topic)
    }

    fn wanting_count(&self, at: TopicPartition) -> usize {
        (0..self.candidates.len()).filter(|index| self.wants(*index, at)).count()
    }

    fn load(&self, index: usize) -> usize {
        self.given[index].len()
    }

    /// The one with the least of those who want it.
    fn best_for(&self, at: TopicPartition) -> Option<usize> {
        let wanting = self.order.iter().copied().filter(|index| self.wants(*index, at));
        wanting.min_by_key(|index| self.load(*index))
    }

    fn share(mut self) -> Vec<Vec<TopicPartition>> {
        let all = self.partitions.clone();
        let (mut free, mut must_revoke) = (Vec::new(), false);
        for at in &all {
            match self.claims.get(at).map(|claim| claim.owner) {
                Some(index) if self.wants(index, *at) => self.give(*at, index),
                claimed => {
                    must_revoke |= claimed.is_some();
                    free.push(*at);
                }
            }
        }
        let begins = self.given.iter().all(Vec::is_empty);
        for at in &free {
            if let Some(index) = self.best_for(*at) {
                self.give(*at, index);
            }
        }
        let is_movable = |at: &TopicPartition| self.wanting_count(*at) >= 2;
        let movable: Vec<TopicPartition> = all.iter().copied().filter(is_movable).collect();
        let new_ones: Vec<TopicPartition> = free.into_iter().filter(is_movable).collect();
        let takes_part = |index: &usize| {
            let wanted = all.iter().filter(|at| self.wants(*index, **at)).count();
            self.load(*index) < wanted || self.given[*index].iter().any(is_movable)
        };
        self.order = self.order.iter().copied().filter(takes_part).collect();
        let (before, score) = (self.given.clone(), self.score());
        if !must_revoke {
            self.balance(&new_ones);
        }
        // Moves that do not help the whole are taken back.
        if self.balance(&movable) && !begins && self.score() >= score {
            self.given = before;
        }
        self.given
    }

    fn give(&mut self, at: TopicPartition, index: usize) {
        self.given[index].push(at);
        self.owner.insert(at, index);
    }

    /// The differences of all pairs, added up: 0 if all have the same.
    fn score(&self) -> usize {
        let pairs = self.order.iter().flat_map(|one| self.order.iter().map(|other| (*one, *other)));
        pairs.map(|(one, other)| self.load(one).abs_diff(self.load(other))).sum()
    }

    /// True if nobody can get anything from somebody who has more.
    fn is_balanced(&self) -> bool {
        let loads = || self.order.iter().map(|index| self.load(*index));
        if loads().min().unwrap_or(0) + 1 >= loads().max().unwrap_or(0) {
            return true;
        }
        let helps = |index: &usize, at: &TopicPartition| {
            let owner = self.owner.get(at).filter(|owner| **owner != *index && self.wants(*index, *at));
            owner.is_some_and(|owner| self.load(*index) + 1 < self.load(*owner))
        };
        !self.order.iter().any(|index| self.partitions.iter().any(|at| helps(index, at)))
    }

    /// Moves these partitions, one after the other and again, as long as that helps. True if any has moved.
    fn balance(&mut self, movable: &[TopicPartition]) -> bool {
        let mut has_moved = false;
        // A few rounds are enough; nothing but the bound proves that there is an end.
        for _ in 0..=movable.len() {
            let mut moves = false;
            for at in movable {
                if self.is_balanced() {
                    break;
                }
                let Some(owner) = self.owner.get(at).copied() else { continue };
                let helps = |index: usize| self.load(owner) > self.load(index) + 1;
                let previous = self.claims.get(at).and_then(|claim| claim.previous).map(|(_, index)| index);
                let previous = previous.filter(|index| self.wants(*index, *at) && helps(*index));
                let Some(to) = previous.or_else(|| self.best_for(*at).filter(|index| helps(*index))) else { continue };
                self.move_one(*at, owner, to);
                moves = true;
            }
            has_moved |= moves;
            if !moves {
                break;
            }
        }
        has_moved
    }

    /// Moves a partition, or rather another one of its topic that came the other way before.
    fn move_one(&mut self, at: TopicPartition, from: usize, to: usize) {
        let source = self.moves.get(&at).map_or(from, |(source, _)| *source);
        let is_reverse = |(other, pair): &(&TopicPartition, &(usize, usize))| {
            other.topic == at.topic && **pair == (to, source) && self.owner.get(*other) == Some(&source)
        };
        let at = self.moves.iter().find(is_reverse).map_or(at, |(other, _)| *other);
        let Some(from) = self.owner.insert(at, to) else { return };
        match self.moves.remove(&at) {
            Some((source, _)) if source == to => {}
            Some((source, _)) => drop(self.moves.insert(at, (source, to))),
            None => drop(self.moves.insert(at, (from, to))),
        }
        self.given[from].retain(|other| *other != at);
        self.given[to].push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Share = Vec<(u32, u32)>;

    fn member(id: &str, topics: &[u32], owned: &[(u32, u32)], generation: u32) -> Candidate {
        let owned = owned.iter().map(|(topic, partition)| TopicPartition { topic: *topic, partition: *partition });
        Candidate { instance: None, id: id.into(), topics: topics.to_vec(), owned: owned.collect(), generation }
    }

    fn shares(members: &[Candidate], topics: &Topics, cooperates: bool) -> Vec<Share> {
        let given = sticky(members, topics, cooperates);
        let sorted = |list: Vec<TopicPartition>| {
            let mut list: Share = list.into_iter().map(|one| (one.topic, one.partition)).collect();
            list.sort_unstable();
            list
        };
        given.into_iter().map(sorted).collect()
    }

    #[test]
    fn the_examples_of_the_documentation() {
        let topics = [(0, 2), (1, 2), (2, 2), (3, 2)];
        let mut members = ["C0", "C1", "C2"].map(|id| member(id, &[0, 1, 2, 3], &[], 0));
        let first = shares(&members, &topics, false);
        assert_eq!(first, [vec![(0, 0), (1, 1), (3, 0)], vec![(0, 1), (2, 0), (3, 1)], vec![(1, 0), (2, 1)]]);
        for (one, share) in members.iter_mut().zip(&first) {
            *one = member(&one.id.clone(), &[0, 1, 2, 3], share, 1);
        }
        let rest = shares(&[members[0].clone(), members[2].clone()], &topics, false);
        assert!(first[0].iter().all(|at| rest[0].contains(at)) && first[2].iter().all(|at| rest[1].contains(at)));
        assert_eq!([rest[0].len(), rest[1].len()], [4, 4]);
        // Members with different topics.
        let topics = [(0, 1), (1, 2), (2, 3)];
        let wants: [&[u32]; 3] = [&[0], &[0, 1], &[0, 1, 2]];
        let members: Vec<Candidate> = (0..3).map(|one| member(&format!("C{one}"), wants[one], &[], 0)).collect();
        let first = shares(&members, &topics, false);
        assert_eq!(first, [vec![(0, 0)], vec![(1, 0), (1, 1)], vec![(2, 0), (2, 1), (2, 2)]]);
        let left = [member("C1", wants[1], &first[1], 1), member("C2", wants[2], &first[2], 1)];
        assert_eq!(shares(&left, &topics, false), [vec![(0, 0), (1, 0), (1, 1)], vec![(2, 0), (2, 1), (2, 2)]]);
    }

    #[test]
    fn who_has_enough_gets_one_more_before_those_who_were_filled() {
        // Two members with one each keep it; the third is filled first, and the last one goes to the first of all.
        let members = [member("a", &[0], &[(0, 3)], 1), member("b", &[0], &[(0, 1)], 1), member("c", &[0], &[], 0)];
        assert_eq!(shares(&members, &[(0, 4)], false), [vec![(0, 2), (0, 3)], vec![(0, 1)], vec![(0, 0)]]);
    }

    #[test]
    fn the_latest_generation_owns() {
        let old = member("a", &[0], &[(0, 0), (0, 1)], 3);
        let new = member("b", &[0], &[(0, 0)], 4);
        assert_eq!(shares(&[old.clone(), new.clone()], &[(0, 2)], false), [vec![(0, 1)], vec![(0, 0)]]);
        // Two with the same generation: neither keeps it, and together nobody gets it in this round.
        let twin = member("b", &[0], &[(0, 0)], 3);
        assert_eq!(shares(&[old.clone(), twin], &[(0, 2)], true), [vec![(0, 1)], vec![]]);
        // What moves from its owner is held back, though the one that gets it claims it of old.
        let owner = member("b", &[0], &[(0, 0), (0, 1), (0, 2), (0, 3)], 4);
        assert_eq!(shares(&[old, owner], &[(0, 4)], true), [vec![], vec![(0, 0), (0, 1)]]);
    }

    #[test]
    fn members_with_different_topics_are_balanced() {
        let mut state = 11u32;
        let mut draw = |bound: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % bound
        };
        for round in 0..400 {
            let topics: Vec<(u32, u32)> = (0..1 + draw(4)).map(|topic| (topic, draw(6))).collect();
            let topic_count = topics.len() as u32;
            let count = 1 + draw(6) as usize;
            let mut members: Vec<Candidate> = (0..count)
                .map(|one| {
                    let wanted: Vec<u32> = (0..topics.len() as u32).filter(|_| draw(2) == 0).collect();
                    member(&one.to_string(), &wanted, &[], 0)
                })
                .collect();
            for generation in 1..4 {
                let is_wanted = |(topic, _): &&(u32, u32)| members.iter().any(|one| one.topics.contains(topic));
                let topics: Vec<(u32, u32)> = topics.iter().filter(is_wanted).copied().collect();
                let given = sticky(&members, &topics, false);
                for at in partitions_of(&topics) {
                    let owners: Vec<usize> = (0..count).filter(|index| given[*index].contains(&at)).collect();
                    assert_eq!(owners.len(), 1, "round {round}: {at:?}");
                    let Some(owner) = owners.first() else { continue };
                    assert!(members[*owner].topics.contains(&at.topic));
                    let better = (0..count).find(|index| {
                        members[*index].topics.contains(&at.topic) && given[*index].len() + 1 < given[*owner].len()
                    });
                    assert_eq!(better, None, "round {round}: {at:?} should move from {owner}: {given:?}");
                }
                for (one, owned) in members.iter_mut().zip(&given) {
                    (one.owned, one.generation) = (owned.clone(), generation);
                }
                let again = sticky(&members, &topics, true);
                let sizes = |shares: &[Vec<TopicPartition>]| shares.iter().map(Vec::len).collect::<Vec<_>>();
                assert_eq!(sizes(&again), sizes(&given), "nothing moves without a reason");
                // One wants something else, and one is new.
                let index = draw(count as u32) as usize;
                members[index].topics = (0..4).filter(|topic| *topic < topic_count).filter(|_| draw(2) == 0).collect();
                members[draw(count as u32) as usize].owned.clear();
            }
        }
    }
}
