//! Signature Version 4: whether a request was signed with one of the server's access keys.
//!
//! The `Authorization` header is read before the body is, so that a stranger's body costs nothing. Then the signature is
//! computed as the client must have, with AWS's own code, and compared in constant time.
//!
//! Spec: AWS, "AWS Signature Version 4 for API requests".

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials as Signer;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use darkroom_asl::data::Timestamp;
use http::request::Parts;
use http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

use crate::credentials::{AccessKey, Credentials};
use crate::error::ApiError;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What requests to Step Functions are signed for.
const SERVICE: &str = "states";
const TERMINATOR: &str = "aws4_request";
/// AWS: how far a request's clock may be from the server's.
const SKEW_MAX: Duration = Duration::from_mins(15);

const DATE: &str = "x-amz-date";
const TARGET: &str = "x-amz-target";
const TOKEN: &str = "x-amz-security-token";

/// AWS's text for a signature that is not the right one.
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

/// A signature that is still to be checked, and all that it depends on but the body.
pub(crate) struct Claim<'a> {
    key: &'a AccessKey,
    authorization: Authorization<'a>,
    session_token: Option<&'a str>,
    signed_at: SystemTime,
}

/// The `Authorization` header: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
struct Authorization<'a> {
    access_key: &'a str,
    /// `YYYYMMDD`.
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    /// Reads who is said to have signed this request, and when. `now` is the server's time.
    pub(crate) fn read(
        parts: &'a Parts,
        credentials: &'a Credentials,
        now: SystemTime,
    ) -> Result<Self, ApiError> {
        let text = parts.headers.get(header::AUTHORIZATION).ok_or(ApiError::MissingAuthenticationToken)?;
        let text = text.to_str().map_err(|_| ApiError::IncompleteSignature(Vec::new()))?;
        let date = one(&parts.headers, DATE);
        let authorization = Authorization::read(text, date.is_some())?;
        // `read` has refused a request without a date.
        let date = date.unwrap_or_default();
        let session_token = one(&parts.headers, TOKEN);
        let key =
            credentials.find(authorization.access_key, session_token).ok_or(ApiError::UnrecognizedClient)?;
        let signed_at = instant(date).ok_or_else(|| {
            ApiError::InvalidSignature(format!(
                "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ))
        })?;
        authorization.check_scope(date)?;
        authorization.check_signed_headers(&parts.headers)?;
        check_skew(date, signed_at, now)?;
        Ok(Self { key, authorization, session_token, signed_at })
    }

    /// Whether the request, whose body as it was sent is this, was signed with the key.
    pub(crate) fn verify(&self, parts: &Parts, body: &[u8]) -> Result<(), ApiError> {
        let expected = self.signature(parts, body).ok_or_else(mismatch)?;
        let is_right: bool = expected.as_bytes().ct_eq(self.authorization.signature.as_bytes()).into();
        if is_right { Ok(()) } else { Err(mismatch()) }
    }

    /// The signature that the request must have. `None` where it cannot have any.
    fn signature(&self, parts: &Parts, body: &[u8]) -> Option<String> {
        let Authorization { access_key, region, service, signed_headers, .. } = &self.authorization;
        let mut headers = Vec::new();
        for name in signed_headers {
            // The signer puts these two in itself, from the key and the time.
            if !matches!(*name, DATE | TOKEN) {
                headers.push((*name, value(parts, name)?));
            }
        }
        let token = self.session_token.map(str::to_owned);
        let signer: Identity =
            Signer::new(*access_key, &self.key.secret, token, None, "access keys of the server").into();
        let mut settings = SigningSettings::default();
        // What the client says that it signed is what counts.
        settings.excluded_headers = None;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
        let params = v4::SigningParams::builder()
            .identity(&signer)
            .region(region)
            .name(service)
            .time(self.signed_at)
            .settings(settings)
            .build()
            .ok()?
            .into();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        // The authority is read from the `host` header, which is signed.
        let uri = format!("http://host{path}");
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let request =
            SignableRequest::new(parts.method.as_str(), uri, headers, SignableBody::Bytes(body)).ok()?;
        Some(sign(request, &params).ok()?.into_parts().1)
    }
}

impl<'a> Authorization<'a> {
    /// AWS: all that is missing is named in one message.
    fn read(text: &'a str, has_date: bool) -> Result<Self, ApiError> {
        let members = text.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' '));
        let members = members.ok_or(ApiError::MissingAuthenticationToken)?;
        let member = |wanted: &str| {
            let mut members = members.split(',').filter_map(|member| member.trim().split_once('='));
            members
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| value)
                .filter(|value| !value.is_empty())
        };
        let found = (member("Credential"), member("SignedHeaders"), member("Signature"));
        if let (Some(credential), Some(signed_headers), Some(signature)) = found
            && has_date
        {
            let scope: Vec<&str> = credential.split('/').collect();
            let [access_key, day, region, service, TERMINATOR] = *scope else {
                return Err(ApiError::IncompleteSignature(vec![
                    "Credential must have exactly 5 slash-delimited elements, e.g. \
                     keyid/date/region/service/term.",
                ]));
            };
            let signed_headers = signed_headers.split(';').collect();
            return Ok(Self { access_key, day, region, service, signed_headers, signature });
        }
        let (credential, signed_headers, signature) = found;
        let missing = [
            (credential.is_none(), "Authorization header requires 'Credential' parameter."),
            (signature.is_none(), "Authorization header requires 'Signature' parameter."),
            (signed_headers.is_none(), "Authorization header requires 'SignedHeaders' parameter."),
            (
                !has_date,
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            ),
        ];
        let missing = missing.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, text)| text);
        Err(ApiError::IncompleteSignature(missing.collect()))
    }

    fn check_scope(&self, date: &str) -> Result<(), ApiError> {
        if self.service != SERVICE {
            return Err(ApiError::InvalidSignature(format!(
                "Credential should be scoped to correct service: '{SERVICE}'."
            )));
        }
        match date.split_once('T') {
            Some((day, _)) if day == self.day => Ok(()),
            Some((day, _)) => Err(ApiError::InvalidSignature(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
                 '{day}', from '{date}'.",
                self.day
            ))),
            None => Err(mismatch()),
        }
    }

    /// What a request means must be signed: where it goes, what it asks for, and when.
    fn check_signed_headers(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let is_signed = |name: &str| self.signed_headers.contains(&name);
        if !is_signed("host") {
            return Err(ApiError::InvalidSignature(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
            ));
        }
        match [DATE, TARGET, TOKEN].iter().find(|name| headers.contains_key(**name) && !is_signed(name)) {
            Some(name) => Err(ApiError::InvalidSignature(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            ))),
            None => Ok(()),
        }
    }
}

