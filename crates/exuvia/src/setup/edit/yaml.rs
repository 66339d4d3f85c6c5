//! YAML, of which whole lines are taken out and put in.

use std::ops::Range;

use anyhow::{Context as _, Result, anyhow, bail};
use granit_parser::{Event, Parser, Span};
use serde_json::Value;

use super::Edit;

pub(super) fn edited(text: &str, edit: &Edit<'_>) -> Result<String> {
    let [object] = edit.object else { bail!("its servers are not at the top") };
    let ends = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let found = places(text, object)?;
    let mut indent = 2;
    let at = match &found {
        Found::Absent => {
            if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
                last.push_str(ends);
            }
            lines.push(format!("{object}:{ends}"));
            lines.len()
        }
        Found::Empty { line } => {
            lines[*line] = format!("{object}:{ends}");
            line + 1
        }
        Found::Block { line, entries, column } => {
            indent = *column;
            let gone = |name: &str| edit.is_removed(name) || edit.put.iter().any(|(put, _)| put == name);
            for (_, range) in entries.iter().rev().filter(|(name, _)| gone(name)) {
                lines.drain(range.clone());
            }
            line + 1
        }
    };
    let new: Vec<String> =
        edit.put.iter().map(|(name, value)| block(name, value, indent, ends)).collect::<Result<_>>()?;
    lines.splice(at..at, new);
    Ok(lines.concat())
}

/// An entry in lines of its own. What lies deeper is written as JSON, which is YAML as well.
fn block(name: &str, value: &Value, indent: usize, ends: &str) -> Result<String> {
    let margin = " ".repeat(indent);
    let members = value.as_object().context("is not a map")?;
    let mut text = format!("{margin}{}:{ends}", plain(name));
    for (key, value) in members {
        let value = match value {
            Value::String(text) => plain(text),
            other => other.to_string(),
        };
        text.push_str(&format!("{margin}{margin}{}: {value}{ends}", plain(key)));
    }
    Ok(text)
}

/// A text without quotes where it is certain to be read as one.
fn plain(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.".contains(c));
    let means_other = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    match is_word && !means_other.contains(&text.to_lowercase().as_str()) {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

enum Found {
    Absent,
    /// Nothing, or an empty map on the same line.
    Empty {
        line: usize,
    },
    /// The entries with their lines, from 0.
    Block {
        line: usize,
        entries: Vec<(String, Range<usize>)>,
        column: usize,
    },
}

/// Where the map of this name stands.
fn places(text: &str, object: &str) -> Result<Found> {
    let mut events = Events { parser: Parser::new_from_str(text) };
    loop {
        match events.next()? {
            (Event::StreamEnd, _) => return Ok(Found::Absent),
            (Event::MappingStart(..), _) => break,
            (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
            (Event::Scalar(text, ..), _) if text.is_empty() => {}
            _ => bail!("is not a map"),
        }
    }
    loop {
        let (key, span) = match events.next()? {
            (Event::MappingEnd, _) => return Ok(Found::Absent),
            (Event::Scalar(key, ..), span) => (key.into_owned(), span),
            _ => bail!("has a key that is not a string"),
        };
        let value = events.next()?;
        if key != object {
            events.skip(value)?;
            continue;
        }
        let line = span.start.line() - 1;
        return match value {
            (Event::Scalar(text, ..), _) if ["", "~", "null"].contains(&&*text) => Ok(Found::Empty { line }),
            (Event::MappingStart(..), start) => entries(&mut events, line, &start, text),
            _ => Err(anyhow!("{object} is not a map")),
        };
    }
}

fn entries(events: &mut Events<'_>, line: usize, start: &Span, text: &str) -> Result<Found> {
    let (mut found, mut column) = (Vec::new(), 0);
    loop {
        let (name, span) = match events.next()? {
            (Event::MappingEnd, _) if found.is_empty() => return Ok(Found::Empty { line }),
            (Event::MappingEnd, _) => return Ok(Found::Block { line, entries: found, column }),
            (Event::Scalar(name, ..), span) => (name.into_owned(), span),
            _ => bail!("has a key that is not a string"),
        };
        let first = span.start.line() - 1;
        if first == line
            || text.lines().nth(start.start.line() - 1).is_some_and(|line| line.trim_start().starts_with('{'))
        {
            bail!("its servers are written in braces; write each on lines of its own");
        }
        column = span.start.col();
        let value = events.next()?;
        let mut last = events.skip(value)?.max(first + 1);
        // The end of a block of text reaches to what follows it.
        while last > first + 1 && text.lines().nth(last - 1).is_some_and(|line| is_between(line, column)) {
            last -= 1;
        }
        found.push((name, first..last));
    }
}

/// Whether a line belongs to no entry of this indentation: it is blank, or a comment that stands no deeper.
fn is_between(line: &str, column: usize) -> bool {
    let text = line.trim_start();
    text.is_empty() || (text.starts_with('#') && line.len() - text.len() <= column)
}

struct Events<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
}

impl<'t> Events<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span)> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => bail!("invalid YAML on line {}", error.marker().line()),
            None => bail!("ends unexpectedly"),
        }
    }

    /// Goes over a value. Returns the line after its last one, from 0.
    fn skip(&mut self, (event, span): (Event<'t>, Span)) -> Result<usize> {
        let after = |span: &Span| if span.end.col() == 0 { span.end.line() - 1 } else { span.end.line() };
        let mut last = after(&span);
        let mut depth = usize::from(matches!(event, Event::MappingStart(..) | Event::SequenceStart(..)));
        while depth > 0 {
            let (event, span) = self.next()?;
            match event {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => {
                    depth -= 1;
                    continue;
                }
                _ => {}
            }
            last = last.max(after(&span));
        }
        Ok(last)
    }
}
