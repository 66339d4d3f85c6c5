//! `exuvia runs show`: a script with its calls beside their lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use exuvia_admin::{Exported, ExportedCall, ExportedEnd, ExportedRejection, ExportedSession, ExportedStart};
use exuvia_journal::ClientClaims;
use exuvia_text::{cut, line, printable};

use crate::paint::{Paint, Tone};
use crate::terminal;

/// How much is shown of arguments, an answer or an error, in characters.
const VALUE_CHARS: usize = 160;
/// How much is shown of a result, in characters.
const RESULT_CHARS: usize = 4_000;

/// What is recorded of a run or direct call, in colors on a terminal. `most_calls`: of each line.
pub(crate) fn shown(run: &Exported, most_calls: usize) -> String {
    let paint = Paint { is_on: terminal::is_colored() };
    let mut out = heading(run, paint);
    for reason in run.rejected.iter().flat_map(|reason| reason.lines()) {
        let _ = writeln!(out, "{}", paint.text(Tone::Bad, line(reason)));
    }
    if let Some(ExportedRejection { profile, claims, trace_id, .. }) = &run.rejected_start {
        out.push_str(&facts(&sender(claims, profile.as_ref(), trace_id.as_ref()), paint));
    }
    let mut calls = BTreeMap::<u32, Vec<&ExportedCall>>::new();
    for call in &run.calls {
        calls.entry(call.line.unwrap_or(0)).or_default().push(call);
    }
    if let Some(start) = &run.start {
        out.push_str(&about(start, paint));
        if !start.source.is_empty() {
            out.push_str(&script(&start.source, &mut calls, most_calls, paint));
        }
    }
    // Those whose line is unknown, or not in the script.
    for calls in calls.values() {
        out.push_str(&lines_of(calls, most_calls, paint));
    }
    if let Some(end) = &run.end {
        out.push_str(&ended(run, end, paint));
    }
    out
}

fn heading(run: &Exported, paint: Paint) -> String {
    let outcome = run.outcome.as_deref().unwrap_or("unknown");
    let tone = if matches!(outcome, "returned" | "ok") { Tone::Good } else { Tone::Bad };
    let erased = match &run.erased {
        Some(erased) => format!(", erased {} by {}", erased.at, line(&erased.by)),
        None if run.is_erased => ", erased: too old or too much for this journal".to_owned(),
        None => String::new(),
    };
    let not_replayable = run.not_replayable.as_ref().filter(|_| !run.is_erased);
    let not_replayable =
        not_replayable.map_or_else(String::new, |reason| format!("{}\n", paint.text(Tone::Bad, line(reason))));
    format!(
        "{} {}: {}{erased}\n{}\n{not_replayable}",
        if run.kind == "run" { "run" } else { "direct call" },
        paint.text(Tone::Heading, line(&run.id)),
        paint.text(tone, line(outcome)),
        paint.text(Tone::Aside, format!("{} for {}", run.started_at, line(&run.principal))),
    )
}

/// What is said of a run, by names. What is empty is left out.
type Facts = Vec<(&'static str, String)>;

/// Who sent a script.
fn sender(claims: &ClientClaims, profile: Option<&String>, trace_id: Option<&String>) -> Facts {
    let client = [&claims.name, &claims.version].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    vec![
        ("client (as it says)", client),
        ("model (as the client says)", claims.model.clone().unwrap_or_default()),
        ("profile", profile.cloned().unwrap_or_default()),
        ("trace", trace_id.cloned().unwrap_or_default()),
    ]
}

fn about(start: &ExportedStart, paint: Paint) -> String {
    let mut about = sender(&start.claims, start.profile.as_ref(), start.trace_id.as_ref());
    about.extend([
        ("allowed by", start.rule.clone()),
        ("repairs", start.repairs.clone().unwrap_or_default()),
        ("session", start.session.as_ref().map_or_else(String::new, session)),
        (
            "answers",
            start
                .parent
                .as_ref()
                .map(|parent| format!("call {} of run {}", parent.call, parent.run))
                .unwrap_or_default(),
        ),
        ("findings", start.findings.join(" ")),
    ]);
    facts(&about, paint) + "\n"
}

fn facts(facts: &[(&str, String)], paint: Paint) -> String {
    let mut out = String::new();
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(out, "{}", paint.text(Tone::Aside, format!("{name}: {}", brief(fact))));
    }
    out
}

fn session(session: &ExportedSession) -> String {
    let after = session.after.as_ref().map_or_else(String::new, |run| format!(", after run {run}"));
    format!("{}, script {}{after}", session.name, session.index)
}

