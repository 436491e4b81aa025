//! What is written into a picture: conditions, errors, and what a state does, in few words.
//!
//! A word here is for people. What it stands for is in the definition.

use darkroom_asl::data::choice::{Comparison, Operand, Operator, Order, Rule, Test};
use darkroom_asl::data::timestamp::Instant;
use darkroom_asl::definition::{
    Condition, Count, Items, Map, Mode, Resource, Selection, StateKind, Wait, WaitUntil,
};
use darkroom_asl::json::{Text, Value};

/// When a rule of a Choice is taken.
pub fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Rule(rule) => words(rule, false),
        Condition::Fixed(holds) => holds.to_string(),
        Condition::Query(query) => bare(query.text()),
    }
}

/// Which errors a catcher takes.
pub fn errors(names: &[Text]) -> String {
    let shown = names.iter().map(|name| if &**name == "States.ALL" { "any error" } else { name });
    shown.collect::<Vec<_>>().join(", ")
}

/// What a state is and does: its type, and where there is more to say, that.
pub fn purpose(kind: &StateKind) -> String {
    match kind {
        StateKind::Task(task) => resource(&task.resource),
        StateKind::Pass(_) => "Pass".to_owned(),
        StateKind::Choice(_) => "Choice".to_owned(),
        StateKind::Wait(wait) => until(wait),
        StateKind::Succeed(_) => "Succeed".to_owned(),
        StateKind::Fail(_) => "Fail".to_owned(),
        StateKind::Parallel(parallel) => match parallel.branches.len() {
            1 => "Parallel · 1 branch".to_owned(),
            number => format!("Parallel · {number} branches"),
        },
        StateKind::Map(map) => items(map),
    }
}

/// A `JSONata` expression without what marks it as one.
fn bare(text: &str) -> String {
    let inner = text.strip_prefix("{%").and_then(|rest| rest.strip_suffix("%}")).unwrap_or(text);
    inner.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `is_part` is whether it stands in another rule, and must be held together.
fn words(rule: &Rule, is_part: bool) -> String {
    match rule {
        Rule::And(rules) => joined(rules.iter().filter(|rule| !is_guard(rule, rules)), " and ", is_part),
        Rule::Or(rules) => joined(rules.iter(), " or ", is_part),
        Rule::Not(rule) => format!("not {}", words(rule, true)),
        Rule::Comparison(comparison) => compared(comparison),
    }
}

fn joined<'r>(rules: impl Iterator<Item = &'r Rule> + Clone, word: &str, is_part: bool) -> String {
    let is_alone = rules.clone().nth(1).is_none();
    let parts: Vec<String> = rules.map(|rule| words(rule, !is_alone || is_part)).collect();
    let text = parts.join(word);
    if is_part && !is_alone { format!("({text})") } else { text }
}

/// Whether a rule only asks if something is there before another one looks at it.
fn is_guard(rule: &Rule, all: &[Rule]) -> bool {
    let Rule::Comparison(guard) = rule else { return false };
    let is_test = |it: &Comparison| matches!(it.operator, Operator::Is(Test::Present, _));
    matches!(guard.operator, Operator::Is(Test::Present, true))
        && all.iter().any(|other| match other {
            Rule::Comparison(other) => !is_test(other) && other.variable.text() == guard.variable.text(),
            Rule::And(_) | Rule::Or(_) | Rule::Not(_) => false,
        })
}

fn compared(Comparison { variable, operator }: &Comparison) -> String {
    let variable = variable.text();
    let ordered = |order: Order, operand: String| format!("{variable} {} {operand}", sign(order));
    match operator {
        Operator::String(order, operand) => ordered(*order, written(operand, quoted)),
        Operator::Numeric(order, operand) => ordered(*order, written(operand, ToString::to_string)),
        Operator::Boolean(operand) => ordered(Order::Equals, written(operand, ToString::to_string)),
        Operator::Timestamp(order, operand) => ordered(*order, written(operand, Instant::to_string)),
        Operator::StringMatches(Ok(pattern)) => format!("{variable} like {pattern}"),
        Operator::StringMatches(Err(_)) => format!("{variable} like a broken pattern"),
        Operator::Is(test, expected) => {
            let is = if *expected { "is" } else { "is not" };
            let test = match test {
                Test::Null => "null",
                Test::Present => "present",
                Test::Numeric => "a number",
                Test::String => "a string",
                Test::Boolean => "a boolean",
                Test::Timestamp => "a timestamp",
            };
            format!("{variable} {is} {test}")
        }
    }
}

