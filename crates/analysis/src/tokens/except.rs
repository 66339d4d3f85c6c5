//! `except A, B:` of Python 3.14, which the parser knows only with parentheses.

use rustpython_parser::Tok;
use rustpython_parser::text_size::TextRange;

use super::Token;

/// Puts parentheses around several exceptions where they lack them.
pub(super) fn parenthesise(tokens: Vec<Token>) -> Vec<Token> {
    let bare: Vec<(usize, usize)> = heads(&tokens).collect();
    if bare.is_empty() {
        return tokens;
    }
    let mut bare = bare.into_iter().peekable();
    let mut parenthesised = Vec::with_capacity(tokens.len() + 2 * bare.len());
    for (at, token) in tokens.into_iter().enumerate() {
        let start = TextRange::empty(token.1.start());
        if bare.peek().is_some_and(|(first, _)| *first == at) {
            parenthesised.push((Tok::Lpar, start));
        }
        if bare.next_if(|(_, colon)| *colon == at).is_some() {
            parenthesised.push((Tok::Rpar, start));
        }
        parenthesised.push(token);
    }
    parenthesised
}

/// Where the exceptions of each such head begin and end.
fn heads(tokens: &[Token]) -> impl Iterator<Item = (usize, usize)> {
    let begins_line = |at: usize| at == 0 || matches!(tokens[at - 1].0, Tok::Newline | Tok::Indent | Tok::Dedent);
    let is_except = move |at: &usize| matches!(tokens[*at].0, Tok::Except) && begins_line(*at);
    (0..tokens.len()).filter(is_except).filter_map(|at| {
        let star = usize::from(matches!(tokens.get(at + 1), Some((Tok::Star, _))));
        let first = at + 1 + star;
        let mut depth = 0_usize;
        let mut has_comma = false;
        for (offset, (token, _)) in tokens[first..].iter().enumerate() {
            match token {
                Tok::Lpar | Tok::Lsqb | Tok::Lbrace => depth += 1,
                Tok::Rpar | Tok::Rsqb | Tok::Rbrace => depth = depth.saturating_sub(1),
                Tok::Comma if depth == 0 => has_comma = true,
                Tok::Colon if depth == 0 => return has_comma.then_some((first, first + offset)),
                Tok::Newline => return None,
                _ => {}
            }
        }
        None
    })
}
