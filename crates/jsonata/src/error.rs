//! Why an expression could not be parsed or evaluated.

/// Why an expression could not be parsed or evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default())]
pub struct Error {
    /// Which kind it is: callers word their own texts by it.
    pub kind: ErrorKind,
    /// JSONata's own code, such as `T2001`, where it has one.
    pub code: Option<String>,
    /// What happened, in JSONata's words and without the code.
    pub message: String,
    /// Where in the source, in bytes, where that is known.
    pub position: Option<usize>,
    /// The operator, function or name that it is about.
    pub token: Option<String>,
}

/// The kinds of errors that a caller tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is no expression.
    Syntax,
    /// The expression failed on its data, or called `$error` or `$assert`.
    Evaluation,
    /// It ran longer than it may.
    TimeLimit,
    /// It took more memory, or built a longer sequence, string or result, than it may.
    MemoryLimit,
    /// It nested deeper than it may: most often a recursion without an end.
    DepthLimit,
}

/// The text of the error that stands for a fault of the evaluator itself.
pub const BROKEN: &str = "the evaluator broke down";

impl Error {
    /// An error with no more than a kind and a text.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, code: None, message: message.into(), position: None, token: None }
    }

    /// The evaluator broke down: a fault of it that is not known yet. What it had made is gone, and nothing else is hurt.
    pub(crate) fn broken() -> Error {
        Error::new(ErrorKind::Evaluation, BROKEN)
    }

    /// Reads the evaluator's text, which begins with a code where JSONata has one.
    pub(crate) fn from_text(kind: ErrorKind, text: &str) -> Error {
        let (code, message) = split_code(text);
        match code {
            Some("D1011" | "U1001") => Error::depth_limit(),
            Some("D1012" | "U1003") => Error::time_limit(),
            Some(code @ ("D2014" | "D2015")) => {
                Error { code: Some(code.to_owned()), ..Error::memory_limit() }
            }
            _ => Error { code: code.map(str::to_owned), ..Error::new(kind, message) },
        }
    }

    /// The evaluation nested too deep.
    pub(crate) fn depth_limit() -> Error {
        let text = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as \
                    tail-recursive.";
        Error { code: Some("U1001".to_owned()), ..Error::new(ErrorKind::DepthLimit, text) }
    }

    /// The evaluation ran too long.
    pub(crate) fn time_limit() -> Error {
        let text = "Expression evaluation timeout: Check for infinite loop";
        Error { code: Some("U1001".to_owned()), ..Error::new(ErrorKind::TimeLimit, text) }
    }

    /// The evaluation took too much memory.
    pub(crate) fn memory_limit() -> Error {
        let text = "Expression evaluation memory limit exceeded: Check for excessive memory usage";
        Error::new(ErrorKind::MemoryLimit, text)
    }
}

/// `T2001: the text`, wherever the code stands in the text: a parser puts words of its own before it.
fn split_code(text: &str) -> (Option<&str>, &str) {
    let is_code = |word: &str| {
        word.len() == 5
            && word.starts_with(|letter: char| letter.is_ascii_uppercase())
            && word.bytes().skip(1).all(|byte| byte.is_ascii_digit())
    };
    let mut from = 0;
    while let Some(colon) = text.get(from..).and_then(|rest| rest.find(':')) {
        let end = from + colon;
        let word = text.get(..end).and_then(|head| head.rsplit(' ').next()).unwrap_or_default();
        if is_code(word) {
            return (Some(word), text.get(end + 1..).unwrap_or_default().trim_start());
        }
        if from > 0 {
            break;
        }
        from = end + 1;
    }
    (None, text)
}
