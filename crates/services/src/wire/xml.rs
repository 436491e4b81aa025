//! XML as AWS's answers are written, and the little of it that its requests hold.

/// A text that grows by whole elements.
#[derive(Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// A document with its declaration.
    pub(crate) fn document() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned())
    }

    pub(crate) fn open_with(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.0.push('<');
        self.0.push_str(name);
        for (attribute, value) in attributes {
            for piece in [" ", attribute, "=\""] {
                self.0.push_str(piece);
            }
            self.escape(value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// An element around what `inside` writes.
    pub(crate) fn within(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.open_with(name, &[]);
        inside(self);
        self.close(name);
    }

    /// An element around a text.
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.open_with(name, &[]);
        self.escape(text);
        self.close(name);
    }

    /// The same, where there is a text.
    pub(crate) fn leaf_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// What was written elsewhere.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    pub(crate) fn text(self) -> String {
        self.0
    }

    /// A text, with what means something to XML escaped.
    pub(crate) fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                // A parser turns a bare carriage return into a line feed.
                '\r' => self.0.push_str("&#xD;"),
                // XML 1.0 has no way to say the others.
                '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => self.0.push('\u{fffd}'),
                other => self.0.push(other),
            }
        }
    }
}

/// The texts of all elements of this name, in order: enough for S3's requests, whose lists hold leaves.
pub(crate) fn elements<'a>(document: &'a str, name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = document;
    while let Some((inside, after)) = next_element(rest, name) {
        found.push(inside);
        rest = after;
    }
    found
}

/// The text of the first element of this name, with its entities resolved.
pub(crate) fn leaf(document: &str, name: &str) -> Option<String> {
    next_element(document, name).map(|(inside, _)| unescaped(inside))
}

fn next_element<'a>(document: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let open = format!("<{name}");
    let close = format!("</{name}>");
    let mut from = 0;
    loop {
        let at = from + document.get(from..)?.find(&open)?;
        let rest = &document[at + open.len()..];
        let end = rest.find('>')?;
        let attributes = &rest[..end];
        if !attributes.is_empty() && !attributes.starts_with([' ', '/', '\t', '\r', '\n']) {
            from = at + open.len();
            continue;
        }
        let inside = &rest[end + 1..];
        if attributes.ends_with('/') {
            return Some(("", inside));
        }
        let length = inside.find(&close)?;
        return Some((&inside[..length], &inside[length + close.len()..]));
    }
}

/// A text with its entities resolved; what is no entity stays as it is.
pub(crate) fn unescaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').map(|end| (&rest[1..end], &rest[end + 1..]));
        if let Some((character, after)) = entity.and_then(|(name, after)| Some((character(name)?, after))) {
            result.push(character);
            rest = after;
        } else {
            result.push('&');
            rest = &rest[1..];
        }
    }
    result.push_str(rest);
    result
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_found_by_their_whole_name() {
        let document = "<D xmlns=\"x\"><Objects/><Object><Key>a&amp;b</Key></Object>\n<Object ><Key>c</Key></Object></D>";
        let keys: Vec<_> =
            elements(document, "Object").into_iter().map(|object| leaf(object, "Key")).collect();
        assert_eq!(keys, [Some("a&b".to_owned()), Some("c".to_owned())]);
        assert_eq!(leaf(document, "Objects").as_deref(), Some(""));
        assert_eq!(leaf(document, "Ke"), None);
        assert_eq!(leaf("<Key>never closed", "Key"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}]*") {
            let mut xml = Xml::document();
            xml.leaf("Key", &text);
            prop_assert_eq!(leaf(&xml.text(), "Key"), Some(text));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _: Vec<&str> = elements(&text, "a");
            let _: String = unescaped(&text);
        }
    }
}
