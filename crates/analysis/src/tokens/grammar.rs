//! Newer syntax rewritten for the parser's grammar, which is that of Python 3.12.

use rustpython_parser::Tok;
use rustpython_parser::text_size::TextRange;

use super::{DEFAULT, Token};

/// Tokens to put in, each with the number of the token before which it goes. In the order of these numbers.
type Insertions = Vec<(usize, Tok)>;

/// Lowers the syntax of Python 3.13 and 3.14.
pub(super) fn lower(mut tokens: Vec<Token>) -> Vec<Token> {
    let defaults = type_parameter_defaults(&mut tokens);
    let tokens = insert(tokens, defaults);
    let parentheses = exceptions_without_parentheses(&tokens);
    insert(tokens, parentheses)
}

fn insert(tokens: Vec<Token>, insertions: Insertions) -> Vec<Token> {
    if insertions.is_empty() {
        return tokens;
    }
    let mut all = Vec::with_capacity(tokens.len() + insertions.len());
    let mut insertions = insertions.into_iter().peekable();
    for (at, token) in tokens.into_iter().enumerate() {
        let start = TextRange::empty(token.1.start());
        while let Some((_, inserted)) = insertions.next_if(|(before, _)| *before == at) {
            all.push((inserted, start));
        }
        all.push(token);
    }
    all
}

/// `except A, B:` is read as `except (A, B):`.
fn exceptions_without_parentheses(tokens: &[Token]) -> Insertions {
    let begins_line = |at: usize| at == 0 || matches!(tokens[at - 1].0, Tok::Newline | Tok::Indent | Tok::Dedent);
    let is_head = |at: &usize| matches!(tokens[*at].0, Tok::Except) && begins_line(*at);
    let heads = (0..tokens.len()).filter(is_head).filter_map(|at| {
        let star = usize::from(matches!(tokens.get(at + 1), Some((Tok::Star, _))));
        let first = at + 1 + star;
        let mut depth = 0_usize;
        let mut has_comma = false;
        for (offset, (token, _)) in tokens[first..].iter().enumerate() {
            match token {
                Tok::Lpar | Tok::Lsqb | Tok::Lbrace => depth += 1,
                Tok::Rpar | Tok::Rsqb | Tok::Rbrace => depth = depth.saturating_sub(1),
                Tok::Comma if depth == 0 => has_comma = true,
                Tok::Colon if depth == 0 => {
                    return has_comma.then_some([(first, Tok::Lpar), (first + offset, Tok::Rpar)]);
                }
                Tok::Newline => return None,
                _ => {}
            }
        }
        None
    });
    heads.flatten().collect()
}

/// The default of a type parameter is read as the bound of another one, in the same scope, which no script can name:
/// `[*T = *x]` as `[*T, DEFAULT: (*x,)]`.
fn type_parameter_defaults(tokens: &mut [Token]) -> Insertions {
    let mut insertions = Insertions::new();
    let mut at = 2;
    while at < tokens.len() {
        let is_list = matches!(
            (&tokens[at - 2].0, &tokens[at - 1].0, &tokens[at].0),
            (Tok::Def | Tok::Class | Tok::Type, Tok::Name { .. }, Tok::Lsqb)
        );
        at = if is_list { type_parameter_list(tokens, at, &mut insertions) } else { at + 1 };
    }
    insertions
}

/// The list that begins at `start`; where it ends.
fn type_parameter_list(tokens: &mut [Token], start: usize, insertions: &mut Insertions) -> usize {
    let (mut depth, mut lambdas, mut is_default) = (0_usize, 0_usize, false);
    for (at, (token, _)) in tokens.iter_mut().enumerate().skip(start) {
        match token {
            Tok::Lpar | Tok::Lsqb | Tok::Lbrace => depth += 1,
            Tok::Rpar | Tok::Rsqb | Tok::Rbrace if depth > 1 => depth -= 1,
            Tok::Newline => return at,
            _ if depth > 1 => {}
            // The commas, colons and defaults of a lambda are its own.
            Tok::Lambda => lambdas += 1,
            Tok::Colon if lambdas > 0 => lambdas -= 1,
            _ if lambdas > 0 => {}
            Tok::Equal if !is_default => {
                is_default = true;
                insertions.extend([
                    (at, Tok::Comma),
                    (at, Tok::Name { name: DEFAULT.to_owned() }),
                    (at + 1, Tok::Lpar),
                ]);
                *token = Tok::Colon;
            }
            Tok::Comma | Tok::Rsqb => {
                if std::mem::take(&mut is_default) {
                    insertions.extend([(at, Tok::Comma), (at, Tok::Rpar)]);
                }
                if matches!(token, Tok::Rsqb) {
                    return at;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}
