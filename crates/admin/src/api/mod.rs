//! The operations of the API: a file for each of what they are about, and the table of all of them.

mod approvals;
mod budgets;
mod config;
mod daily_tokens;
mod description;
mod dry_run;
mod explain;
mod functions;
mod health;
mod keys;
mod live;
mod page;
mod questions;
mod replay;
mod roles;
mod run_detail;
mod run_list;
mod runs;
mod script_sessions;
mod servers;
mod session;
mod suggestion;
mod tools;
mod try_script;
mod usage;
mod workspaces;

use http::Method;

use crate::caller::Audience;
use crate::operation::Operation;

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
        Operation::new(
            (POST, "/runs/{id}/replay"),
            Operators,
            "Replays a run, or another script on its answers",
            replay::run,
        ),
        Operation::new((DELETE, "/runs/{id}"), Operators, "Erases the content of a run or direct call", runs::erase),
        Operation::new((GET, "/approvals"), Approvers, "Approvals, the latest first", approvals::list),
        Operation::stream(
            "/approvals/events",
            Approvers,
            "Approvals and questions that are asked and answered",
            approvals::events,
        ),
        Operation::new((GET, "/approvals/{id}"), Approvers, "All that an approval is about", approvals::show),
        Operation::new((POST, "/approvals/{id}/approve"), Approvers, "Approves one call, once", approvals::approve),
        Operation::new((POST, "/approvals/{id}/deny"), Approvers, "Denies one call", approvals::deny),
        Operation::new((GET, "/questions"), Approvers, "What servers ask people meanwhile", questions::list),
        Operation::new((GET, "/questions/{id}"), Approvers, "All that a server asks", questions::show),
        Operation::new((POST, "/questions/{id}/answer"), Approvers, "Answers a server, once", questions::answer),
        Operation::new((GET, "/keys"), Operators, "Keys, configured and issued", keys::list),
        Operation::new((POST, "/keys"), Operators, "Issues a key", keys::create),
        Operation::new((GET, "/keys/{name}"), Operators, "A key", keys::show),
        Operation::new((POST, "/keys/{name}/rotate"), Operators, "Replaces the secret of a key", keys::rotate),
        Operation::new((POST, "/keys/{name}/revoke"), Operators, "Revokes a key", keys::revoke),
        Operation::new(
            (POST, "/keys/{name}/budgets"),
            Operators,
            "Gives a key other budgets for a time",
            keys::budgets,
        ),
        Operation::new((GET, "/roles"), Operators, "Roles", roles::list),
        Operation::new((GET, "/budgets"), Operators, "Budgets, and what is used of them", budgets::list),
        Operation::new((GET, "/usage"), Operators, "Sums over runs and calls", usage::sums),
        Operation::new((GET, "/usage/daily"), Operators, "Sums over runs and calls by day", usage::daily),
        Operation::new((GET, "/explain"), Operators, "Why somebody may see or call a tool", explain::show),
        Operation::new((GET, "/servers"), Operators, "Servers and their state", servers::list),
        Operation::new((POST, "/servers/{name}/reconnect"), Operators, "Connects to a server anew", servers::reconnect),
        Operation::new((GET, "/servers/{name}/log"), Operators, "What a server wrote to standard error", servers::log),
        Operation::new((GET, "/tools"), Operators, "Tools of all servers", tools::list),
        Operation::new((GET, "/tools/{name}"), Operators, "Tools of a server", tools::of_server),
        Operation::new((GET, "/tools/{name}/stub"), Operators, "The stub file that models read", tools::stub),
        Operation::new((GET, "/tools/{name}/pins"), Operators, "Tools against their pins", tools::pins),
        Operation::new((POST, "/tools/{name}/accept"), Operators, "Accepts tools as they are listed", tools::accept),
        Operation::new((GET, "/config"), Operators, "The configuration in use, without secrets", config::show),
        Operation::new(
            (POST, "/policy/dry-run"),
            Operators,
            "What another configuration would have decided",
            dry_run::run,
        ),
        Operation::new(
            (POST, "/try/check"),
            Operators,
            "What is known of a script without running it",
            try_script::check,
        ),
        Operation::new((POST, "/try/run"), Operators, "Runs a script, as a role", try_script::run),
        Operation::new(
            (GET, "/tokens/daily"),
            Operators,
            "Tokens that models paid and would have paid, by day",
            daily_tokens::show,
        ),
        Operation::new(
            (GET, "/workspaces"),
            Operators,
            "Workspaces, and whose directories there are",
            workspaces::list,
        ),
        Operation::new(
            (GET, "/workspaces/{name}/{directory}/files"),
            Operators,
            "What is in a directory of scripts",
            workspaces::files,
        ),
        Operation::new(
            (GET, "/workspaces/{name}/{directory}/file"),
            Operators,
            "A part of a file of scripts",
            workspaces::file,
        ),
        Operation::new(
            (POST, "/workspaces/{name}/{directory}/remove"),
            Operators,
            "Removes a file of scripts, or a directory with all in it",
            workspaces::remove,
        ),
        Operation::new((GET, "/functions"), Operators, "Saved functions, a row for each text", functions::list),
        Operation::new((GET, "/functions/{name}"), Operators, "A text of a function, and its grants", functions::show),
        Operation::new(
            (GET, "/functions/{name}/diff"),
            Operators,
            "What a text changes in the promoted one",
            functions::diff,
        ),
        Operation::new(
            (POST, "/functions/{name}/promote"),
            Operators,
            "Lets scripts call exactly this text",
            functions::promote,
        ),
        Operation::new(
            (POST, "/functions/{name}/retire"),
            Operators,
            "Lets nobody call a function, and rejects what is proposed of it",
            functions::retire,
        ),
        Operation::new(
            (GET, "/sessions"),
            Operators,
            "Sessions of scripts, the latest used first",
            script_sessions::list,
        ),
        Operation::new((DELETE, "/sessions/{name}"), Operators, "Ends a session of scripts", script_sessions::end),
    ]
}
