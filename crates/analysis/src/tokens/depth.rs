//! The greatest depth that the syntax tree of some tokens can have, computed before there is a tree.
//!
//! Trees are walked and dropped by recursion. Brackets and blocks are not all that nests: so do `not not x`, `a.b.c`,
//! `x + y + z`, `a if b else c if d else e`, `lambda: lambda: 0` and a ladder of `elif`. In all of them each level costs
//! at least one token that is no name, number or string; and what stands beside another behind a comma or on another line
//! is not below it, except behind a `lambda`, whose parameters have commas too. So the tokens between two commas, plus
//! the deepest bracket among them, bound what stands there.

use rustpython_parser::Tok;

use super::{Token, Unreadable};

/// The deepest tree that is walked. A recursion of this depth takes a small part of the stack it runs on.
pub(crate) const MAX_DEPTH: usize = 5_000;

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
        // What is below an open bracket counts when it closes: the tokens of a script that is read close all of theirs.
        let depth = segments[segments.len() - 1].depth() + blocks * BLOCK_DEPTH + ladders * BLOCK_DEPTH;
        if depth > MAX_DEPTH {
            return Err(Unreadable(range.start().into()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::read;

    fn times(part: &str, count: usize) -> String {
        part.repeat(count)
    }

    /// The deepest script of a shape that is read has `count` of its parts.
    fn assert_deepest(shape: impl Fn(usize) -> String, count: usize) {
        let name = shape(1);
        assert!(read(&shape(count)).is_ok(), "{count} parts are no deeper than {MAX_DEPTH}: {name}");
        assert!(read(&shape(count + 1)).is_err(), "{} parts are deeper than {MAX_DEPTH}: {name}", count + 1);
    }

    #[test]
    fn each_operator_between_two_commas_is_a_level() {
        assert_deepest(|count| format!("{}x", times("not ", count)), MAX_DEPTH);
        assert_deepest(|count| format!("x{}", times(" + 1", count)), MAX_DEPTH);
        assert_deepest(|count| format!("x{}", times(".a", count)), MAX_DEPTH);
        assert_deepest(|count| format!("x{}", times("()", count)), MAX_DEPTH / 2);
    }

    #[test]
    fn what_stands_beside_another_is_not_below_it() {
        let deep = times("not ", 3_000) + "x";
        assert!(read(&format!("{deep}, {deep}, {deep}")).is_ok());
        assert!(read(&format!("f({deep}, {deep})")).is_ok());
        assert!(read(&format!("{deep}\n{deep}; {deep}")).is_ok());
        assert!(read(&format!("f({deep})\nf({deep})")).is_ok());
    }

    #[test]
    fn the_commas_of_a_lambda_part_nothing() {
        assert_deepest(|count| format!("lambda a{}: 0", times(", a", count)), MAX_DEPTH - 2);
        assert_deepest(|count| format!("f(x, lambda a{}: 0)", times(", a", count)), MAX_DEPTH - 4);
    }

    #[test]
    fn the_deepest_part_of_a_bracket_is_below_all_that_stands_around_it() {
        let deep = times("not ", 4_000) + "x";
        for inside in [deep.clone(), format!("{deep}, x"), format!("x, {deep}, x"), format!("x, ({deep}), x")] {
            let brackets = 2 * inside.matches('(').count();
            assert_deepest(|count| format!("f({inside}){}", times(" + 1", count)), MAX_DEPTH - 4_002 - brackets);
        }
        assert_deepest(|count| format!("f({deep})(x){}", times(" + 1", count)), MAX_DEPTH - 4_004);
    }

    #[test]
    fn closing_brackets_in_texts_close_nothing() {
        // Each text, and what an f-string's field adds.
        for (text, levels) in [
            ("')]}'", 0),
            (r#"")]}\")]}""#, 0),
            ("''')\n]}'''", 0),
            ("b')]}'", 0),
            (r"r'\')]}'", 0),
            (r"'\\)]}'", 0),
            ("# )]}\n1", 0),
            ("f')]{1}'", 4),
            ("f'{1:)]}'", 4),
        ] {
            assert_deepest(|count| format!("f({text}, {}x)", times("not ", count)), MAX_DEPTH - 2);
            assert_deepest(|count| format!("f({text} + {}x)", times("not ", count)), MAX_DEPTH - 3 - levels);
        }
    }

    #[test]
    fn blocks_are_levels_while_they_are_open() {
        let nested = |blocks: usize, line: &str| {
            let head = |level: usize| format!("{}if x:\n", times(" ", level));
            (0..blocks).map(head).collect::<String>() + &times(" ", blocks) + line + "\n"
        };
        assert_deepest(|count| nested(50, &(times("not ", count) + "x")), MAX_DEPTH - 50 * BLOCK_DEPTH);
        assert_deepest(|count| nested(50, "pass") + &times("not ", count) + "x", MAX_DEPTH);
    }

    #[test]
    fn each_step_of_a_ladder_is_a_block_in_the_one_before() {
        assert_deepest(|count| format!("if x: x\n{}", times("elif x: x\n", count)), (MAX_DEPTH - 2) / BLOCK_DEPTH);
    }
}
