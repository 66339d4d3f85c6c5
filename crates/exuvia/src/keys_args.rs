//! The command line of `exuvia keys`.

use std::time::{Duration, UNIX_EPOCH};

use clap::{Args, Subcommand};
use exuvia_gateway::now_ms;
use exuvia_journal::BudgetOverride;

use crate::journal_args::JournalArgs;

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Issue a key, and print its secret, which is shown this once. It holds in every process when the command ends
    Create(CreateArgs),
    /// Print keys, issued and configured ones
    List {
        /// Print them as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print what is known of a key. Its secret is not
    Show {
        #[arg(value_name = "NAME")]
        name: String,
        /// Print it as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Give a key a new secret, and print it. The old one stops to hold
    Rotate {
        #[arg(value_name = "NAME")]
        name: String,
        /// Let the old secret hold beside the new one: for a time (24h, 7d) or until a time (2027-01-31)
        #[arg(long, value_name = "TIME", value_parser = future_ms)]
        overlap: Option<u64>,
        /// When the key expires, in place of what was said before: as --overlap
        #[arg(long, value_name = "TIME", value_parser = future_ms)]
        expires: Option<u64>,
        /// Print the key and its secret as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Revoke keys. They stop to hold in every process before the command ends, also for scripts that run
    Revoke {
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Give a key another budget for a time
    Override {
        #[arg(value_name = "NAME")]
        name: String,
        /// The budget, what is other, and until when: support-day,percent=200,until=7d, or
        /// support-day,calls=20000,cost=50,until=2027-01-31. Limits: runs, calls, fuel, wall_ms, cost
        #[arg(value_name = "BUDGET,..,until=TIME", required_unless_present = "remove", value_parser = budget_override)]
        overrides: Vec<BudgetOverride>,
        /// End the override of a budget
        #[arg(long, value_name = "BUDGET")]
        remove: Vec<String>,
    },
    /// Read a secret from standard input, and print its hash for [keys] in the configuration
    Hash,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// At most 64 letters, digits, '-', '_' and '.'. Records, logs and metrics name the key by it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The role, as the configuration defines it
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
    /// When it expires: after a time (90d, 12h) or at a time (2027-01-31, 2027-01-31T08:00:00Z). Default: never
    #[arg(long, value_name = "TIME", value_parser = future_ms)]
    pub(crate) expires: Option<u64>,
    /// Label for budgets and reports
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Another budget for a time: support-day,percent=200,until=7d
    #[arg(
        long = "budget-override",
        value_name = "BUDGET,..,until=TIME",
        conflicts_with = "static",
        value_parser = budget_override
    )]
    pub(crate) overrides: Vec<BudgetOverride>,
    /// Issue nothing: print a secret, and on standard error the table for the configuration that makes it a key
    #[arg(long = "static", id = "static")]
    pub(crate) is_static: bool,
    /// Print the key and its secret as one JSON object
    #[arg(long, conflicts_with = "static")]
    pub(crate) json: bool,
}

/// A point in time that is yet to come, in milliseconds since the epoch.
fn future_ms(text: &str) -> Result<u64, String> {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let now = now_ms();
    let at = match humantime::parse_duration(text) {
        Ok(after) => Some(now.saturating_add(ms(after))),
        Err(_) => {
            let whole = if text.len() == "2027-01-31".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
            let time = humantime::parse_rfc3339_weak(&whole).ok();
            time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(ms)
        }
    };
    match at {
        Some(at) if at > now => Ok(at),
        Some(_) => Err("must be in the future".to_owned()),
        None => Err("write 12h, 90d, 2027-01-31 or 2027-01-31T08:00:00Z".to_owned()),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// `BUDGET,percent=N,LIMIT=N,until=TIME`.
fn budget_override(text: &str) -> Result<BudgetOverride, String> {
    let mut parts = text.split(',');
    let budget = parts.next().unwrap_or_default().to_owned();
    let mut over = BudgetOverride { budget, percent: 100, amounts: [].into(), until_ms: 0 };
    for part in parts {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("{part:?}: write NAME=VALUE"))?;
        match name {
            "until" => over.until_ms = future_ms(value).map_err(|error| format!("until: {error}"))?,
            "percent" => {
                over.percent = value.parse().map_err(|_| format!("percent={value}: write a whole number"))?;
            }
            "runs" | "calls" | "fuel" | "wall_ms" | "cost" => {
                let amount = if name == "cost" { millionths(value) } else { value.replace('_', "").parse().ok() };
                let amount = amount.ok_or_else(|| format!("{name}={value}: write a number"))?;
                over.amounts.insert(name.to_owned(), amount);
            }
            _ => {
                return Err(format!("unknown {name:?}: there are percent, runs, calls, fuel, wall_ms, cost and until"));
            }
        }
    }
    match () {
        () if over.budget.is_empty() => Err("name the budget first: support-day,percent=200,until=7d".to_owned()),
        () if over.until_ms == 0 => Err("say when it ends: until=7d, or until=2027-01-31".to_owned()),
        () if over.percent == 100 && over.amounts.is_empty() => {
            Err("say what is other: percent=200, or calls=20000".to_owned())
        }
        () => Ok(over),
    }
}

/// A decimal number, in millionths.
fn millionths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !is_number(whole) || !is_number(part) {
        return None;
    }
    format!("{whole}{part:0<6}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_yet_to_come() {
        let day = future_ms("1d").expect("a span") - now_ms();
        assert!((86_390_000..=86_400_000).contains(&day), "{day}");
        assert_eq!(future_ms("2100-01-01"), Ok(4_102_444_800_000));
        assert_eq!(future_ms("2100-01-01T00:00:01Z"), Ok(4_102_444_801_000));
        for wrong in ["0s", "2020-01-01", "1960-01-01", "tomorrow", ""] {
            assert!(future_ms(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_override_names_its_budget_what_is_other_and_its_end() {
        let over = budget_override("day,percent=250,calls=20_000,cost=2.5,until=2100-01-01").expect("an override");
        let amounts = [("calls".to_owned(), 20_000), ("cost".to_owned(), 2_500_000)].into();
        let expected = BudgetOverride { budget: "day".into(), percent: 250, amounts, until_ms: 4_102_444_800_000 };
        assert_eq!(over, expected);
        for wrong in [
            "",
            "day",
            "day,until=1d",
            "day,percent=200",
            "day,percent=-1,until=1d",
            "day,calls=x,until=1d",
            "day,call=1,until=1d",
            "day,calls,until=1d",
            ",calls=1,until=1d",
        ] {
            assert!(budget_override(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn costs_are_decimal() {
        for (text, expected) in [("25", 25_000_000), ("0.000001", 1), ("1.5", 1_500_000)] {
            assert_eq!(millionths(text), Some(expected));
        }
        for wrong in ["", ".5", "1.0000001", "-1", "1e3", "1,5", "99999999999999"] {
            assert_eq!(millionths(wrong), None, "{wrong}");
        }
    }
}
