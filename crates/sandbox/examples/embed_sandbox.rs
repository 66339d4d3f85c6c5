//! A complete embedder on `exuvia-sandbox`: tools over types of its own, logs as they are printed, and a report as JSON.
//!
//! `cargo run --release -p exuvia-sandbox --example embed_sandbox`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use exuvia_sandbox::schemars::{self, JsonSchema};
use exuvia_sandbox::{Call, Limits, NoArguments, Outcome, Sandbox, Tool, ToolError};
use serde::{Deserialize, Serialize};

/// What a model could have written after it read the stubs.
const SCRIPT: &str = "
contacts = crm.find('London', limit=2)
print('found', len(contacts))
for contact in contacts:
    crm.note(contact['name'], f\"visited by {crm.whoami()['user']}\")
result = [contact['name'] for contact in contacts]
";

/// Finds contacts by their city, in the order of their names.
#[derive(Deserialize, JsonSchema)]
struct Find {
    city: String,
    /// How many contacts to return at the most.
    #[serde(default = "ten")]
    limit: usize,
}

fn ten() -> usize {
    10
}

/// Writes a note about a contact.
#[derive(Deserialize, JsonSchema)]
struct Note {
    name: String,
    text: String,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Contact {
    name: String,
    city: String,
}

#[derive(Serialize, JsonSchema)]
struct User {
    user: String,
}

/// What the application has: here in memory.
#[derive(Default)]
struct Crm {
    contacts: Vec<Contact>,
    notes: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Crm {
    fn find(&self, find: &Find) -> Vec<Contact> {
        self.contacts.iter().filter(|contact| contact.city == find.city).take(find.limit).cloned().collect()
    }

    fn note(&self, note: Note) -> Result<(), ToolError> {
        if !self.contacts.iter().any(|contact| contact.name == note.name) {
            return Err(ToolError::new(format!("no contact is named {}", note.name)));
        }
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.entry(note.name).or_default().push(note.text);
        Ok(())
    }
}

fn sandbox(crm: &Arc<Crm>) -> Result<Sandbox, Box<dyn Error>> {
    let (finder, notes) = (Arc::clone(crm), Arc::clone(crm));
    let sandbox = Sandbox::builder()
        .limits(Limits { wall_ms: 10_000, tool_calls: 100, ..Limits::default() })
        .tool("crm.find", move |find: Find| {
            let crm = Arc::clone(&finder);
            async move { Ok::<_, ToolError>(crm.find(&find)) }
        })
        .tool("crm.note", move |note: Note| {
            let crm = Arc::clone(&notes);
            async move { crm.note(note) }
        })
        .with(
            Tool::with_call("crm.whoami", |call: Call, _: NoArguments| async move {
                let user = call.data::<String>().ok_or_else(|| ToolError::denied("nobody is logged in"))?;
                Ok::<_, ToolError>(User { user: user.clone() })
            })
            .description("On whose behalf the script runs."),
        )
        .build()?;
    Ok(sandbox)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let contact = |name: &str, city: &str| Contact { name: name.into(), city: city.into() };
    let contacts = vec![contact("Ada", "London"), contact("Alan", "London"), contact("Grace", "New York")];
    let crm = Arc::new(Crm { contacts, ..Crm::default() });
    let sandbox = sandbox(&crm)?;
    println!("{}", sandbox.stubs());

    let run = sandbox.run(SCRIPT).data("ada@example.com".to_owned()).on_log(|_, text| print!("{text}"));
    let report = run.await;
    if !matches!(report.outcome, Outcome::Returned(_)) {
        return Err(format!("{:?}", report.outcome).into());
    }
    let report = serde_json::to_value(&report)?;
    println!("{} {}, {} calls", report["outcome"], report["result"], report["usage"]["tool_calls"]);
    println!("{:?}", crm.notes.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(())
}
