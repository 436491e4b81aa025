//! Where a service is reached: in this process, or anywhere that speaks its API. The call is the same.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use axum::body::Body;
use bytes::Bytes;
pub use darkroom_port::AccessKey;
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::error::ServicesError;
use crate::router::Router;

/// Bytes of an answer. The largest that a Task has use for is a function's, 6 MB.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest to wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The longest to wait for an answer: a function may run for 15 minutes.
const ANSWER_MAX: Duration = Duration::from_secs(15 * 60 + 10);
/// Connections to a host that are kept open while nobody uses them. Our choice: fewer than may be in use at once are opened
/// again and again.
const IDLE_CONNECTIONS_MAX: usize = 512;

/// A call that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unable to execute HTTP request: {reason}")]
pub struct Unreachable {
    /// Whether the service may have got the call all the same.
    pub was_sent: bool,
    /// What stood in the way.
    pub reason: String,
}

/// Whom a call is for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The service's name in a signature, such as `sqs`.
    pub service: &'a str,
    /// Its name in AWS's host names, such as `api.ecr`; often the same.
    pub host_prefix: &'a str,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// Twelve digits. AWS itself knows it by the credentials.
    pub account: &'a str,
}

/// One side of a service. A request's URI is its path and query alone.
pub trait Endpoint: Send + Sync {
    /// Sends a request and waits for the whole answer.
    fn send<'a>(
        &'a self,
        scope: Scope<'a>,
        request: Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, Unreachable>>;
}

/// A service that is somewhere else.
#[derive(Clone, Default)]
pub struct RemoteSettings {
    /// Its URL; none is AWS itself.
    pub url: Option<String>,
    /// The key that calls are signed with; without one they are not.
    pub key: Option<AccessKey>,
}

/// The endpoints of all services: those that are set apart, and this process for the others.
#[derive(Default)]
pub struct Endpoints {
    remote: BTreeMap<String, Arc<dyn Endpoint>>,
    embedded: Embedded,
}

impl Endpoints {
    /// These services are remote, by their names; the others are reached through the router, once there is one.
    pub fn new(remote: &BTreeMap<String, RemoteSettings>) -> Result<Self, ServicesError> {
        let endpoint = |(name, settings): (&String, &RemoteSettings)| {
            if let Some(url) = &settings.url
                && !(url.starts_with("http://") || url.starts_with("https://"))
            {
                let message = format!("the endpoint {url} of {name} does not begin with http:// or https://");
                return Err(ServicesError::Setting(message));
            }
            let remote: Arc<dyn Endpoint> =
                Arc::new(Remote::new(settings.url.as_deref(), settings.key.clone()));
            Ok((name.clone(), remote))
        };
        let remote = remote.iter().map(endpoint).collect::<Result<_, _>>()?;
        Ok(Self { remote, embedded: Embedded::default() })
    }

    /// Whether the service of this name is somewhere else.
    pub fn is_remote(&self, service: &str) -> bool {
        self.remote.contains_key(service)
    }

    /// Tells where the embedded services are. Services hold endpoints and the router holds services, so it
    /// comes last; a second telling changes nothing.
    pub fn embed(&self, router: &Arc<Router>) {
        let _ = self.embedded.0.set(Arc::downgrade(router));
    }

    /// Sends a request to the service's side.
    pub async fn send(
        &self,
        scope: Scope<'_>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Unreachable> {
        let endpoint: &dyn Endpoint = match self.remote.get(scope.service) {
            Some(remote) => remote.as_ref(),
            None => &self.embedded,
        };
        match tokio::time::timeout(ANSWER_MAX, endpoint.send(scope, request)).await {
            Ok(answered) => answered,
            Err(_) => {
                Err(Unreachable { was_sent: true, reason: "the answer did not come in time".to_owned() })
            }
        }
    }
}

impl Endpoint for Endpoints {
    fn send<'a>(
        &'a self,
        scope: Scope<'a>,
        request: Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, Unreachable>> {
        Box::pin(Self::send(self, scope, request))
    }
}

