//! The C ABI: whatever bytes, lengths, buffers and handles its functions are called with, they answer what the core gives for
//! the same bytes or say whose fault it is. None panics, none writes where it may not, and a call that was refused changes nothing.

mod call;
mod handles;
mod masks;
mod seals;
mod streams;
mod texts;

/// By its first byte, what the rest is for: `t` a token, `k` a key, `p` a policy, `h` the header of a sealed file, `m` a masker,
/// `c` chunked encryption, `s` sealing, `u` a sealed file; any other, a list of calls on handles of all kinds.
pub fn abi(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind {
        b't' => texts::token(rest),
        b'k' => texts::key(rest),
        b'p' => texts::policy(rest),
        b'h' => texts::header(rest),
        b'm' => masks::masker(rest),
        b'c' => seals::cobblestone(rest),
        b's' => seals::seal(rest),
        b'u' => seals::unseal(rest),
        _ => handles::calls(rest),
    }
}
