//! `darkroom validate`: what is wrong with a definition, and where.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind, Source};
use darkroom_asl::definition::{self, Diagnostic, MachineType, Options, Severity};

use crate::cli::ValidateArguments;
use crate::json::print_json;
use crate::workflow::{PLACEHOLDERS, fill};

/// A definition that was looked at.
struct Checked {
    file: PathBuf,
    text: String,
    diagnostics: Vec<Diagnostic>,
}

/// Runs the command.
pub fn run(arguments: &ValidateArguments) -> anyhow::Result<ExitCode> {
    let checked: Vec<Checked> =
        arguments.files.iter().map(|file| check(file, arguments)).collect::<anyhow::Result<_>>()?;
    if arguments.json {
        print_files(&checked)?;
    } else {
        let coloured = is_coloured(&std::io::stdout());
        let mut out = std::io::stdout().lock();
        for one in &checked {
            let name = one.file.display().to_string();
            write_reports(&mut out, coloured, &name, &one.text, &one.diagnostics)?;
            let (errors, warnings) = (one.count(Severity::Error), one.count(Severity::Warning));
            if errors + warnings == 0 {
                writeln!(out, "{name}: valid")?;
            } else {
                writeln!(out, "{name}: {errors} errors, {warnings} warnings\n")?;
            }
        }
    }
    let valid = checked.iter().all(Checked::is_valid);
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(file: &Path, arguments: &ValidateArguments) -> anyhow::Result<Checked> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let given = arguments.placeholders.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let text = fill(&text, given.chain(PLACEHOLDERS));
    let machine_type = if arguments.express { MachineType::Express } else { MachineType::Standard };
    let mut diagnostics = definition::parse(&text, Options { machine_type }).diagnostics;
    if arguments.strict {
        for diagnostic in &mut diagnostics {
            diagnostic.severity = Severity::Error;
        }
    }
    Ok(Checked { file: file.to_owned(), text, diagnostics })
}

impl Checked {
    fn is_valid(&self) -> bool {
        !self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

fn print_files(checked: &[Checked]) -> anyhow::Result<()> {
    let files: Vec<serde_json::Value> = checked
        .iter()
        .map(|one| {
            let diagnostics: Vec<serde_json::Value> =
                one.diagnostics.iter().map(|diagnostic| json_diagnostic(diagnostic, &one.text)).collect();
            serde_json::json!({
                "file": one.file.display().to_string(),
                "result": if one.is_valid() { "OK" } else { "FAIL" },
                "diagnostics": diagnostics,
                "truncated": false,
            })
        })
        .collect();
    print_json(&serde_json::json!({ "files": files }))
}

/// AWS's diagnostic, with ours beside it: line, column and how to mend it.
fn json_diagnostic(diagnostic: &Diagnostic, text: &str) -> serde_json::Value {
    let mut json = serde_json::json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code.as_str(),
        "message": diagnostic.message,
    });
    if let Some(location) = &diagnostic.location {
        json["location"] = location.as_str().into();
    }
    if let Some(span) = &diagnostic.span {
        let (line, column) = darkroom_asl::json::line_column(text, span.start);
        json["line"] = line.into();
        json["column"] = column.into();
    }
    if let Some(help) = &diagnostic.help {
        json["help"] = help.as_str().into();
    }
    json
}

/// Whether what is written there may have colours.
pub fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Shows each diagnostic with the lines of `text` that it is about.
pub fn write_reports(
    out: &mut dyn Write,
    coloured: bool,
    name: &str,
    text: &str,
    diagnostics: &[Diagnostic],
) -> anyhow::Result<()> {
    for diagnostic in diagnostics {
        let (kind, colour) = match diagnostic.severity {
            Severity::Error => (ReportKind::Error, Color::Red),
            Severity::Warning => (ReportKind::Warning, Color::Yellow),
        };
        let span = diagnostic.span.as_ref().map_or(0..0, |span| span.start..span.end);
        let mut report = Report::build(kind, (name, span.clone()))
            .with_config(
                Config::new()
                    .with_color(coloured)
                    .with_index_type(IndexType::Byte)
                    .with_char_set(CharSet::Unicode),
            )
            .with_code(diagnostic.code.as_str())
            .with_message(&diagnostic.message);
        if let Some(location) = &diagnostic.location {
            report = report.with_label(Label::new((name, span)).with_message(location).with_color(colour));
        }
        if let Some(help) = &diagnostic.help {
            report = report.with_help(help);
        }
        report.finish().write((name, Source::from(text)), &mut *out)?;
    }
    Ok(())
}
