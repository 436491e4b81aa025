//! Filter expressions, as far as they speak of one trace: flags, times, HTTP, users, annotations and services.
//!
//! Edges, root causes and groups are refused by name.
//!
//! Documentation: AWS X-Ray, "Use filter expressions".

use serde_json::Value;

use super::summary::Summary;

/// Characters of an expression. AWS's own bound is not told; this is ours.
const CHARACTERS_MAX: usize = 2_000;
/// Parentheses and negations within each other.
const DEPTH_MAX: usize = 32;

/// An expression that was understood.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Is(Keyword),
    Compares(Keyword, Operator, Literal),
}

/// Why an expression was not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FilterError {
    #[error("Invalid filter expression: expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: String },
    #[error("Invalid filter expression: the keyword {0} is not supported here")]
    Keyword(String),
    #[error(
        "Invalid filter expression: it has more than {CHARACTERS_MAX} characters, or is nested too deeply"
    )]
    TooLarge,
}

/// What of a trace is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Keyword {
    Ok,
    Error,
    Fault,
    Throttle,
    Partial,
    ResponseTime,
    Duration,
    /// A member of the summary's `Http`.
    Http(&'static str),
    User,
    Annotation(String),
    Service(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    BeginsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Number(f64),
    Text(String),
    Bool(bool),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Literal(Literal),
    Operator(Operator),
    Open,
    Close,
    Not,
}

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        if text.chars().count() > CHARACTERS_MAX {
            return Err(FilterError::TooLarge);
        }
        let mut parser = Parser { tokens: tokens(text)?, at: 0 };
        let filter = parser.or(0)?;
        match parser.peek() {
            None => Ok(filter),
            Some(_) => Err(parser.unexpected("AND, OR or the end")),
        }
    }

    pub(super) fn takes(&self, trace: &Summary) -> bool {
        match self {
            Self::And(one, other) => one.takes(trace) && other.takes(trace),
            Self::Or(one, other) => one.takes(trace) || other.takes(trace),
            Self::Not(inner) => !inner.takes(trace),
            Self::Is(keyword) => keyword.is(trace),
            Self::Compares(keyword, operator, literal) => {
                // AWS: an annotation, or a user, is compared as often as it is there, and one that fits is enough.
                keyword.values(trace).iter().any(|value| compares(value, *operator, literal))
            }
        }
    }
}

impl Keyword {
    fn of(word: &str) -> Result<Self, FilterError> {
        let annotation = word
            .strip_prefix("annotation.")
            .or_else(|| word.strip_prefix("annotation[").and_then(|rest| rest.strip_suffix(']')));
        if let Some(name) = annotation {
            return Ok(Self::Annotation(name.to_owned()));
        }
        Ok(match word.to_ascii_lowercase().as_str() {
            "ok" => Self::Ok,
            "error" => Self::Error,
            "fault" => Self::Fault,
            "throttle" => Self::Throttle,
            "partial" => Self::Partial,
            "responsetime" => Self::ResponseTime,
            "duration" => Self::Duration,
            "http.status" => Self::Http("HttpStatus"),
            "http.url" => Self::Http("HttpURL"),
            "http.method" => Self::Http("HttpMethod"),
            "http.useragent" => Self::Http("UserAgent"),
            "http.clientip" => Self::Http("ClientIp"),
            "user" => Self::User,
            _ => return Err(FilterError::Keyword(word.to_owned())),
        })
    }

    /// Whether a flag is set, or whether there is any of what has values.
    fn is(&self, trace: &Summary) -> bool {
        match self {
            Self::Ok | Self::Error | Self::Fault | Self::Throttle | Self::Partial => {
                self.values(trace).contains(&Value::Bool(true))
            }
            Self::Service(name) => trace.services.iter().any(|service| service.name == *name),
            Self::ResponseTime | Self::Duration | Self::Http(_) | Self::User | Self::Annotation(_) => {
                !self.values(trace).is_empty()
            }
        }
    }

