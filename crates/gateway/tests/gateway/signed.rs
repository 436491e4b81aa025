//! Requests to a server with access keys, over a socket: who signed right is let in, and everyone else is told what is
//! wrong in AWS's names. The signatures are computed here, by the book.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::port::{Answered, Port};
use darkroom_asl::data::Timestamp;
use darkroom_port::{Credentials, Server};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const KEYS: &str = "[a]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG\n\
                    [b]\naws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = secret\naws_session_token = token\n";

/// A request and how it is signed. What a test breaks it changes.
struct Signing {
    access_key: &'static str,
    secret: &'static str,
    token: Option<&'static str>,
    /// Seconds from now.
    offset: i64,
    service: &'static str,
    /// The scope's, where it is not the date's.
    day: Option<&'static str>,
    path: &'static str,
    /// Left out of what is signed.
    unsigned: &'static str,
    /// What is sent, where it is not what was signed.
    sent_body: Option<&'static str>,
    sent_target: Option<&'static str>,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            access_key: "AKIDEXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG",
            token: None,
            offset: 0,
            service: "states",
            day: None,
            path: "/",
            unsigned: "",
            sent_body: None,
            sent_target: None,
        }
    }
}

const TARGET: &str = "AWSStepFunctions.ListStateMachines";
const BODY: &str = "{\"maxResults\": 5}";

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// `YYYYMMDD'T'HHMMSS'Z'`, so many seconds from now.
fn date(offset: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let millis = i64::try_from(now.as_millis()).expect("it is before the end of time") + offset * 1000;
    let text = Timestamp::from_millis(millis).to_string();
    format!("{}Z", text.split('.').next().expect("seconds").replace(['-', ':'], ""))
}

impl Signing {
    fn send(&self, port: &Port) -> Answered {
        let date = date(self.offset);
        let day = self.day.unwrap_or(&date[..8]);
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.0".to_owned()),
            ("host", "states.example".to_owned()),
            ("user-agent", "a  client".to_owned()),
            ("x-amz-date", date.clone()),
        ];
        headers.extend(self.token.map(|token| ("x-amz-security-token", token.to_owned())));
        headers.push(("x-amz-target", TARGET.to_owned()));
        let signed: Vec<_> = headers.iter().filter(|(name, _)| *name != self.unsigned).collect();
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let line = |(name, value): &&(&str, String)| format!("{name}:{}\n", value.replace("  ", " "));
        let lines = signed.iter().map(line).collect::<Vec<_>>().concat();
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let payload = hexadecimal(&Sha256::digest(BODY));
        let canonical = format!("POST\n{path}\n{query}\n{lines}\n{names}\n{payload}");
        let scope = format!("{day}/eu-west-1/{}/aws4_request", self.service);
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hexadecimal(&Sha256::digest(canonical)));
        let key = ["eu-west-1", self.service, "aws4_request"]
            .iter()
            .fold(hmac(format!("AWS4{}", self.secret).as_bytes(), day), |key, part| hmac(&key, part));
        let signature = hexadecimal(&hmac(&key, &to_sign));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key
        );

        let body = self.sent_body.unwrap_or(BODY);
        headers.retain(|(name, _)| *name != "x-amz-target");
        headers.push(("x-amz-target", self.sent_target.unwrap_or(TARGET).to_owned()));
        let line = |(name, value): &(&str, String)| format!("{name}: {value}\r\n");
        let lines = headers.iter().map(line).collect::<Vec<_>>().concat();
        let request = format!(
            "POST {} HTTP/1.1\r\n{lines}authorization: {authorization}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            self.path,
            body.len()
        );
        port.send(request.as_bytes()).expect("an answer")
    }
}

fn port() -> Port {
    let credentials = Credentials::parse(KEYS).expect("two keys");
    Port::open(|gateway| Server::new(gateway).with_credentials(credentials))
}

