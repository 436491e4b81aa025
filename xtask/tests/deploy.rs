//! What is deployed on AWS: Terraform's files, the state machines and the policies that they render.
//!
//! No provider is needed. Every file is parsed, every reference is looked up, and every template is rendered with the
//! names that the module gives it: a placeholder without a name fails here and not in the middle of an `apply`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use darkroom_asl::definition::{self, MachineType, Options};
use hcl::expr::{Expression, FuncCall, ObjectKey, TraversalOperator};
use hcl::template::{Element, Template};
use hcl::{Block, Body, Structure};
use serde_json::Value;

/// What a name stands for when a template is rendered here.
const SAMPLES: &[(&str, &str)] = &[
    ("account", "123456789012"),
    ("region", "eu-central-1"),
    ("project_name", "photos"),
    ("sns_topic_name", "photos-notifications"),
    ("queue_name", "photos-dead-letters"),
    ("table_name", "photos-images"),
    ("input_bucket", "photos-input"),
    ("output_bucket", "photos-output"),
    ("bucket", "photos-input"),
    ("function_name", "photos-resize"),
    ("key_arn", "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"),
];

/// The statements that may name every resource, since AWS knows no narrower one there, or since a key's policy can only
/// mean its own key.
const ON_EVERYTHING: &[(&str, &str)] = &[
    ("observability.json", "DeliverLogs"),
    ("observability.json", "SendTraces"),
    ("function-runtime.json", "SendTraces"),
    ("resource-key.json", "Administration"),
    ("resource-key.json", "Logs"),
    ("resource-key.json", "EventsAndAlarms"),
];

