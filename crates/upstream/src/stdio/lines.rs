//! Lines from a server, none of them longer than a limit.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// How much of each end of an oversized line is kept, to find out which request it answers.
const ENDS_BYTES: usize = 4096;

/// What a server wrote up to a newline, or up to the end.
pub(crate) enum Line {
    /// A whole line, without its newline.
    Whole(Vec<u8>),
    /// A line beyond the limit. Only its ends were kept.
    Oversized { head: Vec<u8>, tail: Vec<u8>, bytes: u64 },
}

/// Reads the next line. `None` is the end of the stream. A last line without a newline counts.
pub(crate) async fn next_line<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    limit_bytes: usize,
) -> std::io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut oversized: Option<(Vec<u8>, Vec<u8>, u64)> = None;
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            break;
        }
        let newline = available.iter().position(|&byte| byte == b'\n');
        let part = &available[..newline.unwrap_or(available.len())];
        match &mut oversized {
            Some((_, tail, bytes)) => {
                *bytes += part.len() as u64;
                tail.extend_from_slice(&part[part.len().saturating_sub(ENDS_BYTES)..]);
                tail.drain(..tail.len().saturating_sub(ENDS_BYTES));
            }
            None if line.len() + part.len() > limit_bytes => {
                line.extend_from_slice(part);
                let bytes = line.len() as u64;
                let tail = line[line.len().saturating_sub(ENDS_BYTES)..].to_vec();
                line.truncate(ENDS_BYTES);
                oversized = Some((std::mem::take(&mut line), tail, bytes));
            }
            None => line.extend_from_slice(part),
        }
        let consumed = part.len() + usize::from(newline.is_some());
        reader.consume(consumed);
        if newline.is_some() {
            return Ok(Some(finish(line, oversized)));
        }
    }
    if line.is_empty() && oversized.is_none() { Ok(None) } else { Ok(Some(finish(line, oversized))) }
}

fn finish(line: Vec<u8>, oversized: Option<(Vec<u8>, Vec<u8>, u64)>) -> Line {
    match oversized {
        Some((head, tail, bytes)) => Line::Oversized { head, tail, bytes },
        None => Line::Whole(line),
    }
}

/// The id in an oversized response, if one of its ends shows it.
///
/// Servers write the id first or last. A member inside the result cannot pass for it: the head is read member by member,
/// and in the tail the object that the id stands in must be the last one to close.
pub(crate) fn id_at_ends(head: &[u8], tail: &[u8]) -> Option<i64> {
    let head = String::from_utf8_lossy(head);
    if let Some(id) = crate::raw::members(&head).find(|(key, _)| key == "id").and_then(|(_, raw)| number(raw)) {
        return Some(id);
    }
    let tail = String::from_utf8_lossy(tail);
    let tail = tail.trim_end().strip_suffix('}')?.trim_end();
    let tail = tail.strip_suffix(r#","jsonrpc":"2.0""#).unwrap_or(tail);
    let (_, raw) = tail.rsplit_once(r#","id":"#)?;
    number(raw.trim())
}

/// A response's id: ours are numbers, and some servers give them back as strings.
pub(crate) fn number(raw: &str) -> Option<i64> {
    raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8], limit: usize) -> Vec<String> {
        let mut reader = tokio::io::BufReader::with_capacity(7, text);
        let mut seen = Vec::new();
        while let Some(line) = next_line(&mut reader, limit).await.unwrap() {
            seen.push(match line {
                Line::Whole(line) => String::from_utf8(line).unwrap(),
                Line::Oversized { head, tail, bytes } => format!("{bytes}:{}:{}", head.len(), tail.len()),
            });
        }
        seen
    }

    #[tokio::test]
    async fn lines_are_cut_at_newlines_and_at_the_end() {
        assert_eq!(lines(b"one\n\ntwo two two\r\nhalf", 100).await, ["one", "", "two two two\r", "half"]);
    }

    #[tokio::test]
    async fn an_oversized_line_is_told_and_the_next_one_is_read() {
        let text = [vec![b'x'; 20_000], b"\nnext\n".to_vec()].concat();
        assert_eq!(lines(&text, 10_000).await, ["20000:4096:4096", "next"]);
        assert_eq!(lines(b"12345\n1234\n", 4).await, ["5:5:5", "1234"]);
    }

    #[test]
    fn the_id_is_found_at_either_end() {
        let find = |head: &str, tail: &str| id_at_ends(head.as_bytes(), tail.as_bytes());
        assert_eq!(find(r#"{"jsonrpc":"2.0","id":7,"result":{"x"#, "xx"), Some(7));
        assert_eq!(find(r#"{"result":{"x"#, r#"xx"}]},"jsonrpc":"2.0","id":8}"#), Some(8));
        assert_eq!(find(r#"{"result":{"x"#, r#"xx"}]},"id":"9","jsonrpc":"2.0"}"#), Some(9));
        assert_eq!(find(r#"{"result":{"x"#, r#"xx","id":8}}"#), None);
        assert_eq!(find(r#"{"result":{"id":8,"x"#, r#"xx"}"#), None);
    }
}