#[test]
fn who_signed_right_is_let_in() {
    let port = port();
    let with_token = || Signing {
        access_key: "ASIAEXAMPLE",
        secret: "secret",
        token: Some("token"),
        ..Signing::default()
    };
    for (what, signing) in [
        ("a key", Signing::default()),
        ("a session", with_token()),
        ("early", Signing { offset: 840, ..Signing::default() }),
        ("late", Signing { offset: -840, ..Signing::default() }),
        ("a query", Signing { path: "/?a=1&b=%20", ..Signing::default() }),
        ("what proxies change unsigned", Signing { unsigned: "user-agent", ..Signing::default() }),
    ] {
        let answer = signing.send(&port);
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"stateMachines":[]}"#), "{what}");
    }
}

#[test]
fn who_did_not_is_told_why() {
    let port = port();
    let mismatch = "The request signature we calculated does not match the signature you provided.";
    let unknown = "The security token included in the request is invalid.";
    let (invalid, unrecognized) = ("InvalidSignatureException", "UnrecognizedClientException");
    let ok = Signing::default;
    for (what, signing, code, message) in [
        ("another secret", Signing { secret: "x", ..ok() }, invalid, mismatch),
        ("another body", Signing { sent_body: Some("{}"), ..ok() }, invalid, mismatch),
        (
            "another action",
            Signing { sent_target: Some("AWSStepFunctions.ListActivities"), ..ok() },
            invalid,
            mismatch,
        ),
        ("another key", Signing { access_key: "AKID", ..ok() }, unrecognized, unknown),
        ("a token too many", Signing { token: Some("token"), ..ok() }, unrecognized, unknown),
        ("no token", Signing { access_key: "ASIAEXAMPLE", secret: "secret", ..ok() }, unrecognized, unknown),
        ("too late", Signing { offset: -960, ..ok() }, invalid, "Signature expired: "),
        ("too early", Signing { offset: 960, ..ok() }, invalid, "Signature not yet current: "),
        (
            "another service",
            Signing { service: "s3", ..ok() },
            invalid,
            "Credential should be scoped to correct service: 'states'.",
        ),
        (
            "another day",
            Signing { day: Some("20200101"), ..ok() },
            invalid,
            "Date in Credential scope does not match YYYYMMDD",
        ),
        ("an unsigned host", Signing { unsigned: "host", ..ok() }, invalid, "'Host' or ':authority' must be"),
        (
            "an unsigned action",
            Signing { unsigned: "x-amz-target", ..ok() },
            invalid,
            "'x-amz-target' must be a 'SignedHeader'",
        ),
        (
            "an unsigned date",
            Signing { unsigned: "x-amz-date", ..ok() },
            invalid,
            "'x-amz-date' must be a 'SignedHeader'",
        ),
    ] {
        let answer = signing.send(&port);
        let (found, text) = answer.error();
        assert_eq!((answer.status, found.as_str()), (400, code), "{what}: {answer:?}");
        assert!(text.starts_with(message), "{what}: {text}");
    }
}

#[test]
fn half_a_signature_is_no_signature() {
    let port = port();
    let dated = "X-Amz-Date: 20260101T000000Z\r\n";
    let incomplete = "IncompleteSignatureException";
    for (headers, code, message) in [
        (String::new(), "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (
            "Authorization: Basic eDp5\r\n".to_owned(),
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=\r\n".to_owned(),
            incomplete,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
             parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires \
             existence of either a 'X-Amz-Date' or a 'Date' header.",
        ),
        (
            format!("{dated}Authorization: AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0\r\n"),
            incomplete,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
        ),
        (
            "X-Amz-Date: yesterday\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/d/r/states/aws4_request, \
             SignedHeaders=host, Signature=0\r\n"
                .to_owned(),
            "InvalidSignatureException",
            "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601",
        ),
    ] {
        let answer = port.call("ListStateMachines", &headers, b"{}");
        assert_eq!(answer.status, 400, "{headers}");
        assert_eq!(answer.error(), (code.to_owned(), message.to_owned()), "{headers}");
    }
    // A stranger's body is not waited for.
    let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n";
    let answer = port.send(format!("{head}X-Amz-Target: {TARGET}\r\n\r\n").as_bytes()).expect("an answer");
    assert_eq!(answer.error().0, "MissingAuthenticationTokenException");
}
