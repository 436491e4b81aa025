//! A body on its way to the disk: unwrapped where it comes in signed chunks, digested, checked, synced.

use std::path::{Path, PathBuf};

use axum::body::Body;
use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use tokio::io::AsyncWriteExt;

use super::crc::Crc;
use super::failed;
use crate::base64;
use crate::wire::{Fault, hex, text};

/// Bytes of an object in one piece. AWS's own bound, 5 GiB.
const BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// Bytes of a chunk's head or of a trailer's line.
const LINE_BYTES_MAX: usize = 8192;

/// A checksum, by the end of its header's name.
pub(super) const CHECKSUMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

/// What was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) md5: [u8; 16],
    /// The checksum that the client sent, by the end of its header's name, in Base64.
    pub(super) checksum: Option<(&'static str, String)>,
}

impl Written {
    pub(super) fn etag(&self) -> String {
        format!("\"{}\"", hex(&self.md5))
    }
}

enum Check {
    Crc(Crc),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Check {
    fn named(name: &str) -> Option<Self> {
        match name {
            "crc32" => Some(Self::Crc(Crc::crc32())),
            "crc32c" => Some(Self::Crc(Crc::crc32c())),
            "crc64nvme" => Some(Self::Crc(Crc::crc64nvme())),
            "sha1" => Some(Self::Sha1(Sha1::new())),
            "sha256" => Some(Self::Sha256(Sha256::new())),
            _ => None,
        }
    }

    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc(crc) => crc.update(data),
            Self::Sha1(sha) => sha.update(data),
            Self::Sha256(sha) => sha.update(data),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Crc(crc) => base64::encode(&crc.finish()),
            Self::Sha1(sha) => base64::encode(&sha.finalize()),
            Self::Sha256(sha) => base64::encode(&sha.finalize()),
        }
    }
}

/// A file that goes when it is dropped, unless it was kept.
pub(super) struct Unfinished(Option<PathBuf>);

impl Unfinished {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(Some(path))
    }

    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // What stays is an unfinished write, which is no object and goes with the next start.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Writes a request's body to a new file. After it returns the file's content is on disk.
pub(super) async fn write(body: Body, headers: &HeaderMap, path: &Path) -> Result<Written, Fault> {
    let failed = |source| failed(path, source);
    let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
    let mut chunks = Chunks::of(body, headers);
    let name = CHECKSUMS.into_iter().find(|name| expects(headers, name));
    let mut check = name.and_then(Check::named);
    let (mut md5, mut bytes) = (Md5::new(), 0_u64);
    while let Some(data) = chunks.next().await? {
        bytes += data.len() as u64;
        if bytes > BYTES_MAX {
            let message = "Your proposed upload exceeds the maximum allowed size";
            return Err(Fault::sender(400, "EntityTooLarge", message));
        }
        md5.update(&data);
        if let Some(check) = &mut check {
            check.update(&data);
        }
        file.write_all(&data).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    let md5: [u8; 16] = md5.finalize().into();
    if text(headers, "content-md5").is_some_and(|sent| sent != base64::encode(&md5)) {
        let message = "The Content-MD5 you specified did not match what we received.";
        return Err(Fault::sender(400, "BadDigest", message));
    }
    let mut written = Written { bytes, md5, checksum: None };
    if let (Some(name), Some(check)) = (name, check) {
        let found = check.finish();
        let header = format!("x-amz-checksum-{name}");
        let sent = text(headers, &header).or_else(|| text(&chunks.trailers, &header));
        if sent.is_some_and(|sent| sent != found) {
            let message =
                format!("The {} you specified did not match the calculated checksum.", name.to_uppercase());
            return Err(Fault::sender(400, "BadDigest", message));
        }
        written.checksum = Some((name, found));
    }
    Ok(written)
}

/// Whether the client sends this checksum, in front or behind.
fn expects(headers: &HeaderMap, name: &str) -> bool {
    let header = format!("x-amz-checksum-{name}");
    let is_named = |list: &str| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(&header));
    headers.contains_key(&header)
        || text(headers, "x-amz-trailer").is_some_and(is_named)
        || text(headers, "x-amz-sdk-checksum-algorithm").is_some_and(|sent| sent.eq_ignore_ascii_case(name))
}

/// A body's data, without the chunks' heads and trailers where it is `aws-chunked`.
struct Chunks {
    body: Body,
    buffer: BytesMut,
    state: State,
    trailers: HeaderMap,
}

enum State {
    Plain,
    Head,
    Data(usize),
    /// The line break after a chunk's data.
    Break,
    Trailer,
    End,
}

