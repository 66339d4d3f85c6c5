//! A JSON text taken apart as far as anybody will look at it: in one pass, without a copy, in bounded memory.

/// How many values of a list, and members of an object, are kept at each depth. The rest is counted.
const KEPT: [usize; 4] = [2_048, 256, 64, 16];
/// How many values are kept in all.
const NODES: usize = 100_000;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// A number, `true`, `false` or `null`, as written.
    Atom(&'a str),
    /// A string as written, with its quotes.
    Text(&'a str),
    /// A list: the first elements, and how many there are.
    List(Vec<Node<'a>>, usize),
    /// An object: the first members, names as written, and how many there are.
    Object(Vec<(&'a str, Node<'a>)>, usize),
    /// What is shown in the place of something that is no text: `<image 1: image/png, 2048 bytes>`.
    Label(String),
}

impl<'a> Node<'a> {
    /// Takes `json` apart, which is known to be JSON. Of anything else it gives some value or other.
    pub(super) fn of(json: &'a str) -> Self {
        Reader { text: json, at: 0, left: NODES }.value(0).unwrap_or(Node::Atom("null"))
    }

    /// Whether nothing is missing.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::List(items, count) => items.len() == *count && items.iter().all(Node::is_whole),
            Self::Object(members, count) => {
                members.len() == *count && members.iter().all(|(_, value)| value.is_whole())
            }
            _ => true,
        }
    }

    /// The value of the first member with this name.
    pub(super) fn member(&self, name: &str) -> Option<&Node<'a>> {
        let Self::Object(members, _) = self else { return None };
        members.iter().find(|(key, _)| content(key) == name).map(|(_, value)| value)
    }
}

/// What stands between the quotes of a string.
pub(super) fn content(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many values may still be kept.
    left: usize,
}

impl<'a> Reader<'a> {
    /// Recursion is bounded: no value nests deeper than 127 levels.
    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        self.left = self.left.saturating_sub(1);
        match self.next()? {
            b'[' => self.list(depth),
            b'{' => self.object(depth),
            b'"' => Some(Node::Text(self.string())),
            _ => Some(Node::Atom(self.atom())),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Node<'a>> {
        let (mut items, mut count) = (Vec::new(), 0);
        self.at += 1;
        while self.goes_on(b']')? {
            count += 1;
            if items.len() < self.room(depth) {
                items.push(self.value(depth + 1)?);
            } else {
                self.skip();
            }
        }
        Some(Node::List(items, count))
    }

    fn object(&mut self, depth: usize) -> Option<Node<'a>> {
        let (mut members, mut count) = (Vec::new(), 0);
        self.at += 1;
        while self.goes_on(b'}')? {
            count += 1;
            let name = self.string();
            self.next()?;
            // The colon.
            self.at += 1;
            if members.len() < self.room(depth) {
                members.push((name, self.value(depth + 1)?));
            } else {
                self.skip();
            }
        }
        Some(Node::Object(members, count))
    }

    /// How many elements of a container at this depth are kept.
    fn room(&self, depth: usize) -> usize {
        KEPT[depth.min(KEPT.len() - 1)].min(if self.left == 0 { 0 } else { usize::MAX })
    }

    /// Whether there is another element before this bracket, which is passed.
    fn goes_on(&mut self, bracket: u8) -> Option<bool> {
        if self.next()? == b',' {
            self.at += 1;
        }
        let is_over = self.next()? == bracket;
        self.at += usize::from(is_over);
        Some(!is_over)
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.text.as_bytes().get(self.at).copied()
    }

    /// The string that begins here, passed.
    fn string(&mut self) -> &'a str {
        let begun = self.at;
        self.at += 1;
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    break;
                }
                _ => self.at += 1,
            }
        }
        self.text.get(begun..self.at).unwrap_or("\"\"")
    }

    fn atom(&mut self) -> &'a str {
        let begun = self.at;
        let rest = &self.text.as_bytes()[begun..];
        let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
        self.at += rest.iter().position(is_end).unwrap_or(rest.len()).max(1);
        self.text.get(begun..self.at).unwrap_or("null")
    }

    /// Passes a value without keeping any of it.
    fn skip(&mut self) {
        let mut open = 0_usize;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => drop(self.string()),
                b'[' | b'{' => {
                    open += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    open = open.saturating_sub(1);
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                _ => drop(self.atom()),
            }
            if open == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart() {
        let node = Node::of(r#" {"a" : [1, "x\"]", {}], "b":{"c":null}} "#);
        let list = Node::List(vec![Node::Atom("1"), Node::Text(r#""x\"]""#), Node::Object(Vec::new(), 0)], 3);
        let object = Node::Object(vec![("\"c\"", Node::Atom("null"))], 1);
        assert_eq!(node, Node::Object(vec![("\"a\"", list), ("\"b\"", object)], 2));
        assert!(node.is_whole() && node.member("b").is_some() && node.member("c").is_none());
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let many = format!("[{}{{\"a\":[1,\"]\"]}}]", "{\"a\":[1,\"]\"]},".repeat(9_999));
        let node = Node::of(&many);
        assert!(!node.is_whole());
        let Node::List(items, count) = node else { panic!("a list") };
        assert_eq!((items.len(), count), (KEPT[0], 10_000));
        let wide = format!("[{}[]]", format!("[{}1],", "1,".repeat(5_000)).repeat(2_000));
        let Node::List(items, count) = Node::of(&wide) else { panic!("a list") };
        let kept: usize = items.iter().map(|item| if let Node::List(items, _) = item { items.len() } else { 0 }).sum();
        assert_eq!(count, 2_001);
        assert!(kept <= NODES, "{kept}");
    }

    #[test]
    fn what_is_no_json_does_no_harm() {
        for text in ["", "[", "{\"a", "{\"a\"", "{\"a\":", "[1,", "\"\\", "]", "{:}", "[}", "nul"] {
            let _ = Node::of(text);
        }
    }
}
