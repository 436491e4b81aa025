//! What `--json` prints: one document, with lines for whoever reads it after all.

use std::io::Write as _;

use serde::Serialize;

/// Prints a document on standard output.
pub fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, document)?;
    writeln!(out)?;
    Ok(())
}
