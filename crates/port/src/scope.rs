//! Whose and where: the account, region and service that a request's signature names, right or not.

use http::{HeaderMap, Uri, header};
use percent_encoding::percent_decode_str;

/// A credential scope, `<key>/<date>/<region>/<service>/aws4_request`, as far as it can be read. Whether the signature is
/// right is not asked here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialScope {
    /// The access key, where it is an account's number.
    pub account: Option<String>,
    /// Such as `us-east-1`.
    pub region: Option<String>,
    /// Such as `sqs`.
    pub service: Option<String>,
}

impl CredentialScope {
    /// Reads it from the `Authorization` header or a presigned URL.
    pub fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let text = in_header(headers).map(str::to_owned).or_else(|| in_query(uri)).unwrap_or_default();
        let mut parts = text.split('/');
        let account = parts.next().filter(|key| is_account(key));
        let region = parts.nth(1).filter(|region| is_region(region));
        let service = parts.next().filter(|service| !service.is_empty());
        Self {
            account: account.map(str::to_owned),
            region: region.map(str::to_owned),
            service: service.map(str::to_owned),
        }
    }
}

fn in_header(headers: &HeaderMap) -> Option<&str> {
    let (_, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once("Credential=")?;
    rest.split([',', ' ']).next()
}

fn in_query(uri: &Uri) -> Option<String> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == "X-Amz-Credential")?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_says_whose_and_where() {
        let header =
            "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=h";
        let presigned = "/b/k?X-Amz-Credential=AK%2Fd%2Feu-west-3%2Fs3%2Fx";
        for (authorization, uri, account, region, service) in [
            (Some(header), "/", Some("123456789012"), Some("eu-west-1"), Some("sqs")),
            (
                Some("AWS4-HMAC-SHA256 Credential=test/d/us-west-2/s3/a"),
                "/",
                None,
                Some("us-west-2"),
                Some("s3"),
            ),
            (None, presigned, None, Some("eu-west-3"), Some("s3")),
            (Some("Basic abc"), "/", None, None, None),
            (Some("Credential=a/b/../c"), "/", None, None, Some("c")),
            (None, "/", None, None, None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = authorization {
                headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
            }
            let scope = CredentialScope::of(&headers, &uri.parse().expect("a URI"));
            let found = (scope.account.as_deref(), scope.region.as_deref(), scope.service.as_deref());
            assert_eq!(found, (account, region, service), "{authorization:?} {uri}");
        }
    }
}
