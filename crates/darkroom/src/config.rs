//! `darkroom config`: what a server's settings mean, without a server.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{ConfigArguments, ConfigCommand};
use crate::roles;
use crate::serve::settings::{self, File};
use crate::workflow::{ACCOUNT, REGION};

/// The example, with a comment for everything that there is.
pub const EXAMPLE: &str = include_str!("../../../darkroom.example.toml");

/// Runs the command.
pub fn run(arguments: &ConfigArguments) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match &arguments.command {
        ConfigCommand::Example => write!(out, "{EXAMPLE}")?,
        ConfigCommand::Check { config, data, json } => {
            let described = settings::read(config.as_deref(), data).and_then(|file| describe(&file));
            let described = match described {
                Ok(described) => described,
                Err(error) if *json => {
                    writeln!(out, "{:#}", json!({ "valid": false, "error": format!("{error:#}") }))?;
                    return Ok(ExitCode::FAILURE);
                }
                Err(error) => {
                    eprintln!("{error:#}");
                    return Ok(ExitCode::FAILURE);
                }
            };
            if *json {
                writeln!(out, "{described:#}")?;
            } else {
                write!(out, "{}", lines(&described))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the settings mean, after all checks that need no server.
fn describe(file: &File) -> anyhow::Result<Value> {
    let names = file.names();
    let shipped = roles::shipped(ACCOUNT, &names.placeholders(REGION, ACCOUNT))?;
    file.roles(shipped.clone(), ACCOUNT)?;
    file.functions(REGION, "http://127.0.0.1:4566", None)?;
    let remote = file.remote()?;
    let services: Vec<Value> = darkroom_services::EMBEDDED
        .iter()
        .map(|name| {
            let place = remote.get(*name).map_or("embedded", |it| it.url.as_deref().unwrap_or("aws"));
            json!({ "name": name, "endpoint": place })
        })
        .collect();
    let platform = if names.enabled {
        json!({
            "inputBucket": names.input_bucket, "outputBucket": names.output_bucket, "table": names.table,
            "topic": names.topic, "deadLetterQueue": names.dead_letter_queue,
        })
    } else {
        Value::Null
    };
    Ok(json!({
        "valid": true, "services": services, "platform": platform,
        "functions": file.function_names(), "roles": file.role_names(), "rolesThatShip": shipped.len(),
        "otherRoles": if file.are_roles_enforced() { "may do nothing" } else { "may do everything" },
    }))
}

fn lines(described: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| -> String {
        let names: Vec<String> = value.as_array().into_iter().flatten().map(text).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let mut lines = String::new();
    let mut add = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{name:<14}{value}");
    };
    for service in described["services"].as_array().into_iter().flatten() {
        add(&text(&service["name"]), text(&service["endpoint"]));
    }
    match described["platform"].as_object() {
        Some(names) => {
            let names: Vec<String> = names.values().map(text).collect();
            add("platform", names.join(", "));
        }
        None => add("platform", "none is made".to_owned()),
    }
    add("functions", format!("the image functions; {}", list(&described["functions"])));
    add("roles", format!("{} that ship; {}", described["rolesThatShip"], list(&described["roles"])));
    add("other roles", text(&described["otherRoles"]));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> anyhow::Result<Value> {
        settings::parse(text, [].into_iter()).and_then(|file| describe(&file))
    }

    #[test]
    fn the_example_means_what_holds_without_it() {
        assert_eq!(described(EXAMPLE).unwrap(), described("").unwrap());
    }

    #[test]
    fn all_that_the_example_shows_is_right() {
        // What stands behind `#` and looks like TOML, but for the file of a policy, which is not there.
        let shown: Vec<&str> = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.starts_with(['[', '{', '\'', ' ']) || rest.contains(" = ") => rest,
                _ => line,
            })
            .filter(|line| !line.starts_with("policies = ") && !line.starts_with("A variable"))
            .collect();
        let described = described(&shown.join("\n")).unwrap();
        assert_eq!(described["functions"], json!(["checker", "thumbnails"]));
        assert_eq!(described["roles"], json!(["orders-workflow"]));
        assert_eq!(described["services"][4], json!({ "name": "s3", "endpoint": "aws" }));
    }
}