fn sign(order: Order) -> &'static str {
    match order {
        Order::Equals => "=",
        Order::LessThan => "<",
        Order::GreaterThan => ">",
        Order::LessThanEquals => "≤",
        Order::GreaterThanEquals => "≥",
    }
}

fn written<T>(operand: &Operand<T>, value: impl Fn(&T) -> String) -> String {
    match operand {
        Operand::Value(found) => value(found),
        Operand::Path(path) => path.text().to_string(),
    }
}

fn quoted(text: &Text) -> String {
    Value::from(text.clone()).to_text()
}

/// `Lambda · resize`, `SNS · publish`, `Activity · approve`: the last word of a name is what tells it apart.
fn resource(resource: &Resource) -> String {
    match resource {
        Resource::LambdaFunction { arn } => {
            let name = arn.split(":function:").nth(1).unwrap_or(arn);
            format!("Lambda · {name}")
        }
        Resource::Service { resource_type, resource, .. } => {
            let service = resource_type.strip_prefix("aws-sdk:").unwrap_or(resource_type);
            format!("{} · {resource}", title(service))
        }
        Resource::Activity { arn } => {
            let name = arn.split(":activity:").nth(1).unwrap_or(arn);
            format!("Activity · {name}")
        }
    }
}

/// A service as it calls itself.
fn title(service: &str) -> &str {
    const TITLES: [(&str, &str); 9] = [
        ("lambda", "Lambda"),
        ("sns", "SNS"),
        ("sqs", "SQS"),
        ("s3", "S3"),
        ("dynamodb", "DynamoDB"),
        ("events", "EventBridge"),
        ("states", "Step Functions"),
        ("sfn", "Step Functions"),
        ("http", "HTTP"),
    ];
    TITLES.iter().find(|(name, _)| *name == service).map_or(service, |(_, title)| title)
}

fn until(wait: &Wait) -> String {
    match &wait.until {
        WaitUntil::Seconds(seconds) => format!("Wait · {}", duration(*seconds)),
        WaitUntil::SecondsPath(path) => format!("Wait · {} seconds", path.text()),
        WaitUntil::Timestamp(timestamp) => format!("Wait · until {timestamp}"),
        WaitUntil::TimestampPath(path) => format!("Wait · until {}", path.text()),
        WaitUntil::SecondsQuery(query) => format!("Wait · {} seconds", bare(query.text())),
        WaitUntil::TimestampQuery(query) => format!("Wait · until {}", bare(query.text())),
    }
}

/// `90 s`, `5 min`, `2 h`: in the largest unit that says it exactly.
fn duration(seconds: u32) -> String {
    match seconds {
        0 => "0 s".to_owned(),
        whole if whole % 86_400 == 0 => format!("{} d", whole / 86_400),
        whole if whole % 3_600 == 0 => format!("{} h", whole / 3_600),
        whole if whole % 60 == 0 => format!("{} min", whole / 60),
        seconds => format!("{seconds} s"),
    }
}

fn items(map: &Map) -> String {
    let over = match &map.items {
        Items::At(Selection::At(path)) => path.text().to_string(),
        Items::At(Selection::Whole | Selection::Empty) | Items::Query(None) => "its input".to_owned(),
        Items::Query(Some(items)) => match items.as_query() {
            Some(query) => bare(query.text()),
            None => "items".to_owned(),
        },
    };
    let at_once = match &map.max_concurrency {
        Count::Fixed(number) if *number > 0.0 => format!(", {number} at once"),
        Count::Fixed(_) | Count::At(_) | Count::Query(_) => String::new(),
    };
    match map.mode {
        Mode::Inline => format!("Map · each of {over}{at_once}"),
        Mode::Distributed(_) => format!("Distributed Map · each of {over}{at_once}"),
    }
}
