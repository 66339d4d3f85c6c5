//! A part of a value, by a path: `items[0:20].name`.

use exuvia_text::quoted;
use exuvia_tool::raw;

/// The longest path, in bytes, and how many steps it may have.
const PATH_BYTES: usize = 1_000;
const STEPS: usize = 32;
/// A list of no more elements is read one by one.
const SLICE: usize = 20;
/// How many keys an error names, and the most that it shows of each, in characters.
const KEYS: usize = 20;
const KEY: usize = 60;

/// What a path may look like.
const FORM: &str = "a path looks like items[0:20].name, [\"a key\"][0] or [-1]";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    /// From the end if it is negative.
    Index(i64),
    Slice(Option<i64>, Option<i64>),
}

/// How many characters of a text, and how many elements of a list, an example asks for.
const TEXT_PART: i64 = 2_000;
const LIST_PART: i64 = 20;
/// Into how many parts a slice is divided that was too large.
const PARTS: usize = 4;

/// A path to a part of `json`, for its author to take as a pattern: of what is largest in it. `path` is where `json` itself was found in
/// the result, and what is given leads from there too. None if it has no parts.
pub(crate) fn example(json: &str, path: &str) -> Option<String> {
    let steps = smaller(json, steps(path).ok()?)?;
    let written = written(&steps);
    Some(written).filter(|path| !path.is_empty() && path.len() <= PATH_BYTES / 2)
}

/// The steps to a part of what `steps` lead to, which is `json`.
fn smaller(json: &str, mut steps: Vec<Step>) -> Option<Vec<Step>> {
    let json = json.trim_start();
    let slice = steps.iter().position(|step| matches!(step, Step::Slice(..)));
    let Some((place, Step::Slice(from, to))) = slice.and_then(|place| Some((place, steps.get(place)?.clone()))) else {
        steps.extend(largest(json)?);
        return Some(steps);
    };
    let mut from = from.unwrap_or_default();
    if from < 0 && to.is_some() {
        // There may be fewer in front of its end than were asked for: where it begins is not known.
        return None;
    }
    if !json.starts_with('[') {
        // A slice of a text.
        steps[place] = slice_from(from, TEXT_PART);
        return Some(steps);
    }
    let mut elements = raw::elements(json);
    let first = elements.next()?;
    let count = elements.count() + 1;
    if from < 0 {
        // There may be fewer than were asked for.
        from = from.max(-i64::try_from(count).ok()?);
    }
    if count == 1 {
        steps[place] = Step::Index(from);
        return smaller(first, steps);
    }
    steps[place] = slice_from(from, i64::try_from(count.div_ceil(PARTS)).ok()?);
    Some(steps)
}

/// So much from there on. A slice from the end that reaches it has no end of its own.
fn slice_from(from: i64, length: i64) -> Step {
    let to = from.saturating_add(length);
    Step::Slice(Some(from), Some(to).filter(|to| (*to < 0) == (from < 0)))
}

/// The steps to a part of what is largest in `json`.
fn largest(json: &str) -> Option<Vec<Step>> {
    let (key, value) = match json.starts_with('{') {
        true => raw::members(json).max_by_key(|(_, value)| value.len()).map(|(key, value)| (Some(key), value))?,
        false => (None, json),
    };
    let slice = match value.trim_start().as_bytes().first()? {
        b'"' => Some(slice_from(0, TEXT_PART)),
        b'[' if raw::elements(value).nth(SLICE).is_none() => Some(Step::Index(0)),
        b'[' if key.is_none() => Some(slice_from(LIST_PART, LIST_PART)),
        b'[' => Some(slice_from(0, LIST_PART)),
        _ => None,
    };
    Some(key.map(|key| Step::Key(key.to_string())).into_iter().chain(slice).collect())
}

/// Steps as a path.
fn written(steps: &[Step]) -> String {
    let bound = |bound: &Option<i64>| bound.map_or_else(String::new, |bound| bound.to_string());
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Key(key) if is_plain_key(key) => format!("{path}{}{key}", if path.is_empty() { "" } else { "." }),
        Step::Key(key) => format!("{path}[{}]", serde_json::Value::from(key.as_str())),
        Step::Index(index) => format!("{path}[{index}]"),
        Step::Slice(from, to) => format!("{path}[{}:{}]", bound(from), bound(to)),
    })
}

/// Whether a key stands in a path as it is.
fn is_plain_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// The part of `json` at `path`, as JSON. After a slice the rest of the path is followed in each element; what an element does not
/// have is null.
///
/// # Errors
///
/// A sentence for whoever wrote the path: what is wrong with it, or what is there instead.
pub(crate) fn part(json: &str, path: &str) -> Result<String, String> {
    let steps = steps(path)?;
    at(json, &steps)
}

