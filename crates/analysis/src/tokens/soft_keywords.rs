//! `match`, `case` and `type`: keywords in one place, names in all others.

use rustpython_parser::Tok;

use super::Token;

/// Makes keywords of those that are. Each rule leaves no choice: a line that begins with `match` and ends with a colon
/// can be nothing but the head of a match statement, the lines of its block nothing but cases, and `type` before a name
/// nothing but the head of an alias.
pub(super) fn resolve(tokens: &mut [Token]) {
    let mut blocks: Vec<bool> = Vec::new();
    let mut opens_match = false;
    let mut begins_line = true;
    for at in 0..tokens.len() {
        let (token, _) = &tokens[at];
        match token {
            Tok::Indent => blocks.push(std::mem::take(&mut opens_match)),
            Tok::Dedent => {
                blocks.pop();
            }
            Tok::Name { .. } if begins_line && is_word(&tokens[at], "match") && ends_with_colon(&tokens[at..]) => {
                opens_match = true;
                tokens[at].0 = Tok::Match;
            }
            Tok::Name { .. } if begins_line && blocks.last() == Some(&true) && is_word(&tokens[at], "case") => {
                tokens[at].0 = Tok::Case;
            }
            Tok::Name { .. }
                if is_word(&tokens[at], "type") && matches!(tokens.get(at + 1), Some((Tok::Name { .. }, _))) =>
            {
                tokens[at].0 = Tok::Type;
            }
            _ => {}
        }
        begins_line = matches!(tokens[at].0, Tok::Newline | Tok::Indent | Tok::Dedent);
    }
}

/// As in CPython the word must stand there letter by letter, not in another form that is normalized to it.
fn is_word((token, range): &Token, word: &str) -> bool {
    matches!(token, Tok::Name { name } if name == word) && usize::from(range.len()) == word.len()
}

fn ends_with_colon(line: &[Token]) -> bool {
    let end = line.iter().position(|(token, _)| matches!(token, Tok::Newline)).unwrap_or(line.len());
    // `match:` is no statement at all.
    end > 2 && matches!(line[end - 1].0, Tok::Colon)
}
