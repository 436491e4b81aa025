//! One port, many services: a request is told apart as AWS's own gateways do.
//!
//! In this order: the prefix of `X-Amz-Target`, the service in the signature's scope, the path, the version of
//! a form, and what is left is S3's, whose paths are its users' own; but for the port itself when a browser opens it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use darkroom_port::{Answer, Refusal};
use futures::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Method, Response, Uri, header};

use crate::s3;
use crate::wire::{self, Caller, Fault, Home, query};

/// Bytes of a form. The largest is a batch of SQS.
const FORM_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A service behind the port.
pub trait Service: Send + Sync + 'static {
    /// By what its requests are known.
    fn route(&self) -> Route;

    /// Answers a request, its faults among the answers.
    fn answer(&self, request: Request, caller: Caller) -> BoxFuture<'_, Response<Body>>;
}

/// By what a service's requests are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Route {
    /// Its name in a signature's scope, such as `sqs`.
    pub name: &'static str,
    /// What its `X-Amz-Target` begins with, such as `AmazonSQS.`.
    pub targets: &'static [&'static str],
    /// What its paths begin with, where they are its alone.
    pub paths: &'static [&'static str],
    /// Paths that are its alone as they stand, and no other.
    pub pages: &'static [&'static str],
    /// The `Version` of its forms.
    pub version: Option<&'static str>,
    /// Whether it is what a person sees who opens the port in a browser.
    pub is_for_browsers: bool,
    /// What it speaks to those who name no target.
    pub protocol: Protocol,
}

/// How a service says what went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON, which names a target.
    #[default]
    Json,
    /// REST-JSON: the error's name is in a header.
    RestJson,
    /// Forms, answered in XML.
    Query,
    /// REST-XML, as S3 has it.
    RestXml,
    /// Smithy RPC v2 in CBOR, which a header names.
    Cbor,
}

/// All services of the port.
pub struct Router {
    home: Home,
    services: BTreeMap<&'static str, (Route, Arc<dyn Service>)>,
}

impl Router {
    /// A router of these services.
    pub fn new(home: Home, services: impl IntoIterator<Item = Arc<dyn Service>>) -> Self {
        let services = services.into_iter().map(|service| {
            let route = service.route();
            (route.name, (route, service))
        });
        Self { home, services: services.collect() }
    }

    /// Answers a request with the service that it is for.
    pub async fn answer(&self, request: Request) -> Response<Body> {
        let caller = Caller::of(request.headers(), request.uri(), request.extensions(), &self.home);
        if let Some(target) = wire::text(request.headers(), "x-amz-target") {
            return match self.by_target(target) {
                Some(service) => service.answer(request, caller).await,
                None => Fault::unknown_operation("the service", target).in_json("", wire::json::V1_0),
            };
        }
        let named = caller.service.clone().or_else(|| self.by_path(request.uri()).map(str::to_owned));
        if let Some(name) = named {
            return match self.services.get(&*name) {
                Some((_, service)) => service.answer(request, caller).await,
                None => unknown_service(&name),
            };
        }
        if let Some(version) = version_in_url(request.uri())
            && let Some(service) = self.by_version(&version)
        {
            return service.answer(request, caller).await;
        }
        if is_form(request.method(), request.headers()) {
            return self.answer_form(request, caller).await;
        }
        let pages = self.services.values().find(|(route, _)| route.is_for_browsers);
        if let Some((_, pages)) = pages.filter(|_| is_opened(&request)) {
            return pages.answer(request, caller).await;
        }
        match self.services.get("s3") {
            Some((_, service)) => service.answer(request, caller).await,
            None => unknown_service("s3"),
        }
    }

