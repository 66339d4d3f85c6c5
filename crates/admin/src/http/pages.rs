//! The static files of the console.

use http::{HeaderValue, Response, StatusCode, header};

use crate::answer::{Body, PAGE_POLICY, bytes_of};

/// The files by their names below `console`, in order.
const FILES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/console.rs"));
/// The page that all routes of the console begin with.
const PAGE: &str = "index.html";
/// What the paths of the console's views begin with: they are loaded and bookmarked as pages.
const VIEWS: [&str; 11] =
    ["login", "approvals", "approve", "question", "runs", "servers", "access", "try", "tokens", "files", "functions"];

/// The page or file at a path outside of the API. None: there is none.
pub(super) fn page(path: &str) -> Option<Response<Body>> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    let name = match path.strip_prefix("/console/") {
        Some(name) => name,
        None if first.is_empty() && path == "/" || VIEWS.contains(&first) => PAGE,
        None => return None,
    };
    let place = FILES.binary_search_by(|(other, _)| (*other).cmp(name)).ok()?;
    let mut response = bytes_of(StatusCode::OK, media(name), FILES[place].1);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(response)
}

fn media(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_in_order_and_paths_do_not_escape() {
        assert!(FILES.is_sorted() && !FILES.is_empty());
        for path in ["/", "/approve/01A", "/runs", "/runs/01/more"] {
            assert_eq!(page(path).expect(path).headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        }
        for path in ["//", "/console/", "/console/../Cargo.toml", "/console/README.md", "/index.html", "/api", "/run"] {
            assert!(page(path).is_none(), "{path}");
        }
    }
}
