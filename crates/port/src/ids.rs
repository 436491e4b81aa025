//! Random ids: of requests, and of whatever else a service gives one.

use std::cell::RefCell;

/// Bytes that are asked of the system at once: a call each would cost more than the rest of an id.
const POOL_BYTES: usize = 1024;
const UUID_BYTES: usize = 16;

/// Random bytes of a thread. Each is used once.
struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], used: POOL_BYTES }) };
}

/// Random bytes. They cannot be guessed.
pub fn random_bytes() -> [u8; UUID_BYTES] {
    POOL.with_borrow_mut(Pool::take)
}

/// A random UUID, of version 4. It cannot be guessed.
///
/// Spec: RFC 9562, section 5.4.
pub fn random_uuid() -> String {
    let mut bytes = random_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 0x0f)]);
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend([digit(byte >> 4), digit(byte)]);
    }
    text
}

impl Pool {
    fn take(&mut self) -> [u8; UUID_BYTES] {
        if self.used == POOL_BYTES {
            getrandom::fill(&mut self.bytes)
                .expect("an operating system that this runs on has a random source");
            self.used = 0;
        }
        let mut taken = [0; UUID_BYTES];
        let (from, to) = (self.used, self.used + UUID_BYTES);
        taken.copy_from_slice(&self.bytes[from..to]);
        // Nobody who reads memory later finds an id that was a secret.
        self.bytes[from..to].fill(0);
        self.used = to;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_of_the_form_and_never_the_same() {
        let ids: HashSet<String> = (0..1_000).map(|_| random_uuid()).collect();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            let parts: Vec<&str> = id.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert!(parts.concat().bytes().all(is_digit), "{id}");
            assert!(parts[2].starts_with('4'), "{id}");
            assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        }
    }
}