    async fn answer_form(&self, request: Request, caller: Caller) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let form = match wire::whole(body, FORM_BYTES_MAX).await {
            Ok(form) => form,
            Err(fault) => return fault.in_query_xml(""),
        };
        let pairs = query::pairs(&form);
        let version = pairs.iter().find(|(name, _)| name == "Version");
        let Some(service) = version.and_then(|(_, version)| self.by_version(version)) else {
            let message = "The form has no Version of a service that is known here";
            return Fault::sender(400, "MissingVersion", message).in_query_xml("");
        };
        service.answer(Request::from_parts(parts, form.into()), caller).await
    }

    fn by_target(&self, target: &str) -> Option<&Arc<dyn Service>> {
        let knows = |route: &Route| route.targets.iter().any(|prefix| target.starts_with(prefix));
        self.services.values().find(|(route, _)| knows(route)).map(|(_, service)| service)
    }

    fn by_path(&self, uri: &Uri) -> Option<&'static str> {
        let path = uri.path();
        let knows = |route: &Route| {
            route.pages.contains(&path) || route.paths.iter().any(|prefix| path.starts_with(prefix))
        };
        self.services.values().find(|(route, _)| knows(route)).map(|(route, _)| route.name)
    }

    fn by_version(&self, version: &str) -> Option<&Arc<dyn Service>> {
        let found = self.services.values().find(|(route, _)| route.version == Some(version));
        found.map(|(_, service)| service)
    }
}

impl Answer for Router {
    fn service(&self, parts: &Parts) -> Option<&'static str> {
        match wire::text(&parts.headers, "x-amz-target") {
            Some(target) => self.by_target(target).map(|service| service.route().name),
            None => self.by_path(&parts.uri),
        }
    }

    /// The link that confirms a subscription, which brings its token, is followed by whoever it was sent to.
    fn is_open(&self, parts: &Parts) -> bool {
        parts.method == Method::GET && version_in_url(&parts.uri).is_some() && confirms(&parts.uri)
    }

    async fn answer(&self, request: Request) -> Response<Body> {
        Self::answer(self, request).await
    }

    fn refuse(&self, parts: &Parts, refusal: &Refusal) -> Response<Body> {
        let caller = Caller::of(&parts.headers, &parts.uri, &parts.extensions, &self.home);
        let name = caller.service.as_deref().or_else(|| self.by_path(&parts.uri));
        let route = name.and_then(|name| self.services.get(name)).map(|(route, _)| route.protocol);
        let protocol = match route {
            _ if parts.headers.contains_key("x-amz-target") => Protocol::Json,
            _ if wire::cbor::is_spoken(&parts.headers) => Protocol::Cbor,
            Some(protocol) => protocol,
            None if is_form(&parts.method, &parts.headers) => Protocol::Query,
            None => Protocol::RestXml,
        };
        let fault = Fault::refused(refusal, protocol);
        match protocol {
            Protocol::Json => fault.in_json("", wire::json::V1_0),
            Protocol::RestJson => fault.in_rest_json(),
            Protocol::Query => fault.in_query_xml(""),
            Protocol::RestXml => s3::in_xml(&fault, parts.uri.path(), parts.method == Method::HEAD),
            Protocol::Cbor => fault.in_cbor(""),
        }
    }
}

/// A link that a person follows, such as the one that confirms a subscription.
fn version_in_url(uri: &Uri) -> Option<String> {
    let pairs = query::pairs(uri.query()?.as_bytes());
    let has_action = pairs.iter().any(|(name, _)| name == "Action");
    pairs.into_iter().find(|(name, _)| has_action && name == "Version").map(|(_, version)| version)
}

