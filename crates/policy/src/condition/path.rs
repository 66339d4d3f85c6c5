//! Paths that must be below another, however their server reads them.
//!
//! A server may decode percent-encoding not at all, once, twice, or in part (a URL parser takes `%2e%2e` for `..` and leaves
//! `%2f` alone); may split at backslashes; may replace compatibility characters; may cut at `?`, `#` or `;`. So a path is looked
//! at twice: as it is written, where it must begin with the base and never lead out of it at any point, and as the most eager
//! server reads it. A `..` in that reading is taken only from a path that all servers read alike. That covers what is decoded
//! in part or in another order: decoding takes no dot and no separator away, so each `..` of any such reading is a `..` of the
//! eager one.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::condition::{Exhausted, Steps};
use crate::fold;

/// How often a path may be percent-encoded.
const MAX_LAYERS: usize = 4;

/// Where the most eager server splits a path.
const SEPARATORS: &[char] = &['/', '\\'];

/// What some servers expand or take away at the start of a relative path.
const EXPANDED: &[char] = &['~', '$', '%', ';', '"', '\'', '`'];

/// Where paths must lie.
#[derive(Debug, Clone)]
pub(super) struct Base {
    absolute: bool,
    parts: Vec<String>,
}

/// Why a path does not lie under a base.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It lies elsewhere.
    Outside,
    /// Some servers would take it for a path elsewhere, because of this.
    Unclear(&'static str),
    Exhausted,
}

impl From<Exhausted> for Fault {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

impl Base {
    /// Takes a base apart.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence.
    pub(super) fn of(path: &str) -> Result<Self, &'static str> {
        if path.is_empty() {
            return Err("is empty: write . for any relative path");
        }
        let base = Self { absolute: path.starts_with('/'), parts: resolved(path).ok_or("leads above its root")? };
        if path.contains('\\') {
            return Err("holds a backslash: write / between its parts");
        }
        let first = base.parts.first().map_or("", String::as_str);
        if !base.absolute && first.contains(':') && !is_drive(first) {
            return Err("is an address: write matching for one");
        }
        let (root, rest) = (if base.absolute { "/" } else { "./" }, base.parts.join("/"));
        match base.check(&format!("{root}{rest}"), &mut Steps::of_a_call()) {
            Ok(()) => Ok(base),
            Err(_) => Err("is read differently by different servers: write it out"),
        }
    }

    /// Checks that a path lies at or below the base.
    pub(super) fn check(&self, path: &str, steps: &mut Steps) -> Result<(), Fault> {
        steps.take(path.len(), 1)?;
        if !self.contains(path) {
            return Err(Fault::Outside);
        }
        let eager = eager(path, steps)?;
        steps.take(eager.len(), 4)?;
        if !self.begins_well(&eager) {
            return Err(Fault::Outside);
        }
        if eager.contains(char::is_control) {
            return Err(Fault::Unclear("control characters"));
        }
        if eager.split(SEPARATORS).any(may_be_parent) {
            return Err(Fault::Unclear("dots that some servers read as \"..\""));
        }
        if eager.split(SEPARATORS).any(|part| part == "..") && !is_plain(path) {
            return Err(Fault::Unclear("\"..\" beside characters that servers read differently"));
        }
        Ok(())
    }

