//! How deep the syntax tree of some tokens can become, known before there is a tree.
//!
//! Trees are walked and dropped by recursion. Brackets and blocks are not all that nests: so do `not not x`, `a.b.c`,
//! `x + y + z`, `a if b else c if d else e`, `lambda: lambda: 0` and a ladder of `elif`. In all of them each level costs
//! at least one token that is no name, number or string; and what stands beside another behind a comma or on another line
//! is not below it, except behind a `lambda`, whose parameters have commas too. So the tokens between two commas, plus
//! the deepest bracket among them, bound what stands there.

use rustpython_parser::Tok;

use super::{Token, Unreadable};

/// The deepest tree that is walked. A recursion of this depth takes a small part of the stack it runs on.
const MAX_DEPTH: usize = 5_000;

/// What a block adds: the statement, its part, and the list in it.
const BLOCK_DEPTH: usize = 4;

/// What stands between two commas in one pair of brackets.
#[derive(Default)]
struct Segment {
    tokens: usize,
    deepest_bracket: usize,
    has_lambda: bool,
    /// The deepest of the segments before it in the same brackets.
    deepest_before: usize,
}

impl Segment {
    fn depth(&self) -> usize {
        self.deepest_before.max(self.tokens + self.deepest_bracket)
    }

    fn end(&mut self) {
        *self = Self { deepest_before: self.depth(), ..Self::default() };
    }
}

/// Whether no tree of these tokens is deeper than [`MAX_DEPTH`].
pub(super) fn check(tokens: &[Token]) -> Result<(), Unreadable> {
    let mut segments = vec![Segment::default()];
    let (mut blocks, mut ladders) = (0_usize, 0_usize);
    for (token, range) in tokens {
        let top = segments.len() - 1;
        match token {
            Tok::Indent => blocks += 1,
            Tok::Dedent => blocks = blocks.saturating_sub(1),
            Tok::Name { .. } | Tok::Int { .. } | Tok::Float { .. } | Tok::Complex { .. } | Tok::String { .. } => {}
            Tok::Newline | Tok::Semi => {
                segments.clear();
                segments.push(Segment::default());
            }
            Tok::Lpar | Tok::Lsqb | Tok::Lbrace => {
                segments[top].tokens += 2;
                segments.push(Segment::default());
            }
            Tok::Rpar | Tok::Rsqb | Tok::Rbrace if top > 0 => {
                let depth = segments[top].depth();
                segments.pop();
                let around = &mut segments[top - 1];
                around.deepest_bracket = around.deepest_bracket.max(depth);
            }
            Tok::Comma if !segments[top].has_lambda => segments[top].end(),
            other => {
                ladders += usize::from(matches!(other, Tok::Elif));
                segments[top].has_lambda |= matches!(other, Tok::Lambda);
                segments[top].tokens += 1;
            }
        }
        // While a bracket is open its own segments are below all that stand around it.
        let open: usize = if matches!(token, Tok::Lpar | Tok::Lsqb | Tok::Lbrace) { segments.len() } else { 0 };
        let depth = segments[segments.len() - 1].depth() + open + blocks * BLOCK_DEPTH + ladders * BLOCK_DEPTH;
        if depth > MAX_DEPTH {
            return Err(Unreadable(range.start().into()));
        }
    }
    Ok(())
}