fn is_form(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::POST
        && wire::text(headers, header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// Whether a person opens the port in a browser. A client that lists buckets asks for no page.
fn is_opened(request: &Request) -> bool {
    let wants_page =
        wire::text(request.headers(), header::ACCEPT.as_str()).is_some_and(|it| it.contains("text/html"));
    let is_signed = request.headers().contains_key(header::AUTHORIZATION) || request.uri().query().is_some();
    request.method() == Method::GET
        && matches!(request.uri().path(), "/" | "/console")
        && wants_page
        && !is_signed
}

fn unknown_service(name: &str) -> Response<Body> {
    let message = format!("The service {name} is not served here");
    Fault::sender(400, "UnknownOperationException", message).in_json("", wire::json::V1_0)
}

fn confirms(uri: &Uri) -> bool {
    let pairs = query::pairs(uri.query().unwrap_or_default().as_bytes());
    pairs.iter().any(|(name, value)| name == "Action" && value == "ConfirmSubscription")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with its own name.
    struct Named(Route);

    impl Service for Named {
        fn route(&self) -> Route {
            self.0
        }

        fn answer(&self, _: Request, _: Caller) -> BoxFuture<'_, Response<Body>> {
            Box::pin(async { wire::response(200, "text/plain", self.0.name) })
        }
    }

    fn router() -> Router {
        let routes = [
            Route { name: "s3", ..Route::default() },
            Route { name: "sqs", targets: &["AmazonSQS."], version: Some("2012-11-05"), ..Route::default() },
            Route { name: "sns", version: Some("2010-03-31"), ..Route::default() },
            Route { name: "lambda", paths: &["/2015-03-31/functions"], ..Route::default() },
            Route { name: "metrics", pages: &["/metrics"], ..Route::default() },
            Route { name: "pages", paths: &["/pages/"], is_for_browsers: true, ..Route::default() },
        ];
        let home =
            Home { region: "us-east-1".into(), account: "000000000000".into(), url: "http://x".into() };
        Router::new(home, routes.map(|route| Arc::new(Named(route)) as Arc<dyn Service>))
    }

    #[tokio::test]
    async fn a_request_is_told_apart_as_awss_gateways_do() {
        let router = router();
        let scope =
            |service: &str| format!("AWS4-HMAC-SHA256 Credential=a/b/us-east-1/{service}/aws4_request");
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        for (method, uri, headers, body, expected) in [
            ("POST", "/", vec![("x-amz-target", "AmazonSQS.SendMessage".into())], "", "sqs"),
            ("POST", "/", vec![("x-amz-target", "Other.Call".into())], "", "not supported"),
            ("POST", "/", vec![("authorization", scope("sns"))], "", "sns"),
            ("POST", "/", vec![("authorization", scope("iam"))], "", "iam is not served"),
            ("PUT", "/2015-03-31/functions/k", vec![("authorization", scope("s3"))], "", "s3"),
            ("POST", "/2015-03-31/functions/f/invocations", vec![], "", "lambda"),
            ("POST", "/", vec![("content-type", form.into())], "Action=A&Version=2010-03-31", "sns"),
            ("POST", "/q", vec![("content-type", form.into())], "Action=A&Version=2012-11-05", "sqs"),
            ("POST", "/", vec![("content-type", form.into())], "Action=A", "MissingVersion"),
            ("GET", "/?Action=ConfirmSubscription&Version=2010-03-31", vec![], "", "sns"),
            ("GET", "/bucket/key", vec![], "", "s3"),
            ("GET", "/metrics", vec![], "", "metrics"),
            ("GET", "/metrics/key", vec![], "", "s3"),
            ("GET", "/metrics", vec![("authorization", scope("s3"))], "", "s3"),
            ("GET", "/pages/", vec![], "", "pages"),
            ("GET", "/", vec![], "", "s3"),
            ("GET", "/", vec![("accept", "text/html,*/*;q=0.8".into())], "", "pages"),
            ("GET", "/?prefix=a", vec![("accept", "text/html".into())], "", "s3"),
            ("GET", "/", vec![("accept", "text/html".into()), ("authorization", scope("s3"))], "", "s3"),
            ("GET", "/bucket/", vec![("accept", "text/html".into())], "", "s3"),
        ] {
            let mut request = Request::builder().method(method).uri(uri);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let response = router.answer(request.body(Body::from(body)).unwrap()).await;
            let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            let text = String::from_utf8_lossy(&body).into_owned();
            assert!(text.contains(expected), "{method} {uri}: {text}");
        }
    }
}
