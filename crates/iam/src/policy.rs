//! A policy: its statements, parsed once.

use serde_json::{Map, Value};

use crate::condition::Condition;
use crate::context::Context;
use crate::decision::Request;
use crate::diagnostic::{Diagnostics, PolicyError, member};
use crate::pattern::{Pattern, Reach};
use crate::strict;

/// Bytes of a policy's text. AWS allows a role's inline policies 10,240 characters, blanks not counted.
pub const BYTES_MAX: usize = 65_536;

/// The version that has policy variables.
const VERSION: &str = "2012-10-17";
/// The version of a policy that names none.
const OLDER_VERSION: &str = "2008-10-17";

/// An identity-based policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// In the order of the text.
    pub statements: Vec<Statement>,
}

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Its name, where it has one.
    pub sid: Option<String>,
    /// What it does where it applies.
    pub effect: Effect,
    actions: Matcher,
    resources: Matcher,
    conditions: Vec<Condition>,
}

/// What a statement does where it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows, unless another one denies.
    Allow,
    /// It denies, whatever others say.
    Deny,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Matcher {
    patterns: Vec<Pattern>,
    is_negated: bool,
    ignores_case: bool,
}

impl Policy {
    /// Parses a policy.
    ///
    /// # Errors
    /// All that is wrong with it: a member that a policy does not have, an element that is missing or stands beside
    /// its opposite, a pattern that can match nothing.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut wrong = Diagnostics::default();
        if text.len() > BYTES_MAX {
            wrong.add("", format!("the policy has {} bytes; at most {BYTES_MAX} are read", text.len()));
            return wrong.unless_any(Self { statements: Vec::new() });
        }
        let statements = match strict::parse(text) {
            Ok(Value::Object(document)) => statements(&document, &mut wrong),
            Ok(_) => {
                wrong.add("", "the policy is no JSON object");
                Vec::new()
            }
            Err(error) => {
                wrong.add("", format!("the policy is not JSON: {error}"));
                Vec::new()
            }
        };
        wrong.unless_any(Self { statements })
    }
}

fn statements(document: &Map<String, Value>, wrong: &mut Diagnostics) -> Vec<Statement> {
    only_members(document, &["Version", "Id", "Statement"], "", wrong);
    let version = match document.get("Version") {
        None => OLDER_VERSION,
        Some(Value::String(version)) if [VERSION, OLDER_VERSION].contains(&&**version) => version,
        Some(other) => {
            let message = format!("`Version` is {other}; expected \"{VERSION}\" or \"{OLDER_VERSION}\"");
            wrong.add("/Version", message);
            VERSION
        }
    };
    let has_variables = version == VERSION;
    if document.get("Id").is_some_and(|id| !id.is_string()) {
        wrong.add("/Id", "`Id` is no string");
    }
    let mut found = Vec::new();
    match document.get("Statement") {
        None => wrong.add("", "the policy has no `Statement`"),
        Some(Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                found.extend(statement(item, &format!("/Statement/{at}"), has_variables, wrong));
            }
            unique_sids(&found, wrong);
        }
        Some(one) => found.extend(statement(one, "/Statement", has_variables, wrong)),
    }
    found
}

fn unique_sids(statements: &[Statement], wrong: &mut Diagnostics) {
    for (at, statement) in statements.iter().enumerate() {
        if let Some(sid) = &statement.sid
            && statements[..at].iter().any(|earlier| earlier.sid.as_ref() == Some(sid))
        {
            wrong.add("/Statement", format!("two statements have the `Sid` \"{sid}\""));
        }
    }
}

fn statement(
    value: &Value,
    pointer: &str,
    has_variables: bool,
    wrong: &mut Diagnostics,
) -> Option<Statement> {
    let Value::Object(members) = value else {
        wrong.add(pointer, "a statement is a JSON object");
        return None;
    };
    let known = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    only_members(members, &known, pointer, wrong);
    let sid = match members.get("Sid") {
        None => None,
        Some(Value::String(sid)) if sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Some(sid.clone()).filter(|sid| !sid.is_empty())
        }
        Some(other) => {
            wrong.add(&member(pointer, "Sid"), format!("`Sid` is {other}; expected letters and digits"));
            None
        }
    };
    let effect = match members.get("Effect").map(Value::as_str) {
        Some(Some("Allow")) => Some(Effect::Allow),
        Some(Some("Deny")) => Some(Effect::Deny),
        Some(_) => {
            wrong.add(&member(pointer, "Effect"), "`Effect` is neither \"Allow\" nor \"Deny\"");
            None
        }
        None => {
            wrong.add(pointer, "the statement has no `Effect`");
            None
        }
    };
    let actions = matcher(members, "Action", pointer, wrong, action);
    let resources = matcher(members, "Resource", pointer, wrong, |text| resource(text, has_variables));
    let conditions = members
        .get("Condition")
        .map(|value| Condition::parse_all(value, &member(pointer, "Condition"), has_variables, wrong));
    Some(Statement {
        sid,
        effect: effect?,
        actions: Matcher { ignores_case: true, ..actions? },
        resources: resources?,
        conditions: conditions.unwrap_or_default(),
    })
}

