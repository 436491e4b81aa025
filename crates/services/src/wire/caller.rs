//! Who calls: the account and region that a request's signature names.

use darkroom_port::Stop;
use http::{Extensions, HeaderMap, Uri, header};

/// The account and region of requests that name none.
#[derive(Clone, Debug)]
pub struct Home {
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// Where this server is reached, such as `http://127.0.0.1:4566`: queue URLs begin with it.
    pub url: String,
}

/// The account and region that a request is for, and the service that it was signed for.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// The service in the signature's scope, such as `sqs`.
    pub service: Option<String>,
    /// How the caller reached this server, such as `http://localhost:4566`.
    pub url: String,
    /// Whether the server that the request came through is to stop: asked by what waits for long.
    pub stop: Stop,
}

impl Caller {
    /// The account itself in a region, for what a service does of its own accord: nobody came through a port.
    pub fn account(account: &str, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            account: account.to_owned(),
            service: None,
            url: String::new(),
            stop: Stop::of(&Extensions::new()),
        }
    }

    /// Reads the credential scope, `<key>/<date>/<region>/<service>/aws4_request`, from the `Authorization`
    /// header or a presigned URL. The account is the access key's where that is twelve digits.
    ///
    /// Whether the signature is right was the port's to check.
    pub fn of(headers: &HeaderMap, uri: &Uri, extensions: &Extensions, home: &Home) -> Self {
        let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let in_header = signed
            .and_then(|value| value.split_once("Credential="))
            .map(|(_, rest)| rest.split([',', ' ']).next().unwrap_or_default().to_owned());
        let scope = in_header.or_else(|| presigned_scope(uri)).unwrap_or_default();
        let mut parts = scope.split('/');
        let account = parts.next().filter(|key| is_account(key));
        let region = parts.nth(1).filter(|region| is_region(region));
        let service = parts.next().filter(|service| !service.is_empty());
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        Self {
            region: region.unwrap_or(&home.region).to_owned(),
            account: account.unwrap_or(&home.account).to_owned(),
            service: service.map(str::to_owned),
            url: host.map_or_else(|| home.url.clone(), |host| format!("http://{host}")),
            stop: Stop::of(extensions),
        }
    }

    /// `arn:aws:<service>:<region>:<account>:<resource>`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}

fn presigned_scope(uri: &Uri) -> Option<String> {
    let pairs = super::query::pairs(uri.query()?.as_bytes());
    pairs.into_iter().find(|(name, _)| name == "X-Amz-Credential").map(|(_, value)| value)
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
        let home =
            Home { region: "us-east-1".into(), account: "000000000000".into(), url: "http://x".into() };
        let header =
            "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=h";
        for (authorization, uri, expected) in [
            (Some(header), "/", ("eu-west-1", "123456789012", Some("sqs"))),
            (
                Some("AWS4-HMAC-SHA256 Credential=test/d/us-west-2/s3/a"),
                "/",
                ("us-west-2", "000000000000", Some("s3")),
            ),
            (
                None,
                "/b/k?X-Amz-Credential=AK%2Fd%2Feu-west-3%2Fs3%2Fx",
                ("eu-west-3", "000000000000", Some("s3")),
            ),
            (Some("Basic abc"), "/", ("us-east-1", "000000000000", None)),
            (Some("Credential=a/b/../c"), "/", ("us-east-1", "000000000000", Some("c"))),
            (None, "/", ("us-east-1", "000000000000", None)),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = authorization {
                headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            }
            let caller = Caller::of(&headers, &uri.parse().unwrap(), &Extensions::new(), &home);
            assert_eq!((&*caller.region, &*caller.account, caller.service.as_deref()), expected);
        }
    }
}
