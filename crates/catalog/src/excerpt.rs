//! Excerpts of a stub file, cut between definitions.

use crate::lines::Lines;

/// The space reserved for the lines that name the excerpt, in bytes.
const FRAME_BYTES: usize = 200;

/// How much of an excerpt may go to the names of what comes after it: one in so many bytes.
const NAMES_SHARE: usize = 4;

/// These lines of `text`, the file `file`, in at most `max_bytes` bytes.
pub(crate) fn excerpt(file: &str, text: &str, wanted: Lines, max_bytes: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let first = wanted.first.unwrap_or(1).max(1);
    let last = wanted.last.unwrap_or(lines.len()).min(lines.len());
    let is_whole = first == 1 && last == lines.len();
    if is_whole && text.len() <= max_bytes {
        return text.to_owned();
    }
    if first > last {
        return format!("# {} has {} lines\n", exuvia_text::one_line(file, 200), lines.len());
    }
    let wanted = &lines[first - 1..last];
    let bytes: usize = wanted.iter().map(|line| line.len() + 1).sum();
    if bytes + FRAME_BYTES <= max_bytes {
        return format!("# lines {first} to {last} of {}\n{}", lines.len(), joined(wanted));
    }
    let room = max_bytes.saturating_sub(FRAME_BYTES);
    let kept = fitting(wanted, room - room / NAMES_SHARE);
    let (shown, rest) = wanted.split_at(kept);
    let end = first - 1 + kept;
    let part = match shown {
        // One line that is longer than an answer.
        [] => format!("{}…\n", &wanted[0][..wanted[0].floor_char_boundary(room - room / NAMES_SHARE)]),
        shown => joined(shown),
    };
    let end = end.max(first);
    let names = following(rest, room / NAMES_SHARE);
    let one = file.strip_suffix(".pyi").unwrap_or(file);
    let or_one = if names.is_empty() || file.contains('/') {
        String::new()
    } else {
        format!(", or one tool by fileName={}/TOOL.pyi: {names}", exuvia_text::one_line(one, 80))
    };
    let file = exuvia_text::one_line(file, 200);
    let next = if end < last { format!("; read on with {file}:{}{or_one}", end + 1) } else { String::new() };
    format!("# lines {first} to {end} of {}\n{part}# cut here{next}\n", lines.len())
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// How many lines fit, whole definitions if there is one.
fn fitting(lines: &[&str], room: usize) -> usize {
    let (mut bytes, mut whole) = (0, 0);
    for (place, line) in lines.iter().enumerate() {
        if starts_definition(line) {
            whole = place;
        }
        bytes += line.len() + 1;
        if bytes > room {
            return if whole > 0 { whole } else { place };
        }
    }
    lines.len()
}

fn starts_definition(line: &str) -> bool {
    !line.starts_with([' ', '}', '#']) && !line.starts_with("from ") && !line.starts_with("import ")
}

/// The names of the tools that `lines` define, as far as there is room for them.
fn following(lines: &[&str], room: usize) -> String {
    let mut names = String::new();
    for name in lines.iter().filter_map(|line| line.strip_prefix("def ")?.split_once('(').map(|(name, _)| name)) {
        if names.len() + name.len() + 8 > room {
            names.push_str(", ...");
            break;
        }
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> String {
        let tools = (0..200).map(|n| format!("def tool_{n}(a: int) -> Any:\n    \"\"\"Does thing {n}\"\"\"\n"));
        "# 200 tools.\nfrom typing import Any\n".to_owned() + &tools.collect::<String>()
    }

    #[test]
    fn a_cut_excerpt_ends_between_definitions_and_says_how_to_continue() {
        let file = file();
        let (mut from, mut read) = (1, String::new());
        loop {
            let part = excerpt("crm.pyi", &file, Lines { first: Some(from), last: None }, 2_000);
            assert!(part.len() <= 2_000, "{}", part.len());
            let lines: Vec<&str> = part.lines().collect();
            let next = lines.last().and_then(|line| line.strip_prefix("# cut here; read on with crm.pyi:"));
            let Some(next) = next else {
                lines[1..].iter().for_each(|line| read.extend([*line, "\n"]));
                break;
            };
            lines[1..lines.len() - 1].iter().for_each(|line| read.extend([*line, "\n"]));
            assert!(next.contains("by fileName=crm/TOOL.pyi: tool_"), "{next}");
            let next: usize = next.split(',').next().unwrap().parse().unwrap();
            assert!(next > from && file.lines().nth(next - 1).unwrap().starts_with("def "));
            from = next;
        }
        assert_eq!(read, file);
    }

    #[test]
    fn a_line_longer_than_an_answer_is_cut_as_well() {
        let part = excerpt("crm.pyi", &"ä".repeat(10_000), Lines::default(), 1_000);
        assert!(part.len() <= 1_000 && part.ends_with("…\n# cut here\n"), "{part}");
        let part = excerpt("crm.pyi", &format!("{}\nb\n", "ä".repeat(10_000)), Lines::default(), 1_000);
        assert!(part.ends_with("# cut here; read on with crm.pyi:2\n"), "{part}");
    }
}
