//! What every page has: its head, the way to the others, and the words for a status.

use darkroom_engine::store::ExecutionStatus;
use maud::{DOCTYPE, Markup, html};

use crate::query::link;

/// The pages that are always a step away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// None of them.
    None,
    /// What runs and what failed.
    Overview,
    /// All executions.
    Executions,
    /// State machines.
    Machines,
    /// Photos.
    Photos,
    /// Alarms.
    Alarms,
    /// Dead letters.
    DeadLetters,
    /// Lambda functions.
    Functions,
    /// Topics.
    Topics,
    /// Queues.
    Queues,
    /// Traces.
    Traces,
}

const TABS: [(Tab, &str, &str); 10] = [
    (Tab::Overview, "", "Overview"),
    (Tab::Executions, "executions", "Executions"),
    (Tab::Machines, "machines", "State machines"),
    (Tab::Photos, "photos", "Photos"),
    (Tab::Alarms, "alarms", "Alarms"),
    (Tab::DeadLetters, "dead-letters", "Dead letters"),
    (Tab::Functions, "functions", "Functions"),
    (Tab::Topics, "topics", "Topics"),
    (Tab::Queues, "queues", "Queues"),
    (Tab::Traces, "traces", "Traces"),
];

/// A page. `live` is where it hears of changes; what may change in it are elements with `data-part`.
pub fn page(title: &str, tab: Tab, live: Option<&str>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Darkroom" }
                link rel="icon" href="/console/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/console/graph.css";
                link rel="stylesheet" href="/console/console.css";
                script src="/console/console.js" defer {}
            }
            body data-live=[live] {
                a.skip href="#main" { "Skip to the page" }
                header {
                    a.brand href="/console/" { "Darkroom" }
                    nav aria-label="Pages" {
                        @for (own, path, name) in TABS {
                            a href=(link(path, &[])) aria-current=[(own == tab).then_some("page")] { (name) }
                        }
                    }
                }
                main #main { (body) }
                output #said role="status" {}
            }
        }
    }
}

/// A status, as a word with a colour.
pub fn status(status: ExecutionStatus) -> Markup {
    let class = match status {
        ExecutionStatus::Running => "is-running",
        ExecutionStatus::Succeeded => "is-succeeded",
        ExecutionStatus::Failed | ExecutionStatus::TimedOut => "is-failed",
        ExecutionStatus::Aborted => "is-aborted",
    };
    html! { span class=(format!("status {class}")) { (status.as_str()) } }
}

/// A form whose fields are sent to an action of the console. The script sends them, with the mark that it needs.
pub fn form(action: &str, content: &Markup) -> Markup {
    html! { form method="post" action=(link(&format!("do/{action}"), &[])) data-action { (content) } }
}

/// A form that is one button.
pub fn button(action: &str, name: &str, fields: &[(&str, &str)], question: Option<&str>) -> Markup {
    form(
        action,
        &html! {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button type="submit" data-question=[question] { (name) }
        },
    )
}

/// A command that can be copied.
pub fn command(name: &str, text: &str) -> Markup {
    html! {
        details.command {
            summary { (name) }
            pre tabindex="0" { (text) }
            button type="button" data-copy { "Copy" }
        }
    }
}

/// A text as one word of a shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
