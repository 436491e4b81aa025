//! The services over the wire, in this process: no socket, no other program, a clock of the tests' own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod carried_traces;
mod cloudwatch;
mod deliveries;
mod elsewhere;
mod fifo_topics;
mod functions;
mod objects;
mod port;
mod queues;
mod restart;
mod tasks;
mod told;
mod traces;
