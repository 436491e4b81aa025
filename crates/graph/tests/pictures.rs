//! What holds for the picture of every machine, whatever it is: nothing lies on anything else, everything lies in what
//! it belongs to, edges hold on to their nodes, and the same machine gives the same picture.
//!
//! Machines are drawn at random as lines of states, with branches in them and edges between any two of a line.

use darkroom_asl::definition::{StateMachine, validate};
use darkroom_graph::{
    Drawing, EdgeKind, Label, Placed, Point, Rect, Route, Stretch, Svg, lay_out, mermaid, svg,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// What is computed with may differ by so much.
const SLACK: f64 = 0.01;

/// One line of states; each goes on to the next.
#[derive(Clone, Debug)]
struct Line(Vec<Spec>);

#[derive(Clone, Debug)]
struct Spec {
    name: String,
    kind: Kind,
    /// Which states of the line errors lead to.
    catch: Vec<(&'static str, usize)>,
}

#[derive(Clone, Debug)]
enum Kind {
    Pass,
    Task,
    Wait,
    Succeed,
    Fail,
    Choice(Vec<(Value, usize)>, Option<usize>),
    Parallel(Vec<Line>),
    Map(Box<Line>),
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z][a-z]{2,12}([A-Z][a-z]{3,9}){0,4}",
        "[a-z ]{1,40}",
        select(vec![
            "日本語の状態名",
            "m",
            "<b onload=x>&\"'",
            "a-very-long-name-with-many-parts-that-go-on",
            "🖼️ photo"
        ])
        .prop_map(str::to_owned),
    ]
}

fn rules() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"Variable": "$.a", "NumericGreaterThan": 0}),
        json!({"Variable": "$.a.quite.long.path.into.the.input", "StringMatches": "*x*"}),
        json!({"Not": {"Variable": "$.list", "IsNull": true}}),
        json!({"And": [{"Variable": "$.b", "IsPresent": true}, {"Variable": "$.b", "StringEquals": "done"},
            {"Variable": "$.c", "BooleanEquals": false}]}),
    ])
}

fn spec(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Spec> {
    let catch = vec((select(vec!["States.Timeout", "Storage.Full", "States.ALL"]), any::<usize>()), 0..3);
    (names(), kind, catch).prop_map(|(name, kind, catch)| Spec { name, kind, catch })
}

fn simple() -> BoxedStrategy<Kind> {
    let choice = (vec((rules(), any::<usize>()), 1..5), option::of(any::<usize>()));
    prop_oneof![
        2 => Just(Kind::Pass),
        4 => Just(Kind::Task),
        1 => Just(Kind::Wait),
        4 => choice.prop_map(|(rules, default)| Kind::Choice(rules, default)),
    ]
    .boxed()
}

fn lines(length: usize) -> BoxedStrategy<Line> {
    let line = move |kinds: BoxedStrategy<Kind>, length: usize| {
        let last = spec(select(vec![Kind::Succeed, Kind::Fail, Kind::Pass]));
        (vec(spec(kinds), 0..length), last).prop_map(|(mut states, last)| {
            states.push(last);
            Line(states)
        })
    };
    let inner = line(simple(), 5).boxed();
    inner
        .prop_recursive(3, 24, 3, move |inner| {
            let kinds = prop_oneof![
                4 => simple(),
                1 => vec(inner.clone(), 1..4).prop_map(Kind::Parallel),
                1 => inner.prop_map(|line| Kind::Map(Box::new(line))),
            ];
            line(kinds.boxed(), length)
        })
        .boxed()
}

/// Writes machines down; a number makes each name its own.
#[derive(Default)]
struct Printer {
    states: usize,
}

impl Printer {
    fn line(&mut self, Line(states): &Line) -> Value {
        let names: Vec<String> = states
            .iter()
            .map(|state| {
                self.states += 1;
                format!("{} {}", state.name, self.states)
            })
            .collect();
        let states: Map<String, Value> = states
            .iter()
            .enumerate()
            .map(|(at, state)| (names[at].clone(), self.state(state, &names, at)))
            .collect();
        json!({"StartAt": names[0], "States": states})
    }

    fn state(&mut self, spec: &Spec, names: &[String], at: usize) -> Value {
        let to = |drawn: usize| names[drawn % names.len()].clone();
        let mut state = match &spec.kind {
            Kind::Pass => json!({"Type": "Pass"}),
            Kind::Task => json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}),
            Kind::Wait => json!({"Type": "Wait", "Seconds": 5}),
            Kind::Succeed => return json!({"Type": "Succeed"}),
            Kind::Fail => return json!({"Type": "Fail"}),
            Kind::Choice(rules, default) => {
                let rules = rules.iter().map(|(rule, next)| {
                    let mut rule = rule.clone();
                    rule["Next"] = to(*next).into();
                    rule
                });
                // The next state must be reached somehow, or the machine is refused.
                let default = match default {
                    Some(drawn) if names.len() > at + 2 => to(at + 1 + drawn % 2),
                    Some(_) | None => to(at + 1),
                };
                let mut rules: Vec<Value> = rules.collect();
                rules.push(json!({"Variable": "$.z", "IsNull": true, "Next": to(at + 1)}));
                return json!({"Type": "Choice", "Choices": rules, "Default": default});
            }
            Kind::Parallel(lines) => {
                json!({"Type": "Parallel", "Branches": lines.iter().map(|line| self.line(line)).collect::<Vec<_>>()})
            }
            Kind::Map(line) => json!({"Type": "Map", "ItemProcessor": self.line(line)}),
        };
        match names.get(at + 1) {
            Some(next) => state["Next"] = json!(next),
            None => state["End"] = json!(true),
        }
        if matches!(spec.kind, Kind::Task | Kind::Parallel(_) | Kind::Map(_)) {
            let mut catch: Vec<Value> = Vec::new();
            for (error, drawn) in &spec.catch {
                catch.push(json!({"ErrorEquals": [error], "Next": to(*drawn)}));
                if *error == "States.ALL" {
                    break;
                }
            }
            state["Catch"] = catch.into();
        }
        state
    }
}