fn script(source: &str, calls: &mut BTreeMap<u32, Vec<&ExportedCall>>, most_calls: usize, paint: Paint) -> String {
    let width = source.lines().count().to_string().len();
    let mut out = String::new();
    for (number, code) in (1..).zip(source.lines()) {
        let number_text = paint.text(Tone::Aside, format!("{number:>width$} |"));
        let _ = writeln!(out, "{number_text} {}", line(&code.replace('\t', "    ")));
        if let Some(calls) = calls.remove(&number) {
            out.push_str(&lines_of(&calls, most_calls, paint));
        }
    }
    out + "\n"
}

/// The first calls, and the outcomes of the others.
fn lines_of(calls: &[&ExportedCall], most: usize, paint: Paint) -> String {
    let mut out = String::new();
    for call in calls.iter().take(most) {
        let _ = writeln!(out, "    {}", call_line(call, paint));
    }
    let mut others = BTreeMap::<&str, usize>::new();
    for call in calls.iter().skip(most) {
        *others.entry(code(call)).or_default() += 1;
    }
    if !others.is_empty() {
        let counts: Vec<String> = others.iter().map(|(code, count)| format!("{count} {}", line(code))).collect();
        let _ = writeln!(out, "    {}", paint.text(Tone::Aside, format!("and {} more calls", counts.join(", "))));
    }
    out
}

fn call_line(call: &ExportedCall, paint: Paint) -> String {
    let arguments = call.arguments.as_ref().map_or("", |arguments| arguments.as_str());
    let name = line(&format!("{}.{}", call.server, call.tool));
    let (tone, answer) = match (&call.value, &call.error) {
        (Some(value), _) => (Tone::Good, brief(value.as_str())),
        (None, Some(error)) => (Tone::Bad, brief(error)),
        (None, None) if matches!(code(call), "ok" | "reused") => (Tone::Good, String::new()),
        (None, None) => (Tone::Bad, String::new()),
    };
    let ms = call.ms.map_or_else(String::new, |ms| format!(" {ms} ms"));
    let cost = call.cost.map_or_else(String::new, |cost| format!(" cost {cost}"));
    let refusal = match (call.decision, call.rule.as_str()) {
        ("refused", rule) if !rule.is_empty() => format!(" ({})", brief(rule)),
        _ => String::new(),
    };
    let reused = call.reused_of.as_ref().map_or_else(String::new, |run| format!(" from {}", line(run)));
    format!(
        "{} {name} {}  {}{}{}",
        paint.text(Tone::Aside, format!("#{}", call.id)),
        brief(arguments),
        paint.text(tone, format!("{}{refusal}{reused}", line(code(call)))),
        paint.text(Tone::Aside, ms + &cost),
        if answer.is_empty() { answer } else { format!("  {answer}") },
    )
}

fn code(call: &ExportedCall) -> &str {
    call.code.as_deref().unwrap_or(if call.decision == "reused" { "reused" } else { "unknown" })
}

fn ended(run: &Exported, end: &ExportedEnd, paint: Paint) -> String {
    let mut out = String::new();
    if !end.log.is_empty() {
        let _ = writeln!(out, "{}\n{}\n", paint.text(Tone::Heading, "log"), printable(end.log.trim_end()));
    }
    if end.log_dropped_bytes > 0 {
        let _ = writeln!(out, "[log cut: {} bytes more]", end.log_dropped_bytes);
    }
    if let Some(error) = &end.error {
        let told = format!("{}: {}", error.kind, error.message);
        let _ = writeln!(out, "{}", paint.text(Tone::Bad, printable(&told)));
        if !error.traceback.is_empty() {
            let _ = writeln!(out, "{}", printable(error.traceback.trim_end()));
        }
    }
    if let Some(result) = &end.result {
        let _ =
            writeln!(out, "{} {}", paint.text(Tone::Heading, "result"), cut(&printable(result.as_str()), RESULT_CHARS));
    }
    let usage = &end.usage;
    let limit = end.limit.as_ref().map_or_else(String::new, |limit| format!(" by {}", line(limit)));
    let cost = if usage.cost.is_zero() { String::new() } else { format!(", cost {}", usage.cost) };
    let summary = format!(
        "{}{limit}: {:.1} M fuel, {} MiB peak, {} ms, {} tool calls{cost}",
        line(run.outcome.as_deref().unwrap_or("unknown")),
        usage.fuel as f64 / 1e6,
        usage.memory_bytes_peak >> 20,
        usage.wall_ms,
        usage.tool_calls,
    );
    let _ = writeln!(out, "{}", paint.text(Tone::Aside, summary));
    out
}

/// The beginning of a text in one line.
fn brief(text: &str) -> String {
    line(&cut(text, VALUE_CHARS))
}
