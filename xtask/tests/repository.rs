//! The repository keeps its own rules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The edges that ARCHITECTURE.md draws: each crate, and the crates of ours that it may use.
const EDGES: &[(&str, &[&str])] = &[
    (
        "darkroom",
        &[
            "darkroom-asl",
            "darkroom-console",
            "darkroom-engine",
            "darkroom-functions",
            "darkroom-gateway",
            "darkroom-graph",
            "darkroom-iam",
            "darkroom-jsonata",
            "darkroom-lambda",
            "darkroom-port",
            "darkroom-services",
            "darkroom-trace",
        ],
    ),
    ("darkroom-gateway", &["darkroom-asl", "darkroom-engine", "darkroom-port", "darkroom-trace"]),
    ("darkroom-graph", &["darkroom-asl"]),
    ("darkroom-console", &["darkroom-asl", "darkroom-engine", "darkroom-graph", "darkroom-trace"]),
    ("darkroom-functions", &[]),
    ("darkroom-services", &["darkroom-iam", "darkroom-port", "darkroom-trace"]),
    ("darkroom-lambda", &["darkroom-functions", "darkroom-services"]),
    ("darkroom-iam", &[]),
    ("darkroom-port", &[]),
    ("darkroom-trace", &[]),
    ("darkroom-engine", &["darkroom-asl", "darkroom-trace"]),
    ("darkroom-asl", &["darkroom-jsonata"]),
    ("darkroom-jsonata", &[]),
    ("xtask", &[]),
];

/// Crates that read a clock, a file, a socket or a random source, or run futures: not for a pure core.
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "futures",
    "mio",
    "socket2",
    "hyper",
    "reqwest",
    "rusqlite",
    "object_store",
    "tempfile",
    "getrandom",
    "rand",
    "fastrand",
    "uuid",
    "chrono",
    "time",
    "jiff",
    "tracing",
];

/// The crates whose whole tree must be pure.
const PURE: &[&str] =
    &["darkroom-asl", "darkroom-graph", "darkroom-iam", "darkroom-jsonata", "darkroom-trace"];

/// What an outside crate brings along that is impure, and is kept from being used: every function of JSONata that reads
/// a clock or draws a number is replaced by one that is handed them (`crates/jsonata/src/host.rs`).
const BROUGHT_ALONG: &[(&str, &[&str])] = &[("jsonata-core", &["chrono", "rand"])];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root").to_owned()
}

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

/// Each package's name, by its id.
fn names(metadata: &serde_json::Value) -> BTreeMap<&str, &str> {
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?))).collect()
}

/// What each package depends on to be built and run: tests' own dependencies are not counted.
fn dependencies(metadata: &serde_json::Value) -> BTreeMap<&str, BTreeSet<&str>> {
    let names = names(metadata);
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    nodes
        .iter()
        .map(|node| {
            let needed = node["deps"].as_array().expect("deps").iter().filter(|dependency| {
                let kinds = dependency["dep_kinds"].as_array().expect("kinds");
                kinds.iter().any(|kind| kind["kind"].is_null())
            });
            let needed = needed.filter_map(|dependency| names.get(dependency["pkg"].as_str()?).copied());
            (names[node["id"].as_str().expect("id")], needed.collect())
        })
        .collect()
}

#[test]
fn dependencies_point_down_only() {
    let metadata = metadata();
    let dependencies = dependencies(&metadata);
    let members: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in EDGES {
        let found = dependencies.get(name).unwrap_or_else(|| panic!("the workspace has no {name}"));
        let ours: BTreeSet<&str> = found.intersection(&members).copied().collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert!(ours.is_subset(&allowed), "{name} uses {ours:?}; ARCHITECTURE.md allows {allowed:?}");
    }
    let workspace = metadata["workspace_members"].as_array().expect("members").len();
    assert_eq!(workspace, EDGES.len(), "a crate is missing from this test's table and from ARCHITECTURE.md");
}

#[test]
fn the_pure_core_is_pure() {
    let metadata = metadata();
    let dependencies = dependencies(&metadata);
    for core in PURE {
        let mut reached = BTreeSet::new();
        let mut to_visit = vec![*core];
        while let Some(name) = to_visit.pop() {
            if reached.insert(name) {
                let brought =
                    BROUGHT_ALONG.iter().find(|(outside, _)| *outside == name).map_or(&[][..], |it| it.1);
                let needed = dependencies.get(name).into_iter().flatten();
                to_visit.extend(needed.filter(|needed| !brought.contains(*needed)));
            }
        }
        let impure: Vec<&&str> = IMPURE.iter().filter(|name| reached.contains(**name)).collect();
        assert!(impure.is_empty(), "{core} reaches {impure:?}");
    }
}

#[test]
fn only_the_jsonata_crate_names_the_evaluator() {
    let metadata = metadata();
    let dependencies = dependencies(&metadata);
    for (name, _) in EDGES {
        let names_it = dependencies.get(name).is_some_and(|needed| needed.contains("jsonata-core"));
        assert_eq!(names_it, *name == "darkroom-jsonata", "{name}");
    }
}

#[test]
fn architecture_draws_every_edge() {
    let text = read("ARCHITECTURE.md");
    for (name, allowed) in EDGES {
        assert!(text.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name `{name}`");
        for other in *allowed {
            assert!(text.contains(&format!("`{other}`")), "ARCHITECTURE.md does not name `{other}`");
        }
    }
}

#[test]
fn the_readme_says_the_two_commands_and_ci_runs_the_second() {
    let readme = read("README.md");
    let ci = read(".ci/run");
    for command in ["cargo run --release -- process examples/photos", "cargo test --workspace"] {
        assert!(readme.contains(command), "README.md does not say `{command}`");
    }
    assert!(ci.contains("cargo test --workspace"), ".ci/run does not run the README's test command");
}

#[test]
fn sources_hold_nothing_left_behind() {
    // Spelt in halves, so that this file does not find itself.
    let words = [["to", "do!("], ["unimpl", "emented!("], ["db", "g!("], ["#[ig", "nore"], ["FIX", "ME"]];
    for file in sources() {
        let text = std::fs::read_to_string(&file).expect("a source is text");
        for halves in &words {
            let word = halves.concat();
            assert!(!text.contains(&word), "{} holds `{word}`", file.display());
        }
    }
}

#[test]
fn every_source_says_what_it_is() {
    for file in sources() {
        let text = std::fs::read_to_string(&file).expect("a source is text");
        assert!(text.starts_with("//!"), "{} does not begin with a `//!`", file.display());
    }
}

#[test]
fn no_folder_is_a_drawer() {
    for file in sources() {
        for part in file.strip_prefix(root()).expect("a source of ours") {
            let name = part.to_string_lossy();
            let name = name.trim_end_matches(".rs");
            let drawers = ["utils", "util", "helpers", "common", "misc", "manager"];
            assert!(!drawers.contains(&name), "{} is named for nothing", file.display());
        }
    }
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every Rust file of the repository.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut to_visit = vec![root().join("crates"), root().join("xtask")];
    while let Some(folder) = to_visit.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of ours").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    to_visit.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20, "only {} sources found", found.len());
    found
}