fn at(json: &str, steps: &[Step]) -> Result<String, String> {
    let Some((step, rest)) = steps.split_first() else { return Ok(json.trim().to_owned()) };
    match step {
        Step::Key(key) => match raw::member(json, key) {
            Some(value) => at(value, rest),
            None => Err(format!("no key {}: {}", quoted(key, KEY), kind(json))),
        },
        Step::Index(index) => {
            let elements: Vec<&str> = elements(json)?;
            let place = from_start(*index, elements.len());
            let element = place.and_then(|place| elements.get(place));
            element.map_or_else(|| Err(format!("no element {index}: {}", kind(json))), |element| at(element, rest))
        }
        Step::Slice(from, to) => {
            if json.trim_start().starts_with('"') && rest.is_empty() {
                return text_slice(json, *from, *to);
            }
            let elements: Vec<&str> = elements(json)?;
            let (from, to) = (bound(*from, 0, elements.len()), bound(*to, elements.len(), elements.len()));
            let slice = elements.get(from..to.max(from)).unwrap_or_default();
            let parts: Vec<Result<String, String>> = slice.iter().map(|element| at(element, rest)).collect();
            // What no element has is a mistake.
            if let (true, Some(Err(error))) = (parts.iter().all(Result::is_err), parts.first()) {
                return Err(error.clone());
            }
            let parts: Vec<String> = parts.into_iter().map(|part| part.unwrap_or_else(|_| "null".to_owned())).collect();
            Ok(format!("[{}]", parts.join(",")))
        }
    }
}

/// These characters of a text, as JSON.
fn text_slice(json: &str, from: Option<i64>, to: Option<i64>) -> Result<String, String> {
    let text: String = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let count = text.chars().count();
    let (from, to) = (bound(from, 0, count), bound(to, count, count));
    let slice: String = text.chars().skip(from).take(to.saturating_sub(from)).collect();
    Ok(serde_json::Value::from(slice).to_string())
}

fn elements(json: &str) -> Result<Vec<&str>, String> {
    match json.trim_start().starts_with('[') {
        true => Ok(raw::elements(json).collect()),
        false => Err(format!("no list: {}", kind(json))),
    }
}

fn from_start(index: i64, len: usize) -> Option<usize> {
    let back = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { len.checked_sub(back) } else { Some(back) }
}

fn bound(bound: Option<i64>, default: usize, len: usize) -> usize {
    bound.map_or(default, |bound| from_start(bound, len).unwrap_or_default().min(len))
}

/// What a value is, for the author of a path.
fn kind(json: &str) -> String {
    match json.trim_start().as_bytes().first() {
        Some(b'{') => {
            let keys: Vec<String> = raw::members(json).take(KEYS + 1).map(|(key, _)| quoted(&key, KEY)).collect();
            let more = if keys.len() > KEYS { ", ..." } else { "" };
            format!("this is an object with the keys {}{more}", keys[..keys.len().min(KEYS)].join(", "))
        }
        Some(b'[') => format!("this is a list of {} elements", raw::elements(json).count()),
        Some(b'"') => "this is a text, of which [0:2000] is a part".to_owned(),
        _ => "this is a single value".to_owned(),
    }
}

fn steps(path: &str) -> Result<Vec<Step>, String> {
    if path.len() > PATH_BYTES {
        return Err(format!("the path is longer than {PATH_BYTES} bytes"));
    }
    let (mut steps, mut rest) = (Vec::new(), path.trim());
    while !rest.is_empty() {
        let (step, after) = next_step(rest, steps.is_empty()).ok_or_else(|| FORM.to_owned())?;
        steps.push(step);
        rest = after;
    }
    if steps.len() > STEPS { Err(format!("the path has more than {STEPS} steps")) } else { Ok(steps) }
}

fn next_step(path: &str, is_first: bool) -> Option<(Step, &str)> {
    if let Some(inner) = path.strip_prefix('[') {
        if inner.starts_with('"') {
            let mut texts = serde_json::Deserializer::from_str(inner).into_iter::<String>();
            let key = texts.next()?.ok()?;
            let after = inner[texts.byte_offset()..].strip_prefix(']')?;
            return Some((Step::Key(key), after));
        }
        let (inner, after) = inner.split_once(']')?;
        return Some((index(inner)?, after));
    }
    let path = if is_first { path } else { path.strip_prefix('.')? };
    let end = path.find(['.', '[']).unwrap_or(path.len());
    (end > 0).then(|| (Step::Key(path[..end].to_owned()), &path[end..]))
}

