//! Who is said to have signed a request, for what and when: the `Authorization` header, or the query of a presigned URL.
//!
//! Spec: AWS, "AWS Signature Version 4 for API requests".

use std::time::{Duration, SystemTime};

use http::request::Parts;
use http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// `YYYYMMDD'T'HHMMSS'Z'`.
const BASIC: &str = "%Y%m%dT%H%M%SZ";
/// AWS: how far a request's clock may be from the server's.
const SKEW_MAX: Duration = Duration::from_mins(15);
/// AWS: "X-Amz-Expires", how long a presigned URL may be good for.
const EXPIRES_MAX: u64 = 7 * 24 * 60 * 60;

pub(crate) const DATE: &str = "x-amz-date";
pub(crate) const TOKEN: &str = "x-amz-security-token";
const TARGET: &str = "x-amz-target";

/// What a signature says of itself.
#[derive(Debug)]
pub(crate) struct Authorization {
    pub(crate) access_key: String,
    /// `YYYYMMDD`.
    day: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
    pub(crate) session_token: Option<String>,
    /// As it was sent.
    date: String,
    pub(crate) signed_at: SystemTime,
    /// How long a presigned URL is good for; `None` where the signature is in the header.
    pub(crate) presigned_for: Option<Duration>,
}

impl Authorization {
    /// Reads a request's.
    pub(crate) fn read(parts: &Parts) -> Result<Self, Refusal> {
        if let Some(text) = parts.headers.get(header::AUTHORIZATION) {
            let text = text.to_str();
            let unreadable =
                |_| Refusal::IncompleteSignature("The Authorization header cannot be read.".to_owned());
            return Self::in_header(text.map_err(unreadable)?, &parts.headers);
        }
        match parts.uri.query() {
            Some(query) if query.contains("X-Amz-Signature=") => Self::in_query(query),
            Some(_) | None => Err(Refusal::MissingAuthenticationToken),
        }
    }

