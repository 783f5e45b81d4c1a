//! What workspaces that are built ahead are called.

/// The letters of base 32, in lower case (RFC 4648).
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A name for a workspace: `prebuild-` and 15 letters that stand for nine random bytes. With 72 bits no two of a
/// deployment are the same.
pub fn workspace_name(random: [u8; 9]) -> String {
    let mut name = String::from("prebuild-");
    // Five bits a letter: 72 bits are 15 letters, of which the last stands for two bits and three zeroes.
    let bits = random.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte)) << 3;
    for letter in (0..15).rev() {
        let value = usize::try_from(bits >> (5 * letter) & 31).unwrap_or(0);
        name.push(char::from(LETTERS[value]));
    }
    name
}
