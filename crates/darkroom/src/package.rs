//! `darkroom package`: the five Lambda functions as the ZIP files that AWS takes.

mod zip;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use darkroom_functions::FunctionName;
use serde_json::{Value, json};

use crate::cli::PackageArguments;
use crate::digest::sha256;

/// What AWS looks for in a function's ZIP file.
const ENTRY: &str = "bootstrap";
/// Bytes of a function's code, unpacked. AWS's own bound, 250 MB.
const PROGRAM_BYTES_MAX: usize = 262_144_000;

/// Runs the command.
pub fn run(arguments: &PackageArguments) -> anyhow::Result<ExitCode> {
    let PackageArguments { from, out, json } = arguments;
    // All programs first: half a set is of no use.
    let mut programs = Vec::new();
    for function in FunctionName::ALL {
        let path = from.join(format!("bootstrap-{function}"));
        let program = std::fs::read(&path).with_context(|| {
            format!(
                "{} cannot be read; `darkroom package --help` says how the programs are built",
                path.display()
            )
        })?;
        let architecture = architecture(&program).with_context(|| path.display().to_string())?;
        anyhow::ensure!(
            program.len() <= PROGRAM_BYTES_MAX,
            "{} has {} bytes, and AWS takes at most {PROGRAM_BYTES_MAX}: was it built with --release?",
            path.display(),
            program.len()
        );
        programs.push((function, architecture, program));
    }
    if programs.iter().any(|(_, architecture, _)| *architecture != programs[0].1) {
        bail!("the programs in {} are not all of one architecture", from.display());
    }
    std::fs::create_dir_all(out).with_context(|| format!("the folder {} cannot be made", out.display()))?;
    let mut made = Vec::new();
    for (function, architecture, program) in programs {
        let path = out.join(format!("{function}.zip"));
        let file = zip::with_program(ENTRY, &program)?;
        write(&path, &file).with_context(|| format!("{} cannot be written", path.display()))?;
        made.push(json!({
            "function": function.as_str(), "file": path, "architecture": architecture, "bytes": file.len(),
            "sha256": sha256([&*file]),
        }));
    }
    if *json {
        println!("{:#}", json!({ "packages": made }));
    } else {
        for package in &made {
            let text = |member: &str| package[member].as_str().unwrap_or_default();
            println!("{}  {}  {} bytes", text("file"), text("architecture"), Value::clone(&package["bytes"]));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a program runs on, in AWS's words.
fn architecture(program: &[u8]) -> anyhow::Result<&'static str> {
    match (program.get(..5), program.get(18..20)) {
        // 64 bits; what it is for is a number of two bytes.
        (Some(b"\x7fELF\x02"), Some([183, 0])) => Ok("arm64"),
        (Some(b"\x7fELF\x02"), Some([62, 0])) => Ok("x86_64"),
        (Some(b"\x7fELF\x02"), Some(_)) => bail!("it is a program for a machine that Lambda does not have"),
        _ => bail!("it is no program for Linux"),
    }
}

/// Writes a file so that there is all of it or nothing under its name.
fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("zip.part");
    std::fs::write(&temporary, content)?;
    std::fs::rename(temporary, path)
}
