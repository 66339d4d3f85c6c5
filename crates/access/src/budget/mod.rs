//! Budgets: what who acts may use in a period of the calendar.
//!
//! A budget counts runs, calls, fuel, time and costs. What a run or call may come to is [reserved](Spender) before it starts, and what it
//! did not use is given back: the limit is a limit, and nothing completes that crossed it. Counters are in an
//! [`AccessStore`](exuvia_journal::AccessStore): all processes with the same store have one budget. A process [leases](Budgets) parts of it,
//! so that a call waits for no database.

mod account;
mod budgets;
mod calendar;
mod counted;
mod definition;
mod follow;
mod lease;
mod no_store;
mod request;
mod spender;
#[cfg(test)]
mod tests;

pub use account::Refused;
pub use budgets::{BudgetUse, Budgets};
pub use calendar::Window;
pub use counted::{CountedBudget, Member, counted};
pub use request::{BUDGET_KEY, RequestBudget};
pub use spender::{CallReservation, MadeCall, RunReservation, Spender};
