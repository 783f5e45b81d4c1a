//! Storage whose keys go stale when what they named is removed.

/// Names one entry of an [`Arena`] for ever: after the entry's removal the key finds nothing, even when its
/// place is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) index: u32,
    generation: u32,
}

impl Key {
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

enum Place<T> {
    Used(T),
    /// The next free place, if any.
    Free(Option<u32>),
}

/// A growing list of entries with stable keys; removed places are used again, last freed first.
pub(crate) struct Arena<T> {
    places: Vec<(u32, Place<T>)>,
    free: Option<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: None }
    }
}

impl<T> Arena<T> {
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.insert_with(|_| value)
    }

    /// Adds an entry that has to know its own key.
    #[inline]
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        if let Some(index) = self.free {
            let (generation, place) = &mut self.places[index as usize];
            let key = Key { index, generation: *generation };
            if let Place::Free(next) = place {
                self.free = *next;
            }
            *place = Place::Used(make(key));
            return key;
        }
        let index = u32::try_from(self.places.len()).expect("four thousand million live entries exceed memory first");
        let key = Key { index, generation: 0 };
        self.places.push((0, Place::Used(make(key))));
        key
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        match self.places.get(key.index as usize) {
            Some((generation, Place::Used(value))) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.places.get_mut(key.index as usize) {
            Some((generation, Place::Used(value))) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let (generation, place) = self.places.get_mut(key.index as usize)?;
        if *generation != key.generation || matches!(place, Place::Free(_)) {
            return None;
        }
        *generation = generation.wrapping_add(1);
        let removed = std::mem::replace(place, Place::Free(self.free));
        self.free = Some(key.index);
        match removed {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    /// The keys of all entries, by place.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.iter().map(|(key, _)| key).collect()
    }

    /// All entries, by place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.places.iter().enumerate().filter_map(|(index, (generation, place))| match place {
            Place::Used(value) => Some((Key { index: index as u32, generation: *generation }, value)),
            Place::Free(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_finds_nothing_in_a_reused_place() {
        let mut arena = Arena::default();
        let first = arena.insert('a');
        assert_eq!(arena.remove(first), Some('a'));
        let second = arena.insert('b');
        assert_eq!(first.index, second.index);
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.get(Key::from_bits(second.to_bits())), Some(&'b'));
    }
}