/// Why a service did not do what it was asked to: the error's code and message, wherever its protocol has them.
pub fn refusal_in(response: &Response<Bytes>) -> (String, String) {
    crate::tasks::code_and_message(response)
}

/// The services of this process, asked without a socket.
#[derive(Default)]
struct Embedded(OnceLock<Weak<Router>>);

impl Endpoint for Embedded {
    fn send<'a>(
        &'a self,
        scope: Scope<'a>,
        mut request: Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, Unreachable>> {
        Box::pin(async move {
            let router = self.0.get().and_then(Weak::upgrade);
            let router = router.ok_or_else(|| not_sent("the services are not running"))?;
            let credential = format!(
                "AWS4-HMAC-SHA256 Credential={}/-/{}/{}/aws4_request",
                scope.account, scope.region, scope.service
            );
            let credential = credential.parse().map_err(|_| not_sent("the region or account is no text"))?;
            request.headers_mut().insert(http::header::AUTHORIZATION, credential);
            let response = router.answer(request.map(Body::from)).await;
            collected(response).await
        })
    }
}

/// AWS itself, or an endpoint that speaks its API.
pub struct Remote {
    url: Option<String>,
    credentials: Option<Credentials>,
    client: HttpClient,
}

/// A client of HTTP/1.1, with and without TLS.
pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that trusts the certificate authorities that Mozilla trusts.
pub(crate) fn http_client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_MAX));
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(IDLE_CONNECTIONS_MAX).build(connector)
}

impl Remote {
    /// The endpoint at this URL, or AWS's own. Without a key, requests go unsigned.
    pub fn new(url: Option<&str>, key: Option<AccessKey>) -> Self {
        let credentials =
            key.map(|key| Credentials::new(key.id, key.secret, key.session_token, None, "settings"));
        Self { url: url.map(|url| url.trim_end_matches('/').to_owned()), credentials, client: http_client() }
    }

    fn address(&self, scope: Scope<'_>, request: &mut Request<Bytes>) -> Result<(), Unreachable> {
        let base = match &self.url {
            Some(url) => url.clone(),
            None => format!("https://{}.{}.amazonaws.com", scope.host_prefix, scope.region),
        };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri: Uri = format!("{base}{path}").parse().map_err(|_| not_sent("the endpoint is no URL"))?;
        let host = uri.authority().ok_or_else(|| not_sent("the endpoint has no host"))?.as_str();
        let host = host.parse().map_err(|_| not_sent("the endpoint's host is no text"))?;
        request.headers_mut().insert(http::header::HOST, host);
        *request.uri_mut() = uri;
        Ok(())
    }

    fn sign(&self, scope: Scope<'_>, request: &mut Request<Bytes>) -> Result<(), Unreachable> {
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let failed = |error: &dyn std::fmt::Display| not_sent(&format!("it cannot be signed: {error}"));
        let mut settings = SigningSettings::default();
        if scope.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity = credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(scope.region)
            .name(scope.service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let uri = request.uri().to_string();
        let headers =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            &uri,
            headers,
            SignableBody::Bytes(request.body()),
        )
        .map_err(|error| failed(&error))?;
        let (instructions, _) = sign(signable, &parameters).map_err(|error| failed(&error))?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

impl Endpoint for Remote {
    fn send<'a>(
        &'a self,
        scope: Scope<'a>,
        mut request: Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, Unreachable>> {
        Box::pin(async move {
            self.address(scope, &mut request)?;
            self.sign(scope, &mut request)?;
            let response = self
                .client
                .request(request.map(Full::new))
                .await
                .map_err(|error| Unreachable { was_sent: !error.is_connect(), reason: chain(&error) })?;
            collected(response.map(Body::new)).await
        })
    }
}

async fn collected(response: Response<Body>) -> Result<Response<Bytes>, Unreachable> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| Unreachable { was_sent: true, reason: chain(error.as_ref()) })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn not_sent(reason: &str) -> Unreachable {
    Unreachable { was_sent: false, reason: reason.to_owned() }
}

/// An error with what is behind it.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
