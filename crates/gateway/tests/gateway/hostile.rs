//! Requests that mean no good, over a socket: each gets an error or a closed connection, and the server goes on.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::time::Duration;

use crate::port::{Port, answered};
use bytes::Bytes;
use darkroom_port::{Server, ServerLimits};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;

/// Time-outs that a test can wait for.
fn hasty() -> ServerLimits {
    let brief = Duration::from_millis(300);
    ServerLimits { idle: brief, body: brief, ..ServerLimits::default() }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn what_is_no_request_of_ours_is_refused() {
    let port = Port::open(Server::new);
    let target = "X-Amz-Target: AWSStepFunctions.ListStateMachines\r\n";
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let long = vec![b' '; 3 << 20];
    let bomb = gzip(&vec![b' '; 200 << 20]);
    let gzipped = "Content-Encoding: gzip\r\n";
    let cases: &[(&str, &str, &[u8], u16, &str)] = &[
        ("deep JSON", "", deep.as_bytes(), 400, "SerializationException"),
        ("invalid UTF-8", "", b"{\"nextToken\": \"\xff\xfe\"}", 400, "SerializationException"),
        ("half a document", "", b"{\"maxResults\": ", 400, "SerializationException"),
        ("no object", "", b"[]", 400, "SerializationException"),
        ("a long body", "", &long, 413, "RequestEntityTooLargeException"),
        ("a gzip bomb", gzipped, &bomb, 413, "RequestEntityTooLargeException"),
        ("no gzip", gzipped, b"{}", 400, "SerializationException"),
        ("half a gzip", gzipped, &bomb[..20], 400, "SerializationException"),
        ("brotli", "Content-Encoding: br\r\n", b"{}", 415, "UnsupportedMediaTypeException"),
        ("a form", "Content-Type: text/plain\r\n", b"a=b", 415, "UnsupportedMediaTypeException"),
    ];
    for (what, headers, body, status, code) in cases {
        let answer = port.call("ListStateMachines", headers, body);
        assert_eq!((answer.status, answer.error().0.as_str()), (*status, *code), "{what}: {answer:?}");
        assert!(answer.head.contains("x-amzn-requestid: "), "{what}: {answer:?}");
        port.goes_on();
    }
    for (what, bytes, status) in [
        ("no HTTP", "hello\r\n\r\n".to_owned(), 400),
        ("a TLS greeting", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n".to_owned(), 400),
        (
            "two lengths",
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\n{target}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"
            ),
            400,
        ),
        ("no length", format!("POST / HTTP/1.1\r\nHost: x\r\n{target}Content-Length: -2\r\n\r\n{{}}"), 400),
        ("a huge head", format!("POST / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(1 << 20)), 431),
        ("many headers", format!("POST / HTTP/1.1\r\n{}\r\n", "A: a\r\n".repeat(1000)), 431),
        (
            "a bad chunk",
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{target}Transfer-Encoding: chunked\r\n\r\nzz\r\n"
            ),
            400,
        ),
        (
            "a huge chunk",
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{target}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"
            ),
            400,
        ),
        (
            "a promised 100 MB",
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{target}Content-Length: 104857600\r\n\r\n"
            ),
            413,
        ),
        ("another path's method", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), 400),
    ] {
        let answer = port.send(bytes.as_bytes());
        assert_eq!(answer.as_ref().map(|answer| answer.status), Some(status), "{what}: {answer:?}");
        port.goes_on();
    }
}

#[test]
fn who_is_slow_is_not_waited_for() {
    let port = Port::open(|gateway| Server::new(gateway).with_limits(hasty()));
    let head = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\n";
    for silence in ["", "P", head, "PRI * HTTP/2.0\r\n"] {
        assert!(port.send(silence.as_bytes()).is_none(), "{silence:?}");
    }
    let answer = port.send(format!("{head}Connection: close\r\nContent-Length: 9\r\n\r\n{{}}").as_bytes());
    let answer = answer.expect("an answer");
    assert_eq!((answer.status, answer.error().0.as_str()), (408, "RequestTimeoutException"));

    // A byte now and then does not count as a request.
    let mut stream = port.connect();
    let drips = (0..1_000).take_while(|_| {
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(b"P").is_ok()
    });
    assert!(drips.count() < 1_000, "it is waited for");
    port.goes_on();
}

#[test]
fn connections_beyond_the_bound_wait_for_their_turn() {
    let two = NonZeroU16::new(2).expect("it is 2");
    let port =
        Port::open(|gateway| Server::new(gateway).with_limits(ServerLimits { connections: two, ..hasty() }));
    let _idle: Vec<_> = (0..10).map(|_| port.connect()).collect();
    port.goes_on();
}

#[test]
fn what_http_allows_is_understood() {
    let port = Port::open(Server::new);
    let packed = gzip(b"{}");
    let answer = port.call("ListStateMachines", "Content-Encoding: gzip\r\n", &packed);
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"stateMachines":[]}"#));

    let target = "X-Amz-Target: AWSStepFunctions.ListStateMachines\r\n";
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{target}Transfer-Encoding: chunked\r\n\r\n\
         1\r\n{{\r\n1;a=b\r\n}}\r\n0\r\nTrailer: t\r\n\r\n"
    );
    assert_eq!(port.send(chunked.as_bytes()).map(|answer| answer.status), Some(200));

    // One connection: a request, another, and one that is let to go on first.
    let mut stream = port.connect();
    let twice = format!("POST / HTTP/1.1\r\nHost: x\r\n{target}Content-Length: 2\r\n\r\n{{}}").repeat(2);
    stream.write_all(twice.as_bytes()).expect("it is open");
    write!(stream, "POST / HTTP/1.1\r\nHost: x\r\n{target}Connection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        .expect("it is open");
    let mut text = String::new();
    while !text.contains("100 Continue\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("it goes on");
        text.push(char::from(byte[0]));
    }
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    stream.write_all(b"{}").expect("it is open");
    assert_eq!(answered(stream).map(|answer| answer.status), Some(200));
}

#[test]
fn http_2_is_spoken_to_who_knows_beforehand() {
    let port = Port::open(Server::new);
    port.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(port.address).await.expect("the port is open");
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
        tokio::spawn(connection);
        for _ in 0..2 {
            let request = Request::post("http://x/")
                .header("x-amz-target", "AWSStepFunctions.ListStateMachines")
                .body(Full::new(Bytes::from_static(b"{}")))
                .expect("a request");
            let response = sender.send_request(request).await.expect("an answer");
            assert_eq!(response.status(), 200);
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(body, serde_json::json!({ "stateMachines": [] }));
        }
    });
}
