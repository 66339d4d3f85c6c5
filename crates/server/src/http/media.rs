//! Media types of requests and responses.

use http::{HeaderMap, HeaderValue, header};

/// What MCP over HTTP answers with.
const BOTH: &str = "application/json, text/event-stream";

/// Names both types in full where a client takes whatever comes: by `*/*`, or by saying nothing. rmcp knows no wildcards.
pub(super) fn widen(headers: &mut HeaderMap) {
    if !headers.contains_key(header::ACCEPT) || accepts(headers, "*/*") {
        headers.append(header::ACCEPT, HeaderValue::from_static(BOTH));
    }
}

/// Whether a client names this type, or this range of types, among those that it takes.
pub(super) fn accepts(headers: &HeaderMap, range: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        parts.next().is_some_and(|named| named.eq_ignore_ascii_case(range)) && !parts.any(is_refusal)
    })
}

/// Whether what a client sends is JSON, as it says.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Whether a parameter says that the type is not wanted.
fn is_refusal(parameter: &str) -> bool {
    let quality = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    quality.is_some_and(|(_, quality)| quality.trim().parse() == Ok(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_accepts_both_media_types() {
        let widened = |accept: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept))));
            widen(&mut headers);
            accepts(&headers, "application/json") && accepts(&headers, "TEXT/event-stream")
        };
        for accept in [None, Some("*/*"), Some("application/json, */*;q=0.1"), Some("*/* ; q=1.000"), Some(BOTH)] {
            assert!(widened(accept), "{accept:?}");
        }
        for accept in ["", "application/json", "text/event-stream", "text/*", "*/*;q=0", "application/json, */*; Q=0.0"]
        {
            assert!(!widened(Some(accept)), "{accept}");
        }
    }
}
