//! Locations as rules state them.

use serde_json_path::JsonPath;

/// One step of a JSONPath.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// `.name` or `['name']`.
    Name(String),
    /// `.*` or `[*]`: any member or element.
    Any,
    /// The `..` before a step: any number of levels, or none.
    Deep,
    /// A selector that depends on more than the location: an index, a slice, a filter or several selectors.
    Other,
}

/// Takes a JSONPath apart. The error says what was expected.
pub(crate) fn parse(path: &str) -> Result<(Vec<Step>, JsonPath), String> {
    let query = JsonPath::parse(path).map_err(|error| {
        format!("expected a JSONPath (RFC 9535): {error}; a name with other characters than letters, digits and _ is written $['like-this']")
    })?;
    let steps = Scanner { text: path, pos: 1 }.steps();
    Ok((steps, query))
}

/// The last member name of a path: the name of the form field or query parameter that holds the same thing.
pub(crate) fn last_name(steps: &[Step]) -> Option<&str> {
    steps.iter().rev().find_map(|step| match step {
        Step::Name(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Scans a path that is known to be valid, so that it only has to find the ends of its parts.
struct Scanner<'a> {
    text: &'a str,
    pos: usize,
}

impl Scanner<'_> {
    fn steps(mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(c) = self.next() {
            match c {
                '.' => {
                    if self.peek() == Some('.') {
                        self.next();
                        steps.push(Step::Deep);
                    }
                    self.space();
                    match self.peek() {
                        Some('*') => {
                            self.next();
                            steps.push(Step::Any);
                        }
                        Some('[') => {}
                        _ => steps.push(Step::Name(self.shorthand())),
                    }
                }
                '[' => steps.push(self.bracket()),
                _ => {}
            }
        }
        steps
    }

    fn peek(&self) -> Option<char> {
        self.text[self.pos..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    fn shorthand(&mut self) -> String {
        let start = self.pos;
        while self
            .peek()
            .is_some_and(|c| c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii())
        {
            self.next();
        }
        self.text[start..self.pos].to_owned()
    }

    /// What stands between a bracket, already read, and the one that closes it.
    fn bracket(&mut self) -> Step {
        self.space();
        let start = self.pos;
        let step = match self.next() {
            Some('*') => Step::Any,
            Some(quote @ ('\'' | '"')) => Step::Name(self.quoted(quote)),
            _ => {
                self.pos = start;
                Step::Other
            }
        };
        self.space();
        if self.peek() == Some(']') {
            self.next();
            return step;
        }
        let mut open = 1;
        while let Some(c) = self.next() {
            match c {
                '\'' | '"' => drop(self.quoted(c)),
                '[' => open += 1,
                ']' => open -= 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        Step::Other
    }

    /// A quoted name, whose first quote has been read.
    fn quoted(&mut self, quote: char) -> String {
        // The escapes are JSON's, and `\'` besides; so is what unescapes them.
        let mut json = String::from("\"");
        while let Some(c) = self.next() {
            match c {
                _ if c == quote => break,
                '"' => json.push_str("\\\""),
                '\\' => match self.next() {
                    Some('\'') => json.push('\''),
                    Some(c) => json.extend(['\\', c]),
                    None => break,
                },
                c => json.push(c),
            }
        }
        json.push('"');
        serde_json::from_str(&json).unwrap_or_default()
    }
}
