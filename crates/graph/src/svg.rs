//! A drawing as SVG.
//!
//! Colours are not in the text: each part has classes, and [`STYLE`] gives them colours, light and dark, by CSS
//! variables that a page may set. A state's group has `data-state` with its name, and takes `is-running`,
//! `is-succeeded`, `is-failed`, `is-caught` or `is-aborted` beside its class to show how it stands; an edge has
//! `data-from` and `data-to`, and takes `is-taken`.

mod icons;
mod xml;

use std::fmt::Write as _;

use darkroom_asl::definition::{StateKind, StateMachine};

use crate::layout::{Drawing, ICON, Label, Placed, Point, Rect, Route, Stretch};
use crate::scope::{EdgeKind, What};
use crate::text::Face;
use xml::escaped;

/// The colours, for a page that draws pictures without their own.
pub const STYLE: &str = include_str!("svg/style.css");

/// What belongs to a picture beside the drawing.
#[derive(Clone, Copy, Default)]
pub struct Svg<'a> {
    /// What the picture shows, for those who do not see it.
    pub title: &'a str,
    /// Whether [`STYLE`] stands in it, for a file that is looked at alone.
    pub has_style: bool,
    /// What is known of an execution that the picture shows.
    pub run: Option<&'a dyn Run>,
}

/// An execution, as far as it shows in a picture of its machine.
pub trait Run {
    /// Where a state's box leads when it is clicked on.
    fn link(&self, state: &str) -> String;

    /// The class that a state has beside its own: how it stands, or nothing.
    fn class(&self, state: &str) -> &'static str;

    /// Whether an edge was taken, by the names of the states that it joins. The marks of start and end have none.
    fn is_taken(&self, from: &str, to: &str, kind: EdgeKind) -> bool;
}

/// Writes a drawing of `machine`.
pub fn svg(machine: &StateMachine, drawing: &Drawing, options: Svg<'_>) -> String {
    let mut writer = Writer { machine, options, out: String::new() };
    let (width, height) = (drawing.width.ceil(), drawing.height.ceil());
    let title = escaped(options.title);
    writer.add(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"group\" aria-label=\"{title}\">\n<title>{title}</title>\n",
    ));
    if options.has_style {
        writer.add(format_args!(
            "<style>\n{STYLE}</style>\n<rect class=\"sheet\" width=\"100%\" height=\"100%\"/>\n"
        ));
    }
    writer.drawing(drawing);
    writer.out.push_str("</svg>\n");
    writer.out
}

struct Writer<'a> {
    machine: &'a StateMachine,
    options: Svg<'a>,
    out: String,
}

