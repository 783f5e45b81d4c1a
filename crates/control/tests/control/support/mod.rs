//! What the tests share.

pub(crate) mod agents;
pub(crate) mod chats;
pub(crate) mod machine;
pub(crate) mod pools;
pub(crate) mod record;
pub(crate) mod replica;
pub(crate) mod world;

pub(crate) use self::world::World;
