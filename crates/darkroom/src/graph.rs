//! `darkroom graph`: a definition as a picture.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use darkroom_asl::definition::{self, Options, Severity};
use darkroom_graph::Svg;

use crate::cli::GraphArguments;
use crate::validate::{is_coloured, write_reports};
use crate::workflow::{PLACEHOLDERS, fill};

/// Runs the command.
pub fn run(arguments: &GraphArguments) -> anyhow::Result<ExitCode> {
    let name = arguments.file.display().to_string();
    let text = std::fs::read_to_string(&arguments.file).with_context(|| format!("{name} cannot be read"))?;
    let given = arguments.placeholders.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let text = fill(&text, given.chain(PLACEHOLDERS));
    let parsed = definition::validate(&text, Options::default());
    let Some(machine) = parsed.machine else {
        // Warnings are not what stands in the way of a picture.
        let errors: Vec<_> =
            parsed.diagnostics.into_iter().filter(|it| it.severity == Severity::Error).collect();
        let mut out = std::io::stderr().lock();
        write_reports(&mut out, is_coloured(&std::io::stderr()), &name, &text, &errors)?;
        writeln!(out, "{name}: {} errors, no picture", errors.len())?;
        return Ok(ExitCode::FAILURE);
    };
    let picture = if arguments.mermaid {
        darkroom_graph::mermaid(&machine)
    } else {
        let drawing = darkroom_graph::lay_out(&machine)?;
        let title = machine.comment.as_deref().unwrap_or(&name);
        darkroom_graph::svg(&machine, &drawing, Svg { title, has_style: true, ..Svg::default() })
    };
    let Some(file) = &arguments.output else {
        std::io::stdout().lock().write_all(picture.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::write(file, picture).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(ExitCode::SUCCESS)
}
