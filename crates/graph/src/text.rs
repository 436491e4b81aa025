//! How wide text is, and how it is made to fit.
//!
//! Which font is there is not known here, so widths are those of a wide one: text may come out narrower than its
//! place, not wider. Reasons are set in a monospaced font, whose letters are all as wide.

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Face {
    /// A state's name.
    Name,
    /// What it does, below it.
    Detail,
    /// An edge's reason.
    Reason,
}

impl Face {
    /// The height of its letters, in pixels.
    pub fn size(self) -> f64 {
        match self {
            Self::Name => 13.0,
            Self::Detail => 11.0,
            Self::Reason => 10.5,
        }
    }

    /// From one line to the next.
    pub fn line(self) -> f64 {
        match self {
            Self::Name => 16.0,
            Self::Detail => 15.0,
            Self::Reason => 13.0,
        }
    }

    /// The width of a text on one line.
    pub fn width(self, text: &str) -> f64 {
        text.chars().map(|letter| self.letter(letter)).sum::<f64>() * self.size()
    }

    /// A letter's width, in units of the size.
    fn letter(self, letter: char) -> f64 {
        if is_wide(letter) {
            return 1.25;
        }
        match (self, letter) {
            (Self::Reason, _) => 0.61,
            (Self::Name, 'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '<' | '>' | '&' | '=' | '+' | '#') => {
                1.0
            }
            (Self::Detail, 'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '<' | '>' | '&' | '=' | '+' | '#') => {
                0.95
            }
            (
                Self::Name | Self::Detail,
                'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '·',
            ) => 0.36,
            (Self::Name | Self::Detail, 'f' | 'r' | 't' | '-' | '(' | ')' | '[' | ']' | '/') => 0.46,
            (Self::Name, 'A'..='Z') => 0.76,
            (Self::Name, _) => 0.66,
            (Self::Detail, 'A'..='Z') => 0.7,
            (Self::Detail, _) => 0.6,
        }
    }

    /// The text on one line no wider than `width`, its end cut where it does not fit.
    pub fn cut(self, text: &str, width: f64) -> String {
        let text = visible(text);
        if self.width(&text) <= width {
            return text;
        }
        let mut room = width - self.width("…");
        let kept = text.chars().take_while(|letter| {
            room -= self.letter(*letter) * self.size();
            room >= 0.0
        });
        let mut kept: String = kept.collect();
        kept.truncate(kept.trim_end().len());
        kept.push('…');
        kept
    }

    /// The text on at most `lines` lines no wider than `width`, broken where words end if it can be.
    pub fn wrap(self, text: &str, width: f64, lines: usize) -> Vec<String> {
        let text = visible(text);
        let mut rest = text.as_str();
        let mut wrapped = Vec::new();
        while wrapped.len() + 1 < lines && self.width(rest) > width {
            let (line, after) = rest.split_at(self.breaking_point(rest, width));
            wrapped.push(line.trim_end().to_owned());
            rest = after.trim_start();
        }
        wrapped.push(self.cut(rest, width));
        wrapped
    }

    /// Where a line that is too long ends: behind the last word that fits, or else behind the last letter.
    fn breaking_point(self, text: &str, width: f64) -> usize {
        let mut room = width;
        let (mut word, mut letter) = (None, text.chars().next().map_or(0, char::len_utf8));
        let mut before = ' ';
        for (at, next) in text.char_indices() {
            let ends_a_word = match self {
                Self::Name => next.is_uppercase() && before.is_lowercase(),
                Self::Detail | Self::Reason => false,
            };
            if at > 0 && (ends_a_word || next == ' ' || matches!(before, ' ' | '-' | '_')) {
                word = Some(at);
            }
            room -= self.letter(next) * self.size();
            if room < 0.0 {
                break;
            }
            letter = letter.max(at + next.len_utf8());
            before = next;
        }
        word.unwrap_or(letter)
    }
}

/// Letters about as wide as they are high: East Asian ones and pictures.
fn is_wide(letter: char) -> bool {
    matches!(u32::from(letter),
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1_2000..=0x1_FFFF | 0x2_0000..=0x3_FFFF
        | 0xFDFD | 0x0DD0..=0x0DDF | 0x0BB0..=0x0BFF | 0xA9C0..=0xA9DF)
}

/// Without what has no shape of its own but changes that of others: a name must not reverse a picture's text.
fn visible(text: &str) -> String {
    let seen = |letter: char| {
        let directs =
            matches!(u32::from(letter), 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFEFF);
        match letter {
            _ if directs => None,
            letter if letter.is_whitespace() => Some(' '),
            letter if letter.is_control() => Some('\u{FFFD}'),
            letter => Some(letter),
        }
    };
    text.chars().filter_map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_or_is_cut() {
        for (text, width, expected) in [
            ("Resize", 100.0, "Resize"),
            ("ResizeImageAndMore", 67.0, "ResizeI…"),
            ("", 10.0, ""),
            ("a\nb", 100.0, "a b"),
            ("safe\u{202E}txt", 100.0, "safetxt"),
        ] {
            assert_eq!(Face::Name.cut(text, width), expected);
        }
    }

    #[test]
    fn lines_end_where_words_do() {
        for (face, text, width, expected) in [
            (Face::Name, "HandleValidationError", 125.0, vec!["HandleValidation", "Error"]),
            (Face::Name, "send-the-notification", 100.0, vec!["send-the-", "notification"]),
            (Face::Reason, "$.a.b = 1 and $.c", 70.0, vec!["$.a.b = 1", "and $.c"]),
            (Face::Reason, "aaaaaaaaaaaaaaaa", 64.1, vec!["aaaaaaaaaa", "aaaaaa"]),
        ] {
            assert_eq!(face.wrap(text, width, 2), expected, "{text}");
        }
    }

    #[test]
    fn a_line_is_never_wider_than_its_place() {
        for text in ["Wide 日本語のテキスト text", "mmmmmmmmmmmmmmmm", "a b c d e f g h i j k l m n"]
        {
            for width in [30.0, 55.0, 90.0] {
                for line in Face::Name.wrap(text, width, 3) {
                    assert!(Face::Name.width(&line) <= width, "{line:?} in {width}");
                }
            }
        }
    }
}
