//! Text into paths.

use regex::RegexBuilder;

use super::super::SyntaxError;
use super::super::cursor::Cursor;
use super::syntax::{
    Comparator, FILTER_DEPTH_MAX, Filter, FilterPath, Operand, Pattern, Root, SEGMENTS_MAX, Segment,
    Selector, is_name_char,
};
use crate::json::{Text, Value};

type Parsed<T> = Result<T, SyntaxError>;

/// The longest name of a variable. AWS: the quota.
const VARIABLE_NAME_MAX: usize = 80;

/// A path from `$`, `$$` or `$name` to where it ends.
pub(super) fn path(cursor: &mut Cursor<'_>) -> Parsed<(Root, Vec<Segment>)> {
    if !cursor.take("$") {
        return Err(cursor.unexpected("a path that begins with `$`"));
    }
    let root = if cursor.take("$") { Root::Context } else { variable(cursor)? };
    Ok((root, segments(cursor, 0)?))
}

fn variable(cursor: &mut Cursor<'_>) -> Parsed<Root> {
    let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
    if name.is_empty() {
        return Ok(Root::Input);
    }
    if name.starts_with(char::is_numeric) || name.chars().count() > VARIABLE_NAME_MAX {
        return Err(SyntaxError {
            offset: cursor.at - name.len(),
            message: format!(
                "`{name}` is not a variable's name; expected a letter, then letters, digits and `_`, {VARIABLE_NAME_MAX} at most"
            ),
        });
    }
    Ok(Root::Variable(name.into()))
}

