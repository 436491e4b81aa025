//! Darkroom: an image-processing platform on its own durable, AWS Step Functions-compatible engine.
//!
//! The binary knows everyone and does little itself: it reads the command line, wires the parts together
//! and shows what came of it. Exit codes: 0 all is well, 1 something failed that the output names, 2 the
//! command was not understood or could not begin.

mod bench;
mod cli;
mod config;
mod console;
mod dead_letters;
mod diagnostics;
mod digest;
mod executions;
mod graph;
mod json;
mod jsonata;
mod limits;
mod logs;
mod metrics;
mod package;
mod platform;
mod process;
mod roles;
mod serve;
mod server;
mod table;
mod tasks;
mod traces;
mod validate;
mod watch;
mod workflow;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a command that could not begin.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let (format, filter) = match &arguments.command {
        cli::Command::Serve(serve) => (serve.log_format, serve.log.as_ref()),
        _ => (diagnostics::Format::default(), None),
    };
    if let Err(error) = diagnostics::start(format, filter) {
        eprintln!("error: {error:#}");
        return ExitCode::from(EXIT_USAGE);
    }
    let outcome = match arguments.command {
        cli::Command::Process(process) => process::run(&process),
        cli::Command::History(history) => executions::history(&history),
        cli::Command::List(list) => executions::list(&list),
        cli::Command::Serve(serve) => serve::run(&serve),
        cli::Command::Config(config) => config::run(&config),
        cli::Command::Package(package) => package::run(&package),
        cli::Command::Watch(watch) => watch::run(&watch),
        cli::Command::DeadLetters(letters) => dead_letters::run(&letters),
        cli::Command::Bench(bench) => bench::run(&bench),
        cli::Command::Jsonata(jsonata) => jsonata::run(&jsonata),
        cli::Command::Validate(validate) => validate::run(&validate),
        cli::Command::Graph(graph) => graph::run(&graph),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}
