//! Paths held against servers that read them in every way: what passes lies under the base for all of them.

use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use unicode_normalization::UnicodeNormalization;

use super::*;

/// Unoptimized tests are those of mistakes made on purpose, one run for each.
const CASES: u32 = if cfg!(debug_assertions) { 1_000 } else { 20_000 };

/// What paths are made of.
const PIECES: &[&str] = &[
    "/", "/", "/", "/", "\\", "//", ".", "..", "..", "../", "a", "b", "exports", "%2e", "%2E", "%2f", "%5c", "%252e",
    "%252f", "%25", "%2", "2e", "%", "%7e", "~", "%00", "\0", ";", ":", "?", "#", " ", "%20", "\u{2025}", "\u{ff0e}",
    "\u{ff0f}", "\u{ff05}", "\u{200b}", "\u{e9}", "C:", "c%3a", "file:", "file:///", "%c0%ae", "%c0%af", "%u002e",
    "...", "..;x", "e\u{301}",
];

/// One thing that a server does to a path before it opens it.
#[derive(Debug, Clone, Copy)]
enum Does {
    DecodesAll,
    DecodesOnly(&'static [u8]),
    ReplacesCompatible,
    DropsInvisible,
    CutsAt(char),
    DropsParameters,
    DropsBlanksAndDots,
    TurnsBackslashes,
    Trims,
    Normalizes,
}

const DOES: &[Does] = &[
    Does::DecodesAll,
    Does::DecodesAll,
    Does::DecodesAll,
    Does::DecodesOnly(b"."),
    Does::DecodesOnly(b"/\\"),
    Does::DecodesOnly(b"%"),
    Does::DecodesOnly(b"~:"),
    Does::ReplacesCompatible,
    Does::DropsInvisible,
    Does::CutsAt('\0'),
    Does::CutsAt('?'),
    Does::CutsAt('#'),
    Does::DropsParameters,
    Does::DropsBlanksAndDots,
    Does::TurnsBackslashes,
    Does::Trims,
    Does::Normalizes,
];

impl Does {
    fn to(self, path: &str) -> String {
        let each_part = |to: &dyn Fn(&str) -> String| path.split('/').map(to).collect::<Vec<_>>().join("/");
        match self {
            Self::DecodesAll => decode(path, |_| true),
            Self::DecodesOnly(bytes) => decode(path, |byte| bytes.contains(&byte)),
            Self::ReplacesCompatible => path.nfkc().collect(),
            Self::DropsInvisible => path.replace(['\u{200b}', '\u{feff}'], ""),
            Self::CutsAt(c) => path.split(c).next().unwrap_or_default().to_owned(),
            Self::DropsParameters => each_part(&|part| part.split(';').next().unwrap_or_default().to_owned()),
            Self::DropsBlanksAndDots => each_part(&|part| match part.trim_end_matches([' ', '.']) {
                "" if part.contains("..") => "..".to_owned(),
                "" => part.trim().to_owned(),
                kept => kept.to_owned(),
            }),
            Self::TurnsBackslashes => path.replace('\\', "/"),
            Self::Trims => path.trim().to_owned(),
            Self::Normalizes => {
                let root = if path.starts_with("//") {
                    "//"
                } else if path.starts_with('/') {
                    "/"
                } else {
                    ""
                };
                let mut parts: Vec<&str> = Vec::new();
                for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
                    match (part, parts.last()) {
                        ("..", Some(&last)) if last != ".." => drop(parts.pop()),
                        ("..", _) if !root.is_empty() => {}
                        _ => parts.push(part),
                    }
                }
                format!("{root}{}", parts.join("/"))
            }
        }
    }
}

/// Percent-decodes the bytes that `which` says, one layer of them. Two bytes that stand for one of ASCII are taken for it.
fn decode(path: &str, which: impl Fn(u8) -> bool) -> String {
    let bytes = path.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let byte =
            bytes.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match byte {
            Some(byte) if bytes[at] == b'%' && bytes[at + 1] != b'+' && which(byte) => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    let overlong = |out: &[u8]| out.windows(2).position(|pair| pair[0] == 0xc0 && pair[1] & 0xc0 == 0x80);
    while let Some(at) = overlong(&out) {
        let byte = out[at + 1] & 0x3f;
        out.splice(at..at + 2, [byte]);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where a server ends up that works in `/cwd`: the parts of an absolute path, or nothing where that is on another drive, another
/// machine or in somebody's home.
fn opened(path: &str, splits: &[char]) -> Option<Vec<String>> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let is_drive = |part: &str| part.len() > 1 && part[..2].ends_with(':');
    if path.starts_with('~') || path.starts_with("//") || path.starts_with("\\\\") || path.starts_with("file:") {
        return None;
    }
    let mut parts = if path.starts_with(splits) { vec![] } else { vec!["cwd".to_owned()] };
    let at_start = parts.len();
    for part in path.split(splits) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part if part.is_char_boundary(2.min(part.len())) && is_drive(part) && parts.len() <= at_start => {
                return None;
            }
            part => parts.push(part.to_owned()),
        }
    }
    Some(parts)
}

fn paths(prefix: &'static [&'static str]) -> impl Strategy<Value = (String, Vec<Does>, bool)> {
    let pieces =
        (select(prefix), vec(select(PIECES), 0..9)).prop_map(|(prefix, pieces)| format!("{prefix}{}", pieces.concat()));
    (pieces, vec(select(DOES), 0..7), proptest::bool::ANY)
}

/// Holds random paths against random servers. `inside` are the parts that every path must begin with that passes.
fn nothing_escapes(base: &str, prefix: &'static [&'static str], inside: &[&str]) {
    let (base, passed) = (Base::of(base).unwrap(), Cell::new(0));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let tried = TestRunner::new(config).run(&paths(prefix), |(path, server, windows)| {
        if base.check(&path, &mut Steps::of_a_call()).is_ok() {
            passed.set(passed.get() + 1);
            let read = server.iter().fold(path.clone(), |path, does| does.to(&path));
            let parts = opened(&read, if windows { SEPARATORS } else { &['/'] });
            let lies = parts.as_ref().is_some_and(|parts| {
                parts.iter().map(String::as_str).zip(inside).filter(|(part, inside)| part == *inside).count()
                    == inside.len()
            });
            proptest::prop_assert!(lies, "{path:?} passes, {server:?} reads {read:?} and opens {parts:?}");
        }
        Ok(())
    });
    assert_eq!(tried.map_err(|failure| failure.to_string()), Ok(()));
    assert!(passed.get() > CASES / 20, "{} paths passed", passed.get());
}

#[test]
fn no_server_takes_a_path_that_passes_for_one_outside_an_absolute_base() {
    nothing_escapes("/exports", &["/exports", "/exports/", "/exports/a/", "/exports/a/b/", "/"], &["exports"]);
}

#[test]
fn no_server_takes_a_path_that_passes_for_one_outside_a_relative_base() {
    nothing_escapes(".", &["", "a", "a/", "a/b/", "./"], &["cwd"]);
    nothing_escapes("out", &["out", "out/", "out/a/", "./out/a/b/"], &["cwd", "out"]);
}