fn check(definition: &Value) -> Result<(), TestCaseError> {
    let parsed = validate(&definition.to_string(), darkroom_asl::definition::Options::default());
    let Some(machine) = parsed.machine else {
        return Err(TestCaseError::fail(format!("{:?}", parsed.diagnostics.first())));
    };
    let drawing = lay_out(&machine).expect("it is small");
    check_drawing(&drawing)?;
    let drawn = svg(&machine, &drawing, Svg::default());
    check_text(&machine, &drawing, &drawn)?;
    let again = validate(&definition.to_string(), darkroom_asl::definition::Options::default());
    let again = again.machine.expect("it was accepted before");
    let again = svg(&again, &lay_out(&again).expect("it is small"), Svg::default());
    prop_assert_eq!(drawn, again);
    prop_assert!(mermaid(&machine).starts_with("flowchart TD\n"));
    Ok(())
}

fn check_drawing(drawing: &Drawing) -> Result<(), TestCaseError> {
    let sheet = Rect { x: 0.0, y: 0.0, width: drawing.width, height: drawing.height };
    let labels: Vec<&Label> = drawing.routes.iter().filter_map(|route| route.label.as_ref()).collect();
    let mut areas: Vec<Rect> = drawing.nodes.iter().map(|node| node.area).collect();
    areas.extend(labels.iter().map(|label| label.area));
    for (index, area) in areas.iter().enumerate() {
        prop_assert!(is_within(area, &sheet), "{:?} is not in {:?}", area, sheet);
        for other in &areas[..index] {
            prop_assert!(!area.overlaps(other), "{:?} lies on {:?}", area, other);
        }
    }
    for node in &drawing.nodes {
        check_branches(node)?;
    }
    for route in &drawing.routes {
        check_route(drawing, route)?;
    }
    check_lines_are_told_apart(drawing)
}