fn check_skew(date: &str, signed_at: SystemTime, now: SystemTime) -> Result<(), ApiError> {
    let minutes = SKEW_MAX.as_secs() / 60;
    if let Ok(age) = now.duration_since(signed_at)
        && age > SKEW_MAX
    {
        return Err(ApiError::InvalidSignature(format!(
            "Signature expired: {date} is now earlier than {} ({} - {minutes} min.)",
            basic(now - SKEW_MAX),
            basic(now)
        )));
    }
    if let Ok(lead) = signed_at.duration_since(now)
        && lead > SKEW_MAX
    {
        return Err(ApiError::InvalidSignature(format!(
            "Signature not yet current: {date} is still later than {} ({} + {minutes} min.)",
            basic(now + SKEW_MAX),
            basic(now)
        )));
    }
    Ok(())
}

fn mismatch() -> ApiError {
    ApiError::InvalidSignature(MISMATCH.to_owned())
}

/// A header's value, if it is there once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
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

/// `YYYYMMDD'T'HHMMSS'Z'`.
fn instant(basic: &str) -> Option<SystemTime> {
    let (day, time) = basic.strip_suffix('Z')?.split_once('T')?;
    let are_digits =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(day, 8) || !are_digits(time, 6) {
        return None;
    }
    let extended =
        format!("{}-{}-{}T{}:{}:{}Z", &day[..4], &day[4..6], &day[6..], &time[..2], &time[2..4], &time[4..]);
    let millis = u64::try_from(Timestamp::parse(&extended)?.as_millis()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

fn basic(time: SystemTime) -> String {
    let millis = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let text = Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).to_string();
    let seconds = text.split('.').next().unwrap_or(&text);
    format!("{}Z", seconds.replace(['-', ':', 'Z'], ""))
}
