//! The console: web pages that show what runs, what failed, where and why, and let a person do something about it.
//!
//! Pages are made here, on the server, of what the engine and its store say. A page marks the parts of it that may
//! change; a few lines of script hear of changes by server-sent events, fetch the page again and put in what is new.
//! Everything is in the binary: no page asks another server for anything, and the policy that each is sent with
//! forbids it. What changes something is a `POST` that only a page of the console can send: [`guard`] says why.
//!
//! Photos and the other services are not known here: [`Platform`] is asked, which the binary implements.

mod actions;
mod answer;
mod ask;
mod assets;
mod changes;
mod chart;
mod describe;
mod diff;
mod error;
mod guard;
mod json;
mod layout;
mod live;
mod pages;
mod platform;
mod query;
mod restart;
mod time;
mod why;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use darkroom_engine::Engine;
use http::Method;

pub use changes::Changes;
pub use platform::{
    DeadLetter, Deliveries, Durations, FailedDelivery, FunctionActivity, LastCall, Photo, PhotoStatus,
    Platform, PlatformError, Spread, WaitingDelivery,
};

use crate::answer::{not_found, redirect, refused};
use crate::error::ConsoleError;
use crate::query::Query;

/// Where the console's pages are.
pub const HOME: &str = "/console/";

/// The console.
#[derive(Clone)]
pub struct Console {
    engine: Arc<Engine>,
    changes: Arc<Changes>,
    platform: Arc<dyn Platform>,
}

impl Console {
    /// A console of this engine. `changes` is told by the engine's observer.
    pub fn new(engine: Arc<Engine>, changes: Arc<Changes>, platform: Arc<dyn Platform>) -> Self {
        Self { engine, changes, platform }
    }

    /// Answers a request, whatever it is for. What is not below [`HOME`] is led there.
    pub async fn answer(&self, request: Request) -> Response {
        if let Err(refusal) = guard::check(request.method(), request.headers()) {
            return refused(refusal);
        }
        let Some(path) = request.uri().path().strip_prefix(HOME).map(str::to_owned) else {
            return redirect(HOME);
        };
        let query = Query::of(request.uri());
        let answered = match *request.method() {
            Method::GET | Method::HEAD => self.page(&path, query).await,
            Method::POST => actions::run(self, &path, query, request.into_body()).await,
            _ => return answer::not_allowed(),
        };
        answered.unwrap_or_else(|error| answer::failed(&error))
    }

    async fn page(&self, path: &str, query: Query) -> Result<Response<Body>, ConsoleError> {
        match path {
            "" => {
                let ringing = pages::alarms::ringing(self).await;
                self.read(move |console| pages::overview::page(console, &ringing)).await
            }
            "executions" => self.read(move |console| pages::executions::page(console, &query)).await,
            "execution" => self.read(move |console| pages::execution::page(console, &query)).await,
            "event" => self.read(move |console| pages::execution::event(console, &query)).await,
            "machines" => self.read(move |console| pages::machines::page(console, &query)).await,
            "machine" => self.read(move |console| pages::machine::page(console, &query)).await,
            "photos" => self.read(pages::photos::page).await,
            "photo" => pages::photos::file(self, &query).await,
            "alarms" => pages::alarms::all(self).await,
            "alarm" => pages::alarms::one(self, &query).await,
            "functions" => pages::functions::all(self).await,
            "function" => pages::functions::one(self, &query).await,
            "topics" => pages::topics::page(self).await,
            "queues" => pages::queues::page(self).await,
            "dead-letters" => self.read(pages::dead_letters::page).await,
            "traces" => pages::trace::page(self, &query).await,
            "live" => Ok(live::stream(self, &query)),
            _ => Ok(assets::find(path).unwrap_or_else(not_found)),
        }
    }

    /// Reads the store on a thread that may wait for it.
    async fn read(
        &self,
        read: impl FnOnce(&Self) -> Result<Response<Body>, ConsoleError> + Send + 'static,
    ) -> Result<Response<Body>, ConsoleError> {
        let console = self.clone();
        tokio::task::spawn_blocking(move || read(&console)).await.unwrap_or(Err(ConsoleError::Panicked))
    }
}
