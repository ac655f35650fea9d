//! Maps and sets as sorted vectors.
//!
//! The search trees of the standard library are compiled anew for every pair of types, some four kilobytes each time,
//! and the page is loaded before anything is seen. These do the same with a binary search. Adding a key that is greater
//! than all others is quick; adding one in the middle moves what follows, which is quick enough for some thousand
//! entries. [`FromIterator`] sorts once, whatever the order.

use std::borrow::Borrow;

use serde::{Serialize, Serializer};

use super::order::sort_by;

/// A map; iterated in the order of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatMap<K, V> {
    /// By rising key, each once.
    entries: Vec<(K, V)>,
}

impl<K, V> FlatMap<K, V> {
    /// A map with nothing in it.
    pub const fn new() -> FlatMap<K, V> {
        FlatMap { entries: Vec::new() }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries by rising key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The entries by rising key.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> + ExactSizeIterator {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The keys, rising.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.entries.iter().map(|(key, _)| key)
    }

    /// The values by rising key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The values by rising key.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Removes the entries for which `keep` does not hold.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
    }
}

impl<K: Ord, V> FlatMap<K, V> {
    /// Where the key is, or where it would be.
    #[inline]
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.entries.binary_search_by(|(other, _)| other.borrow().cmp(key))
    }

    /// The same, quick for a new greatest key.
    #[inline]
    fn place_to_insert(&self, key: &K) -> Result<usize, usize> {
        match self.entries.last() {
            Some((last, _)) if last >= key => self.place(key),
            _ => Err(self.entries.len()),
        }
    }

    /// The value of a key.
    #[inline]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|place| &self.entries[place].1)
    }

    /// The value of a key.
    #[inline]
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|place| &mut self.entries[place].1)
    }

    /// True if the key has a value.
    #[inline]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// The entries from this key on.
    pub fn from<Q: Ord + ?Sized>(&self, key: &Q) -> impl Iterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).unwrap_or_else(|place| place);
        self.entries[place..].iter().map(|(key, value)| (key, value))
    }

    /// Sets the value of a key; returns the old one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place_to_insert(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.entries[place].1, value)),
            Err(place) => {
                self.entries.insert(place, (key, value));
                None
            }
        }
    }

    /// The value of a key; made if there is none.
    #[inline]
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let place = self.place_to_insert(&key).unwrap_or_else(|place| {
            self.entries.insert(place, (key, make()));
            place
        });
        &mut self.entries[place].1
    }

    /// Removes a key; returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|place| self.entries.remove(place).1)
    }
}

impl<K, V> Default for FlatMap<K, V> {
    fn default() -> FlatMap<K, V> {
        FlatMap::new()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for FlatMap<K, V> {
    /// Of entries with the same key the last stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> FlatMap<K, V> {
        let mut entries: Vec<(K, V)> = entries.into_iter().collect();
        sort_by(&mut entries, |(first, _), (second, _)| first.cmp(second));
        entries.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        FlatMap { entries }
    }
}

impl<K, V> IntoIterator for FlatMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<K: Serialize, V: Serialize> Serialize for FlatMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// A set; iterated in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatSet<K> {
    map: FlatMap<K, ()>,
}

impl<K> FlatSet<K> {
    /// A set with nothing in it.
    pub const fn new() -> FlatSet<K> {
        FlatSet { map: FlatMap::new() }
    }
}

impl<K: Ord> FlatSet<K> {
    /// True if the key is in the set.
    #[inline]
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.contains_key(key)
    }

    /// Adds a key; true if it is new.
    pub fn insert(&mut self, key: K) -> bool {
        self.map.insert(key, ()).is_none()
    }

    /// Removes a key; true if it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.remove(key).is_some()
    }
}

impl<K> Default for FlatSet<K> {
    fn default() -> FlatSet<K> {
        FlatSet::new()
    }
}

impl<K: Ord> FromIterator<K> for FlatSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> FlatSet<K> {
        FlatSet { map: keys.into_iter().map(|key| (key, ())).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_flat_map_does_what_a_tree_does() {
        let (mut flat, mut tree) = (FlatMap::new(), BTreeMap::new());
        let mut state = 7u32;
        for step in 0..3_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = state >> 25;
            match state >> 8 & 3 {
                0 => assert_eq!(flat.remove(&key), tree.remove(&key)),
                1 => assert_eq!(flat.get_or_insert_with(key, || step), tree.entry(key).or_insert(step)),
                _ => assert_eq!(flat.insert(key, step), tree.insert(key, step)),
            }
            assert_eq!(flat.get(&key), tree.get(&key));
            assert!(flat.from(&key).eq(tree.range(key..)));
            assert!(flat.iter().eq(&tree));
        }
        assert!(tree.len() > 50, "enough is left to compare");
    }

    #[test]
    fn of_the_same_key_the_last_value_is_collected() {
        let map: FlatMap<u8, char> = [(2, 'a'), (1, 'b'), (2, 'c'), (2, 'd')].into_iter().collect();
        assert_eq!(map.into_iter().collect::<Vec<_>>(), [(1, 'b'), (2, 'd')]);
        let mut set: FlatSet<u8> = [3, 1, 3].into_iter().collect();
        assert_eq!((set.insert(1), set.insert(2), set.remove(&3), set.contains(&3)), (false, true, true, false));
    }
}
