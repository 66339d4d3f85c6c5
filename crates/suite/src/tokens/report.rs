//! What the tasks of a round cost, for people and programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Cost, Played, Round};
use crate::numbers::{grouped, median};
use crate::table::Table;

/// All tasks of one round.
#[derive(Debug)]
pub struct TokenReport {
    round: String,
    tools: usize,
    published_percent: Option<f64>,
    played: Vec<Played>,
}

impl TokenReport {
    /// Of a round with so many tools.
    #[must_use]
    pub fn new(round: &Round, tools: usize) -> Self {
        Self { round: round.name.clone(), tools, published_percent: round.published_percent, played: Vec::new() }
    }

    /// Adds a task.
    pub fn add(&mut self, played: Played) {
        self.played.push(played);
    }

    /// All tasks.
    #[must_use]
    pub fn played(&self) -> &[Played] {
        &self.played
    }

    /// The scripts that did not answer as they should, a line for each.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let failed = |one: &Played| one.failure.as_ref().map(|why| format!("{} {}: {why}", self.round, one.name));
        self.played.iter().filter_map(failed).collect()
    }

    /// The scripts that could not be written from what was shown before, a line for each.
    #[must_use]
    pub fn guesses(&self) -> Vec<String> {
        let guessed = self.played.iter().filter(|one| !one.guesses.is_empty());
        let line = |one: &Played| {
            let guesses: Vec<String> = one.guesses.iter().map(ToString::to_string).collect();
            format!("{} {}: {}", self.round, one.name, guesses.join(", "))
        };
        guessed.map(line).collect()
    }

    /// Fewer input tokens than with every tool in the context, in percent.
    #[must_use]
    pub fn saved_percent(&self) -> f64 {
        saved(self.sum(code_mode).input, self.sum(classic).input)
    }

    /// Requests to the model for each task, the one that answers the user included.
    #[must_use]
    pub fn requests_mean(&self) -> f64 {
        self.sum(code_mode).requests as f64 / self.played.len().max(1) as f64
    }

    fn sum(&self, of: fn(&Played) -> Cost) -> Cost {
        self.played.iter().map(of).fold(Cost::default(), |sum, cost| sum + cost)
    }

    /// A summary: totals, medians, turns, the worst task.
    #[must_use]
    pub fn text(&self) -> String {
        let (ours, theirs) = (self.sum(code_mode), self.sum(classic));
        let mut table = Table::new(["", "input", "with caching", "output", "median input", "requests a task"]);
        for (name, cost, of) in [("classic", theirs, classic as fn(&Played) -> Cost), ("code mode", ours, code_mode)] {
            table.row([
                format!("  {name}"),
                grouped(cost.input),
                grouped(cost.with_caching()),
                grouped(cost.output),
                grouped(median(self.played.iter().map(|one| of(one).input)).unwrap_or_default()),
                format!("{:.2}", cost.requests as f64 / self.played.len().max(1) as f64),
            ]);
        }
        let percent = |ours, theirs| format!("-{:.1} %", saved(ours, theirs));
        table.row([
            "  saved".into(),
            percent(ours.input, theirs.input),
            percent(ours.with_caching(), theirs.with_caching()),
            String::new(),
            String::new(),
            String::new(),
        ]);
        let mut text = format!("{}: {} tasks, {} tools\n{table}", self.round, self.played.len(), self.tools);
        if let Some(published) = self.published_percent {
            let _ = writeln!(text, "  published by Bifrost for this size: -{published:.1} %");
        }
        text.push_str(&self.policy_text());
        text
    }

    fn policy_text(&self) -> String {
        let count = |is: fn(&Played) -> bool| self.played.iter().filter(|one| is(one)).count();
        let mut text = format!(
            "  first script right: {} of {}; looks at answers: {}; more requests than classic: {}; definitions: {}\n",
            count(Played::is_first_right),
            self.played.len(),
            self.played.iter().map(Played::looks).sum::<usize>(),
            count(|one| code_mode(one).requests > classic(one).requests),
            self.played.first().map_or(0, |one| one.code_mode.definitions),
        );
        if let Some(worst) = self.played.iter().max_by_key(|one| code_mode(one).input) {
            let cost = code_mode(worst);
            let _ = writeln!(
                text,
                "  worst: {}, {} input tokens in {} requests ({})",
                worst.name,
                grouped(cost.input),
                cost.requests,
                worst.steps.join(", "),
            );
        }
        text
    }

    /// Every task, request by request.
    #[must_use]
    pub fn turns_text(&self) -> String {
        let mut table = Table::new(["task", "request", "input", "fresh", "cached", "written", "classic input"]);
        for one in &self.played {
            let theirs = one.classic.requests();
            for (place, (input, fresh)) in one.code_mode.requests().into_iter().enumerate() {
                table.row([
                    if place == 0 { one.name.clone() } else { String::new() },
                    one.steps.get(place).map_or_else(|| "answer".to_owned(), |step| (*step).to_owned()),
                    grouped(input),
                    grouped(fresh),
                    grouped(input - fresh),
                    one.code_mode.turns.get(place).map_or_else(String::new, |turn| grouped(turn.written)),
                    theirs.get(place).map_or_else(|| "-".to_owned(), |(input, _)| grouped(*input)),
                ]);
            }
        }
        table.to_string()
    }

    /// As JSON: totals, and every task turn by turn.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let cost = |cost: Cost| {
            json!({
                "requests": cost.requests,
                "input": cost.input,
                "fresh": cost.fresh,
                "with_caching": cost.with_caching(),
                "output": cost.output,
            })
        };
        let task = |one: &Played| {
            json!({
                "name": one.name,
                "steps": one.steps,
                "first_script_right": one.is_first_right(),
                "guesses": one.guesses.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "failure": one.failure,
                "answer": one.answer,
                "code_mode": one.code_mode.to_json(),
                "classic": one.classic.to_json(),
            })
        };
        json!({
            "round": self.round,
            "tools": self.tools,
            "code_mode": cost(self.sum(code_mode)),
            "classic": cost(self.sum(classic)),
            "saved_percent": self.saved_percent(),
            "published_percent": self.published_percent,
            "requests_mean": self.requests_mean(),
            "first_script_right": self.played.iter().filter(|one| one.is_first_right()).count(),
            "tasks": self.played.iter().map(task).collect::<Vec<_>>(),
        })
    }
}

fn code_mode(one: &Played) -> Cost {
    one.code_mode.cost()
}

fn classic(one: &Played) -> Cost {
    one.classic.cost()
}

fn saved(ours: u64, theirs: u64) -> f64 {
    if theirs == 0 { 0.0 } else { (1.0 - ours as f64 / theirs as f64) * 100.0 }
}
