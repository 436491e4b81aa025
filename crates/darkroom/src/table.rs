//! Plain tables on a terminal: columns as wide as they need to be, the last one wrapped by the terminal.

use std::fmt::Write as _;
use std::io::IsTerminal;

/// Rows of text under a heading.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column titles.
    pub fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|title| (*title).to_owned()).collect()] }
    }

    /// Adds a row. Missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text, a line a row, the heading underlined. No blanks at the ends of lines.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, column_width) in row.iter().zip(&widths) {
                // Writing to a string cannot fail.
                let _ = write!(line, "{cell}{}", " ".repeat(column_width - width(cell) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
            if number == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                text.push_str(&rule.join("  "));
                text.push('\n');
            }
        }
        text
    }
}

/// What a cell takes on screen: its characters, colour codes not counted.
fn width(cell: &str) -> usize {
    let mut in_code = false;
    cell.chars()
        .filter(|character| match (in_code, character) {
            (false, '\u{1b}') => {
                in_code = true;
                false
            }
            (true, 'm') => {
                in_code = false;
                false
            }
            (in_code, _) => !in_code,
        })
        .count()
}

/// Colours, where standard output is a terminal and nobody asked for none.
#[derive(Clone, Copy)]
pub struct Style {
    coloured: bool,
}

impl Style {
    /// The style of standard output. `NO_COLOR` turns colours off.
    pub fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { coloured: !refused && std::io::stdout().is_terminal() }
    }

    /// A status in its colour: green for what is done, red for what is not, yellow for what is under way.
    pub fn status(self, status: &str) -> String {
        let colour = match status {
            "SUCCEEDED" => 32,
            "RUNNING" => 33,
            _ => 31,
        };
        if self.coloured { format!("\u{1b}[{colour}m{status}\u{1b}[0m") } else { status.to_owned() }
    }
}

/// A length of time as people read it: `3 ms`, `1.25 s`, `2 min 5 s`.
pub fn duration(milliseconds: i64) -> String {
    match milliseconds {
        ..1_000 => format!("{} ms", milliseconds.max(0)),
        1_000..60_000 => format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_their_colour() {
        let mut table = Table::new(&["photo", "status"]);
        table.row(["a.jpg".into(), "\u{1b}[32mSUCCEEDED\u{1b}[0m".into()]);
        table.row(["longer.jpg".into(), "FAILED".into()]);
        let lines: Vec<String> = table.render().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "photo       status");
        assert_eq!(lines[1], "──────────  ─────────");
        assert_eq!(lines[3], "longer.jpg  FAILED");
    }

    #[test]
    fn durations_read_well() {
        let table = [(0, "0 ms"), (999, "999 ms"), (1_250, "1.25 s"), (125_000, "2 min 5 s"), (-1, "0 ms")];
        for (milliseconds, expected) in table {
            assert_eq!(duration(milliseconds), expected);
        }
    }
}