    /// Whether a path, as it is written, begins with the parts of the base and never leads out of them.
    fn contains(&self, path: &str) -> bool {
        let (mut parts, mut depth) = (self.parts.iter(), 0_usize);
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => match depth.checked_sub(1) {
                    Some(above) => depth = above,
                    None => return false,
                },
                part => match parts.next() {
                    Some(expected) if part != expected => return false,
                    Some(_) => {}
                    None => depth += 1,
                },
            }
        }
        parts.next().is_none() && !path.is_empty()
    }

    /// Whether the eager reading is as absolute as the base.
    fn begins_well(&self, path: &str) -> bool {
        if self.absolute {
            // With two separators it would begin with the name of a machine.
            return path.strip_prefix('/').is_some_and(|rest| !rest.starts_with(SEPARATORS));
        }
        // Servers that resolve `.` before they decode make the part behind it the start, and `.;` is `.` to those that drop
        // parameters.
        let mut rest = path;
        while !self.begins_elsewhere(rest) {
            match rest.split_once(SEPARATORS).filter(|(part, _)| may_be_here(part)) {
                Some((_, behind)) => rest = behind,
                None => return true,
            }
        }
        false
    }

    /// Whether some servers take a relative path for one with a start of its own.
    fn begins_elsewhere(&self, path: &str) -> bool {
        let first = path.split(SEPARATORS).next().unwrap_or_default();
        path.starts_with(SEPARATORS)
            || path.starts_with(char::is_whitespace)
            || path.starts_with(EXPANDED)
            // A colon would make it an address, or a path of a drive.
            || self.parts.is_empty() && first.contains(':')
    }
}

/// The parts of a path, with `.` and `..` resolved. `None`: it leads above its root.
fn resolved(path: &str) -> Option<Vec<String>> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part.to_owned()),
        }
    }
    Some(parts)
}

fn is_drive(part: &str) -> bool {
    part.len() == 2 && part.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Whether all servers read a path alike.
fn is_plain(path: &str) -> bool {
    path.chars().all(|c| c == '/' || (c.is_ascii() && in_names(c)))
}

fn in_names(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// A path with everything decoded and replaced that some server decodes or replaces.
fn eager<'a>(path: &'a str, steps: &mut Steps) -> Result<Cow<'a, str>, Fault> {
    let mut text = Cow::Borrowed(path);
    for _ in 0..=MAX_LAYERS {
        let next = decoded(&text, steps)?.into_owned();
        if next == text {
            return Ok(text);
        }
        text = Cow::Owned(next);
    }
    Err(Fault::Unclear("percent-encoding of percent-encoding"))
}

/// A path with one layer less of percent-encoding and compatibility characters.
fn decoded<'a>(text: &'a str, steps: &mut Steps) -> Result<Cow<'a, str>, Fault> {
    steps.take(text.len(), 2)?;
    if text.as_bytes().windows(6).any(is_wide_escape) {
        return Err(Fault::Unclear("%u escapes"));
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| Fault::Unclear("bytes that are not UTF-8"))?;
    if decoded.is_ascii() {
        return Ok(decoded);
    }
    let compatible = fold::compatible(&decoded, steps)?;
    Ok(Cow::Owned(compatible.chars().map(separator).collect()))
}

/// `%u002e`, as old servers and scripts write a dot.
fn is_wide_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [b'%', b'u' | b'U', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit))
}

/// The separator that a character becomes where it has no place in the character set of a server.
fn separator(c: char) -> char {
    match c {
        '\u{2044}' | '\u{2215}' => '/',
        '\u{2216}' | '\u{a5}' | '\u{20a9}' => '\\',
        c => c,
    }
}

/// Whether a part is `.`, or some servers read it as that because they cut it at a character that is not of a name.
fn may_be_here(part: &str) -> bool {
    part.split(|c| !in_names(c)).next() == Some(".")
}

/// Whether some servers read a part that is not `..` as that: with blanks or further dots, as Windows drops them, or beside a
/// character that they cut or split at (`..;x`, `{a,..`).
fn may_be_parent(part: &str) -> bool {
    if part == "." || part == ".." {
        return false;
    }
    let is_blank = |c: char| c == '.' || c.is_whitespace();
    let is_parent = |piece: &str| piece.len() > 1 && piece.bytes().all(|byte| byte == b'.');
    part.contains('.') && part.chars().all(is_blank) || part.split(|c| !in_names(c)).any(is_parent)
}

#[cfg(test)]
#[path = "servers.rs"]
mod servers;
