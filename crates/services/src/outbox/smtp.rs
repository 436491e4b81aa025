//! A mail handed to a relay: the few commands of SMTP that it takes.
//!
//! RFC 5321. No TLS and no log-in: the relay is this machine's own or its network's.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Failure, Mail};
use crate::base64;

/// The longest that a mail may take.
const CONVERSATION_MAX: Duration = Duration::from_secs(30);
/// Bytes of a relay's answer line.
const LINE_BYTES_MAX: u64 = 4096;
/// Lines of an answer.
const LINES_MAX: usize = 100;

/// Sends a mail of plain text.
pub(super) async fn send(mail: &Mail, to: &str, subject: &str, text: &str) -> Result<(), Failure> {
    // A line break in an address would be a command of the mail's sender.
    if [to, &mail.from].iter().any(|address| address.contains(['\r', '\n', '<', '>', ' '])) {
        return Err(Failure { is_final: true, reason: format!("{to} is no address") });
    }
    match tokio::time::timeout(CONVERSATION_MAX, converse(mail, to, &content(mail, to, subject, text))).await
    {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure { is_final: false, reason: "the relay did not answer in time".to_owned() }),
    }
}

/// The mail itself. Subject and text go as Base64, so that no line of theirs means anything to SMTP.
fn content(mail: &Mail, to: &str, subject: &str, text: &str) -> String {
    let encoded = base64::encode(text.as_bytes());
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let date = jiff::fmt::rfc2822::to_string(&jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC));
    format!(
        "From: <{}>\r\nTo: <{to}>\r\nSubject: =?UTF-8?B?{}?=\r\nDate: {}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n.\r\n",
        mail.from,
        base64::encode(subject.as_bytes()),
        date.unwrap_or_default(),
        lines.join("\r\n"),
    )
}

async fn converse(mail: &Mail, to: &str, content: &str) -> Result<(), Failure> {
    let io = |error: std::io::Error| Failure { is_final: false, reason: format!("{}: {error}", mail.relay) };
    let mut relay = BufReader::new(TcpStream::connect(&mail.relay).await.map_err(io)?);
    expect(&mut relay, '2').await?;
    for (command, answer) in [
        ("EHLO darkroom\r\n".to_owned(), '2'),
        (format!("MAIL FROM:<{}>\r\n", mail.from), '2'),
        (format!("RCPT TO:<{to}>\r\n"), '2'),
        ("DATA\r\n".to_owned(), '3'),
        (content.to_owned(), '2'),
    ] {
        relay.write_all(command.as_bytes()).await.map_err(io)?;
        expect(&mut relay, answer).await?;
    }
    // The relay has taken the mail; how it takes leave does not matter.
    let _ = relay.write_all(b"QUIT\r\n").await;
    Ok(())
}

/// Reads an answer, whose last line has a blank after its number. What begins with 5 is final.
async fn expect(relay: &mut BufReader<TcpStream>, kind: char) -> Result<(), Failure> {
    for _ in 0..LINES_MAX {
        let mut line = String::new();
        let mut limited = tokio::io::AsyncReadExt::take(&mut *relay, LINE_BYTES_MAX);
        let read = limited.read_line(&mut line).await;
        read.map_err(|error| Failure { is_final: false, reason: error.to_string() })?;
        if line.starts_with(kind) && line.as_bytes().get(3) == Some(&b'-') {
            continue;
        }
        if line.starts_with(kind) {
            return Ok(());
        }
        return Err(Failure {
            is_final: line.starts_with('5'),
            reason: format!("the relay says: {}", line.trim()),
        });
    }
    Err(Failure { is_final: true, reason: "the relay's answer has no end".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    /// A relay for one conversation: what it was told, when it answers `RCPT` so.
    async fn relay(recipient: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut heard = String::new();
            stream.write_all(b"220 hello\r\n").await.unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                heard.push_str(&line);
                let answer = match line.get(..4).unwrap_or_default() {
                    "EHLO" => "250-relay\r\n250 8BITMIME\r\n",
                    "RCPT" => recipient,
                    "DATA" => "354 go on\r\n",
                    "QUIT" => break,
                    _ if line == ".\r\n" || line.starts_with("MAIL") => "250 ok\r\n",
                    _ => "",
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
                line.clear();
            }
            let _ = stream.read(&mut [0; 16]).await;
            heard
        });
        (address, heard)
    }

    #[tokio::test]
    async fn a_mail_is_handed_over_and_no_text_is_a_command() {
        let (relay, heard) = relay("250 ok\r\n").await;
        let mail = Mail { relay, from: "darkroom@example.org".to_owned() };
        send(&mail, "owner@example.org", "Größe\r\nBcc: x", "a\r\n.\r\nQUIT\r\n").await.unwrap();
        let heard = heard.await.unwrap();
        assert!(heard.contains("RCPT TO:<owner@example.org>\r\n"), "{heard}");
        assert!(heard.contains("Subject: =?UTF-8?B?R3LDtsOfZQ0KQmNjOiB4?=\r\n"), "{heard}");
        assert!(heard.contains("\r\n\r\nYQ0KLg0KUVVJVA0K\r\n.\r\n"), "{heard}");
        let failure = send(&mail, "x>\r\nRCPT TO:<y", "s", "t").await.unwrap_err();
        assert!(failure.is_final);
    }

    #[tokio::test]
    async fn a_relay_that_refuses_is_believed() {
        for (answer, is_final) in [("550 nobody\r\n", true), ("451 later\r\n", false)] {
            let (relay, _) = relay(answer).await;
            let mail = Mail { relay, from: "darkroom@example.org".to_owned() };
            assert_eq!(send(&mail, "a@example.org", "s", "t").await.unwrap_err().is_final, is_final);
        }
    }
}
