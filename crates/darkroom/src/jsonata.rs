//! `darkroom jsonata`: an expression's value, or what is wrong with it and where.

use std::io::{IsTerminal, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind, Source};
use darkroom_asl::interpreter::Random as _;
use darkroom_engine::OsRandom;
use darkroom_jsonata::{Error, Expression, Limits, Outcome, Session, Surroundings};

use crate::cli::JsonataArguments;

/// Runs the command.
pub fn run(arguments: &JsonataArguments) -> anyhow::Result<ExitCode> {
    let input = arguments.file.as_deref().map(read).transpose()?;
    let mut session = Session::new(Limits::default(), Rc::new(Machine { began: Instant::now() }));
    for (name, json) in &arguments.bindings {
        check(json).with_context(|| format!("the value of `${name}` is not JSON"))?;
        session.bind_json(name, json.as_str());
    }
    if let Some(input) = &input {
        session.set_context(input.as_str());
        if !arguments.bindings.iter().any(|(name, _)| name == "states") {
            session.bind_member("states", "input", input.as_str());
        }
    }
    let evaluated =
        Expression::parse(&arguments.expression).and_then(|expression| session.evaluate(&expression));
    match evaluated {
        Ok(Outcome::Json(json)) => print(&json, arguments.json)?,
        Ok(Outcome::Undefined) => eprintln!("the result is undefined: there is nothing to print"),
        Ok(Outcome::Unsupported) => {
            eprintln!("error: the result is a function, which is no JSON");
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => {
            report(&error, &arguments.expression)?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The JSON text of a file, or of standard input for `-`.
fn read(file: &Path) -> anyhow::Result<String> {
    let name = file.display();
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?
    };
    check(&text).with_context(|| format!("{name} is not JSON"))?;
    Ok(text)
}

fn check(json: &str) -> Result<(), darkroom_asl::json::ParseError> {
    darkroom_asl::json::check(json)
}

fn print(json: &str, is_compact: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if is_compact || !out.is_terminal() {
        writeln!(out, "{json}")?;
        return Ok(());
    }
    writeln!(out, "{}", indented(json))?;
    Ok(())
}

/// JSON text over several lines. Its tokens stay as they are: what reads numbers would write some of them otherwise.
fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let (mut is_in_string, mut is_escaped) = (false, false);
    let mut characters = json.chars().peekable();
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    };
    while let Some(character) = characters.next() {
        if is_in_string {
            text.push(character);
            is_in_string = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            continue;
        }
        match character {
            '[' | '{' => {
                text.push(character);
                if let Some(end) = characters.next_if(|next| matches!(next, ']' | '}')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(',');
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => {
                is_in_string = character == '"';
                text.push(character);
            }
        }
    }
    text
}

/// The source with a caret, where the place is known.
fn report(error: &Error, source: &str) -> anyhow::Result<()> {
    let name = "expression";
    let mut out = std::io::stderr().lock();
    let is_coloured = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let start = error.position.unwrap_or(0).min(source.len());
    let length = error.token.as_ref().map_or(1, String::len);
    let end = (start + length).min(source.len());
    let span = if source.is_char_boundary(end) { start..end } else { start..start };
    let mut report = Report::build(ReportKind::Error, (name, span.clone())).with_config(
        Config::new()
            .with_color(is_coloured)
            .with_index_type(IndexType::Byte)
            .with_char_set(CharSet::Unicode),
    );
    if let Some(code) = &error.code {
        report = report.with_code(code);
    }
    report = report.with_message(&error.message);
    if error.position.is_some() {
        let about = error.token.as_ref().map_or_else(|| "here".to_owned(), |token| format!("`{token}`"));
        report = report.with_label(Label::new((name, span)).with_message(about).with_color(Color::Red));
    }
    report.finish().write((name, Source::from(source)), &mut out)?;
    if error.position.is_none() {
        writeln!(out, "  in: {source}")?;
    }
    Ok(())
}

/// The time and chance of this machine.
struct Machine {
    began: Instant,
}

impl Surroundings for Machine {
    fn now_millis(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }

    fn random_u64(&self) -> u64 {
        OsRandom.next_u64()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_its_tokens_stay() {
        let cases = [
            ("1e+21", "1e+21"),
            ("[]", "[]"),
            (
                r#"{"a":[1,{}],"b":"[,:{\\\""}"#,
                "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"[,:{\\\\\\\"\"\n}",
            ),
        ];
        for (json, expected) in cases {
            assert_eq!(indented(json), expected);
        }
    }
}