fn segments(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Vec<Segment>> {
    let mut segments = Vec::new();
    loop {
        let segment = if cursor.take("..") {
            Segment::Descendant(if cursor.peek() == Some('[') {
                bracket(cursor, depth)?
            } else {
                dotted(cursor)?
            })
        } else if cursor.take(".") {
            // Jayway takes `$.['a']` too.
            Segment::Child(if cursor.peek() == Some('[') { bracket(cursor, depth)? } else { dotted(cursor)? })
        } else if cursor.peek() == Some('[') {
            Segment::Child(bracket(cursor, depth)?)
        } else {
            return Ok(segments);
        };
        if segments.len() == SEGMENTS_MAX {
            return Err(cursor.error(format!("the path has more than {SEGMENTS_MAX} segments")));
        }
        segments.push(segment);
    }
}

fn dotted(cursor: &mut Cursor<'_>) -> Parsed<Selector> {
    if cursor.take("*") {
        return Ok(Selector::Wildcard);
    }
    let name = cursor.take_while(is_name_char);
    if name.is_empty() {
        return Err(cursor.unexpected("a name"));
    }
    if cursor.peek() == Some('(') {
        return Err(cursor.error(format!("functions such as `{name}()` are not supported in paths")));
    }
    Ok(Selector::Name(name.into()))
}

fn bracket(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Selector> {
    cursor.expect_spaced("[")?;
    cursor.skip_space();
    let selector = match cursor.peek() {
        Some('\'' | '"') => names(cursor)?,
        Some('*') => {
            cursor.next();
            Selector::Wildcard
        }
        Some('?') => {
            cursor.next();
            cursor.expect_spaced("(")?;
            let filter = any_of(cursor, deeper(cursor, depth)?)?;
            cursor.expect_spaced(")")?;
            Selector::Filter(filter)
        }
        Some('-' | ':' | '0'..='9') => positions(cursor)?,
        _ => return Err(cursor.unexpected("a name in quotes, an index, a slice, `*` or a filter")),
    };
    cursor.expect_spaced("]")?;
    Ok(selector)
}

fn names(cursor: &mut Cursor<'_>) -> Parsed<Selector> {
    let mut names = Vec::new();
    loop {
        cursor.skip_space();
        names.push(quoted_name(cursor)?);
        if !cursor.take_spaced(",") {
            break;
        }
    }
    Ok(match <[Text; 1]>::try_from(names) {
        Ok([name]) => Selector::Name(name),
        Err(names) => Selector::Names(names),
    })
}

/// A name in quotes. Only an escaped quote of its own kind loses its backslash.
///
/// AWS: recorded: `$['a\"b']` names the member whose name holds the backslash.
pub(super) fn quoted_name(cursor: &mut Cursor<'_>) -> Parsed<Text> {
    let Some(quote @ ('\'' | '"')) = cursor.next() else {
        return Err(cursor.unexpected("a name in quotes"));
    };
    let mut name = String::new();
    loop {
        match cursor.next() {
            None => return Err(cursor.unexpected("the closing quote of the name")),
            Some('\\') => match cursor.next() {
                Some(escaped) if escaped == quote => name.push(quote),
                Some(other) => name.extend(['\\', other]),
                None => return Err(cursor.unexpected("the closing quote of the name")),
            },
            Some(c) if c == quote => return Ok(name.into()),
            Some(c) => name.push(c),
        }
    }
}

/// An index, several, or a slice.
fn positions(cursor: &mut Cursor<'_>) -> Parsed<Selector> {
    let first = if cursor.peek() == Some(':') { None } else { Some(integer(cursor)?) };
    if cursor.take_spaced(":") {
        cursor.skip_space();
        let end = if cursor.peek() == Some(']') { None } else { Some(integer(cursor)?) };
        if first.is_none() && end.is_none() {
            return Err(cursor.error("the slice has no bounds; expected one at least"));
        }
        return Ok(Selector::Slice(first, end));
    }
    let Some(first) = first else { return Err(cursor.unexpected("an index")) };
    let mut indices = vec![first];
    while cursor.take_spaced(",") {
        cursor.skip_space();
        indices.push(integer(cursor)?);
    }
    Ok(if indices.len() == 1 { Selector::Index(first) } else { Selector::Indices(indices) })
}

/// AWS: indices are Java's ints.
fn integer(cursor: &mut Cursor<'_>) -> Parsed<i64> {
    let start = cursor.at;
    cursor.take("-");
    cursor.take_while(|c| c.is_ascii_digit());
    let digits = &cursor.text[start..cursor.at];
    digits.parse::<i32>().map(i64::from).map_err(|_| SyntaxError {
        offset: start,
        message: format!("`{digits}` is not an index; expected an integer of 32 bits"),
    })
}

fn deeper(cursor: &Cursor<'_>, depth: usize) -> Parsed<usize> {
    if depth == FILTER_DEPTH_MAX {
        return Err(cursor.error(format!("filters are nested deeper than {FILTER_DEPTH_MAX}")));
    }
    Ok(depth + 1)
}

fn any_of(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Filter> {
    let mut parts = vec![all_of(cursor, depth)?];
    while cursor.take_spaced("||") {
        parts.push(all_of(cursor, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
}

fn all_of(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Filter> {
    let mut parts = vec![condition(cursor, depth)?];
    while cursor.take_spaced("&&") {
        parts.push(condition(cursor, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
}

fn condition(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Filter> {
    if cursor.take_spaced("!") {
        return Ok(Filter::Not(Box::new(condition(cursor, deeper(cursor, depth)?)?)));
    }
    if cursor.take_spaced("(") {
        let inner = any_of(cursor, deeper(cursor, depth)?)?;
        cursor.expect_spaced(")")?;
        return Ok(inner);
    }
    cursor.skip_space();
    let start = cursor.at;
    let left = operand(cursor, depth)?;
    match (comparator(cursor), left) {
        (Some(comparator), left) => {
            cursor.skip_space();
            Ok(Filter::Compare(left, comparator, operand(cursor, depth)?))
        }
        (None, Operand::Path(path)) => Ok(Filter::Exists(path)),
        (None, Operand::Literal(_) | Operand::Pattern(_)) => Err(SyntaxError {
            offset: start,
            message: "a constant alone is not a condition; expected a path or a comparison".into(),
        }),
    }
}

fn comparator(cursor: &mut Cursor<'_>) -> Option<Comparator> {
    let mut ahead = cursor.clone();
    ahead.skip_space();
    let word = ahead.clone().take_while(|c| c.is_ascii_alphabetic());
    let found = Comparator::ALL.iter().find(|(text, _)| {
        let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if is_word { word.eq_ignore_ascii_case(text) } else { ahead.rest().starts_with(text) }
    });
    let (text, comparator) = found?;
    cursor.at = ahead.at + text.len();
    Some(*comparator)
}

fn operand(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Operand> {
    match cursor.peek() {
        Some(root @ ('@' | '$')) => {
            cursor.next();
            let segments = segments(cursor, deeper(cursor, depth)?)?;
            Ok(Operand::Path(FilterPath { from_root: root == '$', segments }))
        }
        Some('/') => pattern(cursor).map(Operand::Pattern),
        _ => literal(cursor, depth).map(Operand::Literal),
    }
}

fn literal(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Value> {
    match cursor.peek() {
        Some('\'' | '"') => quoted_text(cursor).map(Value::from),
        Some('[') => {
            cursor.next();
            let depth = deeper(cursor, depth)?;
            let mut items = Vec::new();
            if !cursor.take_spaced("]") {
                loop {
                    cursor.skip_space();
                    items.push(literal(cursor, depth)?);
                    if !cursor.take_spaced(",") {
                        break;
                    }
                }
                cursor.expect_spaced("]")?;
            }
            Ok(items.into())
        }
        _ => {
            let start = cursor.at;
            let word = cursor.take_while(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
            if let Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) = crate::json::parse(word) {
                return Ok(value);
            }
            cursor.at = start;
            Err(cursor
                .unexpected("a path, a string, a number, `true`, `false`, `null`, an array or a pattern"))
        }
    }
}

/// A string in a filter, in which a backslash escapes as in JSON, and any other character stands for itself.
fn quoted_text(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let quote = cursor.next();
    let mut text = String::new();
    loop {
        match cursor.next() {
            None => return Err(cursor.unexpected("the closing quote of the string")),
            Some('\\') => match cursor.next() {
                Some('b') => text.push('\u{8}'),
                Some('f') => text.push('\u{c}'),
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some(itself) => text.push(itself),
                None => return Err(cursor.unexpected("the closing quote of the string")),
            },
            c if c == quote => return Ok(text),
            Some(c) => text.push(c),
        }
    }
}

/// `/source/flags`. Matches whole strings, as Java's `matches` does.
///
/// Jayway hands the source to Java; look-around and back-references, which cannot be bounded, are refused here.
fn pattern(cursor: &mut Cursor<'_>) -> Parsed<Pattern> {
    let start = cursor.at;
    cursor.next();
    let source_start = cursor.at;
    loop {
        match cursor.next() {
            None => return Err(cursor.unexpected("the closing `/` of the pattern")),
            Some('\\') => {
                cursor.next();
            }
            Some('/') => break,
            Some(_) => {}
        }
    }
    let source = &cursor.text[source_start..cursor.at - 1];
    let flags = cursor.take_while(|c| "imsu".contains(c));
    let compiled = RegexBuilder::new(&format!(r"\A(?:{source})\z"))
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .size_limit(1 << 20)
        .build();
    match compiled {
        Ok(compiled) => Ok(Pattern { source: source.into(), flags: flags.into(), compiled }),
        Err(_) => Err(SyntaxError {
            offset: start,
            message: format!("`{source}` is not a regular expression that can be used"),
        }),
    }
}