fn check_branches(node: &Placed) -> Result<(), TestCaseError> {
    for (index, branch) in node.branches.iter().enumerate() {
        prop_assert!(is_within(&branch.area, &node.area));
        prop_assert!(branch.area.y > node.area.y + 20.0, "there is no room for the name");
        prop_assert!(branch.drawing.width <= branch.area.width + SLACK);
        prop_assert!(branch.drawing.height <= branch.area.height + SLACK);
        for other in &node.branches[..index] {
            prop_assert!(!branch.area.overlaps(&other.area));
        }
        check_drawing(&branch.drawing)?;
    }
    Ok(())
}

/// An edge leaves its node below and enters the other from above, passes no other node and no label but its own.
fn check_route(drawing: &Drawing, route: &Route) -> Result<(), TestCaseError> {
    let (from, to) = (&drawing.nodes[route.from].area, &drawing.nodes[route.to].area);
    let end = route.stretches.last().expect("it goes somewhere").end();
    prop_assert!(
        (route.start.y - from.bottom()).abs() < SLACK
            && from.x < route.start.x
            && route.start.x < from.right()
    );
    prop_assert!((end.y - to.y).abs() < SLACK && to.x < end.x && end.x < to.right());
    prop_assert_eq!(route.label.is_some(), route.kind != EdgeKind::Next);
    let points = points(route);
    if let Some(label) = &route.label {
        prop_assert!(points.iter().any(|point| contains(&label.area, *point)), "the label lies on its edge");
    }
    for other in drawing.nodes.iter().map(|node| node.area) {
        prop_assert!(!points.iter().any(|point| contains(&other, *point)), "{:?} is crossed", other);
    }
    let others = drawing.routes.iter().filter(|other| !std::ptr::eq(*other, route));
    for label in others.filter_map(|other| other.label.as_ref()) {
        prop_assert!(!points.iter().any(|point| contains(&label.area, *point)), "{:?} is crossed", label);
    }
    Ok(())
}

/// Upright stretches of two edges lie on each other only where both lead to one node for one kind of reason.
fn check_lines_are_told_apart(drawing: &Drawing) -> Result<(), TestCaseError> {
    let mut upright: Vec<(f64, f64, f64, &Route)> = Vec::new();
    for route in &drawing.routes {
        let mut at = route.start;
        for stretch in &route.stretches {
            let end = stretch.end();
            if matches!(stretch, Stretch::Line(_)) && (end.x - at.x).abs() < SLACK {
                upright.push((at.x, at.y.min(end.y), at.y.max(end.y), route));
            }
            at = end;
        }
    }
    for (index, (x, top, bottom, route)) in upright.iter().enumerate() {
        for (other_x, other_top, other_bottom, other) in &upright[..index] {
            let same_way =
                route.to == other.to && (route.kind == EdgeKind::Catch) == (other.kind == EdgeKind::Catch);
            let overlap = (x - other_x).abs() < 1.0 && *top < other_bottom - 0.5 && *other_top < bottom - 0.5;
            prop_assert!(!overlap || same_way, "two edges at {} between {} and {}", x, top, bottom);
        }
    }
    Ok(())
}

fn check_text(machine: &StateMachine, drawing: &Drawing, drawn: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(drawn.matches("data-state=\"").count(), machine.states().count());
    prop_assert_eq!(drawn.matches("class=\"edge ").count(), count_routes(drawing));
    prop_assert_eq!(drawn.matches("<g").count(), drawn.matches("</g>").count());
    prop_assert!(!drawn.contains("<b onload") && !drawn.contains("style="));
    Ok(())
}

fn count_routes(drawing: &Drawing) -> usize {
    let inside = drawing.nodes.iter().flat_map(|node| &node.branches);
    drawing.routes.len() + inside.map(|branch| count_routes(&branch.drawing)).sum::<usize>()
}

fn is_within(inner: &Rect, outer: &Rect) -> bool {
    inner.x >= outer.x - SLACK
        && inner.y >= outer.y - SLACK
        && inner.right() <= outer.right() + SLACK
        && inner.bottom() <= outer.bottom() + SLACK
}

/// Truly inside, not on the rim.
fn contains(area: &Rect, point: Point) -> bool {
    point.x > area.x + SLACK
        && point.x < area.right() - SLACK
        && point.y > area.y + SLACK
        && point.y < area.bottom() - SLACK
}