    fn values(&self, trace: &Summary) -> Vec<Value> {
        let flags = trace.flags;
        match self {
            Self::Ok => vec![Value::from(!flags.error && !flags.fault && !flags.throttle)],
            Self::Error => vec![flags.error.into()],
            Self::Fault => vec![flags.fault.into()],
            Self::Throttle => vec![flags.throttle.into()],
            Self::Partial => vec![trace.is_partial.into()],
            Self::ResponseTime => vec![trace.response_time.into()],
            Self::Duration => vec![trace.duration.into()],
            Self::Http(member) => trace.http.get(member).cloned().into_iter().collect(),
            Self::User => trace.users.iter().map(|user| Value::from(user.as_str())).collect(),
            Self::Annotation(name) => {
                let values = trace.annotations.get(name).into_iter().flatten();
                values.map(|(value, _)| value.clone()).collect()
            }
            Self::Service(name) => vec![trace.services.iter().any(|service| service.name == *name).into()],
        }
    }
}

fn compares(value: &Value, operator: Operator, literal: &Literal) -> bool {
    match literal {
        Literal::Number(number) => {
            let Some(found) = value.as_f64() else { return operator == Operator::NotEqual };
            match operator {
                Operator::Equal => found.total_cmp(number).is_eq(),
                Operator::NotEqual => found.total_cmp(number).is_ne(),
                Operator::Less => found < *number,
                Operator::LessOrEqual => found <= *number,
                Operator::Greater => found > *number,
                Operator::GreaterOrEqual => found >= *number,
                Operator::BeginsWith | Operator::EndsWith | Operator::Contains => false,
            }
        }
        Literal::Text(text) => {
            let Some(found) = value.as_str() else { return operator == Operator::NotEqual };
            match operator {
                Operator::Equal => found == text,
                Operator::NotEqual => found != text,
                Operator::BeginsWith => found.starts_with(text),
                Operator::EndsWith => found.ends_with(text),
                Operator::Contains => found.contains(text),
                Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                    false
                }
            }
        }
        Literal::Bool(is) => match operator {
            Operator::Equal => value.as_bool() == Some(*is),
            Operator::NotEqual => value.as_bool() != Some(*is),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::BeginsWith
            | Operator::EndsWith
            | Operator::Contains => false,
        },
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    const SIGNS: [(&str, Token); 9] = [
        ("!=", Token::Operator(Operator::NotEqual)),
        ("<=", Token::Operator(Operator::LessOrEqual)),
        (">=", Token::Operator(Operator::GreaterOrEqual)),
        ("<", Token::Operator(Operator::Less)),
        (">", Token::Operator(Operator::Greater)),
        ("=", Token::Operator(Operator::Equal)),
        ("(", Token::Open),
        (")", Token::Close),
        ("!", Token::Not),
    ];
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some((sign, token)) = SIGNS.into_iter().find(|(sign, _)| rest.starts_with(sign)) {
            found.push(token);
            rest = &rest[sign.len()..];
        } else if let Some(inner) = rest.strip_prefix('"') {
            let end = inner.find('"').ok_or(FilterError::Unexpected {
                expected: "a quotation mark",
                found: "the end".to_owned(),
            })?;
            found.push(Token::Literal(Literal::Text(inner[..end].to_owned())));
            rest = &inner[end + 1..];
        } else {
            let is_in_word = |character: char| character.is_alphanumeric() || "._-[]:/".contains(character);
            let end = rest.find(|character| !is_in_word(character)).unwrap_or(rest.len());
            if end == 0 {
                return Err(FilterError::Unexpected {
                    expected: "a word, a number or a text",
                    found: first.to_string(),
                });
            }
            found.push(word(&rest[..end]));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

fn word(text: &str) -> Token {
    if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
        return Token::Literal(Literal::Number(number));
    }
    match text.to_ascii_uppercase().as_str() {
        "TRUE" => Token::Literal(Literal::Bool(true)),
        "FALSE" => Token::Literal(Literal::Bool(false)),
        "BEGINSWITH" => Token::Operator(Operator::BeginsWith),
        "ENDSWITH" => Token::Operator(Operator::EndsWith),
        "CONTAINS" => Token::Operator(Operator::Contains),
        _ => Token::Word(text.to_owned()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(is_next);
        is_next
    }

    fn unexpected(&self, expected: &'static str) -> FilterError {
        let found = self.peek().map_or_else(|| "the end".to_owned(), |token| format!("{token:?}"));
        FilterError::Unexpected { expected, found }
    }

    fn or(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut filter = self.and(depth)?;
        while self.takes_word("OR") {
            filter = Filter::Or(Box::new(filter), Box::new(self.and(depth)?));
        }
        Ok(filter)
    }

    fn and(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut filter = self.one(depth)?;
        while self.takes_word("AND") {
            filter = Filter::And(Box::new(filter), Box::new(self.one(depth)?));
        }
        Ok(filter)
    }

    fn one(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth >= DEPTH_MAX {
            return Err(FilterError::TooLarge);
        }
        if self.takes(&Token::Not) {
            return Ok(Filter::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.takes(&Token::Open) {
            let filter = self.or(depth + 1)?;
            self.close()?;
            return Ok(filter);
        }
        let Some(Token::Word(word)) = self.peek().cloned() else { return Err(self.unexpected("a keyword")) };
        self.at += 1;
        let keyword =
            if word.eq_ignore_ascii_case("service") { self.service()? } else { Keyword::of(&word)? };
        let Some(Token::Operator(operator)) = self.peek().cloned() else { return Ok(Filter::Is(keyword)) };
        self.at += 1;
        let Some(Token::Literal(literal)) = self.peek().cloned() else {
            return Err(self.unexpected("a value"));
        };
        self.at += 1;
        Ok(Filter::Compares(keyword, operator, literal))
    }

    fn service(&mut self) -> Result<Keyword, FilterError> {
        if !self.takes(&Token::Open) {
            return Err(self.unexpected("the service's name in parentheses"));
        }
        let Some(Token::Literal(Literal::Text(name))) = self.peek().cloned() else {
            return Err(self.unexpected("the service's name in quotation marks"));
        };
        self.at += 1;
        self.close()?;
        Ok(Keyword::Service(name))
    }

    fn close(&mut self) -> Result<(), FilterError> {
        if self.takes(&Token::Close) { Ok(()) } else { Err(self.unexpected("a closing parenthesis")) }
    }
}

#[cfg(test)]
mod tests {
    use darkroom_trace::{Segment, TraceId};
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::read::Trace;
    use super::*;

    fn trace() -> Summary {
        let document = json!({
            "name": "shop", "id": "70de5b6f19ff9a0a", "trace_id": "1-581cf771-a006649127e371903a2de979",
            "start_time": 10, "end_time": 12.5, "fault": true, "user": "u1",
            "http": { "request": { "url": "http://x/orders", "method": "GET" }, "response": { "status": 503 } },
            "annotations": { "age": 7, "colour": "blue", "is.new": true },
        });
        let document = document.to_string();
        let segments = vec![(Segment::read(&document).unwrap(), document)];
        Summary::of(&Trace { id: TraceId { epoch: 1, random: [0; 12] }, segments, is_cut: false }).unwrap()
    }

    #[test]
    fn an_expression_takes_traces_or_does_not() {
        let trace = trace();
        for (text, expected) in [
            ("fault", true),
            ("!fault", false),
            ("ok OR fault", true),
            ("error = false AND fault = true", true),
            ("responsetime > 2 AND duration <= 2.5", true),
            ("responsetime > 5", false),
            ("http.status = 503", true),
            ("http.url CONTAINS \"/orders\" AND http.method != \"POST\"", true),
            ("http.url BEGINSWITH \"https\"", false),
            ("annotation.age >= 7", true),
            ("annotation[colour] = \"blue\"", true),
            ("annotation.is.new = true", true),
            ("annotation.absent", false),
            ("service(\"shop\") AND !(user = \"u2\" OR partial)", true),
            ("service(\"other\")", false),
            ("duration = \"long\"", false),
        ] {
            assert_eq!(Filter::parse(text).map(|filter| filter.takes(&trace)), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let deep = "(".repeat(100) + "ok" + &")".repeat(100);
        let long = "ok OR ".repeat(1_000);
        for (text, words) in [
            ("", "a keyword"),
            ("ok ok", "AND, OR or the end"),
            ("(ok", "a closing parenthesis"),
            ("duration >", "a value"),
            ("edge(\"a\")", "edge"),
            ("user = \"u", "a quotation mark"),
            ("user = 'u'", "found '"),
            (&deep, "too deeply"),
            (&long, "characters"),
        ] {
            let error = Filter::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,100}", noise in "[ok()!=<>\"andORser. ]{0,100}") {
            let _ = Filter::parse(&text);
            let _ = Filter::parse(&noise);
        }
    }
}
