//! Assignment targets and match patterns.

use rustpython_parser::ast::{Expr, Pattern, Ranged};

use super::{Role, Walk};

impl<'a> Walk<'a> {
    /// Something that is assigned to.
    pub(super) fn target(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => self.bind(&name.id, self.line(name)),
            Expr::Tuple(several) => several.elts.iter().for_each(|one| self.target(one)),
            Expr::List(several) => several.elts.iter().for_each(|one| self.target(one)),
            Expr::Starred(starred) => self.target(&starred.value),
            other => self.place(other, Role::Store),
        }
    }

    pub(super) fn deleted(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => self.bind(&name.id, self.line(name)),
            Expr::Tuple(several) => several.elts.iter().for_each(|one| self.deleted(one)),
            Expr::List(several) => several.elts.iter().for_each(|one| self.deleted(one)),
            other => self.place(other, Role::Delete),
        }
    }

    pub(super) fn pattern(&mut self, pattern: &'a Pattern) {
        let line = self.lines.line_of(pattern.range().start());
        match pattern {
            Pattern::MatchValue(value) => self.expression(&value.value),
            Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(sequence) => self.patterns(&sequence.patterns),
            Pattern::MatchOr(several) => self.patterns(&several.patterns),
            Pattern::MatchMapping(mapping) => {
                mapping.keys.iter().for_each(|key| self.expression(key));
                self.patterns(&mapping.patterns);
                self.capture(mapping.rest.as_ref(), line);
            }
            Pattern::MatchClass(class) => {
                self.expression(&class.cls);
                self.patterns(&class.patterns);
                for attribute in &class.kwd_attrs {
                    self.attribute_of_value(attribute, None, line);
                }
                self.patterns(&class.kwd_patterns);
            }
            Pattern::MatchStar(star) => self.capture(star.name.as_ref(), line),
            Pattern::MatchAs(named) => {
                named.pattern.iter().for_each(|pattern| self.pattern(pattern));
                self.capture(named.name.as_ref(), line);
            }
        }
    }

    fn patterns(&mut self, patterns: &'a [Pattern]) {
        patterns.iter().for_each(|pattern| self.pattern(pattern));
    }

    fn capture(&mut self, name: Option<&'a rustpython_parser::ast::Identifier>, line: u32) {
        if let Some(name) = name {
            self.bind(name, line);
        }
    }
}
