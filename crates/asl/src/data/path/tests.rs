//! What paths mean, as tables; that print and parse are inverse; and another implementation as a witness.

use proptest::prelude::*;

use super::*;
use crate::json::parse as json;

const STORE: &str = r#"{
    "store": {
        "book": [
            {"category": "reference", "author": "Rees", "title": "Sayings", "price": 8.95},
            {"category": "fiction", "author": "Waugh", "title": "Sword", "price": 12.99},
            {"category": "fiction", "author": "Melville", "title": "Moby Dick", "isbn": "0-553", "price": 8.99},
            {"category": "fiction", "author": "Tolkien", "title": "Rings", "isbn": "0-395", "price": 22.99}
        ],
        "bicycle": {"color": "red", "price": 19.95}
    },
    "expensive": 10,
    "n": [0, 1, 2, 3, 4],
    "tags": ["a", "b"],
    "odd name": {"it's": 1, "a\\\"b": 2, "": 3},
    "none": null
}"#;

struct Data {
    input: Value,
    context: Value,
}

impl Environment for Data {
    fn input(&self) -> &Value {
        &self.input
    }

    fn context(&self) -> &Value {
        &self.context
    }

    fn variable(&self, name: &str) -> Option<Value> {
        (name == "book").then(|| json(r#"{"title": "Sword", "pages": [1, 2]}"#).unwrap())
    }

    fn random_u64(&self) -> u64 {
        0
    }
}

fn data() -> Data {
    Data {
        input: json(STORE).unwrap(),
        context: json(r#"{"Execution": {"Name": "e", "Input": {"a": 0}}}"#).unwrap(),
    }
}

/// The JSON of what is found, or the text of the miss.
fn select(path: &str) -> String {
    match Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error}")).select(&data()) {
        Ok(value) => value.to_text(),
        Err(miss) => miss.to_string(),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (path, expected) in cases {
        assert_eq!(select(path), *expected, "{path}");
    }
}

#[test]
fn definite_paths_have_one_value() {
    check(&[
        ("$.expensive", "10"),
        ("$['expensive']", "10"),
        ("$[\"expensive\"]", "10"),
        ("$[ 'expensive' ]", "10"),
        ("$.store.book[0].title", r#""Sayings""#),
        ("$.store.book[-1].title", r#""Rings""#),
        ("$.store['book'][1]['price']", "12.99"),
        ("$.n[ 4 ]", "4"),
        ("$['odd name']['it\\'s']", "1"),
        ("$['odd name'][\"it's\"]", "1"),
        ("$['odd name']['a\\\"b']", "2"),
        ("$['odd name']['']", "3"),
        ("$.none", "null"),
        ("$['expensive','tags','missing']", r#"{"expensive":10,"tags":["a","b"]}"#),
        ("$$.Execution.Name", r#""e""#),
        ("$$", r#"{"Execution":{"Name":"e","Input":{"a":0}}}"#),
        ("$book.title", r#""Sword""#),
        ("$book['pages'][1]", "2"),
    ]);
    assert_eq!(Path::parse("$").unwrap().select(&data()).unwrap(), data().input);
}

#[test]
fn a_definite_path_that_misses_says_so_as_jayway_does() {
    check(&[
        ("$.x", "No results for path: $['x']"),
        ("$.store.x", "No results for path: $['store']['x']"),
        ("$.no.such", "Missing property in path $['no']"),
        ("$.store.no.such.thing", "Missing property in path $['store']['no']"),
        ("$.n[9]", "No results for path: $['n'][9]"),
        ("$.n[-9]", "No results for path: $['n'][-9]"),
        ("$.n[9].x", "No results for path: $['n'][9]['x']"),
        ("$$.Execution.x", "No results for path: $['Execution']['x']"),
        ("$book.x", "No results for path: $['x']"),
        ("$nothing.x", "The variable '$nothing' is not defined"),
        (
            "$.expensive.x",
            "Expected to find an object with property ['x'] in path $['expensive'] but found 'java.lang.Integer'. \
             This is not a json object according to the JsonProvider: \
             'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
        ),
        ("$.none[0]", "The path $['none'] is null"),
        (
            "$.store.bicycle[0].x",
            "Filter: [0]['x'] can only be applied to arrays. Current context is: {color=red, price=19.95}",
        ),
    ]);
    let path = Path::parse("$.x").unwrap();
    let failure = path.select(&data()).unwrap_err().failure(&path);
    assert_eq!(&*failure.error, "States.Runtime");
    assert_eq!(failure.cause.as_deref(), Some("Invalid path '$.x' : No results for path: $['x']"));
}

#[test]
fn indefinite_paths_have_an_array_and_never_miss() {
    check(&[
        ("$.item.items[*]", "[]"),
        ("$.items[1:]", "[]"),
        ("$.items[:1]", "[]"),
        ("$.item.items[1:5]", "[]"),
        ("$.expensive[*]", "[]"),
        ("$.n[*]", "[0,1,2,3,4]"),
        ("$.store.bicycle.*", r#"["red",19.95]"#),
        ("$.store.book[*].price", "[8.95,12.99,8.99,22.99]"),
        ("$.store.book[*].isbn", r#"["0-553","0-395"]"#),
        ("$.n[0,2]", "[0,2]"),
        ("$.n[0, -1, 9]", "[0,4]"),
        ("$.n[1:3]", "[1,2]"),
        ("$.n[1 : 3]", "[1,2]"),
        ("$.n[3:]", "[3,4]"),
        ("$.n[:2]", "[0,1]"),
        ("$.n[-2:]", "[3,4]"),
        ("$.n[:-3]", "[0,1]"),
        ("$.n[1:99]", "[1,2,3,4]"),
        ("$.n[-99:2147483647]", "[0,1,2,3,4,0,1,2,3,4]"),
        ("$.n[-3:-1]", "[2,3]"),
        ("$.n[1:-1]", "[]"),
        ("$..price", "[8.95,12.99,8.99,22.99,19.95]"),
        ("$..book[0].title", r#"["Sayings"]"#),
        ("$..book[0]['title','price']", r#"[{"title":"Sayings","price":8.95}]"#),
        ("$.store.*['color','price']", r#"[{"color":"red","price":19.95}]"#),
        ("$..['isbn','title']", r#"[{"isbn":"0-553","title":"Moby Dick"},{"isbn":"0-395","title":"Rings"}]"#),
        ("$..book[0,1].author", r#"["Rees","Waugh"]"#),
        ("$.store.book['title','price'].x", "[]"),
        ("$.tags..*", r#"["a","b"]"#),
        ("$$..Name", r#"["e"]"#),
        ("$book.pages[*]", "[1,2]"),
    ]);
}

#[test]
fn filters_choose() {
    check(&[
        ("$.store.book[?(@.price < 10)].title", r#"["Sayings","Moby Dick"]"#),
        ("$.store.book[?(@.price < $.expensive)].title", r#"["Sayings","Moby Dick"]"#),
        ("$.store.book[?($.expensive<@.price)].title", r#"["Sword","Rings"]"#),
        ("$.store.book[?(@.isbn)].title", r#"["Moby Dick","Rings"]"#),
        ("$.store.book[?(!@.isbn)].title", r#"["Sayings","Sword"]"#),
        ("$.store.book[?(@.category == 'fiction' && @.price > 20)].title", r#"["Rings"]"#),
        ("$.store.book[?(@.price > 20 || @['author'] == \"Rees\")].title", r#"["Sayings","Rings"]"#),
        ("$.store.book[?(!(@.price > 20 || @.author == 'Rees') && @.isbn)].title", r#"["Moby Dick"]"#),
        ("$.store.book[?(@.author =~ /.*ee.*/)].title", r#"["Sayings"]"#),
        ("$.store.book[?(@.author =~ /REES/i)].title", r#"["Sayings"]"#),
        ("$.store.book[?(@.author =~ /ee/)].title", "[]"),
        ("$.store.book[?(@.author in ['Rees', 'Waugh'])].price", "[8.95,12.99]"),
        ("$.store.book[?(@.author nin ['Rees', 'Waugh'])].price", "[8.99,22.99]"),
        ("$.n[?(@ > 2)]", "[3,4]"),
        ("$.n[?(@ == '3')]", "[3]"),
        ("$.n[?(@ === '3')]", "[]"),
        ("$.n[?(@ != 3)]", "[0,1,2,4]"),
        ("$.n[?(@ >= 3.0)]", "[3,4]"),
        ("$[?(@.tags subsetof ['a', 'b', 'c'])].expensive", "[10]"),
        ("$[?(@.tags anyof ['b'])].expensive", "[10]"),
        ("$[?(@.tags noneof ['b'])].expensive", "[]"),
        ("$[?(@.tags contains 'b')].expensive", "[10]"),
        ("$[?(@.tags size 2)].expensive", "[10]"),
        ("$[?(@.tags empty false)].expensive", "[10]"),
        ("$[?(@.none == null)].expensive", "[10]"),
        ("$[?(@.missing == null)].expensive", "[]"),
        ("$[?(@.missing != null)].expensive", "[10]"),
        ("$.store.bicycle[?(@.color == 'red')].price", "[19.95]"),
        ("$..[?(@.price > 19)].price", "[22.99,19.95]"),
        ("$.store[?(@.book[?(@.price > 20)])].bicycle.color", r#"["red"]"#),
        ("$.no[?(@.x)]", "[]"),
    ]);
}

#[test]
fn what_is_not_a_path_is_refused_with_its_place() {
    for (text, offset) in [
        ("", 0),
        ("a", 0),
        ("$.", 2),
        ("$..", 3),
        ("$.a.", 4),
        ("$.a b", 3),
        ("$a-b", 2),
        ("$1a", 1),
        ("$.a[", 4),
        ("$.a[]", 4),
        ("$.a[b]", 4),
        ("$.a['b]", 7),
        ("$.a['b'", 7),
        ("$.a[:]", 5),
        ("$.a[1:2:3]", 7),
        ("$.a[99999999999]", 4),
        ("$.a.length()", 10),
        ("$.a[?(@.b > )]", 12),
        ("$.a[?(1)]", 6),
        ("$.a[?(@.b =~ /(/)]", 13),
        ("$.a[?(@.b =~ /(?=x)/)]", 13),
        ("$.a[?(@.b == 'x)]", 17),
        ("$.a[?(@.b]", 9),
        ("$.a[?]", 5),
        ("$$$", 2),
        ("$.a,b", 3),
    ] {
        let error = Path::parse(text).expect_err(text);
        assert_eq!(error.offset, offset, "{text}: {error}");
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    let nested = |depth: usize| format!("$.a{}@.b{}", "[?(".repeat(depth), ")]".repeat(depth));
    assert!(Path::parse(&nested(1)).is_ok());
    for text in [
        "$.a[?(@".repeat(5000),
        format!("$[?({}", "(".repeat(5000)),
        format!("$[?({}@.a)]", "!".repeat(5000)),
        format!("$[?(@.a == {}", "[".repeat(5000)),
        format!("${}", ".a".repeat(5000)),
    ] {
        assert!(Path::parse(&text).is_err());
    }
}

#[test]
fn a_search_has_a_budget() {
    let wide = Value::from((0..2000).map(Value::from).collect::<Vec<_>>());
    let squared = Path::parse("$[?($[?(@ == 0)])]").unwrap();
    assert_eq!(squared.select_in(&wide), Err(PathMiss::TooLarge));
    let deep = Path::parse("$..*..*..*..*").unwrap();
    let tower = json(&("[".repeat(500) + &"]".repeat(500))).unwrap();
    assert_eq!(deep.select_in(&tower), Err(PathMiss::TooLarge));
    let plain = Path::parse("$..a").unwrap();
    let deepest = json(&(r#"{"a":"#.repeat(999) + "[]" + &"}".repeat(999))).unwrap();
    assert_eq!(plain.select_in(&deepest).unwrap().as_array().unwrap().len(), 999);
}

#[test]
fn definiteness_is_jayways() {
    for (path, definite) in [
        ("$", true),
        ("$.a['b'][0][-1]", true),
        ("$['a','b']", true),
        ("$['a','b'].c", false),
        ("$[0,1]", false),
        ("$[0:]", false),
        ("$.*", false),
        ("$..a", false),
        ("$[?(@.a)]", false),
    ] {
        assert_eq!(Path::parse(path).unwrap().is_definite(), definite, "{path}");
    }
}

#[test]
fn paths_print_in_one_style() {
    for (text, printed) in [
        ("$['a'][\"b c\"]", "$.a['b c']"),
        ("$$..['a', 'it\\'s'][ 1 , 2 ][-1:][:3]", "$$..['a', 'it\\'s'][1, 2][-1:][:3]"),
        ("$v[*].*..[0]..*", "$v[*][*]..[0]..[*]"),
        (
            "$[?(@.a>1&&(!@.b||!(@.c=='it\\'s'))&&$.d =~ /x\\/y/i||@.e IN ['a',[1,null]])]",
            "$[?((@.a > 1 && (!@.b || !(@.c == 'it\\'s')) && $.d =~ /x\\/y/i) || @.e in ['a', [1, null]])]",
        ),
    ] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.to_string(), printed);
        assert_eq!(&**path.text(), text);
        assert_eq!(Path::parse(printed).unwrap(), path);
    }
}

#[test]
fn reference_paths_put() {
    for (path, into, expected) in [
        ("$", r#"{"a":1}"#, r#""V""#),
        ("$.r", r#"{"a":1}"#, r#"{"a":1,"r":"V"}"#),
        ("$.a", r#"{"a":1,"b":2}"#, r#"{"a":"V","b":2}"#),
        ("$['x y'].b.c", r#"{"a":1}"#, r#"{"a":1,"x y":{"b":{"c":"V"}}}"#),
        ("$.a[1].b", r#"{"a":[1,{"c":2}]}"#, r#"{"a":[1,{"c":2,"b":"V"}]}"#),
        ("$.a[1]", r#"{"a":[1,2]}"#, r#"{"a":[1,"V"]}"#),
        ("$.a.b", r#"{"a":null}"#, r#"{"a":{"b":"V"}}"#),
    ] {
        let put = ReferencePath::parse(path).unwrap().put(&json(into).unwrap(), "V".into());
        assert_eq!(put.unwrap().to_text(), expected, "{path}");
    }
    for (path, into, expected) in [
        ("$.r", "[1]", "expected an object at $, found array"),
        ("$.r", "null", "expected an object at $, found null"),
        ("$.a.b", r#"{"a":1}"#, "expected an object at $['a'], found number"),
        ("$.a[0]", r#"{"a":{}}"#, "expected an array at $['a'], found object"),
        ("$.b[0]", "{}", "expected an array at $['b'], found null"),
        ("$.a[2]", r#"{"a":[1,2]}"#, "there is no $['a'][2]; the array has 2 items"),
    ] {
        let put = ReferencePath::parse(path).unwrap().put(&json(into).unwrap(), "V".into());
        assert_eq!(put.unwrap_err().to_string(), expected, "{path}");
    }
    for path in ["$.a[*]", "$..a", "$.a[-1]", "$.a[0:1]", "$['a','b']", "$.a[?(@.b)]", "a"] {
        assert!(ReferencePath::parse(path).is_err(), "{path}");
    }
}

#[test]
fn putting_shares_what_is_beside_the_way() {
    let into = json(r#"{"big":[1,2,3],"a":{"b":1,"other":[4]}}"#).unwrap();
    let before = into.to_text();
    let put = ReferencePath::parse("$.a.b").unwrap().put(&into, 2.into()).unwrap();
    assert_eq!(into.to_text(), before);
    let (Value::Array(one), Value::Array(other)) =
        (into.as_object().unwrap().get("big").unwrap(), put.as_object().unwrap().get("big").unwrap())
    else {
        panic!("both are arrays")
    };
    assert!(std::sync::Arc::ptr_eq(one, other));
}

#[test]
fn putting_cannot_nest_without_end() {
    let path = ReferencePath::parse("$.a.a.a.a.a.a.a.a.a.a").unwrap();
    let mut value = json("{}").unwrap();
    let error = loop {
        match path.put(&json("{}").unwrap(), value) {
            Ok(next) => value = next,
            Err(error) => break error,
        }
    };
    assert_eq!(error, PutError::TooDeep);
}

fn any_path() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("a"), Just("b c"), Just("ä"), Just("it\\'s"), Just("x\\\\"), Just("\\\"")];
    let selector = prop_oneof![
        name.clone().prop_map(|name| format!("['{name}']")),
        name.prop_map(|name| format!("['b', '{name}']")),
        (-3..3).prop_map(|index| format!("[{index}]")),
        (-3..3, -3..3).prop_map(|(a, b)| format!("[{a},{b}]")),
        (-3..3, -3..3).prop_map(|(a, b)| format!("[{a}:{b}]")),
        (-3..3).prop_map(|a| format!("[{a}:]")),
        (-3..3).prop_map(|a| format!("[:{a}]")),
        Just("[*]".to_owned()),
        Just(".*".to_owned()),
        Just(".name".to_owned()),
    ];
    let filter = prop_oneof![
        Just("@.a".to_owned()),
        Just("!@['b c'][0]".to_owned()),
        Just("@ > 1 && ($.a == 'x\\'y' || @ in [1.5, \"z\"])".to_owned()),
        Just("@.a =~ /x+/i".to_owned()),
        Just("!(@..a size 2)".to_owned()),
    ];
    let selector = prop_oneof![4 => selector, 1 => filter.prop_map(|filter| format!("[?({filter})]"))];
    let segment = (any::<bool>(), selector).prop_map(|(deep, selector)| match selector.strip_prefix('.') {
        Some(name) if deep => format!("..{name}"),
        None if deep => format!("..{selector}"),
        _ => selector,
    });
    let root = prop_oneof![Just("$"), Just("$$"), Just("$var")];
    (root, prop::collection::vec(segment, 0..6))
        .prop_map(|(root, segments)| format!("{root}{}", segments.concat()))
}

/// Paths that both dialects understand alike: no filters on objects, no `..` on anything but a name, no repeats.
fn any_common_path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        Just(".a".to_owned()),
        Just("['b']".to_owned()),
        Just("..a".to_owned()),
        Just("[*]".to_owned()),
        (-3..3).prop_map(|index| format!("[{index}]")),
        (0..3, 0..3).prop_map(|(a, b)| format!("[{a}:{b}]")),
        (-3..3).prop_map(|a| format!("[{a}:]")),
        (-3..3).prop_map(|a| format!("[:{a}]")),
        (0..3).prop_map(|a| format!("[{a},0]")),
    ];
    prop::collection::vec(segment, 0..4).prop_map(|segments| format!("${}", segments.concat()))
}

fn any_small_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), (0..4).prop_map(Value::from), Just(Value::from("x"))];
    leaf.prop_recursive(5, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop_oneof![Just("a"), Just("b"), Just("c")], inner), 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<crate::json::Object>())),
        ]
    })
}

proptest! {
    #[test]
    fn printing_reads_back(text in any_path()) {
        let path = Path::parse(&text).unwrap();
        let printed = path.to_string();
        let again = Path::parse(&printed).unwrap();
        prop_assert_eq!(&again, &path);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn another_implementation_agrees(text in any_common_path(), value in any_small_value()) {
        let theirs = serde_json_path::JsonPath::parse(&text).unwrap();
        let document: serde_json::Value = serde_json::from_str(&value.to_text()).unwrap();
        let expected: Vec<String> = theirs.query(&document).iter().map(ToString::to_string).collect();
        let path = Path::parse(&text).unwrap();
        let found = match path.select_in(&value) {
            Ok(value) if path.is_definite() => vec![value.to_text()],
            Ok(value) => value.as_array().unwrap().iter().map(Value::to_text).collect(),
            Err(_) => vec![],
        };
        // The order below `..` is not laid down.
        let sorted = |mut values: Vec<String>| { values.sort(); values };
        prop_assert_eq!(sorted(found), sorted(expected));
    }

    #[test]
    fn what_is_put_is_found(names in prop::collection::vec("[a-z' \\[]{1,3}", 0..5), value in any_small_value()) {
        let segments: Vec<_> = names.iter().map(|name| format!("['{}']", name.replace('\'', "\\'"))).collect();
        let path = ReferencePath::parse(&format!("${}", segments.concat())).unwrap();
        let result = path.put(&json("{}").unwrap(), value.clone()).unwrap();
        prop_assert_eq!(path.as_path().select_in(&result), Ok(value));
    }

    #[test]
    fn no_text_makes_parsing_panic(text in r#"\$?\$?([.\[\]()'"?*@:,!&|=<>~/\\$ -]|[a-z0-9]|in|\PC){0,24}"#) {
        if let Ok(path) = Path::parse(&text) {
            prop_assert_eq!(Path::parse(&path.to_string()).unwrap(), path.clone());
            let _ = path.select(&data());
        }
        let _ = ReferencePath::parse(&text);
    }
}
