//! Names of machines on a network without a DNS server of its own.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

/// Which address each machine's name stands for. Clones share the entries, so machines that are made one after
/// another with one directory all find each other.
///
/// A name that is not here is taken for an IP address or a DNS name.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: Arc<RwLock<BTreeMap<String, IpAddr>>>,
}

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `name` stand for `address`, whatever it stood for before.
    pub fn insert(&self, name: impl Into<String>, address: IpAddr) {
        // No code of ours panics while it holds the lock, and a map is whole after each operation anyway.
        self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), address);
    }

    /// The address that `name` stands for.
    pub fn address(&self, name: &str) -> Option<IpAddr> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// The name that stands for `address`; none if several do, because any of them could be meant.
    pub fn name(&self, address: IpAddr) -> Option<String> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let mut names = entries.iter().filter(|(_, entry)| **entry == address).map(|(name, _)| name);
        let name = names.next()?;
        names.next().is_none().then(|| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_the_entries() {
        let directory = Directory::new();
        directory.clone().insert("east", IpAddr::from([127, 0, 0, 2]));
        assert_eq!(directory.address("east"), Some(IpAddr::from([127, 0, 0, 2])));
        assert_eq!(directory.address("west"), None);
    }

    #[test]
    fn an_address_with_two_names_has_none_to_give() {
        let directory = Directory::new();
        let address = IpAddr::from([127, 0, 0, 1]);
        directory.insert("east", address);
        assert_eq!(directory.name(address).as_deref(), Some("east"));
        directory.insert("west", address);
        assert_eq!(directory.name(address), None);
    }
}
