//! Photos: put in, looked at before and after, and why some failed.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};

use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::platform::{Photo, PhotoStatus};
use crate::query::{Query, link};
use crate::{Console, answer};

/// Photos that are shown.
const SHOWN_MAX: usize = 60;

/// The page. Reads the records.
pub fn page(console: &Console) -> Result<Response, ConsoleError> {
    let (photos, has_more) = console.platform.photos(SHOWN_MAX)?;
    let body = html! {
        h1 { "Photos" }
        div.drop data-drop=(link("do/upload", &[])) {
            label for="files" { "Drop photos here, or choose some" }
            input #files type="file" multiple accept="image/*";
            ul #uploads aria-live="polite" {}
        }
        div data-part="grid" {
            @if photos.is_empty() { p.quiet { "No photo has been processed yet." } }
            @if has_more {
                p.notice { "The " (photos.len()) " photos that were put in last are shown." }
            }
            ul.photos { @for photo in &photos { (card(photo)) } }
        }
    };
    Ok(answer::page(layout::page("Photos", Tab::Photos, Some(&link("live", &[])), &body)))
}

fn card(photo: &Photo) -> Markup {
    let name = photo.file_name.as_deref().unwrap_or(&photo.image_id);
    let best = photo.outputs.iter().find(|(word, _)| word == "small watermarked").or(photo.outputs.first());
    let class = match &photo.status {
        PhotoStatus::Processing => ("is-running", "processing"),
        PhotoStatus::Completed => ("is-succeeded", "completed"),
        PhotoStatus::Failed { .. } => ("is-failed", "failed"),
    };
    html! {
        li.photo data-image=(photo.image_id) {
            div.pair {
                @if let Some(key) = &photo.original { (picture(key, &format!("{name}, as it was"), "before")) }
                @if let Some((_, key)) = best { (picture(key, &format!("{name}, processed"), "after")) }
            }
            div.text {
                strong { (name) } " " span class=(format!("status {}", class.0)) { (class.1) }
                @if let PhotoStatus::Failed { step, reason } = &photo.status {
                    p.failure { strong { (step) } ": " (reason) }
                }
                @if !photo.outputs.is_empty() {
                    p { @for (word, key) in &photo.outputs { a href=(file_link(key)) { (word) } " " } }
                }
                details {
                    summary { "Record" }
                    dl.facts {
                        dt { "Image" } dd { code { (photo.image_id) } }
                        dt { "User" } dd { (photo.user_id) }
                        @for (word, text) in &photo.facts { dt { (word) } dd { (text) } }
                        dt { "Changed" } dd { time datetime=(photo.updated_at) { (photo.updated_at) } }
                    }
                }
                @if let Some(arn) = &photo.execution {
                    p { a href=(link("execution", &[("arn", arn)])) { "Its execution" } }
                }
            }
        }
    }
}

fn picture(key: &str, words: &str, class: &str) -> Markup {
    html! { a href=(file_link(key)) class=(class) { img src=(file_link(key)) alt=(words) loading="lazy"; } }
}

fn file_link(key: &str) -> String {
    link("photo", &[("key", key)])
}

/// A photo's bytes.
pub async fn file(console: &Console, query: &Query) -> Result<Response<Body>, ConsoleError> {
    let key = query.get("key").unwrap_or_default();
    let (bytes, kind) = console.platform.picture(key).await?;
    let mut response = answer::of(StatusCode::OK, kind, bytes);
    // What somebody sent in is a picture, or nothing at all.
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
