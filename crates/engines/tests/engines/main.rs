//! The engines' tests: one binary, because linking is slow.

<<<<<<< HEAD
mod turmoil;
=======
mod live;
mod live_stories;
>>>>>>> 26867bb3e6c24178ad5c932d1600484deaf6785f