/// Points along an edge, near to each other.
fn points(route: &Route) -> Vec<Point> {
    let mut points = vec![route.start];
    let mut at = route.start;
    for stretch in &route.stretches {
        for step in 1..=24 {
            let t = f64::from(step) / 24.0;
            points.push(match stretch {
                Stretch::Line(end) => Point { x: at.x + (end.x - at.x) * t, y: at.y + (end.y - at.y) * t },
                Stretch::Curve(a, b, end) => bezier([at, *a, *b, *end], t),
            });
        }
        at = stretch.end();
    }
    points
}

fn bezier(pulls: [Point; 4], t: f64) -> Point {
    let s = 1.0 - t;
    let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    let mix =
        |side: fn(&Point) -> f64| pulls.iter().zip(weights).map(|(pull, weight)| weight * side(pull)).sum();
    Point { x: mix(|point| point.x), y: mix(|point| point.y) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_lies_on_anything_else(line in lines(8)) {
        check(&Printer::default().line(&line))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nor_among_a_hundred_states(states in vec(spec(simple()), 100..101)) {
        let mut line = Line(states);
        line.0.push(Spec { name: "Last".to_owned(), kind: Kind::Succeed, catch: Vec::new() });
        check(&Printer::default().line(&line))?;
    }
}

#[test]
fn the_image_workflow_is_drawn() {
    for definition in [
        include_str!("../../../workflows/image-processing.asl.json"),
        include_str!("../../../workflows/image-processing.jsonata.asl.json"),
    ] {
        let filled = ["region", "account", "project_name", "sns_topic_name"]
            .iter()
            .fold(definition.to_owned(), |text, name| text.replace(&format!("${{{name}}}"), "name"));
        check(&serde_json::from_str(&filled).expect("it is JSON")).expect("it is drawn as it should be");
    }
}

/// A chain of `length` tasks, each caught by its own handler at the end: as much as a picture can have to pass.
fn far_caught(length: usize) -> String {
    let mut states = Map::new();
    for at in 0..length {
        let catch = json!([{"ErrorEquals": ["States.ALL"], "Next": format!("Caught{at}")}]);
        states.insert(
            format!("Task{at}"),
            json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Catch": catch, "Next":
                if at + 1 < length { format!("Task{}", at + 1) } else { "Caught0".to_owned() }}),
        );
        let next = format!("Caught{}", (at + 1) % length);
        let caught =
            if at + 1 < length { json!({"Type": "Pass", "Next": next}) } else { json!({"Type": "Succeed"}) };
        states.insert(format!("Caught{at}"), caught);
    }
    json!({"StartAt": "Task0", "States": states}).to_string()
}

#[test]
fn what_is_too_large_to_be_seen_is_refused() {
    for (length, is_drawn) in [(20, true), (400, false)] {
        let parsed = validate(&far_caught(length), darkroom_asl::definition::Options::default());
        let machine = parsed.machine.expect("it is accepted");
        assert_eq!(lay_out(&machine).is_ok(), is_drawn, "{length}");
    }
}

#[test]
fn mermaid_says_the_same() {
    let definition = json!({"StartAt": "Look \"here\"", "States": {
        "Look \"here\"": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "All"}],
            "Default": "No"},
        "All": {"Type": "Parallel", "Next": "Done", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "No"}],
            "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}},
                {"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 1, "End": true}}}]},
        "Done": {"Type": "Pass", "End": true},
        "No": {"Type": "Fail"},
    }});
    let parsed = validate(&definition.to_string(), darkroom_asl::definition::Options::default());
    let expected = r#"flowchart TD
  start([Start])
  s0{"Look #34;here#34;"}
  subgraph s1["All"]
    subgraph b1["1"]
      s4["A"]
    end
    subgraph b2["2"]
      s5(["B"])
    end
  end
  s3((("No")))
  s2["Done"]
  finish([End])
  start --> s0
  s0 -->|"$.n #60; 3"| s1
  s0 -.->|"default"| s3
  s1 --> s2
  s1 -.->|"any error"| s3
  s2 --> finish
  linkStyle 4 stroke:#c6283a
"#;
    assert_eq!(mermaid(&parsed.machine.expect("it is accepted")), expected);
}
