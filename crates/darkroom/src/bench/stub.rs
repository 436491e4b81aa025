//! Functions that do nothing: Lambda's Invoke API, which answers every call at once.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// What every function returns.
const RESULT: &[u8] = br#"{"ok":true}"#;

/// Listens here, and answers for as long as the runtime runs. Answers where it listens.
pub async fn listen(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        // A connection that cannot be taken is its caller's failure, which the report shows.
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream) {
    // Where the option is refused answers only come later.
    let _ = stream.set_nodelay(true);
    // What goes wrong with a connection is its caller's failure, which the report shows.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    // Read to its end, so that the connection can be used again.
    let _ = request.into_body().collect().await;
    Ok(Response::new(Full::new(Bytes::from_static(RESULT))))
}
