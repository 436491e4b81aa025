//! The API over a socket, asked well, badly, and while it stops.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod hostile;
mod port;
mod signed;
mod stop;
mod test_state;