impl Chunks {
    fn of(body: Body, headers: &HeaderMap) -> Self {
        let is_chunked = text(headers, "x-amz-content-sha256")
            .is_some_and(|hash| hash.starts_with("STREAMING-"))
            || text(headers, "content-encoding").is_some_and(|coding| coding.contains("aws-chunked"));
        let state = if is_chunked { State::Head } else { State::Plain };
        Self { body, buffer: BytesMut::new(), state, trailers: HeaderMap::new() }
    }

    async fn more(&mut self) -> Result<Option<Bytes>, Fault> {
        let incomplete = || {
            let message =
                "You did not provide the number of bytes specified by the Content-Length HTTP header";
            Fault::sender(400, "IncompleteBody", message)
        };
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(|_| incomplete())?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            match self.state {
                State::Plain => return self.more().await,
                State::End => return Ok(None),
                State::Head => {
                    let line = self.line().await?;
                    let size = line.split(';').next().unwrap_or_default();
                    let size = usize::from_str_radix(size.trim(), 16).map_err(|_| malformed())?;
                    self.state = if size == 0 { State::Trailer } else { State::Data(size) };
                }
                State::Data(left) => {
                    if self.buffer.is_empty() {
                        let data = self.more().await?.ok_or_else(malformed)?;
                        self.buffer.extend_from_slice(&data);
                    }
                    let data = self.buffer.split_to(left.min(self.buffer.len())).freeze();
                    self.state =
                        if data.len() == left { State::Break } else { State::Data(left - data.len()) };
                    return Ok(Some(data));
                }
                State::Break => {
                    if !self.line().await?.is_empty() {
                        return Err(malformed());
                    }
                    self.state = State::Head;
                }
                State::Trailer => {
                    let line = self.line().await?;
                    match line.split_once(':') {
                        Some((name, value)) => self.keep(name, value),
                        None => self.state = State::End,
                    }
                }
            }
        }
    }

    /// What is no header is no checksum either.
    fn keep(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (name.trim().parse::<http::HeaderName>(), value.trim().parse()) {
            self.trailers.insert(name, value);
        }
    }

    /// The next line, without its end. A body that ends has an empty last line.
    async fn line(&mut self) -> Result<String, Fault> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return String::from_utf8(line.to_vec()).map_err(|_| malformed());
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(malformed());
            }
            match self.more().await? {
                Some(data) => self.buffer.extend_from_slice(&data),
                None if self.buffer.is_empty() && matches!(self.state, State::Trailer) => {
                    return Ok(String::new());
                }
                None => return Err(malformed()),
            }
        }
    }
}

fn malformed() -> Fault {
    Fault::sender(400, "InvalidRequest", "The chunks of the body are malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn written(
        headers: &[(&'static str, &str)],
        body: &'static str,
    ) -> Result<(String, Written), Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        // In pieces of seven bytes, so that every boundary falls somewhere else.
        let pieces =
            body.as_bytes().chunks(7).map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)));
        let body = Body::from_stream(futures::stream::iter(pieces));
        let written = write(body, &map, &path).await?;
        Ok((std::fs::read_to_string(&path).unwrap(), written))
    }

    #[tokio::test]
    async fn chunks_are_unwrapped_and_checked() {
        let signed = ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        let unsigned = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        let trailer = ("x-amz-trailer", "x-amz-checksum-crc32");
        for (headers, body, expected) in [
            (vec![], "1234567890", Ok("1234567890")),
            (
                vec![signed],
                "5;chunk-signature=a\r\n12345\r\n4;chunk-signature=b\r\n6789\r\n0;chunk-signature=c\r\n\r\n",
                Ok("123456789"),
            ),
            (
                vec![unsigned, trailer],
                "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n",
                Ok("123456789"),
            ),
            (
                vec![unsigned, trailer],
                "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
                Err("BadDigest"),
            ),
            (vec![signed], "5\r\n123", Err("InvalidRequest")),
            (vec![signed], "nonsense", Err("InvalidRequest")),
            (vec![("content-md5", "AAAA")], "1", Err("BadDigest")),
            (
                vec![("x-amz-checksum-sha256", "FeKw09l0mdZ9aIPVWIGgM2f5MlqR+B3Hb+LJMVM4C8U=")],
                "123456789",
                Err("BadDigest"),
            ),
            (vec![("x-amz-checksum-crc32c", "4waSgw==")], "123456789", Ok("123456789")),
        ] {
            let outcome = written(&headers, body).await;
            let found = outcome.map(|(content, _)| content).map_err(|fault| fault.code.into_owned());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{body}");
        }
    }
}