/// The statements that may name every action of a service: one that denies, and the owner's rights to a key.
const EVERY_ACTION: &[(&str, &str)] = &[
    ("resource-bucket.json", "DenyWithoutTls"),
    ("resource-queue.json", "DenyWithoutTls"),
    ("resource-key.json", "Administration"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder that end like this, by name.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder of ours").flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|it| it == extension));
    found.sort();
    found
}

/// The module: every structure of every file.
fn module() -> Vec<Structure> {
    let files = files("deploy/terraform", "tf");
    assert!(files.len() > 5, "{files:?}");
    let bodies = files
        .iter()
        .map(|file| hcl::parse(&text(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    bodies.flat_map(Body::into_inner).collect()
}

fn blocks<'a>(structures: &'a [Structure], identifier: &str) -> Vec<&'a Block> {
    let blocks = structures.iter().filter_map(Structure::as_block);
    blocks.filter(|block| block.identifier() == identifier).collect()
}

fn labels(block: &Block) -> Vec<&str> {
    block.labels().iter().map(hcl::BlockLabel::as_str).collect()
}

/// Everything below `locals`, by name.
fn locals(structures: &[Structure]) -> BTreeMap<&str, &Expression> {
    let bodies = blocks(structures, "locals").into_iter().flat_map(|block| block.body().attributes());
    bodies.map(|attribute| (attribute.key(), attribute.expr())).collect()
}

/// Shows every expression within a structure, from the outside in, those in templates too.
fn visit(structure: &Structure, see: &mut dyn FnMut(&Expression)) {
    match structure {
        Structure::Attribute(attribute) => visit_expression(attribute.expr(), see),
        Structure::Block(block) => block.body().iter().for_each(|structure| visit(structure, see)),
    }
}

fn visit_expression(expression: &Expression, see: &mut dyn FnMut(&Expression)) {
    see(expression);
    match expression {
        Expression::Array(items) => items.iter().for_each(|item| visit_expression(item, see)),
        Expression::Object(object) => {
            for (key, value) in object {
                if let ObjectKey::Expression(key) = key {
                    visit_expression(key, see);
                }
                visit_expression(value, see);
            }
        }
        Expression::FuncCall(call) => call.args.iter().for_each(|argument| visit_expression(argument, see)),
        Expression::Parenthesis(inner) => visit_expression(inner, see),
        Expression::Conditional(conditional) => {
            for part in [&conditional.cond_expr, &conditional.true_expr, &conditional.false_expr] {
                visit_expression(part, see);
            }
        }
        Expression::Operation(operation) => match &**operation {
            hcl::expr::Operation::Unary(unary) => visit_expression(&unary.expr, see),
            hcl::expr::Operation::Binary(binary) => {
                visit_expression(&binary.lhs_expr, see);
                visit_expression(&binary.rhs_expr, see);
            }
        },
        Expression::ForExpr(each) => {
            visit_expression(&each.collection_expr, see);
            visit_expression(&each.value_expr, see);
            each.key_expr.iter().chain(&each.cond_expr).for_each(|part| visit_expression(part, see));
        }
        Expression::TemplateExpr(template) => {
            let template = Template::from_expr(template).expect("a template that was parsed");
            for element in template.elements() {
                if let Element::Interpolation(interpolation) = element {
                    visit_expression(&interpolation.expr, see);
                }
            }
        }
        Expression::Traversal(traversal) => {
            for operator in &traversal.operators {
                if let TraversalOperator::Index(index) = operator {
                    visit_expression(index, see);
                }
            }
        }
        _ => {}
    }
}

/// The first two names of a reference: `var.region`, `aws_kms_key.main`.
fn reference(expression: &Expression) -> Option<(String, String)> {
    let Expression::Traversal(traversal) = expression else { return None };
    let Expression::Variable(first) = &traversal.expr else { return None };
    let Some(TraversalOperator::GetAttr(second)) = traversal.operators.first() else { return None };
    Some((first.as_str().to_owned(), second.as_str().to_owned()))
}

/// A template of the module: its file, and the names that it is given.
struct Rendered {
    file: PathBuf,
    text: String,
}

/// Every `templatefile` of the module, rendered with samples.
fn rendered(structures: &[Structure]) -> Vec<Rendered> {
    let locals = locals(structures);
    let mut calls = Vec::new();
    for structure in structures {
        visit(structure, &mut |expression| {
            if let Expression::FuncCall(call) = expression
                && call.name.name == "templatefile".into()
            {
                calls.push((**call).clone());
            }
        });
    }
    calls.iter().map(|call| render(call, &locals)).collect()
}

fn render(call: &FuncCall, locals: &BTreeMap<&str, &Expression>) -> Rendered {
    let [path, values] = &*call.args else { panic!("templatefile has two arguments: {call:?}") };
    let file = PathBuf::from(path_of(path, locals));
    let template = text(&file);
    assert!(!template.contains("%{"), "{}: Terraform takes `%{{` for a directive", file.display());
    let names = names_of(values, locals);
    let text = names.iter().fold(template, |text, name| {
        let sample = SAMPLES.iter().find(|(sample, _)| sample == name);
        let (_, value) = sample.unwrap_or_else(|| panic!("`{name}` has no sample in this test"));
        text.replace(&format!("${{{name}}}"), value)
    });
    assert!(
        !text.contains("${"),
        "{}: a placeholder is given no value, of {names:?}: {text}",
        file.display()
    );
    Rendered { file, text }
}

/// A path made of `path.module`, locals and text.
fn path_of(expression: &Expression, locals: &BTreeMap<&str, &Expression>) -> String {
    match expression {
        Expression::String(text) => text.clone(),
        Expression::TemplateExpr(template) => {
            let template = Template::from_expr(template).expect("a template that was parsed");
            let elements = template.elements().iter().map(|element| match element {
                Element::Literal(text) => text.clone(),
                Element::Interpolation(interpolation) => path_of(&interpolation.expr, locals),
                Element::Directive(_) => panic!("a path with a directive: {template:?}"),
            });
            elements.collect()
        }
        other => match reference(other) {
            Some((of, name)) if of == "local" => path_of(locals[&*name], locals),
            Some((of, name)) if (&*of, &*name) == ("path", "module") => {
                root().join("deploy/terraform").display().to_string()
            }
            _ => panic!("not part of a path: {other:?}"),
        },
    }
}

/// The names that a template is given.
fn names_of(expression: &Expression, locals: &BTreeMap<&str, &Expression>) -> BTreeSet<String> {
    match expression {
        Expression::Object(object) => object.keys().map(ToString::to_string).collect(),
        Expression::FuncCall(call) if call.name.name == "merge".into() => {
            call.args.iter().flat_map(|argument| names_of(argument, locals)).collect()
        }
        other => match reference(other) {
            Some((of, name)) if of == "local" => names_of(locals[&*name], locals),
            _ => panic!("not what a template is given: {other:?}"),
        },
    }
}

#[test]
fn every_reference_is_to_something() {
    let module = module();
    let mut declared = BTreeSet::new();
    let mut declare = |of: &str, name: &str| declared.insert((of.to_owned(), name.to_owned()));
    for variable in blocks(&module, "variable") {
        declare("var", labels(variable)[0]);
    }
    for resource in blocks(&module, "resource") {
        declare(labels(resource)[0], labels(resource)[1]);
    }
    for data in blocks(&module, "data") {
        declare("data", labels(data)[0]);
    }
    for name in locals(&module).keys() {
        declare("local", name);
    }
    declare("path", "module");
    let mut used = BTreeSet::new();
    for structure in &module {
        visit(structure, &mut |expression| used.extend(reference(expression)));
    }
    // What a block is given by `for_each`, and the variables of a `for`, belong to that block.
    used.retain(|(of, _)| ["var", "local", "data", "path"].contains(&&**of) || of.starts_with("aws_"));
    let missing: Vec<_> = used.difference(&declared).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let unused: Vec<_> =
        declared.difference(&used).filter(|(of, _)| ["var", "local", "data"].contains(&&**of)).collect();
    assert!(unused.is_empty(), "{unused:?} are not used");
}

#[test]
fn every_variable_and_output_says_what_it_is() {
    let module = module();
    let readme = text(&root().join("deploy/terraform/README.md"));
    for block in blocks(&module, "variable").into_iter().chain(blocks(&module, "output")) {
        let name = labels(block)[0];
        let described = block.body().attributes().any(|attribute| attribute.key() == "description");
        assert!(described, "{} `{name}` has no description", block.identifier());
        if block.identifier() == "variable" {
            assert!(readme.contains(&format!("`{name}`")), "the README does not name `{name}`");
        }
    }
}

#[test]
fn the_state_machines_are_valid_to_the_last_warning() {
    let workflows: Vec<Rendered> = rendered(&module())
        .into_iter()
        .filter(|rendered| rendered.file.to_string_lossy().ends_with(".asl.json"))
        .collect();
    assert_eq!(workflows.len(), 2);
    for Rendered { file, text } in workflows {
        let options = Options { machine_type: MachineType::Standard };
        let diagnostics = definition::parse(&text, options).diagnostics;
        assert!(diagnostics.is_empty(), "{}: {diagnostics:#?}", file.display());
    }
}

#[test]
fn the_workflow_calls_the_functions_that_are_made() {
    let module = module();
    let functions = names_of(locals(&module)["functions"], &locals(&module));
    let workflow = text(&root().join("workflows/image-processing.asl.json"));
    let called: BTreeSet<String> = workflow
        .split("function:${project_name}-")
        .skip(1)
        .map(|rest| rest.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '-').collect())
        .collect();
    assert_eq!(called, functions);
}

#[test]
fn every_policy_is_used_and_keeps_the_rules() {
    let rendered = rendered(&module());
    let name = |path: &Path| path.file_name().expect("a file").to_string_lossy().into_owned();
    let used: BTreeSet<String> = rendered.iter().map(|rendered| name(&rendered.file)).collect();
    for file in files("deploy/policies", "json") {
        assert!(used.contains(&name(&file)), "{} is not used", file.display());
    }
    let policies = rendered.iter().filter(|rendered| !name(&rendered.file).ends_with(".asl.json"));
    let mut statements = 0;
    for Rendered { file, text } in policies {
        let policy: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        statements += check_policy(&name(file), &policy);
        // What is a role's is parsed as it is where roles are held to it.
        if !["trust-", "resource-"].iter().any(|kind| name(file).starts_with(kind)) {
            darkroom_iam::Policy::parse(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
    assert!(statements > 20, "only {statements} statements");
}

/// Holds a policy to what AWS asks of one, and to what we do. Answers how many statements it has.
fn check_policy(file: &str, policy: &Value) -> usize {
    assert_eq!(policy["Version"], "2012-10-17", "{file}");
    let statements = policy["Statement"].as_array().unwrap_or_else(|| panic!("{file}: no statements"));
    let mut sids = BTreeSet::new();
    for statement in statements {
        let sid = statement["Sid"].as_str().unwrap_or_else(|| panic!("{file}: a statement without a Sid"));
        assert!(sid.chars().all(|letter| letter.is_ascii_alphanumeric()), "{file}: {sid}");
        assert!(sids.insert(sid), "{file}: {sid} is there twice");
        assert!(["Allow", "Deny"].iter().any(|effect| statement["Effect"] == *effect), "{file}: {sid}");
        let known = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
        let keys = statement.as_object().expect("an object").keys();
        assert!(keys.clone().all(|key| known.contains(&&**key)), "{file}: {sid}: {keys:?}");
        let is_trust = file.starts_with("trust-");
        let is_attached_to_a_resource = is_trust || file.starts_with("resource-");
        assert_eq!(statement.get("Principal").is_some(), is_attached_to_a_resource, "{file}: {sid}");
        assert_eq!(statement.get("Resource").is_none(), is_trust, "{file}: {sid}");
        for action in listed(&statement["Action"]) {
            let (service, name) = action.split_once(':').unwrap_or_else(|| panic!("{file}: {sid}: {action}"));
            assert!(service.chars().all(|letter| letter.is_ascii_alphanumeric()), "{file}: {sid}: {action}");
            let may = name.chars().all(char::is_alphanumeric) || EVERY_ACTION.contains(&(file, sid));
            assert!(may, "{file}: {sid} names more actions than it needs: {action}");
        }
        for resource in listed(&statement["Resource"]) {
            let may = resource.starts_with("arn:aws:") || ON_EVERYTHING.contains(&(file, sid));
            assert!(may, "{file}: {sid} is on {resource}");
        }
    }
    statements.len()
}

/// One text, or many.
fn listed(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}