fn only_members(members: &Map<String, Value>, known: &[&str], pointer: &str, wrong: &mut Diagnostics) {
    for name in members.keys().filter(|name| !known.contains(&&***name)) {
        let message = match &**name {
            "Principal" | "NotPrincipal" => {
                format!("`{name}` has no place in a role's policy: the role is the principal")
            }
            _ => format!("`{name}` is no member here; expected {}", known.join(", ")),
        };
        wrong.add(&member(pointer, name), message);
    }
}

/// The element of this name, or the one with `Not` before it: exactly one of them is there.
fn matcher(
    members: &Map<String, Value>,
    name: &str,
    pointer: &str,
    wrong: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<Pattern, String>,
) -> Option<Matcher> {
    let negated = format!("Not{name}");
    let (name, value, is_negated) = match (members.get(name), members.get(&negated)) {
        (Some(value), None) => (name, value, false),
        (None, Some(value)) => (&*negated, value, true),
        (Some(_), Some(_)) => {
            wrong.add(pointer, format!("the statement has both `{name}` and `{negated}`"));
            return None;
        }
        (None, None) => {
            wrong.add(pointer, format!("the statement has neither `{name}` nor `{negated}`"));
            return None;
        }
    };
    let pointer = member(pointer, name);
    let texts: Vec<(String, &Value)> = match value {
        Value::Array(items) if items.is_empty() => {
            wrong.add(&pointer, format!("`{name}` is empty"));
            return None;
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), item)).collect()
        }
        one => vec![(pointer, one)],
    };
    let mut patterns = Vec::with_capacity(texts.len());
    for (pointer, value) in texts {
        match value.as_str().ok_or_else(|| format!("`{name}` is {value}; expected a string")).and_then(&parse)
        {
            Ok(pattern) => patterns.push(pattern),
            Err(problem) => wrong.add(&pointer, problem),
        }
    }
    Some(Matcher { patterns, is_negated, ignores_case: false })
}

/// `*` or `service:Action`, with wildcards in the action.
fn action(text: &str) -> Result<Pattern, String> {
    let is_service = |service: &str| {
        !service.is_empty() && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_action = |action: &str| {
        !action.is_empty() && action.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*?".contains(&byte))
    };
    let is_fine = text == "*"
        || text.split_once(':').is_some_and(|(service, name)| is_service(service) && is_action(name));
    if !is_fine {
        return Err(format!("`{text}` is no action; expected `*` or one such as `lambda:InvokeFunction`"));
    }
    Pattern::parse(text, false)
}

/// `*` or an ARN, with wildcards and variables.
fn resource(text: &str, has_variables: bool) -> Result<Pattern, String> {
    // The parts that a pattern has to have: a wildcard may stand for several.
    let is_arn = text.starts_with("arn:") && (text.matches(':').count() >= 5 || text.ends_with('*'));
    if text != "*" && !is_arn {
        return Err(format!(
            "`{text}` is no resource; expected `*` or an ARN such as `arn:aws:s3:::bucket/*`"
        ));
    }
    Pattern::parse(text, has_variables)
}

impl Statement {
    /// Whether it is about this request.
    pub(crate) fn applies(&self, request: &Request<'_>) -> bool {
        let Request { action, resource, context } = request;
        self.actions.matches(action, context)
            && self.resources.matches(resource, context)
            && self.conditions.iter().all(|condition| condition.holds(context))
    }
}

impl Matcher {
    /// AWS: a variable without a value makes its pattern match nothing; a negated list with one applies to
    /// nothing, and not to everything.
    fn matches(&self, text: &str, context: &Context) -> bool {
        let found = self.patterns.iter().map(|pattern| {
            let reach = if self.ignores_case { Reach::Anything } else { Reach::Segment };
            pattern.matches(text, reach, self.ignores_case, context)
        });
        if self.is_negated {
            let found: Option<Vec<bool>> = found.collect();
            return found.is_some_and(|found| !found.contains(&true));
        }
        found.into_iter().any(|found| found == Some(true))
    }
}
