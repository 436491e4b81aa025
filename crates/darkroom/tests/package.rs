//! `darkroom package` as a program: what comes out is a ZIP file that other programs read.

mod support;

use std::process::Command;

use support::{Workspace, text};

const FUNCTIONS: [&str; 5] = ["validation", "resize", "watermark", "error-handler", "cleanup"];

/// The beginning of a program for this machine, and something behind it.
fn program(machine: u8) -> Vec<u8> {
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(18, 0);
    program.extend([machine, 0]);
    program.extend(b"the same bytes again and again, ".repeat(1000));
    program
}

#[test]
fn the_five_programs_become_files_that_lambda_takes() {
    let workspace = Workspace::new();
    let built = workspace.path().join("built");
    std::fs::create_dir(&built).expect("a folder");
    let package =
        || workspace.darkroom(&["package", "--from", "built", "--json"]).output().expect("the binary runs");
    let missing = package();
    assert_eq!(missing.status.code(), Some(2), "{}", text(&missing));
    for function in FUNCTIONS {
        std::fs::write(built.join(format!("bootstrap-{function}")), program(183)).expect("a program");
    }
    let made = package();
    assert_eq!(made.status.code(), Some(0), "{}", text(&made));
    let report: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    for (package, function) in report["packages"].as_array().expect("packages").iter().zip(FUNCTIONS) {
        assert_eq!((&package["function"], &package["architecture"]), (&function.into(), &"arm64".into()));
        let read = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                    i = z.infolist(); print(i[0].filename, oct(i[0].external_attr >> 16), len(z.read(i[0])), len(i))";
        let file = package["file"].as_str().expect("a file");
        let Ok(output) =
            Command::new("python3").args(["-c", read, file]).current_dir(workspace.path()).output()
        else {
            // Only where there is a Python is the file read by somebody else.
            continue;
        };
        let expected = format!("bootstrap 0o100755 {} 1\n", program(183).len());
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", text(&output));
    }
    assert_eq!(
        report,
        serde_json::from_slice::<serde_json::Value>(&package().stdout).expect("JSON"),
        "twice the same"
    );

    for (wrong, words) in [
        (b"#!/bin/sh".to_vec(), "no program for Linux"),
        (program(3), "does not have"),
        (program(62), "one architecture"),
    ] {
        std::fs::write(built.join("bootstrap-cleanup"), wrong).expect("a program");
        let refused = package();
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
        assert!(text(&refused).contains(words), "{}", text(&refused));
    }
}
