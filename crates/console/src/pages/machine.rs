//! One state machine: its definition with what is to be said of it, its picture, its versions, and a start.

use axum::response::Response;
use darkroom_asl::definition::{self, Diagnostic, Options};
use darkroom_asl::json::line_column;
use darkroom_engine::store::{
    Filter, Revision, StartedThrough, StoredAlias, StoredStateMachine, StoredVersion,
};
use maud::{Markup, html};

use super::executions::table;
use super::picture;
use crate::error::ConsoleError;
use crate::layout::{self, Tab, command, quoted};
use crate::query::{Query, link};
use crate::{Console, answer, time};

/// Lines of a definition that are shown.
const LINES_MAX: usize = 5_000;
/// Versions that are shown.
const VERSIONS_MAX: usize = 50;
/// Executions that are shown.
const ROWS: usize = 8;

/// The page.
pub fn page(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    let store = console.engine.store();
    let arn = query.get("arn").unwrap_or_default();
    // Executions may be older than the console knows, and of a machine that is gone or never was created.
    let machine = store
        .state_machine(arn)?
        .ok_or_else(|| ConsoleError::NotFound(format!("the state machine {arn}")))?;
    let version: Option<u32> = query.number("version");
    let chosen = version.map(|number| store.version(arn, number)).transpose()?.flatten();
    let revision = chosen.as_ref().map_or(&machine.revision, |version| &version.revision);
    let text = store.definition(&revision.definition)?;
    let text = text.ok_or_else(|| ConsoleError::NotFound("the definition".to_owned()))?;
    let parsed = definition::validate(&text, Options { machine_type: machine.machine_type });
    let (versions, aliases) = (store.versions(arn, None, VERSIONS_MAX)?, store.aliases(arn)?);
    let through = Some(StartedThrough::StateMachine(machine.arn.clone()));
    let recent = store.executions(&Filter { through, limit: ROWS, ..Filter::default() })?;
    let now = console.engine.now();
    let body = html! {
        h1 { (machine.name) @if let Some(version) = &chosen { " version " (version.number) } }
        (facts(&machine, revision))
        section {
            h2 { "Graph" }
            div.picture tabindex="0" role="region" aria-label="Graph of the state machine" {
                @match &parsed.machine {
                    Some(checked) => { (picture::of_machine(checked, &machine.name)) }
                    None => { p.notice { "The definition is not valid here; see below." } }
                }
            }
        }
        section { h2 { "Start" } (start(console, &machine, chosen.as_ref())) }
        section data-part="recent" {
            h2 { "Executions" }
            (table(&recent.iter().collect::<Vec<_>>(), now))
            p { a href=(link("executions", &[("machine", arn)])) { "All executions" } }
        }
        @if !versions.is_empty() || !aliases.is_empty() { (published(&machine, &versions, &aliases)) }
        section { h2 { "Definition" } (diagnostics(&parsed.diagnostics, &text)) (lines(&text, &parsed.diagnostics)) }
    };
    Ok(answer::page(layout::page(&machine.name, Tab::Machines, Some(&link("live", &[])), &body)))
}

fn facts(machine: &StoredStateMachine, revision: &Revision) -> Markup {
    html! {
        dl.facts {
            dt { "ARN" } dd { code { (machine.arn) } }
            dt { "Role" } dd { code { (revision.role_arn) } }
            dt { "Created" } dd { (time::moment(machine.created_at)) }
            dt { "Changed" } dd { (time::moment(revision.updated_at)) }
        }
    }
}

fn start(console: &Console, machine: &StoredStateMachine, version: Option<&StoredVersion>) -> Markup {
    let arn = version.map_or_else(|| machine.arn.clone(), StoredVersion::arn);
    let (url, region) = (console.platform.endpoint_url(), console.platform.region());
    let start = format!(
        "aws stepfunctions start-execution --endpoint-url {url} --region {region} --state-machine-arn {} --input '{{}}'",
        quoted(&arn)
    );
    html! {
        (layout::form("start", &html! {
            input type="hidden" name="machine" value=(arn);
            label { "Name" input type="text" name="name" maxlength="80" placeholder="one is made if this is empty"; }
            label { "Input" textarea name="input" rows="6" spellcheck="false" { "\n{}" } }
            button type="submit" { "Start" }
        }))
        (command("The same as a command", &start))
    }
}

fn published(machine: &StoredStateMachine, versions: &[StoredVersion], aliases: &[StoredAlias]) -> Markup {
    html! {
        section {
            h2 { "Versions and aliases" }
            ul {
                li { a href=(link("machine", &[("arn", &machine.arn)])) { "current" } }
                @for version in versions {
                    li {
                        a href=(link("machine", &[("arn", &machine.arn), ("version", &version.number.to_string())])) {
                            "version " (version.number)
                        }
                        " " (time::moment(version.created_at)) " " (version.description.as_deref().unwrap_or_default())
                    }
                }
                @for alias in aliases {
                    li {
                        "alias " strong { (alias.name) } ":"
                        @for route in &alias.routes { " " (route.weight) " % version " (route.version) }
                    }
                }
            }
        }
    }
}

fn diagnostics(found: &[Diagnostic], text: &str) -> Markup {
    html! {
        @if !found.is_empty() {
            ul.diagnostics {
                @for one in found {
                    li class=(one.severity.as_str()) {
                        strong { (one.severity.as_str()) } " " code { (one.code.as_str()) } " " (one.message)
                        @if let Some(span) = one.span {
                            @let (line, _) = line_column(text, span.start);
                            " " a href=(format!("#line-{line}")) { "line " (line) }
                        }
                        @if let Some(help) = &one.help { div.quiet { (help) } }
                    }
                }
            }
        }
    }
}

/// The text with the numbers of its lines; a definition that stands on one line gets lines first.
fn lines(text: &str, found: &[Diagnostic]) -> Markup {
    let is_one_line = text.trim_end().lines().nth(1).is_none();
    let broken = if is_one_line { crate::json::whole(text) } else { text.to_owned() };
    let marked: Vec<usize> = found
        .iter()
        .filter(|_| !is_one_line)
        .filter_map(|one| usize::try_from(line_column(text, one.span?.start).0).ok())
        .collect();
    let count = broken.lines().count();
    html! {
        div.code tabindex="0" role="region" aria-label="Definition" {
            ol {
                @for (number, line) in broken.lines().take(LINES_MAX).enumerate() {
                    li id=(format!("line-{}", number + 1)) class=[marked.contains(&(number + 1)).then_some("marked")] {
                        code { (line) }
                    }
                }
            }
        }
        @if count > LINES_MAX { p.notice { "The first " (LINES_MAX) " of " (count) " lines are shown." } }
    }
}