    /// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, beside `X-Amz-Date`.
    fn in_header(text: &str, headers: &HeaderMap) -> Result<Self, Refusal> {
        let members = text.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' '));
        let members = members.ok_or(Refusal::MissingAuthenticationToken)?;
        let member = |wanted: &str| {
            let mut members = members.split(',').filter_map(|member| member.trim().split_once('='));
            members.find(|(name, value)| *name == wanted && !value.is_empty()).map(|(_, value)| value)
        };
        let found = (member("Credential"), member("SignedHeaders"), member("Signature"), one(headers, DATE));
        if let (Some(credential), Some(signed_headers), Some(signature), Some(date)) = found {
            let session_token = one(headers, TOKEN).map(str::to_owned);
            return Self::new(credential, signed_headers, signature, date, session_token);
        }
        let (credential, signed_headers, signature, date) = found;
        let missing = [
            (credential.is_none(), "Authorization header requires 'Credential' parameter."),
            (signature.is_none(), "Authorization header requires 'Signature' parameter."),
            (signed_headers.is_none(), "Authorization header requires 'SignedHeaders' parameter."),
            (
                date.is_none(),
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            ),
        ];
        // AWS: all that is missing is named in one message.
        let missing: Vec<_> =
            missing.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, text)| text).collect();
        Err(Refusal::IncompleteSignature(missing.join(" ")))
    }

    /// The same as parameters, with `X-Amz-Expires`.
    fn in_query(query: &str) -> Result<Self, Refusal> {
        let member = |wanted: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let value = pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)?;
            Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        let needed = |name| {
            member(name).ok_or_else(|| {
                Refusal::IncompleteSignature(format!("A presigned URL requires the '{name}' parameter."))
            })
        };
        if needed("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Refusal::IncompleteSignature(format!(
                "X-Amz-Algorithm only supports \"{ALGORITHM}\""
            )));
        }
        let expires = needed("X-Amz-Expires")?.parse().ok().filter(|seconds| *seconds <= EXPIRES_MAX);
        let expires = expires.ok_or_else(|| {
            Refusal::IncompleteSignature(format!(
                "X-Amz-Expires must be a number of seconds up to {EXPIRES_MAX}"
            ))
        })?;
        let authorization = Self::new(
            &needed("X-Amz-Credential")?,
            &needed("X-Amz-SignedHeaders")?,
            &needed("X-Amz-Signature")?,
            &needed("X-Amz-Date")?,
            member("X-Amz-Security-Token"),
        )?;
        Ok(Self { presigned_for: Some(Duration::from_secs(expires)), ..authorization })
    }

    fn new(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        date: &str,
        session_token: Option<String>,
    ) -> Result<Self, Refusal> {
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key, day, region, service, TERMINATOR] = *scope else {
            return Err(Refusal::IncompleteSignature(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
                    .to_owned(),
            ));
        };
        let signed_at = instant(date).ok_or_else(|| {
            Refusal::InvalidSignature(format!(
                "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ))
        })?;
        Ok(Self {
            access_key: access_key.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: signed_headers.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
            session_token,
            date: date.to_owned(),
            signed_at,
            presigned_for: None,
        })
    }

    /// Whether it is for this service, where that is known, and for the day it was made on.
    pub(crate) fn check_scope(&self, service: Option<&str>) -> Result<(), Refusal> {
        if let Some(service) = service
            && self.service != service
        {
            return Err(Refusal::InvalidSignature(format!(
                "Credential should be scoped to correct service: '{service}'."
            )));
        }
        let day = self.date.split('T').next().unwrap_or_default();
        if day == self.day {
            return Ok(());
        }
        Err(Refusal::InvalidSignature(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
             '{day}', from '{}'.",
            self.day, self.date
        )))
    }

    /// What a request means must be signed: where it goes, what it asks for, and when.
    pub(crate) fn check_signed_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        if !is_signed("host") {
            return Err(Refusal::InvalidSignature(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
            ));
        }
        match [DATE, TARGET, TOKEN].iter().find(|name| headers.contains_key(**name) && !is_signed(name)) {
            Some(name) => Err(Refusal::InvalidSignature(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            ))),
            None => Ok(()),
        }
    }

    /// Whether it was made about now, or is a presigned URL that is still good.
    pub(crate) fn check_time(&self, now: SystemTime) -> Result<(), Refusal> {
        let (date, minutes) = (&self.date, SKEW_MAX.as_secs() / 60);
        let good_for = self.presigned_for.unwrap_or(SKEW_MAX);
        if now.duration_since(self.signed_at).is_ok_and(|age| age > good_for) {
            return Err(Refusal::InvalidSignature(match self.presigned_for {
                Some(_) => "Request has expired".to_owned(),
                None => format!(
                    "Signature expired: {date} is now earlier than {} ({} - {minutes} min.)",
                    basic(now - SKEW_MAX),
                    basic(now)
                ),
            }));
        }
        if self.signed_at.duration_since(now).is_ok_and(|lead| lead > SKEW_MAX) {
            return Err(Refusal::InvalidSignature(format!(
                "Signature not yet current: {date} is still later than {} ({} + {minutes} min.)",
                basic(now + SKEW_MAX),
                basic(now)
            )));
        }
        Ok(())
    }
}

/// A header's value, if it is there once.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

fn instant(basic: &str) -> Option<SystemTime> {
    // Sixteen characters, so that no field is shorter than it is in a signature.
    let digits = (basic.len() == 16).then_some(basic)?;
    let time = BrokenDownTime::parse(BASIC, digits).ok()?.to_datetime().ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let second = zoned.timestamp().as_second();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(second).ok()?))
}

fn basic(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).strftime(BASIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_strictly() {
        let seconds = |text| instant(text)?.duration_since(SystemTime::UNIX_EPOCH).ok();
        assert_eq!(seconds("20260102T030405Z").map(|since| since.as_secs()), Some(1_767_323_045));
        for text in [
            "",
            "yesterday",
            "20260229T000000Z",
            "99999999T999999Z",
            "2026010T1030405Z",
            "20260102T030405",
            "2026-01-02T03:04:05Z",
            "20260102 030405Z",
            "19691231T235959Z",
            "2026010éT03040Z",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        assert_eq!(basic(time), "20260102T030405Z");
    }
}