fn index(text: &str) -> Option<Step> {
    let Some((from, to)) = text.split_once(':') else { return Some(Step::Index(text.trim().parse().ok()?)) };
    let bound = |text: &str| match text.trim() {
        "" => Some(None),
        number => number.parse().ok().map(Some),
    };
    Some(Step::Slice(bound(from)?, bound(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#" {"items": [{"name":"a","n":1.50},{"name":"b"},{"n":3}], "a key":{"x.y":[[1,2],[3]]}} "#;

    #[test]
    fn a_path_gives_its_part_as_it_is_written() {
        for (path, expected) in [
            ("", JSON.trim()),
            ("items[0].n", "1.50"),
            ("items[-1]", r#"{"n":3}"#),
            ("items[0:2].name", r#"["a","b"]"#),
            ("items[:].n", "[1.50,null,3]"),
            ("items[1:].name", r#"["b",null]"#),
            ("items[-2:-1].name", r#"["b"]"#),
            ("items[5:]", "[]"),
            ("items[2:1]", "[]"),
            (r#"["a key"]["x.y"][:][0]"#, "[1,3]"),
            ("items[0].name[0:1]", r#""a""#),
            ("items[0:2].name[:5]", r#"["a","b"]"#),
        ] {
            assert_eq!(part(JSON, path).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn a_text_is_read_by_slices_of_characters() {
        let text = serde_json::Value::from("äöü\n\"x\"").to_string();
        assert_eq!(part(&text, "[1:3]").as_deref(), Ok("\"öü\""));
        assert_eq!(part(&text, "[-3:]").as_deref(), Ok(r#""\"x\"""#));
        assert_eq!(part(&text, "[9:20]").as_deref(), Ok("\"\""));
    }

    #[test]
    fn an_example_is_a_path_of_the_value() {
        let list = format!("[{}1]", "1,".repeat(30));
        for (json, expected) in [
            (list.clone(), "[20:40]"),
            ("[1,2]".to_owned(), "[0]"),
            ("\"a long text\"".to_owned(), "[0:2000]"),
            (format!("{{\"n\":1,\"rows\":{list}}}"), "rows[0:20]"),
            (format!("{{\"a key\":{list}}}"), "[\"a key\"][0:20]"),
            ("{\"body\":\"text\",\"n\":1}".to_owned(), "body[0:2000]"),
            ("{\"a\":{\"b\":1}}".to_owned(), "a"),
        ] {
            assert_eq!(example(&json, "").as_deref(), Some(expected), "{json}");
            assert!(part(&json, expected).is_ok(), "{json}");
        }
        assert_eq!(example("{}", ""), None);
    }

    #[test]
    fn an_example_in_a_part_is_a_smaller_part_of_the_whole() {
        let body = "word ".repeat(9_000);
        let rows: Vec<String> = (0..40).map(|n| format!(r#"{{"n":{n},"body":"{body}"}}"#)).collect();
        let whole = format!(r#"{{"a.b":{{"rows":[{}]}}}}"#, rows.join(","));
        for (path, expected) in [
            (r#"["a.b"]"#, r#"["a.b"].rows[0:20]"#),
            (r#"["a.b"].rows"#, r#"["a.b"].rows[20:40]"#),
            (r#"["a.b"].rows[0:20]"#, r#"["a.b"].rows[0:5]"#),
            (r#"["a.b"].rows[10:].body"#, r#"["a.b"].rows[10:18].body"#),
            (r#"["a.b"].rows[-8:]"#, r#"["a.b"].rows[-8:-6]"#),
            (r#"["a.b"].rows[-2:]"#, r#"["a.b"].rows[-2:-1]"#),
            (r#"["a.b"].rows[3:4]"#, r#"["a.b"].rows[3].body[0:2000]"#),
            (r#"["a.b"].rows[-99:]"#, r#"["a.b"].rows[-40:-30]"#),
            (r#"["a.b"].rows[-1:].body"#, r#"["a.b"].rows[-1].body[0:2000]"#),
            (r#"["a.b"].rows[7].body"#, r#"["a.b"].rows[7].body[0:2000]"#),
            (r#"["a.b"].rows[7].body[5:40000]"#, r#"["a.b"].rows[7].body[5:2005]"#),
            (r#"["a.b"].rows[7].body[-1500:]"#, r#"["a.b"].rows[7].body[-1500:]"#),
        ] {
            let found = part(&whole, path).expect("a part");
            let smaller = example(&found, path).expect("a path");
            assert_eq!(smaller, expected, "{path}");
            assert!(part(&whole, &smaller).is_ok_and(|smaller| smaller.len() <= found.len()), "{path}");
        }
        // How many there are is not known: a slice that begins before the first element has fewer than it seems.
        for (json, path) in [("[0,1,2,3]", "[-8:-3]"), ("[0,1,2,3]", "[-9:-1]"), ("\"a text\"", "[-5:-1]")] {
            assert_eq!(example(&part(json, path).expect("a part"), path), None, "{path}");
        }
        let found = part(&whole, r#"["a.b"].rows[50:]"#).expect("a part");
        assert_eq!(example(&found, r#"["a.b"].rows[50:]"#), None);
    }

    #[test]
    fn a_path_that_leads_nowhere_says_what_is_there() {
        for (path, expected) in [
            ("item", r#"no key "item": this is an object with the keys "items", "a key""#),
            ("items.name", r#"no key "name": this is a list of 3 elements"#),
            ("items[3]", "no element 3: this is a list of 3 elements"),
            ("items[-4]", "no element -4: this is a list of 3 elements"),
            ("items[0].name[0]", "no list: this is a text, of which [0:2000] is a part"),
            ("items[0:3].nosuch", r#"no key "nosuch": this is an object with the keys "name", "n""#),
            ("items[x]", FORM),
            ("items[0", FORM),
            ("items..a", FORM),
            ("[\"a", FORM),
        ] {
            assert_eq!(part(JSON, path), Err(expected.to_owned()), "{path}");
        }
        assert!(part(JSON, &"a".repeat(2_000)).is_err());
        assert!(part(JSON, &"[0]".repeat(40)).is_err());
    }
}