impl Writer<'_> {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("writing to a string does not fail");
    }

    /// Lines first, so that nothing is written below one.
    fn drawing(&mut self, drawing: &Drawing) {
        for route in &drawing.routes {
            self.route(drawing, route);
        }
        for route in &drawing.routes {
            if let Some(label) = &route.label {
                self.label(route, label);
            }
        }
        for node in &drawing.nodes {
            self.node(node);
        }
    }

    fn name(&self, node: &Placed) -> &str {
        match node.what {
            What::Start => "Start",
            What::End => "End",
            What::State(index) => &self.machine.state(index).name,
        }
    }

    fn route(&mut self, drawing: &Drawing, route: &Route) {
        let (from, to) = (&drawing.nodes[route.from], &drawing.nodes[route.to]);
        let from = if from.what == What::Start { "" } else { self.name(from) };
        let to = if to.what == What::End { "" } else { self.name(to) };
        let taken = if self.options.run.is_some_and(|run| run.is_taken(from, to, route.kind)) {
            " is-taken"
        } else {
            ""
        };
        let (from, to) = (escaped(from), escaped(to));
        let class = class_of_edge(route.kind);
        self.add(format_args!("<g class=\"edge {class}{taken}\" data-from=\"{from}\" data-to=\"{to}\">"));
        let reasons =
            if route.reasons.is_empty() { String::new() } else { format!(": {}", route.reasons.join("; ")) };
        self.add(format_args!("<title>{from} → {to}{}</title>", escaped(&reasons)));
        self.line("line", route.start, &route.stretches[..route.own]);
        // Two dashed lines on each other would look like a full one: all of it is only seen where it is marked.
        if route.own < route.stretches.len() {
            self.line("whole", route.start, &route.stretches);
        }
        let end = route.stretches.last().map_or(route.start, Stretch::end);
        self.add(format_args!("<path class=\"head\" d=\"M{}l-4.5 -8l4.5 1.6l4.5 -1.6z\"/></g>\n", at(end)));
    }

    fn line(&mut self, class: &str, start: Point, stretches: &[Stretch]) {
        self.add(format_args!("<path class=\"{class}\" d=\"M{}", at(start)));
        for stretch in stretches {
            match stretch {
                Stretch::Line(to) => self.add(format_args!("V{}", short(to.y))),
                Stretch::Curve(a, b, to) => self.add(format_args!("C{} {} {}", at(*a), at(*b), at(*to))),
            }
        }
        self.out.push_str("\"/>");
    }

    fn label(&mut self, route: &Route, label: &Label) {
        let class = class_of_edge(route.kind);
        self.add(format_args!(
            "<g class=\"label {class}\"><title>{}</title>",
            escaped(&route.reasons.join("\n"))
        ));
        self.rect(&label.area, "paper", 4.0);
        let x = label.area.x + label.area.width / 2.0;
        let mut y = label.area.y + Face::Reason.line();
        for line in &label.lines {
            self.add(format_args!(
                "<text class=\"reason\" x=\"{}\" y=\"{}\">{}</text>",
                short(x),
                short(y),
                escaped(line)
            ));
            y += Face::Reason.line();
        }
        self.out.push_str("</g>\n");
    }

    fn rect(&mut self, area: &Rect, class: &str, round: f64) {
        let (x, y, width, height) = (short(area.x), short(area.y), short(area.width), short(area.height));
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>",
        ));
    }

    fn node(&mut self, node: &Placed) {
        match node.what {
            What::Start | What::End => self.mark(node),
            What::State(index) => self.state(node, &self.machine.state(index).kind),
        }
    }

    fn mark(&mut self, node: &Placed) {
        let Rect { x, y, width, height } = node.area;
        self.out.push_str("<g class=\"mark\">");
        self.rect(&node.area, "box", height / 2.0);
        let (x, y) = (short(x + width / 2.0), short(y + height / 2.0 + 4.0));
        let name = node.name.concat();
        self.add(format_args!("<text class=\"detail\" x=\"{x}\" y=\"{y}\">{}</text></g>\n", escaped(&name)));
    }

    fn state(&mut self, node: &Placed, kind: &StateKind) {
        let name = self.name(node).to_owned();
        let (class, icon) = icons::of(kind);
        let has_inside = if node.branches.is_empty() { "" } else { " frame" };
        let stands = self.options.run.map_or("", |run| run.class(&name));
        self.add(format_args!(
            "<g class=\"node {class}{has_inside} {stands}\" data-state=\"{}\">",
            escaped(&name)
        ));
        let title = escaped(&format!("{name}\n{}", node.detail));
        match self.options.run {
            Some(run) => {
                self.add(format_args!("<a href=\"{}\"><title>{title}</title>", escaped(&run.link(&name))));
            }
            None => self.add(format_args!("<title>{title}</title>")),
        }
        self.rect(&node.area, "box", 9.0);
        let Point { x, mut y } = Point { x: node.area.x + 11.0, y: node.area.y + 9.0 };
        self.add(format_args!(
            "<path class=\"icon\" transform=\"translate({} {})\" d=\"{icon}\"/>",
            short(x),
            short(y + 5.0)
        ));
        let x = short(x + ICON);
        y += 11.5;
        for line in &node.name {
            self.add(format_args!(
                "<text class=\"name\" x=\"{x}\" y=\"{}\">{}</text>",
                short(y),
                escaped(line)
            ));
            y += Face::Name.line();
        }
        self.add(format_args!(
            "<text class=\"detail\" x=\"{x}\" y=\"{}\">{}</text>",
            short(y - 0.5),
            escaped(&node.detail)
        ));
        if node.retries > 0 {
            self.badge(node);
        }
        if self.options.run.is_some() {
            self.out.push_str("</a>");
        }
        for branch in &node.branches {
            self.rect(&branch.area, "branch", 7.0);
            self.add(format_args!(
                "<g transform=\"translate({} {})\">\n",
                short(branch.area.x),
                short(branch.area.y)
            ));
            self.drawing(&branch.drawing);
            self.out.push_str("</g>");
        }
        self.out.push_str("</g>\n");
    }

    /// In the upper right corner: the state is tried again, and how often at most.
    fn badge(&mut self, node: &Placed) {
        let (x, y) = (short(node.area.right() - 9.0), short(node.area.y + 18.0));
        let retries = if node.retries > 99 { "99+".to_owned() } else { node.retries.to_string() };
        self.add(format_args!(
            "<text class=\"badge\" x=\"{x}\" y=\"{y}\"><title>tried again up to {} times</title>↻{retries}</text>",
            node.retries
        ));
    }
}

fn class_of_edge(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Next => "next",
        EdgeKind::Rule => "rule",
        EdgeKind::Default => "default",
        EdgeKind::Catch => "catch",
    }
}

fn at(point: Point) -> String {
    format!("{} {}", short(point.x), short(point.y))
}

/// A tenth of a pixel is as near as anybody sees.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}
