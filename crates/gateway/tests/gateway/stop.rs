//! A server that is asked to stop: nothing is accepted any more, long polls are answered, what is under way has its time.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::port::{Port, answered};
use darkroom_port::{Server, ServerLimits};
use serde_json::json;

const HEAD: &str = "POST / HTTP/1.1\r\nHost: x\r\n";

fn request(action: &str, body: &str) -> String {
    let length = body.len();
    format!("{HEAD}X-Amz-Target: AWSStepFunctions.{action}\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn long_polls_are_answered_and_idle_connections_closed() {
    let mut port = Port::open(Server::new);
    let made = port.call("CreateActivity", "", br#"{"name": "a"}"#);
    assert_eq!(made.status, 200, "{made:?}");
    let arn = "arn:aws:states:us-east-1:000000000000:activity:a";
    let poll = json!({ "activityArn": arn }).to_string();
    let mut polling = port.connect();
    polling.write_all(request("GetActivityTask", &poll).as_bytes()).expect("it is open");
    let idle = port.connect();
    // Once its body begins to be read, a request is under way.
    let mut slow = port.connect();
    let begun = format!("{HEAD}X-Amz-Target: AWSStepFunctions.ListActivities\r\nContent-Length: 2\r\n");
    write!(slow, "{begun}Expect: 100-continue\r\n\r\n").expect("it is open");
    let mut sign = [0; 25];
    std::io::Read::read_exact(&mut slow, &mut sign).expect("it goes on");
    assert_eq!(&sign, b"HTTP/1.1 100 Continue\r\n\r\n");

    port.ask_to_stop();
    let answer = answered(polling).expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert!(answered(idle).is_none(), "it had asked for nothing");
    slow.write_all(b"{}").expect("it is open");
    let answer = answered(slow).expect("an answer");
    assert!(answer.status == 200 && answer.body.contains(arn), "{answer:?}");
    port.stopped();
    assert!(TcpStream::connect(port.address).is_err(), "the port is closed");
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let limits = ServerLimits { stop: Duration::from_millis(300), ..ServerLimits::default() };
    let mut port = Port::open(|gateway| Server::new(gateway).with_limits(limits));
    let mut stuck = port.connect();
    write!(stuck, "{HEAD}X-Amz-Target: AWSStepFunctions.ListActivities\r\nContent-Length: 2\r\n\r\n{{")
        .expect("it is open");
    port.goes_on();
    port.ask_to_stop();
    port.stopped();
}
