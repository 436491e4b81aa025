//! Signature Version 4: whether a request was signed with one of the server's access keys.
//!
//! What is said of the signature is read before the body is, so that a stranger's body costs nothing. Then the signature
//! is computed as the client must have, with AWS's own code, and compared in constant time.
//!
//! Spec: AWS, "AWS Signature Version 4 for API requests"; for S3, "Signature calculations".

use std::time::SystemTime;

use aws_credential_types::Credentials as Signer;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::authorization::{Authorization, DATE, TOKEN, one};
use crate::credentials::{AccessKey, Credentials};
use crate::refusal::Refusal;

/// Holds what is signed of the body: its SHA-256, or that nothing is.
const CONTENT: &str = "x-amz-content-sha256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// What S3's streamed bodies begin their `x-amz-content-sha256` with: only the head is signed here.
const STREAMING: &str = "STREAMING-";
const S3: &str = "s3";

/// AWS's text for a signature that is not the right one.
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

/// A signature that is still to be checked, and all that it depends on but the body.
pub(crate) struct Claim<'a> {
    key: &'a AccessKey,
    authorization: Authorization,
}

/// What a signature says of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Its hash is part of the signature and was not sent.
    Whole,
    /// Its hash was sent.
    Hash { text: String, bytes: [u8; 32] },
    /// It is not signed.
    Unsigned(String),
}

impl<'a> Claim<'a> {
    /// Reads who is said to have signed this request, and when. `service` is what the request is for, where that is
    /// known; `now` is the server's time.
    pub(crate) fn read(
        parts: &Parts,
        credentials: &'a Credentials,
        service: Option<&str>,
        now: SystemTime,
    ) -> Result<Self, Refusal> {
        let authorization = Authorization::read(parts)?;
        let key = credentials.find(&authorization.access_key, authorization.session_token.as_deref());
        let key = key.ok_or(Refusal::UnrecognizedClient)?;
        authorization.check_scope(service)?;
        authorization.check_signed_headers(&parts.headers)?;
        authorization.check_time(now)?;
        Ok(Self { key, authorization })
    }

    /// How the body is signed.
    pub(crate) fn content(&self, parts: &Parts) -> Result<Content, Refusal> {
        let is_s3 = self.authorization.service == S3;
        if self.authorization.presigned_for.is_some() {
            return Ok(if is_s3 { Content::Unsigned(UNSIGNED.to_owned()) } else { Content::Whole });
        }
        let is_signed = self.authorization.signed_headers.iter().any(|name| name == CONTENT);
        let Some(text) = one(&parts.headers, CONTENT).filter(|_| is_signed) else {
            return Ok(Content::Whole);
        };
        if is_s3 && (text == UNSIGNED || text.starts_with(STREAMING)) {
            return Ok(Content::Unsigned(text.to_owned()));
        }
        let bytes = hash(text).ok_or_else(|| {
            Refusal::InvalidSignature(format!(
                "{CONTENT} must be the SHA-256 of the body in hexadecimal digits"
            ))
        })?;
        Ok(Content::Hash { text: text.to_owned(), bytes })
    }

    /// Whether the request, of whose body this is signed, was signed with the key.
    pub(crate) fn verify(&self, parts: &Parts, content: &str) -> Result<(), Refusal> {
        let mismatch = || Refusal::InvalidSignature(MISMATCH.to_owned());
        let expected = self.signature(parts, content).ok_or_else(mismatch)?;
        let is_right: bool = expected.as_bytes().ct_eq(self.authorization.signature.as_bytes()).into();
        if is_right { Ok(()) } else { Err(mismatch()) }
    }

    /// The signature that the request must have. `None` where it cannot have any.
    fn signature(&self, parts: &Parts, content: &str) -> Option<String> {
        let Authorization { access_key, region, service, session_token, signed_headers, .. } =
            &self.authorization;
        let mut headers = Vec::new();
        for name in signed_headers {
            // The signer puts these two in itself, from the key and the time.
            if !matches!(&**name, DATE | TOKEN) {
                headers.push((name.as_str(), value(parts, name)?));
            }
        }
        let token = session_token.clone();
        let signer: Identity =
            Signer::new(access_key, &self.key.secret, token, None, "access keys of the server").into();
        let params = v4::SigningParams::builder()
            .identity(&signer)
            .region(region)
            .name(service)
            .time(self.authorization.signed_at)
            .settings(self.settings())
            .build()
            .ok()?
            .into();
        let query = parts.uri.query().map(|query| self.signed_query(query)).filter(|query| !query.is_empty());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        // The authority is read from the `host` header, which is signed.
        let uri = format!("http://host{}{query}", parts.uri.path());
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let body = SignableBody::Precomputed(content.to_owned());
        let request = SignableRequest::new(parts.method.as_str(), uri, headers, body).ok()?;
        Some(sign(request, &params).ok()?.into_parts().1)
    }

    /// S3 signs paths as they are sent; the others encode them once more, and take `.` and `..` out.
    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        // What the client says that it signed is what counts.
        settings.excluded_headers = None;
        if self.authorization.service == S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        } else {
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
        }
        if let Some(good_for) = self.authorization.presigned_for {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(good_for);
        }
        settings
    }

    /// The query without what the signer adds itself.
    fn signed_query(&self, query: &str) -> String {
        const ADDED: [&str; 7] = [
            "X-Amz-Algorithm",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Expires",
            "X-Amz-Security-Token",
            "X-Amz-Signature",
            "X-Amz-SignedHeaders",
        ];
        if self.authorization.presigned_for.is_none() {
            return query.to_owned();
        }
        let is_added = |pair: &&str| ADDED.contains(&pair.split('=').next().unwrap_or_default());
        query.split('&').filter(|pair| !is_added(pair)).collect::<Vec<_>>().join("&")
    }
}

/// The SHA-256 of a body, in hexadecimal digits.
pub(crate) fn content_hash(body: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(body).iter().fold(String::with_capacity(64), |mut text, byte| {
        // A string takes whatever it is given.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A signed header's value. HTTP/2 has the host in its target.
fn value(parts: &Parts, name: &str) -> Option<String> {
    let values: Vec<&str> =
        parts.headers.get_all(name).iter().map(|value| value.to_str().ok()).collect::<Option<_>>()?;
    match (values.is_empty(), parts.uri.authority()) {
        (false, _) => Some(values.join(",")),
        (true, Some(authority)) if name == "host" => Some(authority.to_string()),
        (true, _) => None,
    }
}
