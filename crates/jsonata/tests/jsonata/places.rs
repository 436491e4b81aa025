//! Where errors stand, and what expressions read.

use darkroom_jsonata::{Error, ErrorKind, Expression, Limits, Outcome, Reference, Session};

fn evaluate(source: &str) -> Result<Outcome, Error> {
    let mut session = Session::new(Limits::default(), crate::surroundings::fixed());
    session.bind_json("x", r#"{"a":[1,"b"]}"#);
    Expression::parse(source).and_then(|expression| session.evaluate(&expression))
}

/// A source in which `«` stands before what is wrong, and the code.
#[test]
fn errors_have_their_places() {
    let cases = [
        ("1 +« ", "S0207"),
        ("[1, 2«", "S0203"),
        ("1 + «)", "S0211"),
        ("1 «2", "S0201"),
        ("'a' & «'b", "S0101"),
        ("(3 «:= 1)", "S0212"),
        ("1 + 2 «+ 'a' + 4", "T2002"),
        ("'ö' & (1 «- 'a')", "T2002"),
        ("($x.a[0].($ + 1) ~> $sum()) «* 'a'", "T2002"),
        ("($a := 1; $a < 2 and $a «< 'b')", "T2009"),
        ("«$nothing(1)", "T1006"),
        ("$sum([1]) + «$sum('a')", "T0412"),
        ("$map([1, 2], function($v) { $v «+ 'a' })", "T2002"),
        ("$length('a') + «$length(1)", "T0410"),
        ("[1«..'a']", "T2004"),
        ("$string(1) & «$error('no')", "D3137"),
    ];
    let mut failures = Vec::new();
    for (marked, code) in cases {
        let position = marked.find('«').expect("a mark");
        let source = marked.replace('«', "");
        let error = evaluate(&source).expect_err(&source);
        if (error.code.as_deref(), error.position) != (Some(code), Some(position)) {
            failures.push(format!("{source}: {error:?}, expected {code} at {position}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn limits_have_kinds_and_texts() {
    let cases = [
        ("$pad('x', 1e9)", ErrorKind::MemoryLimit, "memory limit exceeded"),
        ("($f := function() { 1 + $f() }; $f())", ErrorKind::DepthLimit, "Stack overflow error"),
        ("($f := function() { $f() }; $f())", ErrorKind::TimeLimit, "timeout"),
    ];
    for (source, kind, text) in cases {
        let error = evaluate(source).expect_err(source);
        assert_eq!(error.kind, kind, "{source}");
        assert!(error.message.contains(text), "{error:?}");
    }
}

fn show(references: &[Reference]) -> Vec<String> {
    let show = |it: &Reference| {
        let path: Vec<&str> =
            std::iter::once(it.name.as_str()).chain(it.path.iter().map(String::as_str)).collect();
        format!("{}@{}", path.join("."), it.offset)
    };
    references.iter().map(show).collect()
}

#[test]
fn references_are_what_is_read_and_not_bound() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("$states.input.a[0].b", &["states.input.a@0"], &[]),
        ("$x", &["x@0"], &[]),
        ("$x & $y.a & $x", &["x@0", "y.a@5", "x@12"], &[]),
        ("($x := $y; $x + $z)", &["y@7", "z@16"], &[]),
        ("($f := function($n) { $f($n - $m) }; $f(1))", &["m@30"], &[]),
        ("$map($a, function($v, $i) { $v + $w })", &["a@5", "w@33"], &[]),
        ("($x := 1; $x) + $x", &["x@16"], &[]),
        ("$x.a@$b.c[$b.d = $e]", &["x.a@0", "e@17"], &[]),
        ("$x#$i.{'i': $i}", &["x@0"], &[]),
        ("$x ~> |a|{'b': $c}|", &["x@0", "c@15"], &[]),
        ("$x[$y > 1]^(<$z)", &["x@0", "y@3", "z@13"], &[]),
        ("$sum($x) + $uuid()", &["x@5"], &[]),
        ("$map($x, $string)", &["x@5"], &[]),
        ("$x.`a b`.'c'", &["x.a b.c@0"], &[]),
        ("a.b + $.c + $$.d", &[], &["a@0", "$@6", "$$@12"]),
        ("$x.(a + $)", &["x@0"], &[]),
        ("$x[a = $.b]", &["x@0"], &[]),
        ("{'k': a}", &[], &["a@6"]),
    ];
    for (source, variables, context) in cases {
        let expression = Expression::parse(source).expect(source);
        assert_eq!(show(expression.references()), *variables, "{source}");
        assert_eq!(show(expression.context_references()), *context, "{source}");
    }
}

#[test]
fn only_members_that_are_read_are_converted() {
    let expression = Expression::parse("$states.context.id & $v").expect("it is one");
    let mut session = Session::new(Limits::default(), crate::surroundings::fixed());
    session.bind_member("states", "input", "this is not JSON");
    session.bind_member("states", "context", r#"{"id":"e"}"#);
    session.bind_json("v", "1");
    session.bind_json("w", "nor is this");
    assert_eq!(session.evaluate(&expression), Ok(Outcome::Json("\"e1\"".to_owned())));
    let all = Expression::parse("$states").expect("it is one");
    assert!(session.evaluate(&all).is_err());
}

#[test]
fn expressions_are_shared_between_threads() {
    fn is_shared<T: Send + Sync + Clone>() {}
    is_shared::<Expression>();
}
