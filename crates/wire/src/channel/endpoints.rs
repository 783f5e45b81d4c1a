//! Where a server is.

use groundhog_host::Address;

/// Where a server is, or where its replicas are: one address at least. They are tried in this order, again and again;
/// who has a connection stays with it, and goes back to the same address first when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    first: Address,
    others: Vec<Address>,
}

impl Endpoints {
    /// `first`, and then `others`.
    pub fn new(first: Address, others: Vec<Address>) -> Self {
        Self { first, others }
    }

    /// The address for the attempt of this number, counted from 0.
    pub(super) fn by_turn(&self, turn: usize) -> &Address {
        // One more than the others, which are in memory: no overflow.
        match turn % (self.others.len() + 1) {
            0 => &self.first,
            other => &self.others[other - 1],
        }
    }
}

impl From<Address> for Endpoints {
    fn from(address: Address) -> Self {
        Self::new(address, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_tried_in_turn() {
        let address = |name: &str| Address::new(name, 1);
        let one = Endpoints::from(address("a"));
        assert_eq!([0, 1, 2].map(|turn| one.by_turn(turn).host.as_str()), ["a", "a", "a"]);
        let three = Endpoints::new(address("a"), vec![address("b"), address("c")]);
        assert_eq!([0, 1, 2, 3, usize::MAX].map(|turn| three.by_turn(turn).host.as_str()), ["a", "b", "c", "a", "a"]);
    }
}
