//! The compiled rules of one server.

use std::collections::BTreeMap;

use crate::arguments::Bounded;
use crate::classification::Classification;
use crate::condition::Check;
use crate::error::PolicyError;
use crate::key::Key;
use crate::pattern::{Context, Patterns};
use crate::qualified::Effect;
use crate::source::{Condition, OnUnlisted, RoleRules, ServerRules};

/// How long the name of a tool may be. No entry says anything of a longer one.
const NAME_BYTES: usize = 1_024;

#[derive(Debug, Clone)]
pub(crate) struct CompiledRules {
    tools: Patterns,
    /// What the role sees of these. None: all of them.
    visible: Option<Patterns>,
    auto_execute: Patterns,
    deny: Patterns,
    repeatable: Patterns,
    pub(crate) retries: Option<u32>,
    on_unlisted: OnUnlisted,
    constraints: Vec<Constraint>,
    pub(crate) calls_per_run: Option<u64>,
    pub(crate) calls_per_minute: Option<u32>,
}

/// Conditions on the arguments of the tools that a pattern names.
#[derive(Debug, Clone)]
struct Constraint {
    tools: Patterns,
    arguments: Vec<Bounded>,
}

impl CompiledRules {
    pub(crate) fn compile(rules: &ServerRules, role: Option<&RoleRules>, context: &mut Context<'_>) -> Self {
        let here = Key::of_server(context.server);
        let source = context.source;
        let mut list = |key: &str, texts: &[String], everywhere: &[String], effect| {
            let mut patterns = Patterns::of_server(&here.below(key), texts, effect, context);
            patterns.add_qualified(&Key::of(key), everywhere, context);
            patterns
        };
        let tools = list("tools", &rules.tools, &[], Effect::Allows);
        let mut deny = list("deny", &rules.deny, &source.deny, Effect::Restricts);
        let mut auto_execute = list("auto_execute", &rules.auto_execute, &source.auto_execute, Effect::Allows);
        let repeatable = list("repeatable", &rules.repeatable, &source.repeatable, Effect::Allows);
        let of_server = rules.constraints.iter().map(|(tool, arguments)| {
            let key = here.below("constraints").below(tool);
            let tools = Patterns::of_server(&key, std::slice::from_ref(tool), Effect::Restricts, context);
            Constraint::compile(tools, arguments, &key, context)
        });
        let mut constraints: Vec<Constraint> = of_server.collect();
        let mut visible = None;
        let mut on_unlisted = rules.on_unlisted;
        if let Some(role) = role {
            let here = Key::of_role(&role.name);
            let of_role = |key: &str, texts: &[String], effect, context: &mut Context<'_>| {
                Patterns::qualified(&here.below(key), texts, effect, context)
            };
            visible = role.tools.as_ref().map(|texts| of_role("tools", texts, Effect::Allows, context));
            if let Some(texts) = &role.auto_execute {
                auto_execute = of_role("auto_execute", texts, Effect::Allows, context);
            }
            deny.add_qualified(&here.below("deny"), &role.deny, context);
            on_unlisted = role.on_unlisted.unwrap_or(on_unlisted);
            constraints.extend(role.constraints.iter().map(|(tool, arguments)| {
                let key = here.below("constraints").below(tool);
                let tools = Patterns::qualified(&key, std::slice::from_ref(tool), Effect::Restricts, context);
                Constraint::compile(tools, arguments, &key, context)
            }));
        }
        Self {
            constraints,
            visible,
            tools,
            auto_execute,
            deny,
            repeatable,
            retries: rules.retries,
            on_unlisted,
            calls_per_run: rules.calls_per_run,
            calls_per_minute: rules.calls_per_minute,
        }
    }

    /// The classification of a tool.
    pub(crate) fn classify(&self, tool: &str) -> Classification {
        let is_visible = || self.visible.as_ref().is_none_or(|visible| visible.find(tool).is_some());
        if tool.len() > NAME_BYTES || self.tools.find(tool).is_none() || !is_visible() {
            return Classification::Hidden;
        }
        if let Some(rule) = self.deny.find(tool) {
            return Classification::Denied(rule.clone());
        }
        match self.auto_execute.find(tool) {
            Some(rule) => Classification::Listed(rule.clone()),
            None => Classification::Unlisted(self.on_unlisted),
        }
    }

    /// Whether it could show a tool, whatever the server lists.
    pub(crate) fn may_show(&self) -> bool {
        !self.tools.is_empty() && self.visible.as_ref().is_none_or(|visible| !visible.is_empty())
    }

    /// Whether a call of the tool does no harm when it is made twice.
    pub(crate) fn repeats(&self, tool: &str) -> bool {
        tool.len() <= NAME_BYTES && self.repeatable.find(tool).is_some()
    }

    /// The arguments of a tool that conditions hold for.
    pub(crate) fn bounded(&self, tool: &str) -> Vec<&Bounded> {
        let constraints = self.constraints.iter().filter(|constraint| constraint.tools.find(tool).is_some());
        constraints.flat_map(|constraint| &constraint.arguments).collect()
    }

    /// The lists of tools.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &Patterns> {
        [&self.tools, &self.auto_execute, &self.deny, &self.repeatable].into_iter().chain(&self.visible)
    }
}

impl Constraint {
    fn compile(tools: Patterns, arguments: &BTreeMap<String, Condition>, key: &Key, context: &mut Context<'_>) -> Self {
        let bounded = arguments.iter().filter_map(|(argument, condition)| {
            let key = key.below(argument);
            let bounded = Check::compile(condition, &key)
                .and_then(|check| Bounded::new(argument, check).map_err(|message| PolicyError::new(&key, message)));
            bounded.map_err(|error| context.errors.push(error)).ok()
        });
        Self { tools, arguments: bounded.collect() }
    }
}
