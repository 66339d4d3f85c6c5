//! Addresses of files of a workspace: `exuvia-workspace://NAME/PATH`, with a part as `?offset=N&length=N`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What all of them begin with.
const SCHEME: &str = "exuvia-workspace://";

/// What stands for something else in a path of an address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What an address names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) workspace: String,
    pub(super) path: String,
    /// Where the part begins, and its length, in bytes. None: all of it.
    pub(super) part: Option<(u64, u32)>,
}

/// Whether an address is one of these.
pub(crate) fn is_ours(uri: &str) -> bool {
    uri.starts_with(SCHEME)
}

/// The address of a file.
pub(super) fn of(workspace: &str, path: &str) -> String {
    format!("{SCHEME}{workspace}/{}", utf8_percent_encode(path, ESCAPED))
}

/// The template of all addresses of a workspace.
pub(super) fn template(workspace: &str) -> String {
    format!("{SCHEME}{workspace}/{{+path}}{{?offset,length}}")
}

/// What an address names. None: it is malformed.
pub(super) fn parse(uri: &str) -> Option<Named> {
    let rest = uri.strip_prefix(SCHEME)?;
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (workspace, path) = rest.split_once('/')?;
    let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    if path.is_empty() || path.contains('\0') {
        return None;
    }
    let part = match query {
        None => None,
        Some(query) => Some(part(query)?),
    };
    Some(Named { workspace: workspace.to_owned(), path, part })
}

fn part(query: &str) -> Option<(u64, u32)> {
    let (mut offset, mut length) = (0, u32::MAX);
    for pair in query.split('&') {
        match pair.split_once('=')? {
            ("offset", number) => offset = number.parse().ok()?,
            ("length", number) => length = number.parse().ok()?,
            _ => return None,
        }
    }
    Some((offset, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_as_it_was() {
        for path in ["a", "d/e f.csv", "é/日本?x=1#y%20", "a&b=c+d", ".hidden/..x"] {
            let uri = of("files", path);
            let named = Named { workspace: "files".into(), path: path.into(), part: None };
            assert_eq!(parse(&uri), Some(named), "{uri}");
            assert!(uri.is_ascii() && is_ours(&uri));
        }
    }

    #[test]
    fn parts_are_named_and_what_is_malformed_is_none() {
        let part = |uri: &str| parse(uri).and_then(|named| named.part);
        assert_eq!(part("exuvia-workspace://w/a?offset=5&length=7"), Some((5, 7)));
        assert_eq!(part("exuvia-workspace://w/a?offset=5"), Some((5, u32::MAX)));
        for malformed in ["exuvia-workspace://w", "exuvia-workspace://w/", "exuvia-workspace://w/%ff", "file:///w/a"] {
            assert_eq!(parse(malformed), None, "{malformed}");
        }
        for malformed in ["?offset=-1", "?length=5000000000", "?other=1", "?", "?offset"] {
            assert_eq!(parse(&format!("exuvia-workspace://w/a{malformed}")), None, "{malformed}");
        }
    }
}
