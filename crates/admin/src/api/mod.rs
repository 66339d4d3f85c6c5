//! The operations of the API: a file for each of what they are about, and the table of all of them.

mod description;
mod health;
mod live;
mod page;
mod run_detail;
mod run_list;
mod runs;
mod session;

use http::Method;

use crate::http::{Audience, Operation};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const DELETE: Method = Method::DELETE;

/// All of them.
pub(crate) fn operations() -> Vec<Operation> {
    use Audience::{Anybody, Approvers, Operators, Programs};
    vec![
        Operation::new((GET, "/session"), Approvers, "Who asks, and the value for the CSRF header", session::show),
        Operation::with_headers((POST, "/session"), Anybody, "Logs in with a one-time code", session::log_in),
        Operation::with_headers((DELETE, "/session"), Approvers, "Logs out", session::log_out),
        Operation::new((POST, "/session/code"), Programs, "Makes a one-time code", session::code),
        Operation::new((GET, "/health"), Operators, "Whether everything works", health::show),
        Operation::new((GET, "/openapi.json"), Operators, "This description", description::show),
        Operation::new((GET, "/runs"), Operators, "Runs and direct calls, the latest first", run_list::list),
        Operation::new((GET, "/runs/live"), Operators, "Runs in flight", live::list),
        Operation::stream("/runs/events", Operators, "Runs that start and end, as events", live::events),
        Operation::new((GET, "/runs/{id}"), Operators, "What is recorded of a run or direct call", runs::show),
        Operation::stream("/runs/{id}/events", Operators, "Log and calls of a run in flight", live::events_of_run),
        Operation::new((GET, "/runs/{id}/calls/{n}"), Operators, "Arguments and answer of a call", runs::call),
        Operation::new((POST, "/runs/{id}/cancel"), Operators, "Cancels a run in flight", runs::cancel),
        Operation::new((DELETE, "/runs/{id}"), Operators, "Erases the content of a run or direct call", runs::erase),
    ]
}
